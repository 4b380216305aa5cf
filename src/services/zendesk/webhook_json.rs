//! A webhook as Zendesk shows it, the places in it that can hold a token, and the least that a PATCH must say of each.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::token::TokenValue;

/// Where in a webhook the value goes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Part {
    /// The token of its bearer authentication.
    Bearer,
    /// The password of its basic authentication, beside this user name.
    Basic(String),
    /// The value of its API key of this name.
    ApiKey(String),
    /// The header of its own of this name. Zendesk shows it to everybody who may see webhooks.
    CustomHeader(String),
    /// The parameter of this name in its address, such as `token` in `…?token=`. Zendesk shows it to everybody who may
    /// see webhooks.
    UrlParameter(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer => f.write_str("bearer token"),
            Self::Basic(user) => write!(f, "password of {user}"),
            Self::ApiKey(name) => write!(f, "API key {name}"),
            Self::CustomHeader(name) => write!(f, "header {name}"),
            Self::UrlParameter(name) => write!(f, "parameter {name} of its address"),
        }
    }
}

/// <https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/>
#[derive(Clone, Deserialize)]
pub(super) struct WebhookJson {
    pub(super) name: String,
    pub(super) endpoint: String,
    pub(super) http_method: String,
    pub(super) request_format: String,
    status: Option<String>,
    description: Option<String>,
    subscriptions: Option<Vec<String>>,
    authentication: Option<Authentication>,
    #[serde(default)]
    custom_headers: BTreeMap<String, String>,
    pub(super) updated_at: Option<String>,
}

/// How it tells its receiver who it is. The credential itself is never shown; its user name may be.
#[derive(Clone, Deserialize, PartialEq, Eq)]
struct Authentication {
    #[serde(rename = "type")]
    kind: String,
    add_position: Option<String>,
    data: Option<Shown>,
}

#[derive(Clone, Deserialize, PartialEq, Eq)]
struct Shown {
    username: Option<String>,
    name: Option<String>,
}

impl Part {
    /// Whether Zendesk shows what it holds.
    pub(super) const fn is_shown(&self) -> bool {
        matches!(self, Self::CustomHeader(_) | Self::UrlParameter(_))
    }

    /// The kind of authentication that has this part.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Bearer => "bearer_token",
            Self::Basic(_) => "basic_auth",
            Self::ApiKey(_) => "api_key",
            Self::CustomHeader(_) | Self::UrlParameter(_) => "",
        }
    }

    /// Whether the webhook has exactly one such part; else why not, for people.
    pub(super) fn fits(&self, hook: &WebhookJson) -> Result<(), String> {
        match self {
            Self::CustomHeader(name) => hook.header(name).map(|_| ()),
            Self::UrlParameter(name) => hook.parameter(name).map(|_| ()),
            Self::Bearer | Self::Basic(_) | Self::ApiKey(_) => {
                let Some(kept) = &hook.authentication else {
                    return Err(format!("it has no authentication: give it one of kind {} by hand once", self.kind()));
                };
                if kept.kind != self.kind() {
                    return Err(format!("its authentication is {}, not {}", plain(&kept.kind), self.kind()));
                }
                let shown = kept.data.as_ref();
                let shown = match self {
                    Self::Basic(_) => shown.and_then(|shown| shown.username.as_ref()),
                    _ => shown.and_then(|shown| shown.name.as_ref()),
                };
                match (self, shown) {
                    (Self::Basic(name) | Self::ApiKey(name), Some(shown)) if shown != name => {
                        Err(format!("its authentication is that of {}, not of {name}", plain(shown)))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// What it holds, where Zendesk shows it.
    pub(super) fn held(&self, hook: &WebhookJson) -> Option<String> {
        match self {
            Self::CustomHeader(name) => hook.header(name).ok().map(|(_, value)| value.to_owned()),
            Self::UrlParameter(name) => {
                hook.parameter(name).ok().map(|(start, end)| decoded(hook.endpoint.get(start..end).unwrap_or_default()))
            }
            Self::Bearer | Self::Basic(_) | Self::ApiKey(_) => None,
        }
    }

    /// The fields of the PATCH that puts the value there. Of authentication the kind and the position go along as they
    /// are, for it is one object.
    pub(super) fn patch(&self, hook: &WebhookJson, value: &TokenValue) -> Result<Value, String> {
        self.fits(hook)?;
        let text = value.expose();
        let data = match self {
            Self::Bearer => json!({ "token": text }),
            Self::Basic(user) => json!({ "username": user, "password": text }),
            Self::ApiKey(name) => json!({ "name": name, "value": text }),
            Self::CustomHeader(name) => {
                let (name, _) = hook.header(name)?;
                return Ok(json!({ "custom_headers": { name: text } }));
            }
            Self::UrlParameter(name) => {
                let (start, end) = hook.parameter(name)?;
                let around = hook.endpoint.get(..start).zip(hook.endpoint.get(end..));
                let (before, after) = around.ok_or_else(|| "its address cannot be read".to_owned())?;
                return Ok(json!({ "endpoint": format!("{before}{}{after}", encoded(text)) }));
            }
        };
        let position = hook.authentication.as_ref().and_then(|kept| kept.add_position.as_deref()).unwrap_or("header");
        Ok(json!({ "authentication": { "type": self.kind(), "add_position": position, "data": data } }))
    }

    /// What a write of this part must leave as it is, and does not: the names of the fields.
    pub(super) fn changed(&self, before: &WebhookJson, after: &WebhookJson) -> Vec<&'static str> {
        let rest = |hook: &WebhookJson| match self {
            Self::UrlParameter(name) => hook
                .parameter(name)
                .ok()
                .and_then(|(start, end)| Some(format!("{}{}", hook.endpoint.get(..start)?, hook.endpoint.get(end..)?))),
            _ => Some(hook.endpoint.clone()),
        };
        let headers = |hook: &WebhookJson| {
            let mut headers = hook.custom_headers.clone();
            if let Self::CustomHeader(name) = self {
                headers.retain(|header, _| !header.eq_ignore_ascii_case(name));
            }
            headers
        };
        let kept = [
            ("name", before.name == after.name),
            ("description", before.description == after.description),
            ("status", before.status == after.status),
            ("endpoint", rest(before) == rest(after)),
            ("http_method", before.http_method == after.http_method),
            ("request_format", before.request_format == after.request_format),
            ("subscriptions", before.subscriptions == after.subscriptions),
            ("authentication", before.authentication == after.authentication),
            ("custom_headers", headers(before) == headers(after)),
        ];
        kept.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

impl WebhookJson {
    /// The one header of this name, in its own spelling.
    fn header(&self, name: &str) -> Result<(&str, &str), String> {
        let mut found = self.custom_headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((header, value)), None) => Ok((header, value)),
            (Some(_), Some(_)) => Err(format!("it has several headers {name}, which differ in their spelling only")),
            (None, _) => Err(format!("it has no header {name}: add it by hand once")),
        }
    }

    /// Where in the address the value of the one parameter of this name stands. The address may hold placeholders, so
    /// that it is taken as text and nothing else of it is touched.
    fn parameter(&self, name: &str) -> Result<(usize, usize), String> {
        let end = self.endpoint.find('#').unwrap_or(self.endpoint.len());
        let whole = self.endpoint.get(..end).unwrap_or_default();
        let start = whole.find('?').map_or(end, |mark| mark + 1);
        let mut at = start;
        let mut found = Vec::new();
        for pair in whole.get(start..).unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if decoded(key) == name && pair.contains('=') {
                found.push((at + pair.len() - value.len(), at + pair.len()));
            }
            at += pair.len() + 1;
        }
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(format!("its address has no parameter {name}: put `{name}=` into it by hand once")),
            _ => Err(format!("its address has the parameter {name} several times: leave one")),
        }
    }

    /// The body of a test of it. Zendesk adds the stored credential where its kind and position are named.
    pub(super) fn test(&self) -> Value {
        let mut body = Map::new();
        body.insert("endpoint".to_owned(), json!(self.endpoint));
        body.insert("http_method".to_owned(), json!(self.http_method));
        body.insert("request_format".to_owned(), json!(self.request_format));
        if !self.custom_headers.is_empty() {
            body.insert("custom_headers".to_owned(), json!(self.custom_headers));
        }
        if let Some(kept) = &self.authentication {
            let position = kept.add_position.as_deref().unwrap_or("header");
            body.insert("authentication".to_owned(), json!({ "type": kept.kind, "add_position": position }));
        }
        Value::Object(body)
    }
}

fn plain(text: &str) -> String {
    crate::text::plain(text)
}

/// As a value of a query.
fn encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn decoded(text: &str) -> String {
    let form = format!("x={text}");
    url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(endpoint: &str) -> WebhookJson {
        serde_json::from_value(json!({
            "name": "Pager", "endpoint": endpoint, "http_method": "POST", "request_format": "json",
            "custom_headers": { "Private-Token": "before", "x-other": "kept" },
        }))
        .unwrap()
    }

    fn value(text: &str) -> TokenValue {
        TokenValue::new(text).unwrap()
    }

    fn token() -> Part {
        Part::UrlParameter("token".to_owned())
    }

    #[test]
    fn one_parameter_is_replaced_and_the_rest_of_the_address_is_kept_as_text() {
        for (before, after) in [
            ("https://a/b?token=old", "https://a/b?token=new%2Bvalue"),
            ("https://a/b?token=old&ref=main", "https://a/b?token=new%2Bvalue&ref=main"),
            (
                "https://a/{{ticket.id}}?x=%20&token=&y=a+b#end",
                "https://a/{{ticket.id}}?x=%20&token=new%2Bvalue&y=a+b#end",
            ),
            ("https://a/b?tok%65n=old", "https://a/b?tok%65n=new%2Bvalue"),
            ("https://a/b?token2=x&token=old", "https://a/b?token2=x&token=new%2Bvalue"),
        ] {
            assert_eq!(token().patch(&hook(before), &value("new+value")).unwrap(), json!({ "endpoint": after }));
            assert_eq!(token().held(&hook(after)).unwrap(), "new+value");
            assert!(token().changed(&hook(before), &hook(after)).is_empty());
        }
    }

    #[test]
    fn no_parameter_and_several_of_one_name_are_refused() {
        for (address, why) in [
            ("https://a/b", "no parameter token"),
            ("https://a/b#?token=x", "no parameter token"),
            ("https://a/token=x", "no parameter token"),
            ("https://a/b?token=x&token=y", "several times"),
        ] {
            assert!(token().fits(&hook(address)).unwrap_err().contains(why), "{address}");
        }
    }

    #[test]
    fn a_header_is_found_in_any_spelling_and_written_in_its_own() {
        let part = Part::CustomHeader("PRIVATE-TOKEN".to_owned());
        let patch = part.patch(&hook("https://a"), &value("after")).unwrap();
        assert_eq!(patch, json!({ "custom_headers": { "Private-Token": "after" } }));
        assert!(
            Part::CustomHeader("absent".to_owned()).fits(&hook("https://a")).unwrap_err().contains("no header absent")
        );
    }

    #[test]
    fn what_else_changed_is_named() {
        let (before, mut after) = (hook("https://a/b?token=old&ref=main"), hook("https://a/b?token=new&ref=dev"));
        after.status = Some("inactive".to_owned());
        after.custom_headers.remove("x-other");
        assert_eq!(token().changed(&before, &after), ["status", "endpoint", "custom_headers"]);
    }

    #[test]
    fn the_kind_of_authentication_is_never_changed() {
        let mut hook = hook("https://a");
        assert!(Part::Bearer.fits(&hook).unwrap_err().contains("no authentication"));
        hook.authentication =
            Some(Authentication { kind: "api_key".to_owned(), add_position: Some("query".to_owned()), data: None });
        assert!(Part::Bearer.patch(&hook, &value("x")).unwrap_err().contains("is api_key, not bearer_token"));
        let patch = Part::ApiKey("key".to_owned()).patch(&hook, &value("x")).unwrap();
        assert_eq!(
            patch["authentication"],
            json!({ "type": "api_key", "add_position": "query", "data": { "name": "key", "value": "x" } })
        );
        hook.authentication.as_mut().unwrap().data = Some(Shown { username: None, name: Some("other".to_owned()) });
        assert!(Part::ApiKey("key".to_owned()).fits(&hook).unwrap_err().contains("that of other, not of key"));
    }
}
