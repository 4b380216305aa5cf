//! What a configured request was answered, and the rule by which it counts as done.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::http::{Answer, HttpError};
use crate::token::TokenValue;

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
    pub(crate) fn of(answer: Answer) -> Self {
        Self { status: answer.status.as_u16(), body: answer.json().ok(), answer }
    }

    /// What stands at a pointer.
    pub(crate) fn at(&self, pointer: &str) -> Option<&Value> {
        self.body.as_ref()?.pointer(pointer)
    }

    /// A text or a number at a pointer, as text.
    pub(crate) fn text(&self, pointer: &str) -> Option<String> {
        as_text(self.at(pointer)?)
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
        code_of(self.text(pointer?).as_deref())
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

/// A text or a number, as text.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A word, if it looks like one of a code.
fn code_of(word: Option<&str>) -> Option<String> {
    let word = word?;
    let of_letters = word.chars().all(|c| c.is_ascii_lowercase() || "_-. ".contains(c)) && word.len() <= 40;
    let of_digits = word.chars().all(|c| c.is_ascii_digit()) && word.len() <= 6;
    (of_letters || of_digits).then(|| word.to_owned())
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_looks_like_a_code_is_told_of_an_answer() {
        for (word, told) in [
            (json!("invalid_auth"), true),
            (json!("no such team"), true),
            (json!(9109), true),
            (json!("glsa_0123456789"), false),
            (json!("Invalid"), false),
            (json!(1_234_567), false),
            (json!("a-word-that-is-much-too-long-to-be-the-code-of-an-error"), false),
            (json!({ "a": 1 }), false),
        ] {
            let body = json!({ "error": word });
            let code = code_of(body.pointer("/error").and_then(as_text).as_deref());
            assert_eq!(code.is_some(), told, "{body}");
        }
    }

    #[test]
    fn a_moment_is_read_as_services_write_it() {
        let at: DateTime<Utc> = "2026-05-04T00:00:00Z".parse().unwrap();
        for written in [
            json!("2026-05-04"),
            json!("2026-05-04T02:00:00+02:00"),
            json!(1_777_852_800),
            json!(1_777_852_800_000_i64),
            json!("1777852800"),
        ] {
            assert_eq!(moment(&written), Some(at), "{written}");
        }
        for other in [json!("soon"), json!(null), json!(""), json!(true)] {
            assert_eq!(moment(&other), None);
        }
    }
}
