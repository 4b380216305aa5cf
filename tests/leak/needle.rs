//! A value in every form in which it could slip out.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// What is searched for.
pub(crate) struct Needles(Vec<String>);

impl Needles {
    /// All forms of these values.
    pub(crate) fn of(values: &[String]) -> Self {
        let mut forms: Vec<String> =
            values.iter().filter(|value| value.len() >= 8).flat_map(|value| all(value)).collect();
        forms.sort_unstable();
        forms.dedup();
        assert!(!forms.is_empty());
        Self(forms)
    }

    /// Whether a text holds any of them.
    pub(crate) fn any_in(&self, text: &str) -> bool {
        self.0.iter().any(|needle| text.contains(needle.as_str()))
    }

    /// Fails if a text holds any of them, and does not show which.
    pub(crate) fn none_in(&self, place: &str, text: &str) {
        assert!(!self.any_in(text), "a value is in {place}");
    }
}

fn all(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).unwrap();
    let percent = |plain: &str, lower: bool| -> String {
        let encode = |byte: u8| match char::from(byte) {
            letter if letter.is_ascii_alphanumeric() || plain.contains(letter) => letter.to_string(),
            _ if lower => format!("%{byte:02x}"),
            _ => format!("%{byte:02X}"),
        };
        value.bytes().map(encode).collect()
    };
    let mut forms = vec![value.to_owned(), json.trim_matches('"').to_owned()];
    for plain in ["", "-._~", "*-._"] {
        forms.extend([percent(plain, true), percent(plain, false)]);
    }
    forms.push(
        value
            .bytes()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect(),
    );
    forms.push(value.chars().rev().collect());
    // Base64 of a text that has it inside: what it looks like depends on where it begins.
    for before in 0..3 {
        let text = format!("{}{value}", &"   "[..before]);
        for coded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            let whole = coded.trim_end_matches('=');
            let (from, to) = (if before == 0 { 0 } else { 4 }, whole.len() - whole.len() % 4);
            forms.push(whole[from..to].to_owned());
        }
    }
    forms
}

#[test]
fn every_form_of_a_value_is_found() {
    let value = "glpat-a.b+c/d=\"e\"_0123456789";
    let needles = Needles::of(&[value.to_owned()]);
    let inside = |before: &str| STANDARD.encode(format!("{before}{value}:and more"));
    for text in [
        format!("say {value}."),
        serde_json::json!({ "token": value }).to_string(),
        format!("?token={}", url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>()),
        inside(""),
        inside("u"),
        inside("me"),
        inside("you"),
    ] {
        assert!(needles.any_in(&text), "{text}");
    }
    assert!(!needles.any_in("glpat-a.b+c/d and nothing else"));
}
