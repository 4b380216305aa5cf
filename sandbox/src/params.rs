//! The parameters of a request, whether they came in the query, as JSON or as a form.
//!
//! Real clients use all three: curl and the crate `gitlab` send forms, python-gitlab sends JSON.

use chrono::{DateTime, NaiveDate, Utc};
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::exchange::Request;
use crate::target;

/// What a request asks for, as one tree; the body wins over the query.
#[derive(Debug, Default)]
pub(crate) struct Params(Map<String, Value>);

/// A parameter that cannot be what it says, by name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invalid(pub(crate) String);

impl Params {
    /// Reads query and body.
    pub(crate) fn of(request: &Request) -> Result<Self, Invalid> {
        let mut tree = Map::new();
        for (name, value) in target::pairs(target::query(&request.target).as_bytes()) {
            plant(&mut tree, &name, value);
        }
        if is_form(&request.headers) {
            for (name, value) in target::pairs(&request.body) {
                plant(&mut tree, &name, value);
            }
        } else if !request.body.is_empty() {
            match serde_json::from_slice(&request.body) {
                Ok(Value::Object(body)) => tree.extend(body),
                _ => return Err(Invalid("body".to_owned())),
            }
        }
        Ok(Self(tree))
    }

    /// The tree itself.
    pub(crate) fn tree(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Whether the parameter was sent at all, if only as null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A text inside of another parameter, as in `filter[environment_scope]`.
    pub(crate) fn inner(&self, name: &str, key: &str) -> Option<&str> {
        self.0.get(name)?.get(key)?.as_str()
    }

    /// A yes or no.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Invalid> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) => match text.as_str() {
                "true" | "1" => Ok(Some(true)),
                "false" | "0" => Ok(Some(false)),
                _ => Err(Invalid(name.to_owned())),
            },
            Some(_) => Err(Invalid(name.to_owned())),
        }
    }

    /// A number that counts something.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Invalid> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => number.as_u64().map(Some).ok_or_else(|| Invalid(name.to_owned())),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| Invalid(name.to_owned())),
            Some(_) => Err(Invalid(name.to_owned())),
        }
    }

    /// A list of texts.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<String>>, Invalid> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| Invalid(name.to_owned())))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => Err(Invalid(name.to_owned())),
        }
    }

    /// A day; an empty text is none.
    pub(crate) fn day(&self, name: &str) -> Result<Option<NaiveDate>, Invalid> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| Invalid(name.to_owned())),
            Some(_) => Err(Invalid(name.to_owned())),
        }
    }

    /// A moment; a bare day is its first.
    pub(crate) fn moment(&self, name: &str) -> Result<Option<DateTime<Utc>>, Invalid> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let moment = DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc()).ok();
        let start = || text.parse::<NaiveDate>().ok().and_then(|day| day.and_hms_opt(0, 0, 0)).map(|day| day.and_utc());
        moment.or_else(start).map(Some).ok_or_else(|| Invalid(name.to_owned()))
    }
}

/// Whether these headers announce a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    media(headers).is_some_and(|media| media.starts_with("application/x-www-form-urlencoded"))
}

/// Whether these headers announce JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    media(headers).is_some_and(|media| media.starts_with("application/json"))
}

/// What the body is said to be.
pub(crate) fn media(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()
}

/// Puts `name[key]` and `name[]` where Rack would put them.
pub(crate) fn plant(tree: &mut Map<String, Value>, name: &str, value: String) {
    let Some((outer, rest)) = name.split_once('[') else {
        tree.insert(name.to_owned(), Value::String(value));
        return;
    };
    let key = rest.trim_end_matches(']');
    if key.is_empty() {
        let list = tree.entry(outer).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(Value::String(value));
        }
    } else {
        let inner = tree.entry(outer).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(inner) = inner {
            inner.insert(key.to_owned(), Value::String(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderValue, Method};
    use serde_json::json;

    use super::*;

    fn params(target: &str, media: &'static str, body: &'static str) -> Result<Params, Invalid> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        let (method, host, target) = (Method::PUT, "gitlab".to_owned(), target.to_owned());
        Params::of(&Request { method, host, target, headers, body: Bytes::from_static(body.as_bytes()) })
    }

    #[test]
    fn query_json_and_form_say_the_same() {
        let tree = json!({ "filter": { "environment_scope": "*" }, "scopes": ["api", "read_api"] });
        let text = "filter%5Benvironment_scope%5D=%2A&scopes[]=api&scopes[]=read_api";
        let form = "filter[environment_scope]=*&scopes%5B%5D=api&scopes%5B%5D=read_api";
        let sent = [
            params(&format!("/x?{text}"), "text/plain", ""),
            params("/x", "application/x-www-form-urlencoded", form),
            params(
                "/x",
                "application/json; charset=utf-8",
                r#"{"filter":{"environment_scope":"*"},"scopes":["api","read_api"]}"#,
            ),
        ];
        for params in sent {
            assert_eq!(Value::Object(params.unwrap().tree().clone()), tree);
        }
    }

    #[test]
    fn the_body_wins_over_the_query() {
        let params = params("/x?value=query&raw=true", "application/json", r#"{"value":"body"}"#).unwrap();
        assert_eq!((params.text("value"), params.flag("raw")), (Some("body"), Ok(Some(true))));
    }

    #[test]
    fn null_is_sent_and_says_nothing() {
        let params = params("/x", "application/json", r#"{"a":null}"#).unwrap();
        assert!(params.has("a") && !params.has("b"));
        assert_eq!((params.text("a"), params.flag("a"), params.day("a")), (None, Ok(None), Ok(None)));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let wrong = || Invalid("a".to_owned());
        let sent = params("/x?a=soon", "application/json", "").unwrap();
        assert_eq!(sent.day("a"), Err(wrong()));
        assert_eq!(sent.moment("a"), Err(wrong()));
        assert_eq!(sent.flag("a"), Err(wrong()));
        assert_eq!(sent.number("a"), Err(wrong()));
        assert_eq!(sent.list("a"), Err(wrong()));
        assert_eq!(params("/x", "application/json", "{half").unwrap_err(), Invalid("body".to_owned()));
        assert_eq!(params("/x", "application/json", "[1]").unwrap_err(), Invalid("body".to_owned()));
    }

    #[test]
    fn a_bare_day_is_its_first_moment() {
        let params = params("/x?a=2026-05-04&b=2026-05-04T02:00:00%2B02:00", "text/plain", "").unwrap();
        assert_eq!(params.moment("a"), params.moment("b"));
        assert!(params.moment("a").unwrap().is_some());
    }
}
