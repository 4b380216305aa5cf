//! What a token is: its value, which nobody may see, and its record, which everybody may.

mod form;

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::text;
pub use form::{Form, Template};

/// The one type that holds a token's value, with one door out: [`TokenValue::expose`].
///
/// It has no `Display`, no `Serialize`, and a `Debug` that shows nothing. Its memory is zeroised when it is dropped.
#[derive(Clone)]
pub struct TokenValue(SecretString);

impl TokenValue {
    /// Takes a value in, refusing what no service issues: an empty one, or one with line breaks or other control
    /// characters in it. White space around it, which an editor or `echo` adds, is taken off.
    pub fn new(value: &str) -> Result<Self, BadValue> {
        let trimmed = value.trim();
        if trimmed.is_empty() {
            return Err(BadValue::Empty);
        }
        if trimmed.chars().any(char::is_control) {
            return Err(BadValue::ControlCharacter);
        }
        Ok(Self(SecretString::from(trimmed)))
    }

    /// Takes in a value that may have several lines: a private key in PEM, a file in a shape of its own. Such a value
    /// ends with one line break, for there are readers of keys that refuse one without. A header never carries it.
    pub fn of_lines(text: &str) -> Result<Self, BadValue> {
        let trimmed = text.trim();
        if !trimmed.contains('\n') {
            return Self::new(trimmed);
        }
        if trimmed.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(BadValue::ControlCharacter);
        }
        let mut lines = zeroize::Zeroizing::new(trimmed.replace("\r\n", "\n"));
        lines.push('\n');
        Ok(Self(SecretString::from(lines.as_str())))
    }

    /// Takes in what somebody handed over: a PEM text with its lines, anything else as one line.
    pub fn handed(text: &str) -> Result<Self, BadValue> {
        if text.trim_start().starts_with("-----BEGIN ") { Self::of_lines(text) } else { Self::new(text) }
    }

    /// The one door: called only where the value goes on the wire or into its destination.
    #[expect(clippy::disallowed_methods, reason = "the one door")]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// A keyed digest by which the ledger recognises this value without holding it.
    pub fn fingerprint(&self, salt: &Salt) -> Fingerprint {
        // HMAC takes a key of any length, so this cannot fail; a constant stands in rather than a panic.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&salt.0) else { return Fingerprint(String::new()) };
        mac.update(self.expose().as_bytes());
        Fingerprint(text::hex(mac.finalize().into_bytes().into_iter().take(16)))
    }

    /// What a value of this make looks like, for rehearsals of values that do not exist yet.
    pub fn shape(&self) -> ValueShape {
        let mut marks: Vec<char> = self.expose().chars().filter(|c| !c.is_ascii_alphanumeric()).collect();
        marks.sort_unstable();
        marks.dedup();
        let length = self.expose().chars().count();
        ValueShape { shortest: length, longest: length, marks: marks.into_iter().collect() }
    }

    /// Whether the value stands in a text.
    pub fn is_in(&self, text: &str) -> bool {
        text.contains(self.expose())
    }

    /// Whether both hold the same value.
    pub fn same_as(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// From an answer straight into its type, so that it stands nowhere else. There is no way back: no `Serialize`.
impl<'de> Deserialize<'de> for TokenValue {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = zeroize::Zeroizing::new(String::deserialize(from)?);
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for TokenValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenValue(hidden)")
    }
}

/// Why a string cannot be a token's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// A line break inside would end up in a header, where it breaks the request.
    #[error("it holds a line break or another control character")]
    ControlCharacter,
}

/// What the value of a token will look like: enough to know, before it exists, whether a destination takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueShape {
    /// The least number of characters.
    pub shortest: usize,
    /// The greatest number of characters.
    pub longest: usize,
    /// Every character besides ASCII letters and digits that may occur in it.
    pub marks: String,
}

/// The key of the fingerprints of one ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Salt([u8; 16]);

impl Salt {
    /// Makes a salt of random bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl From<Salt> for String {
    fn from(salt: Salt) -> Self {
        text::hex(salt.0)
    }
}

impl TryFrom<String> for Salt {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return Err("a salt is 32 hexadecimal digits");
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(at * 2..at * 2 + 2).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).map_err(|_| "a salt is 32 hexadecimal digits")?;
        }
        Ok(Self(bytes))
    }
}

/// A keyed digest of a value: equal fingerprints of one ledger mean equal values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

/// What makes it *this* token at its issuer: host, owner, name. Two tokens of one subject are refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(String);

impl Subject {
    /// Names a subject; `place` is the host and the owner, `name` what the issuer knows the token by.
    pub fn new(kind: &str, place: &str, name: &str) -> Self {
        Self(format!("{kind} {name:?} of {place}"))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of a token that exists. Never the value, save where the issuer itself goes on showing it.
#[derive(Clone)]
pub struct TokenRecord {
    /// What the issuer calls it; for an issuer that regenerates in place it stays the same for ever.
    pub id: String,
    /// When it was made, or last regenerated.
    pub created: Option<DateTime<Utc>>,
    /// When it dies by itself; `None` is never, or not known.
    pub expires: Option<DateTime<Utc>>,
    /// When it was last used, as far as the issuer tells.
    pub last_used: Option<DateTime<Utc>>,
    /// Whose rights it carries, where that can change at a rotation.
    pub acts_as: Option<String>,
    /// What the issuer still shows of its value (GitLab's trigger tokens): all of it to their creator.
    pub shown: Option<TokenValue>,
}

impl TokenRecord {
    /// A record of which only the name is known.
    pub fn named(id: impl Into<String>) -> Self {
        Self { id: id.into(), created: None, expires: None, last_used: None, acts_as: None, shown: None }
    }

    /// How long the issuer really granted it.
    pub fn lifetime(&self) -> Option<TimeDelta> {
        Some(self.expires? - self.created?)
    }
}

/// What belongs to a value besides itself, by name: a user name, the public half of a key, an access token.
pub type Parts = BTreeMap<&'static str, TokenValue>;

/// A token fresh from its issuer: it exists, here and nowhere else.
pub struct Minted {
    /// The value, shown once.
    pub value: TokenValue,
    /// What was minted with it, under the names that [`crate::issuer::Issuer::parts`] gives.
    pub parts: Parts,
    /// What the issuer says of it.
    pub record: TokenRecord,
}

impl Minted {
    /// A value that comes alone.
    pub fn new(value: TokenValue, record: TokenRecord) -> Self {
        Self { value, parts: Parts::new(), record }
    }
}

/// What is to be minted: everything that the issuer does not know by itself.
#[derive(Clone)]
pub struct Order<'a> {
    /// The time of the run.
    pub now: DateTime<Utc>,
    /// When the new token is to die; `None` leaves it to the issuer.
    pub until: Option<DateTime<Utc>>,
    /// The token that the new one follows; `None` when none lives, which only `create:` allows.
    pub follows: Option<&'a TokenRecord>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_shows_itself_to_no_formatter() {
        let value = TokenValue::new("glpat-hush").unwrap();
        for text in [format!("{value:?}"), format!("{value:#?}"), format!("{:?}", Some(&value))] {
            assert!(!text.contains("hush"), "{text}");
        }
    }

    #[test]
    fn white_space_around_a_value_is_taken_off_and_inside_it_a_line_break_is_refused() {
        assert_eq!(TokenValue::new(" abc\n").unwrap().expose(), "abc");
        assert_eq!(TokenValue::new("a\nbc").unwrap_err(), BadValue::ControlCharacter);
        assert_eq!(TokenValue::new(" \n").unwrap_err(), BadValue::Empty);
    }

    #[test]
    fn a_text_of_several_lines_ends_with_one_line_break_however_it_came() {
        for text in ["-----BEGIN K\nabc\n-----END K", "-----BEGIN K\r\nabc\r\n-----END K\r\n\n"] {
            assert_eq!(TokenValue::handed(text).unwrap().expose(), "-----BEGIN K\nabc\n-----END K\n");
        }
        assert_eq!(TokenValue::of_lines("abc\n").unwrap().expose(), "abc");
        assert_eq!(TokenValue::handed("abc\ndef").unwrap_err(), BadValue::ControlCharacter);
        assert_eq!(TokenValue::of_lines("a\n\x1b[0m").unwrap_err(), BadValue::ControlCharacter);
    }

    #[test]
    fn fingerprints_tell_values_apart_and_depend_on_the_salt() {
        let (a, b) = (TokenValue::new("a").unwrap(), TokenValue::new("b").unwrap());
        let (one, two) = (Salt::new([1; 16]), Salt::new([2; 16]));
        assert_eq!(a.fingerprint(&one), a.clone().fingerprint(&one));
        assert_ne!(a.fingerprint(&one), b.fingerprint(&one));
        assert_ne!(a.fingerprint(&one), a.fingerprint(&two));
    }

    #[test]
    fn a_salt_survives_the_ledger() {
        let salt = Salt::new([7, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
        let text = serde_json::to_string(&salt).unwrap();
        assert_eq!(serde_json::from_str::<Salt>(&text).unwrap(), salt);
        assert!(serde_json::from_str::<Salt>("\"07\"").is_err());
    }

    #[test]
    fn the_shape_of_a_value_says_how_long_it_is_and_which_marks_it_has() {
        let shape = TokenValue::new("glpat-a.b-c").unwrap().shape();
        assert_eq!((shape.shortest, shape.longest, shape.marks.as_str()), (11, 11, "-."));
    }
}
