//! A request that the config describes: a template with holes, bound to one address, and the rule by which its answer
//! counts as done.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use http::header::{AUTHORIZATION, HeaderName};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::template::{Holes, names, percent};
use crate::http::{Answer, Call, Cause, Http, HttpError, Retry};
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

/// Which answers are meant.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The statuses; any from 200 to 299 by default.
    #[serde(default)]
    status: Vec<u16>,
    /// What must stand at a JSON pointer of the answer; a list names several of which one must.
    #[serde(default, rename = "where")]
    at: BTreeMap<String, Value>,
}

impl Rule {
    /// Whether an answer is meant.
    pub(crate) fn fits(&self, seen: &Seen) -> bool {
        let status =
            if self.status.is_empty() { (200..300).contains(&seen.status) } else { self.status.contains(&seen.status) };
        status && all_at(&self.at, seen)
    }
}

/// Whether everything stands where it should.
pub(crate) fn all_at(wanted: &BTreeMap<String, Value>, seen: &Seen) -> bool {
    wanted.iter().all(|(pointer, wanted)| {
        let found = seen.at(pointer);
        match wanted {
            Value::Array(any) => found.is_some_and(|found| any.contains(found)),
            one => found == Some(one),
        }
    })
}

/// What came of a request.
pub(crate) struct Seen {
    /// The status.
    pub(crate) status: u16,
    body: Option<Value>,
    answer: Answer,
}

impl Seen {
    fn of(answer: Answer) -> Self {
        Self { status: answer.status.as_u16(), body: answer.json().ok(), answer }
    }

    /// What stands at a pointer.
    pub(crate) fn at(&self, pointer: &str) -> Option<&Value> {
        self.body.as_ref()?.pointer(pointer)
    }

    /// A text or a number at a pointer, as text.
    pub(crate) fn text(&self, pointer: &str) -> Option<String> {
        match self.at(pointer)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Takes a secret out of the answer.
    pub(crate) fn secret(&mut self, pointer: &str) -> Option<TokenValue> {
        let text = match self.body.as_mut()?.pointer_mut(pointer)?.take() {
            Value::String(text) => Zeroizing::new(text),
            _ => return None,
        };
        TokenValue::handed(&text).ok()
    }

    /// Whether there was JSON to read at all.
    pub(crate) fn is_json(&self) -> bool {
        self.body.is_some()
    }

    /// The code by which the service says what is wrong. Only what looks like the word of a code is ever shown: a
    /// pointer may be wrong, and an answer may repeat a secret.
    pub(crate) fn code(&self, pointer: Option<&str>) -> Option<String> {
        let word = self.text(pointer?)?;
        let of_letters = word.chars().all(|c| c.is_ascii_lowercase() || "_-. ".contains(c)) && word.len() <= 40;
        let of_digits = word.chars().all(|c| c.is_ascii_digit()) && word.len() <= 6;
        (of_letters || of_digits).then_some(word)
    }

    /// What a refusal means.
    pub(crate) fn refused(&self, code: Option<&str>) -> HttpError {
        let meaning = match self.status {
            200..300 => "it answers that it was not done",
            401 => "the credential is unknown or dead",
            403 => "the credential may not do this",
            404 => "there is no such thing, or the credential may not see it",
            409 => "it is there already, or stands in the way",
            400 | 422 => "it is refused as invalid",
            500.. => "the server failed",
            _ => "an answer that the config does not expect",
        };
        let code = self.code(code).map(|code| format!(" (`{code}`)")).unwrap_or_default();
        self.answer.refused(&format!("{meaning}{code}"))
    }
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

/// Refuses what is no JSON pointer.
pub(crate) fn check_pointer(key: &str, pointer: Option<&str>) -> anyhow::Result<()> {
    let good = pointer.is_none_or(|pointer| pointer.is_empty() || pointer.starts_with('/'));
    anyhow::ensure!(good, "`{key}` is a JSON pointer, which begins with `/`, such as `/data/token`");
    Ok(())
}

/// Reads a moment as services write them: a date with time, a date alone (its first moment), or Unix time in seconds or
/// milliseconds.
pub(crate) fn moment(value: &Value) -> Option<DateTime<Utc>> {
    let unix = |number: i64| {
        let milliseconds = number.abs() > 100_000_000_000;
        if milliseconds { DateTime::from_timestamp_millis(number) } else { DateTime::from_timestamp(number, 0) }
    };
    match value {
        Value::Number(number) => unix(number.as_i64()?),
        Value::String(text) => {
            let whole = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).ok();
            let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
            whole.or_else(day).or_else(|| unix(text.parse().ok()?))
        }
        _ => None,
    }
}
