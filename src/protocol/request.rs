//! A request that the config describes: a template with holes, bound to one address, and the rule by which its answer
//! counts as done.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderName};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::seen::{Rule, Seen};
use super::template::{Holes, names, percent};
use crate::http::{Call, Cause, Http, HttpError, Retry};
use crate::token::TokenValue;

/// One request.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// The method.
    method: Method,
    /// The path, with its query; it starts at the connection's `url`. What fills a hole is percent-encoded.
    #[schemars(example = "/api/serviceaccounts/7/tokens")]
    path: String,
    /// Headers besides that of the credential.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body, as JSON. A text that is nothing but the hole of a number becomes a number.
    #[serde(default)]
    #[schemars(schema_with = "anything")]
    json: Option<Value>,
    /// The body, as the fields of a form.
    form: Option<BTreeMap<String, String>>,
    /// Whose credential it is sent with: the connection's (`login`), the token itself (`value`), or none (`nobody`).
    with: Option<With>,
    /// Which answers count as done: any status from 200 to 299 by default.
    pub(crate) success: Option<Rule>,
}

/// The schema of any JSON at all.
fn anything(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "additionalProperties": true })
}

/// The methods.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// Whose credential a request is sent with.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum With {
    /// The connection's.
    Login,
    /// The token's own value.
    Value,
    /// None.
    Nobody,
}

/// The way to one address, and how a credential is shown there.
#[derive(Clone)]
pub(crate) struct Door {
    /// The network.
    pub(crate) http: Arc<Http>,
    /// The address that every path starts from.
    pub(crate) base: Url,
    /// How a credential is shown.
    pub(crate) badge: Badge,
}

/// How a credential is shown.
#[derive(Clone)]
pub(crate) struct Badge {
    header: HeaderName,
    scheme: String,
}

impl Badge {
    /// `Authorization: Bearer` unless something else is said; another header has no scheme.
    pub(crate) fn new(header: Option<&str>, scheme: Option<&str>) -> anyhow::Result<Self> {
        let name = header.unwrap_or("authorization").to_ascii_lowercase();
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| anyhow::anyhow!("`header` is no name of a header: letters, digits and `-`"))?;
        let usual = if header == AUTHORIZATION { "Bearer" } else { "" };
        let scheme = scheme.unwrap_or(usual).trim();
        anyhow::ensure!(scheme.chars().all(|c| c.is_ascii_graphic()), "`scheme` is one word, such as `Bearer`");
        let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme} ") };
        Ok(Self { header, scheme })
    }
}

/// Who could send a request.
#[derive(Clone, Copy, Default)]
pub(crate) struct Who<'a> {
    /// The connection's credential.
    pub(crate) login: Option<&'a TokenValue>,
    /// The token itself.
    pub(crate) value: Option<&'a TokenValue>,
}

impl Door {
    /// Sends a request, with the credential that it names or else with that of `usually`.
    pub(crate) async fn send(
        &self,
        request: &Request,
        holes: &Holes,
        (who, usually): (Who<'_>, With),
        retry: Retry,
    ) -> Result<Seen, HttpError> {
        let withheld = |why: String| HttpError::before(&request.name(), Cause::Withheld(why));
        let mut call = request.call(&self.base, holes, retry).map_err(withheld)?;
        let credential = match request.with.unwrap_or(usually) {
            With::Nobody => None,
            With::Login => Some(who.login.ok_or("no credential is at hand")),
            With::Value => Some(who.value.ok_or("the value is not at hand")),
        };
        if let Some(credential) = credential {
            let credential = credential.map_err(|why| withheld(why.to_owned()))?;
            call = call.credential(self.badge.header.clone(), &self.badge.scheme, credential);
        }
        self.http.send(call).await.map(Seen::of)
    }

    /// The host, with its port where that is not the usual one.
    pub(crate) fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

/// Headers that carry a credential.
const CREDENTIALS: &[&str] = &["authorization", "proxy-authorization", "cookie", "x-api-key", "api-key"];

impl Request {
    /// What is told of it.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.verb(), self.path.split('?').next().unwrap_or_default())
    }

    /// Whether it names a hole.
    pub(crate) fn has(&self, hole: &str) -> bool {
        self.holes().iter().any(|name| name == hole)
    }

    /// Whether it only reads, by its method.
    pub(crate) fn reads(&self) -> bool {
        self.method == Method::Get
    }

    /// Whether its answer counts as done.
    pub(crate) fn is_done(&self, seen: &Seen) -> bool {
        self.success.as_ref().map_or_else(|| Rule::default().fits(seen), |rule| rule.fits(seen))
    }

    /// Refuses what could never be sent, or would go astray. `known` are the holes that something fills.
    pub(crate) fn check(&self, what: &str, known: &[&str]) -> anyhow::Result<()> {
        let path = self.path.split('?').next().unwrap_or_default();
        anyhow::ensure!(
            path.starts_with('/') && !path.starts_with("//"),
            "the path of `{what}` begins with one `/`: it starts at the `url`, and never leads to another host"
        );
        let strays = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '#' | '\\');
        anyhow::ensure!(!self.path.contains(strays), "the path of `{what}` has a character that no path has");
        let up = path.split('/').any(|part| matches!(part.to_ascii_lowercase().as_str(), "." | ".." | "%2e%2e"));
        anyhow::ensure!(!up, "the path of `{what}` leads up with `..`");
        anyhow::ensure!(self.json.is_none() || self.form.is_none(), "`{what}` has both `json` and `form`: say one");
        for (name, text) in &self.headers {
            anyhow::ensure!(HeaderName::from_bytes(name.as_bytes()).is_ok(), "`{name}` is no name of a header");
            let literal = CREDENTIALS.contains(&name.to_ascii_lowercase().as_str()) && names(text).next().is_none();
            anyhow::ensure!(!literal, "a credential is never written in a config: `{what}` has one in `{name}`");
        }
        if let Some(unknown) = self.holes().into_iter().find(|name| !known.contains(&name.as_str())) {
            let all: Vec<String> = known.iter().map(|name| format!("`{{{name}}}`")).collect();
            let all = if all.is_empty() { "none".to_owned() } else { crate::text::list(&all) };
            anyhow::bail!("`{what}` has a hole `{{{unknown}}}` that nothing fills; there are: {all}");
        }
        Ok(())
    }

    /// Shows that everything it needs is there, without sending it.
    pub(crate) fn is_ready(&self, base: &Url, holes: &Holes) -> anyhow::Result<()> {
        let ready = self.call(base, holes, Retry::Once).map(drop);
        ready.map_err(|why| anyhow::anyhow!("{} cannot be sent: {why}", self.name()))
    }

    fn verb(&self) -> http::Method {
        match self.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        }
    }

    fn holes(&self) -> Vec<String> {
        fn inside(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::String(text) => found.extend(names(text).map(str::to_owned)),
                Value::Array(items) => items.iter().for_each(|item| inside(item, found)),
                Value::Object(fields) => fields.values().for_each(|field| inside(field, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        let texts = self.headers.values().chain(self.form.iter().flat_map(BTreeMap::values)).chain([&self.path]);
        texts.for_each(|text| found.extend(names(text).map(str::to_owned)));
        self.json.iter().for_each(|body| inside(body, &mut found));
        found
    }

    fn call(&self, base: &Url, holes: &Holes, retry: Retry) -> Result<Call, String> {
        let (path, query) = self.path.split_once('?').map_or((self.path.as_str(), None), |(a, b)| (a, Some(b)));
        let mut filled = Zeroizing::new(String::new());
        for part in path.split('/').skip(1) {
            let part = holes.fill(part, percent)?;
            if matches!(part.as_str(), "." | "..") {
                return Err("what fills a hole of the path would lead elsewhere".to_owned());
            }
            filled.push('/');
            filled.push_str(&part);
        }
        let mut url = base.clone();
        url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), *filled));
        let query = query.map(|query| holes.fill(query, percent)).transpose()?;
        url.set_query(query.as_ref().map(|query| query.as_str()));
        let mut call = Call::new(self.verb(), url, retry);
        if holes.are_secret_in(path) {
            call = call.told(path);
        }
        call = call.header(http::header::ACCEPT, "application/json");
        if let Some(body) = &self.json {
            call = call.json(&holes.fill_json(body)?);
        }
        if let Some(form) = &self.form {
            let fields = form
                .iter()
                .map(|(name, text)| Ok((name.as_str(), holes.fill(text, str::to_owned)?)))
                .collect::<Result<Vec<_>, String>>()?;
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
            call = call.form(&fields);
        }
        // Last, so that a type of content can be said that is not the usual one.
        for (name, text) in &self.headers {
            let name =
                HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).map_err(|error| error.to_string())?;
            let filled = holes.fill(text, str::to_owned)?;
            call = if holes.are_secret_in(text) {
                let value =
                    TokenValue::new(&filled).map_err(|why| format!("a header cannot carry the value: {why}"))?;
                call.credential(name, "", &value)
            } else {
                call.plain_header(name, &filled)
            };
        }
        Ok(call)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::template::Fill;
    use super::*;
    use crate::http::{Broken, Transport};

    /// Keeps what was sent, and answers nothing.
    #[derive(Default)]
    struct Recorder(Mutex<Vec<http::Request<Bytes>>>);

    #[async_trait]
    impl Transport for Recorder {
        async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
            self.0.lock().unwrap().push(request);
            Ok(http::Response::new(Bytes::from_static(b"{}")))
        }
    }

    fn request(json: &Value) -> Request {
        serde_json::from_value(json.clone()).unwrap()
    }

    /// What is sent of a request, if it is.
    fn sent(request: &Request, base: &str, holes: &Holes, login: &TokenValue) -> Option<http::Request<Bytes>> {
        let recorder = Arc::new(Recorder::default());
        let http = Arc::new(Http::new(Arc::<Recorder>::clone(&recorder)));
        let door = Door { http, base: base.parse().unwrap(), badge: Badge::new(None, None).unwrap() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let who = (Who { login: Some(login), value: None }, With::Login);
        let _ = runtime.block_on(door.send(request, holes, who, Retry::Once));
        recorder.0.lock().unwrap().pop()
    }

    proptest! {
        #[test]
        fn whatever_the_path_and_what_fills_it_the_credential_goes_to_the_one_host_and_below_its_path(
            path in "[/a-c.%2eE:@?{}\\\\]{0,16}", fill in "[ -~]{1,16}"
        ) {
            let path = format!("/{path}{{id}}");
            let request = request(&json!({ "method": "GET", "path": path }));
            if request.check("request", &["id"]).is_err() {
                return Ok(());
            }
            let holes = Holes::default().with("id", Some(Fill::Plain(fill)));
            let login = TokenValue::new("the-login").unwrap();
            if let Some(sent) = sent(&request, "https://api.example.com:8443/base/", &holes, &login) {
                let uri = sent.uri();
                prop_assert_eq!(uri.authority().map(http::uri::Authority::as_str), Some("api.example.com:8443"));
                prop_assert!(uri.path().starts_with("/base/"), "{}", uri.path());
            }
        }
    }

    #[test]
    fn a_request_is_sent_as_the_config_says() {
        let holes = Holes::default().with("value", TokenValue::new("a b&c").ok().map(Fill::Secret));
        let login = TokenValue::new("the-login").unwrap();
        let made = |json: &Value| sent(&request(json), "https://api.example.com", &holes, &login).unwrap();
        let form = made(&json!({ "method": "POST", "path": "/a?b=c", "form": { "t": "{value}" }, "with": "nobody" }));
        assert_eq!(
            (form.uri().to_string().as_str(), &form.body()[..]),
            ("https://api.example.com/a?b=c", &b"t=a+b%26c"[..])
        );
        assert!(form.headers().get(AUTHORIZATION).is_none());
        let header = made(&json!({ "method": "PUT", "path": "/a", "headers": { "X-Key": "k {value}" } }));
        assert_eq!(
            (&header.headers()["x-key"], header.headers()["x-key"].is_sensitive()),
            (&"k a b&c".parse().unwrap(), true)
        );
        assert_eq!(header.headers()[AUTHORIZATION], "Bearer the-login");
    }
}
