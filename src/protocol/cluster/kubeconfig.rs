//! A kubeconfig: its server, its CA and its token. Nothing else of it is used; what would be needed besides is refused.
//! <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saphyr_parser::{Event, Parser, StrInput};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Access, Bearer, Cluster};
use crate::http::address;
use crate::token::TokenValue;

#[derive(Deserialize)]
struct Kubeconfig {
    #[serde(rename = "current-context", default)]
    current: String,
    #[serde(default)]
    clusters: Vec<Named>,
    #[serde(default)]
    contexts: Vec<Named>,
    #[serde(default)]
    users: Vec<Named>,
}

/// An entry of one of the three lists; only one of its keys is there.
#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    cluster: Map<String, Value>,
    #[serde(default)]
    context: Map<String, Value>,
    #[serde(default)]
    user: Map<String, Value>,
}

/// What a user may not log in with here, and what it is called.
const REFUSED: &[(&str, &str)] = &[
    ("exec", "a plugin, a program that would have to be run"),
    ("auth-provider", "an authentication provider"),
    ("client-certificate", "a client certificate"),
    ("client-certificate-data", "a client certificate"),
    ("username", "a user name and a password"),
];

/// Opens the cluster that a kubeconfig names. No error repeats any of its text.
pub(super) fn open(file: &TokenValue, source: &str, access: &Access<'_>) -> anyhow::Result<Cluster> {
    let told = |what: &str| anyhow::anyhow!("the kubeconfig {source}: {what}");
    let tree = read(file.expose()).ok_or_else(|| told("it is not YAML"))?;
    let config: Kubeconfig = serde_json::from_value(tree).map_err(|_| told("it has not the form of a kubeconfig"))?;
    let name = access.context.unwrap_or(&config.current);
    let find = |list: &[Named], name: &str| list.iter().position(|entry| entry.name == name);
    let text = |map: &Map<String, Value>, key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);

    let context = find(&config.contexts, name).and_then(|at| config.contexts.get(at));
    let context = context.ok_or_else(|| told(&format!("it has no context {name:?}; say which with `context:`")))?;
    let of = |key: &str| text(&context.context, key).unwrap_or_default();
    let cluster = find(&config.clusters, &of("cluster")).and_then(|at| config.clusters.get(at));
    let cluster = cluster.ok_or_else(|| told("the cluster of its context is missing"))?;
    let user = find(&config.users, &of("user")).and_then(|at| config.users.get(at));
    let user = user.ok_or_else(|| told("the user of its context is missing"))?;

    let server = text(&cluster.cluster, "server").unwrap_or_default();
    let base = address(&server).map_err(|why| told(&format!("its server: {why}")))?;
    if cluster.cluster.get("insecure-skip-tls-verify").is_some_and(|skip| skip == true) {
        return Err(told("it does not verify the server's certificate: name its CA instead"));
    }
    for key in ["proxy-url", "tls-server-name"] {
        if cluster.cluster.contains_key(key) {
            return Err(told(&format!("`{key}` is not known here")));
        }
    }
    let beside = source.strip_prefix("file:").map(|path| access.folder.join(path));
    let beside = beside.as_deref().and_then(std::path::Path::parent).unwrap_or(access.folder);
    let pem =
        match (text(&cluster.cluster, "certificate-authority-data"), text(&cluster.cluster, "certificate-authority")) {
            (Some(data), _) => {
                let bytes = STANDARD.decode(data.trim()).map_err(|_| told("its CA is not base64"))?;
                Some(String::from_utf8(bytes).map_err(|_| told("its CA is not a PEM text"))?)
            }
            (None, Some(path)) => {
                Some(std::fs::read_to_string(beside.join(path)).map_err(|_| told("its CA file cannot be read"))?)
            }
            (None, None) => None,
        };
    let http = match &pem {
        Some(pem) => {
            (access.door)(Some(pem)).map_err(|why| why.context(format!("the CA of the kubeconfig {source}")))?
        }
        None => std::sync::Arc::clone(&access.http),
    };

    if let Some((_, what)) = REFUSED.iter().find(|(key, _)| user.user.contains_key(*key)) {
        return Err(told(&format!(
            "its user logs in with {what}, which is not done here: make one with the token of a service account \
             (`kubectl create token NAME`)"
        )));
    }
    let bearer = match (text(&user.user, "tokenFile"), text(&user.user, "token")) {
        (Some(path), _) => Bearer::File(beside.join(path)),
        (None, Some(token)) => {
            Bearer::Fixed(TokenValue::new(&token).map_err(|why| told(&format!("its token: {why}")))?)
        }
        (None, None) => return Err(told("its user has no token")),
    };
    Ok(Cluster { http, base, bearer })
}

/// Reads YAML of which every scalar is a text, save for `true`; none for anything else.
fn read(text: &str) -> Option<Value> {
    let mut events = Parser::new_from_str(text);
    loop {
        match events.next_event()?.ok()?.0 {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            event => return node(event, &mut events, 0),
        }
    }
}

fn node<'a>(event: Event<'a>, events: &mut Parser<'a, StrInput<'a>>, depth: usize) -> Option<Value> {
    if depth > 16 {
        return None;
    }
    match event {
        Event::Scalar(text, ..) if text == "true" => Some(Value::Bool(true)),
        Event::Scalar(text, ..) => Some(Value::String(text.into_owned())),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match events.next_event()?.ok()?.0 {
                    Event::SequenceEnd => return Some(Value::Array(items)),
                    event => items.push(node(event, events, depth + 1)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            loop {
                let key = match events.next_event()?.ok()?.0 {
                    Event::MappingEnd => return Some(Value::Object(map)),
                    Event::Scalar(text, ..) => text.into_owned(),
                    _ => return None,
                };
                let event = events.next_event()?.ok()?.0;
                map.insert(key, node(event, events, depth + 1)?);
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_are_read_alike() {
        let yaml = read("a: [b, {c: d}]\ne: |\n  f\n").unwrap();
        assert_eq!(yaml, serde_json::json!({ "a": ["b", { "c": "d" }], "e": "f\n" }));
        assert_eq!(read(r#"{"a": true}"#).unwrap(), serde_json::json!({ "a": true }));
        assert_eq!(read("a: [b"), None);
        assert_eq!(read(""), None);
    }
}
