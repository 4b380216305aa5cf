//! The keys of kinds, compared as they stand. A few words mean the same wherever a kind has them, and have a direction in
//! which they give more; all others are told as changed.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::{Grade, changed};
use crate::config::Source;

/// A key that differs.
pub(super) struct Change {
    pub(super) grade: Grade,
    pub(super) what: String,
    old: Option<String>,
    new: Option<String>,
}

impl Change {
    /// Whether two sentences, of before and of now, say all of it already.
    pub(super) fn is_in(&self, before: &str, after: &str) -> bool {
        let said = |value: &Option<String>, sentence: &str| value.as_ref().is_none_or(|value| sentence.contains(value));
        self.grade == Grade::Other && said(&self.old, before) && said(&self.new, after)
    }
}

/// In which direction a key gives more.
#[derive(Clone, Copy)]
enum More {
    /// By each item that it lists.
    Items,
    /// The same, and by listing none at all.
    ItemsOrNone,
    /// By a later one of these words.
    Words(&'static [&'static str]),
    /// By a higher number.
    Number,
    /// When it is true.
    True,
    /// When it is false.
    False,
    /// By a pattern that fits more.
    Pattern,
}

/// The words of the config that give more in one direction, and what that is. A test holds them against the catalogue.
const WIDENS: &[(&str, More, Grade)] = &[
    ("scopes", More::ItemsOrNone, Grade::Rights),
    ("paths", More::ItemsOrNone, Grade::Rights),
    ("repositories", More::ItemsOrNone, Grade::Rights),
    ("permissions", More::Words(&["read", "write", "admin"]), Grade::Rights),
    ("access_level", More::Number, Grade::Rights),
    ("read_only", More::False, Grade::Rights),
    ("recipients", More::Items, Grade::Place),
    ("visibility", More::Words(&["selected", "private", "all"]), Grade::Place),
    ("environment_scope", More::Pattern, Grade::Place),
    ("protected", More::False, Grade::Guard),
    ("masked", More::False, Grade::Guard),
    ("hidden", More::False, Grade::Guard),
    ("take_over", More::Items, Grade::Guard),
    ("despite_other_secure_settings", More::True, Grade::Guard),
];

/// What differs between the keys of two parts, the old of which there may not be.
pub(super) fn changes(before: Option<&Value>, after: &Value) -> Vec<Change> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    if let Some(before) = before {
        flatten("", before, &mut old);
    }
    flatten("", after, &mut new);
    let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
    paths.sort();
    paths.dedup();
    let differs = |path: &&String| old.get(*path) != new.get(*path);
    let paths = paths.into_iter().filter(differs);
    paths.map(|path| change(path, old.get(path).copied(), new.get(path).copied())).collect()
}

/// The leaves of a part by their paths. A list is one leaf, save where it lists mappings.
fn flatten<'v>(path: &str, value: &'v Value, leaves: &mut BTreeMap<String, &'v Value>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(object) if !object.is_empty() => {
            for (key, value) in object {
                flatten(&below(key), value, leaves);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, value) in items.iter().enumerate() {
                flatten(&below(&index.to_string()), value, leaves);
            }
        }
        // The keys of the whole part are no leaf.
        Value::Object(_) if path.is_empty() => {}
        leaf => {
            leaves.insert(path.to_owned(), leaf);
        }
    }
}

fn change(path: &str, old: Option<&Value>, new: Option<&Value>) -> Change {
    let (was, is) = (old.map(shown), new.map(shown));
    let (grade, more) = judged(path, old, new);
    let what = match more.filter(|_| old.is_some()) {
        Some(more) => format!("`{path}`: also {more}"),
        None => changed(path, was.as_ref(), is.as_ref()),
    };
    Change { grade, what, old: was, new: is }
}

/// What a change is about, and what a list has now besides.
fn judged(path: &str, old: Option<&Value>, new: Option<&Value>) -> (Grade, Option<String>) {
    if let Some(to) = new.and_then(origin) {
        let moves = old.and_then(origin).is_none_or(|from| from != to);
        return (if moves { Grade::Host } else { Grade::Other }, None);
    }
    if new.and_then(Value::as_str).is_some_and(|text| Source::parse(text).is_ok()) {
        return (Grade::Credential, None);
    }
    match WIDENS.iter().find(|(word, _, _)| path.split('.').any(|step| step == *word)) {
        Some((_, more @ (More::Items | More::ItemsOrNone), grade)) if gives_more(*more, old, new) => {
            (*grade, added(old, new))
        }
        Some((_, more, grade)) if gives_more(*more, old, new) => (*grade, None),
        _ => (Grade::Other, None),
    }
}

/// The server that a text names, if it is an address.
fn origin(value: &Value) -> Option<String> {
    let url: Url = value.as_str().filter(|text| text.contains("://"))?.parse().ok()?;
    url.has_host().then(|| url.origin().ascii_serialization())
}

fn gives_more(more: More, old: Option<&Value>, new: Option<&Value>) -> bool {
    let no_items = |value: Option<&Value>| value.and_then(Value::as_array).is_none_or(Vec::is_empty);
    match more {
        More::Items => added(old, new).is_some(),
        More::ItemsOrNone => no_items(new) || added(old, new).is_some(),
        More::Words(words) => {
            let rank =
                |value: Option<&Value>| words.iter().position(|word| value.and_then(Value::as_str) == Some(*word));
            match (value_of(new), rank(new), rank(old)) {
                // A word that is not known here may be any.
                (Some(_), None, _) => true,
                (_, _, None) if old.is_some() => false,
                (_, new, old) => new > old,
            }
        }
        More::Number => {
            let number = |value: Option<&Value>| value.and_then(Value::as_i64);
            number(new).is_some() && number(new) > number(old)
        }
        More::True => new == Some(&Value::Bool(true)),
        More::False => new == Some(&Value::Bool(false)) || (new.is_none() && old == Some(&Value::Bool(true))),
        More::Pattern => {
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            match (text(old), text(new)) {
                (Some(old), Some(new)) => new.strip_suffix('*').is_some_and(|start| old.starts_with(start)),
                (None, Some(new)) => new == "*",
                _ => false,
            }
        }
    }
}

fn value_of(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// The items that a list has and did not have.
fn added(old: Option<&Value>, new: Option<&Value>) -> Option<String> {
    let old = old.and_then(Value::as_array);
    let new = new.and_then(Value::as_array)?;
    let is_new = |item: &&Value| old.is_none_or(|old| !old.contains(item));
    let added: Vec<String> = new.iter().filter(is_new).map(shown).collect();
    (!added.is_empty()).then(|| added.join(", "))
}

/// How much of a value is shown.
const SHOWN: usize = 160;

/// A value as people read it. A config holds no secret, only the names of their sources.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(object) => {
            let pairs: Vec<String> = object.iter().map(|(key, value)| format!("{key}: {}", shown(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    };
    if text.chars().count() <= SHOWN {
        return text;
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::services;

    /// Every name of a key in a schema.
    fn names(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(object) => {
                if let Some(Value::Object(properties)) = object.get("properties") {
                    found.extend(properties.keys().cloned());
                }
                object.values().for_each(|value| names(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_word_that_widens_is_a_key_of_some_kind() {
        let mut known = Vec::new();
        let issuers = services::ISSUERS.iter().map(|kind| kind.schema);
        for schema in issuers.chain(services::DESTINATIONS.iter().map(|kind| kind.schema)) {
            names(&schema(), &mut known);
        }
        for (word, _, _) in WIDENS {
            assert!(known.iter().any(|name| name == word), "no kind has a key `{word}`: take it out");
        }
    }

    fn grade(old: &Value, new: &Value) -> (Grade, String) {
        let mut found = changes(Some(old), new);
        assert_eq!(found.len(), 1, "{old} {new}");
        let Change { grade, what, .. } = found.remove(0);
        (grade, what)
    }

    #[test]
    fn what_gives_more_is_told_from_what_gives_less() {
        let wider = [
            (json!({ "scopes": ["a"] }), json!({ "scopes": ["a", "b"] }), Grade::Rights),
            (json!({ "scopes": ["a"] }), json!({}), Grade::Rights),
            (
                json!({ "permissions": { "contents": "read" } }),
                json!({ "permissions": { "contents": "write" } }),
                Grade::Rights,
            ),
            (json!({ "permissions": { "a": "read" } }), json!({ "permissions": { "a": "owner" } }), Grade::Rights),
            (json!({ "create": { "access_level": 30 } }), json!({ "create": { "access_level": 40 } }), Grade::Rights),
            (json!({ "recipients": ["age1a"] }), json!({ "recipients": ["age1b"] }), Grade::Place),
            (json!({ "environment_scope": "production" }), json!({ "environment_scope": "*" }), Grade::Place),
            (json!({ "environment_scope": "review/a" }), json!({ "environment_scope": "review/*" }), Grade::Place),
            (json!({ "create": { "masked": true } }), json!({ "create": { "masked": false } }), Grade::Guard),
            (
                json!({ "despite_other_secure_settings": false }),
                json!({ "despite_other_secure_settings": true }),
                Grade::Guard,
            ),
            (json!({ "try_at": { "url": "https://a/x" } }), json!({ "try_at": { "url": "https://b/x" } }), Grade::Host),
            (json!({ "try_at": { "url": "https://a/x" } }), json!({ "try_at": { "url": "http://a/x" } }), Grade::Host),
            (json!({ "client_secret": "env:A" }), json!({ "client_secret": "env:B" }), Grade::Credential),
        ];
        for (old, new, expected) in wider {
            assert_eq!(grade(&old, &new).0, expected, "{old} → {new}");
            // The way back gives nothing, save that another one is another one either way, and that a list which is new may
            // be that of a token which is new.
            let back = grade(&new, &old).0;
            let either_way = matches!(expected, Grade::Credential | Grade::Host)
                || old == json!({ "recipients": ["age1a"] })
                || new == json!({});
            assert_eq!(back, if either_way { expected } else { Grade::Other }, "{new} → {old}");
        }
    }

    #[test]
    fn only_what_is_new_of_a_list_is_named() {
        let (_, what) = grade(&json!({ "scopes": ["a", "b"] }), &json!({ "scopes": ["b", "c", "d"] }));
        assert_eq!(what, "`scopes`: also c, d");
        let (grade, what) = grade(&json!({ "text": "x" }), &json!({ "text": "y".repeat(200) }));
        assert_eq!((grade, what.chars().count()), (Grade::Other, 160 + "`text` from x to …".chars().count()));
    }

    #[test]
    fn a_key_that_nobody_knows_is_told_all_the_same() {
        let of = |old: Value, new: Value| grade(&old, &new).1;
        assert_eq!(of(json!({ "a": { "b": 1 } }), json!({ "a": { "b": 2 } })), "`a.b` from 1 to 2");
        assert_eq!(of(json!({}), json!({ "a": [1, 2] })), "`a` is new: [1, 2]");
        assert_eq!(of(json!({ "a": {} }), json!({})), "`a` is gone; it was {}");
        assert_eq!(of(json!({ "l": [{ "k": 1 }] }), json!({ "l": [{ "k": 2 }] })), "`l.0.k` from 1 to 2");
    }
}
