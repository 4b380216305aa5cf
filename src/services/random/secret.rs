//! `random/secret`: made here, for those who share it: a webhook's sender and its receiver, a signer and its verifiers.
//!
//! Nobody can be asked about such a value, so the ledger's fingerprint alone tells the live one from others, and no
//! request is ever made. Receivers are given it first (`first: true`), so that what the senders send is understood.

use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{SecondsFormat, TimeDelta};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::connection::Means;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Parts, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "random/secret",
    about: "A secret that is made here: shared webhook secrets, signing keys, passwords",
    succession: "overlaps",
    needs: "nothing: no service is asked; `ttl` is how long it is meant to be used, and nobody but its holders ends it",
    ttl: Ttl::Required,
    shortest: TimeDelta::minutes(10),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The fewest random bytes: 128 bits, which nobody guesses.
const FEWEST: usize = 16;
/// The most: what signs with more hashes it first.
const MOST: usize = 64;
/// The fewest of a `whsec_` secret: <https://github.com/standard-webhooks/standard-webhooks>
const FEWEST_OF_WHSEC: usize = 24;

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What the secret is called; two tokens of one name are refused.
    name: String,
    /// How it is written.
    #[serde(default)]
    form: Form,
    /// How many random bytes are in it: 16 to 64, and at least 24 in the form `whsec`; 32 by default.
    bytes: Option<usize>,
    /// `true` makes the first one, where no destination holds any.
    create: Option<bool>,
}

/// How a secret is written.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Form {
    /// Hexadecimal digits, two a byte.
    #[default]
    Hex,
    /// Base64 with padding: `+`, `/` and `=` may occur in it.
    Base64,
    /// Base64 for addresses, without padding: `-` and `_` may occur in it.
    Base64url,
    /// Letters and digits only, as many as it takes to be worth that many bytes: for passwords.
    Letters,
    /// `whsec_` and base64, as the Standard Webhooks specification and GitLab's signing tokens want it.
    Whsec,
}

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Fills a buffer with random bytes.
type Dice = dyn Fn(&mut [u8]) + Send + Sync;

impl Form {
    /// Writes that many random bytes.
    fn write(self, bytes: usize, dice: &Dice) -> anyhow::Result<TokenValue> {
        let drawn = || {
            let mut drawn = Zeroizing::new(vec![0; bytes]);
            dice(&mut drawn);
            drawn
        };
        let text = Zeroizing::new(match self {
            Self::Letters => letters(bytes, dice)?,
            Self::Hex => crate::text::hex(drawn().iter().copied()),
            Self::Base64 => STANDARD.encode(&*drawn()),
            Self::Base64url => URL_SAFE_NO_PAD.encode(&*drawn()),
            Self::Whsec => format!("whsec_{}", STANDARD.encode(&*drawn())),
        });
        TokenValue::new(&text).context("the secret that was made cannot be held")
    }

    fn length(self, bytes: usize) -> usize {
        match self {
            Self::Hex => bytes * 2,
            Self::Base64 => bytes.div_ceil(3) * 4,
            Self::Base64url => (bytes * 4).div_ceil(3),
            Self::Letters => letters_for(bytes),
            Self::Whsec => "whsec_".len() + bytes.div_ceil(3) * 4,
        }
    }

    const fn marks(self) -> &'static str {
        match self {
            Self::Hex | Self::Letters => "",
            Self::Base64 => "+/=",
            Self::Base64url => "-_",
            Self::Whsec => "+/=_",
        }
    }
}

/// How many of 62 letters and digits are worth that many bytes: each is worth a little more than 5.95 bits.
const fn letters_for(bytes: usize) -> usize {
    (bytes * 800).div_ceil(595)
}

/// Each letter with the same chance: a byte that would favour some is drawn anew.
fn letters(bytes: usize, dice: &Dice) -> anyhow::Result<String> {
    let mut text = String::with_capacity(letters_for(bytes));
    let mut drawn = Zeroizing::new([0_u8; 64]);
    // A source that gives nothing but such bytes is none; by chance it takes longer than the age of the world.
    for _ in 0..64 {
        dice(&mut *drawn);
        let fair = drawn.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 63)));
        text.extend(fair.map(|letter| char::from(*letter)).take(letters_for(bytes) - text.len()));
        if text.len() == letters_for(bytes) {
            return Ok(text);
        }
    }
    anyhow::bail!("the source of randomness gives nothing that a secret could be made of")
}

struct RandomSecret {
    config: Config,
    bytes: usize,
    means: Means,
    subject: Subject,
    /// What this run made.
    made: Mutex<Option<(TokenValue, TokenRecord)>>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    anyhow::ensure!(config.create != Some(false), "`create` is left out where nothing is to be made");
    let bytes = config.bytes.unwrap_or(32);
    let fewest = if config.form == Form::Whsec { FEWEST_OF_WHSEC } else { FEWEST };
    anyhow::ensure!((fewest..=MOST).contains(&bytes), "`bytes` must be {fewest} to {MOST} in this form, not {bytes}");
    let subject = Subject::new(KIND.kind, "this wheel", &config.name);
    Ok(Box::new(RandomSecret { config, bytes, means: ground.means.clone(), subject, made: Mutex::default() }))
}

impl RandomSecret {
    fn draw(&self, order: &Order<'_>) -> anyhow::Result<Minted> {
        let value = self.config.form.write(self.bytes, &*self.means.random)?;
        // Two are never made at one time: a run makes one, and runs are parted by the lease.
        let id = order.now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let record = TokenRecord { created: Some(order.now), expires: order.until, ..TokenRecord::named(id) };
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some((value.clone(), record.clone()));
        Ok(Minted { value, record, parts: Parts::new() })
    }
}

#[async_trait]
impl Issuer for RandomSecret {
    fn succession(&self) -> Succession {
        Succession::Overlaps
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        let length = self.config.form.length(self.bytes);
        Some(ValueShape { shortest: length, longest: length, marks: self.config.form.marks().to_owned() })
    }

    /// It is compared with fingerprints and sent nowhere.
    fn recognises(&self, value: &TokenValue) -> bool {
        let (shape, length) = (value.shape(), self.config.form.length(self.bytes));
        shape.longest == length && shape.marks.chars().all(|mark| self.config.form.marks().contains(mark))
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::May)
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        Ok(Inventory::Blind { why: "it was made here, and nobody keeps a list".to_owned(), id: None })
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        self.draw(order).map_err(MintError::Refused)
    }

    /// Only what this run made can be known.
    async fn verify(&self, value: &TokenValue) -> Proof {
        match &*self.made.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((made, record)) if made.same_as(value) => Proof::Matched(Box::new(record.clone())),
            _ => Proof::Inconclusive("it was made here, and nobody can be asked about it".to_owned()),
        }
    }

    /// Nobody can end it but those who hold it: once every destination has the next one, it means nothing.
    async fn revoke(&self, _record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        anyhow::bail!(
            "nobody can end a shared secret but those who hold it: \
             `rotate --only NAME --force --reason TEXT` gives them the next one"
        )
    }

    fn ends_tokens(&self) -> bool {
        false
    }

    fn askable(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that count up, so that each is drawn.
    fn counting() -> impl Fn(&mut [u8]) + Send + Sync {
        let next = Mutex::new(0_u8);
        move |buffer: &mut [u8]| {
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            for byte in buffer {
                *byte = *next;
                *next = next.wrapping_add(1);
            }
        }
    }

    const FORMS: [Form; 5] = [Form::Hex, Form::Base64, Form::Base64url, Form::Letters, Form::Whsec];

    #[test]
    fn a_secret_has_the_length_and_the_marks_that_were_announced() {
        for form in FORMS {
            for bytes in FEWEST..=MOST {
                let shape = form.write(bytes, &counting()).unwrap().shape();
                assert_eq!(shape.longest, form.length(bytes), "{bytes} bytes");
                assert!(shape.marks.chars().all(|mark| form.marks().contains(mark)), "{bytes} bytes");
            }
        }
    }

    #[test]
    fn a_whsec_secret_is_its_prefix_and_the_bytes_in_base64() {
        let value = Form::Whsec.write(32, &|buffer: &mut [u8]| buffer.fill(7)).unwrap();
        let text = value.expose().strip_prefix("whsec_").unwrap();
        assert_eq!(STANDARD.decode(text).unwrap(), [7; 32]);
    }

    #[test]
    fn every_letter_has_the_same_chance() {
        // All 256 bytes are drawn the same number of times, and each of the 62 letters comes of four of them.
        let dice = counting();
        let mut counts = std::collections::BTreeMap::new();
        let mut drawn = Zeroizing::new([0_u8; 256]);
        dice(&mut *drawn);
        for letter in drawn.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 63))) {
            *counts.entry(*letter).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| *count == 4));
    }

    #[test]
    fn letters_are_worth_the_bytes_that_were_asked_for() {
        for bytes in FEWEST..=MOST {
            let bits = 62_f64.log2() * f64::from(u16::try_from(letters_for(bytes)).unwrap());
            assert!(bits >= f64::from(u16::try_from(bytes * 8).unwrap()), "{bytes} bytes");
        }
    }

    #[test]
    fn a_source_that_gives_nothing_of_use_makes_no_secret() {
        assert!(Form::Letters.write(32, &|buffer: &mut [u8]| buffer.fill(63)).is_err());
    }
}
