//! Finds a value in every form in which it could slip out, fast enough to look after each of a million runs.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// The letters by which a form is found before it is compared as a whole.
const KEY: usize = 8;

/// What is searched for.
#[derive(Default)]
pub struct Needles {
    order: Vec<String>,
    known: HashSet<String>,
    /// One bit for each hash of a key, so that nearly every place of a text is passed over at once.
    sieve: Vec<u64>,
    forms: HashMap<[u8; KEY], Vec<Vec<u8>>>,
}

impl Needles {
    /// Searches for those values too.
    pub fn learn(&mut self, values: &[String]) {
        self.sieve.resize(1024, 0);
        for value in values.iter().filter(|value| value.len() >= 12) {
            if !self.known.insert(value.clone()) {
                continue;
            }
            self.order.push(value.clone());
            for form in forms(value) {
                let Some(key) = form.first_chunk::<KEY>().copied() else { continue };
                if let Some(word) = self.sieve.get_mut(hash(key) / 64) {
                    *word |= 1 << (hash(key) % 64);
                }
                let same = self.forms.entry(key).or_default();
                if !same.contains(&form) {
                    same.push(form);
                }
            }
        }
    }

    /// Every value that is known.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(String::as_str)
    }

    /// Whether a text holds any of them.
    pub fn any_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        bytes.array_windows::<KEY>().enumerate().any(|(at, key)| {
            let bit = hash(*key);
            let possible = self.sieve.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1);
            possible
                && self.forms.get(key).is_some_and(|forms| {
                    forms.iter().any(|form| bytes.get(at..).is_some_and(|rest| rest.starts_with(form)))
                })
        })
    }
}

fn hash(key: [u8; KEY]) -> usize {
    usize::from(u16::try_from(u64::from_le_bytes(key).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48).unwrap_or_default())
}

fn forms(value: &str) -> Vec<Vec<u8>> {
    let json = serde_json::Value::from(value).to_string();
    let mut forms: Vec<String> = vec![value.to_owned(), json.trim_matches('"').to_owned()];
    for plain in ["", "-._~", "*-._"] {
        for lower in [true, false] {
            let encode = |byte: u8| match char::from(byte) {
                letter if letter.is_ascii_alphanumeric() || plain.contains(letter) => letter.to_string(),
                _ if lower => format!("%{byte:02x}"),
                _ => format!("%{byte:02X}"),
            };
            forms.push(value.bytes().map(encode).collect());
        }
    }
    // An encoder may leave nothing as it is.
    forms.push(value.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}")));
    forms.push(value.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}")));
    let digits = value.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    forms.push(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect());
    forms.push(value.chars().rev().collect());
    // Base64 of a text that has it inside: what it looks like depends on where it begins.
    for before in 0..3 {
        let text = format!("{}{value}", " ".repeat(before));
        for coded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            let whole = coded.trim_end_matches('=');
            let (from, to) = (if before == 0 { 0 } else { 4 }, whole.len() - whole.len() % 4);
            forms.extend(whole.get(from..to).map(str::to_owned));
        }
    }
    forms.sort_unstable();
    forms.dedup();
    forms.into_iter().map(String::into_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_value_is_found_and_nothing_else() {
        let value = "glpat-a.b+c/d=\"e\"_0123456789";
        let mut needles = Needles::default();
        needles.learn(&[value.to_owned()]);
        let inside = |before: &str| STANDARD.encode(format!("{before}{value}:and more"));
        let percent: String = value.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
        let reversed: String = value.chars().rev().collect();
        let json = serde_json::json!({ "token": value }).to_string();
        for text in [format!("say {value}."), json, inside(""), inside("u"), inside("me"), percent, reversed] {
            assert!(needles.any_in(&text), "{text}");
        }
        assert!(!needles.any_in("glpat-a.b+c/d and nothing else"));
    }

    #[test]
    fn values_that_come_later_are_found_too() {
        let mut needles = Needles::default();
        let mut values = vec!["the-first-of-them".to_owned()];
        needles.learn(&values);
        assert!(!needles.any_in("say the-second-of-them"));
        values.push("the-second-of-them".to_owned());
        needles.learn(&values);
        assert!(needles.any_in("say the-second-of-them") && needles.any_in("say the-first-of-them"));
    }
}
