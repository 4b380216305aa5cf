//! Texts with holes such as `{value}`, and what fills them.

use std::collections::BTreeMap;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::token::TokenValue;

/// What fills a hole.
#[derive(Clone)]
pub(crate) enum Fill {
    /// A text that is no secret.
    Plain(String),
    /// A number: alone in a text of JSON it is one there too.
    Number(i64),
    /// A secret.
    Secret(TokenValue),
}

impl Fill {
    fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Plain(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Secret(value) => value.expose().to_owned(),
        })
    }
}

/// What fills the holes, by name.
#[derive(Clone, Default)]
pub(crate) struct Holes(BTreeMap<&'static str, Fill>);

impl Holes {
    /// The same with one more; one that nothing fills is left out.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, fill: Option<Fill>) -> Self {
        if let Some(fill) = fill {
            self.0.insert(name, fill);
        }
        self
    }

    fn get(&self, name: &str) -> Result<&Fill, String> {
        self.0.get(name).ok_or_else(|| match name {
            "until" | "until_unix" | "seconds" => format!("nothing fills `{{{name}}}`: say `ttl:`"),
            "grace" => "nothing fills `{grace}`: say `grace:`".to_owned(),
            "value" => "nothing fills `{value}`: the value is not known here".to_owned(),
            _ => format!("nothing fills `{{{name}}}`"),
        })
    }

    /// Whether a secret fills a hole of this text.
    pub(crate) fn are_secret_in(&self, text: &str) -> bool {
        names(text).any(|name| matches!(self.0.get(name), Some(Fill::Secret(_))))
    }

    /// Fills a text; what is filled in is written as `escape` says.
    pub(crate) fn fill(&self, text: &str, escape: fn(&str) -> String) -> Result<Zeroizing<String>, String> {
        let mut filled = Zeroizing::new(String::new());
        for piece in pieces(text) {
            match piece {
                Piece::Literal(literal) => filled.push_str(literal),
                Piece::Hole(name) => filled.push_str(&Zeroizing::new(escape(&self.get(name)?.text()))),
            }
        }
        Ok(filled)
    }

    /// Fills every text of a body. JSON escapes what needs it when it is written.
    pub(crate) fn fill_json(&self, body: &Value) -> Result<Value, String> {
        Ok(match body {
            Value::String(text) => match whole(text).map(|name| self.get(name)).transpose()? {
                Some(Fill::Number(number)) => Value::from(*number),
                _ => Value::String(self.fill(text, str::to_owned)?.to_string()),
            },
            Value::Array(items) => items.iter().map(|item| self.fill_json(item)).collect::<Result<_, _>>()?,
            Value::Object(fields) => fields
                .iter()
                .map(|(name, field)| Ok((name.clone(), self.fill_json(field)?)))
                .collect::<Result<_, String>>()?,
            other => other.clone(),
        })
    }
}

#[derive(Clone, Copy)]
enum Piece<'a> {
    Literal(&'a str),
    Hole(&'a str),
}

/// Takes a text apart. Braces around anything but a plain word are no hole.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut rest, mut from) = (text, 0);
    while let Some(start) = rest.get(from..).and_then(|tail| tail.find('{')).map(|at| at + from) {
        let after = rest.get(start + 1..).unwrap_or_default();
        let length = after.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(after.len());
        let (name, tail) = after.split_at(length);
        match tail.strip_prefix('}').filter(|_| !name.is_empty()) {
            Some(tail) => {
                pieces.push(Piece::Literal(rest.get(..start).unwrap_or_default()));
                pieces.push(Piece::Hole(name));
                (rest, from) = (tail, 0);
            }
            None => from = start + 1,
        }
    }
    pieces.push(Piece::Literal(rest));
    pieces
}

/// The name of the hole that is all of a text.
fn whole(text: &str) -> Option<&str> {
    let name = text.strip_prefix('{')?.strip_suffix('}')?;
    (!name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')).then_some(name)
}

/// The names of the holes of a text.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| if let Piece::Hole(name) = piece { Some(name) } else { None })
}

/// One segment of a path, or a value in a query: all but unreserved characters are percent-encoded.
pub(crate) fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn holes(value: &str) -> Holes {
        Holes::default()
            .with("value", TokenValue::new(value).ok().map(Fill::Secret))
            .with("seconds", Some(Fill::Number(60)))
            .with("id", Some(Fill::Plain("a/b".to_owned())))
    }

    #[test]
    fn holes_are_filled_as_the_place_wants_it() {
        let holes = holes("a\"b+c%/");
        assert_eq!(*holes.fill("/keys/{id}?t={value}", percent).unwrap(), "/keys/a%2Fb?t=a%22b%2Bc%25%2F");
        let body = json!({ "a": ["{value}", "{seconds}", "in {seconds} s"], "b": 1, "c": null });
        let filled = holes.fill_json(&body).unwrap();
        assert_eq!(filled, json!({ "a": ["a\"b+c%/", 60, "in 60 s"], "b": 1, "c": null }));
        assert!(filled.to_string().contains(r#""a\"b+c%/""#), "JSON escapes it");
    }

    #[test]
    fn braces_around_anything_else_are_no_hole() {
        let holes = holes("x");
        for text in ["{}", "{ value }", "{Value}", "{value", "a{b", "{\"id\":1}"] {
            assert_eq!(*holes.fill(text, percent).unwrap(), text);
        }
        assert_eq!(*holes.fill("{{id}}", str::to_owned).unwrap(), "{a/b}");
    }

    #[test]
    fn a_hole_that_nothing_fills_says_what_to_do() {
        let said = |text: &str| Holes::default().fill(text, percent).unwrap_err();
        assert_eq!(said("{until}"), "nothing fills `{until}`: say `ttl:`");
        assert_eq!(said("{grace}"), "nothing fills `{grace}`: say `grace:`");
    }

    proptest! {
        #[test]
        fn what_is_filled_in_adds_no_structure(value in "[ -~]{1,40}") {
            prop_assume!(TokenValue::new(&value).is_ok());
            let holes = holes(&value);
            let path = holes.fill("/a/{value}/b", percent).unwrap();
            prop_assert_eq!(path.split('/').count(), 4);
            prop_assert!(!path.contains(['?', '#', '\\', ' ']));
            let body = holes.fill_json(&json!({ "v": "{value}" })).unwrap();
            let read: Value = serde_json::from_str(&body.to_string()).unwrap();
            prop_assert_eq!(read.as_object().unwrap().len(), 1);
            prop_assert_eq!(read["v"].as_str(), Some(value.trim()));
        }
    }
}
