//! Values that are encrypted to age keys: what their owners alone can open. <https://age-encryption.org/v1>

use std::io::{Read as _, Write as _};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::x25519::Recipient;
use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::token::{Minted, TokenRecord, TokenValue};

/// What age adds to a text: its header, and some lines for each recipient.
const OVERHEAD: usize = 512;

/// The public keys of everyone who is to open it: any one of their private keys suffices.
pub(crate) struct Recipients(Vec<Recipient>);

impl Recipients {
    /// Reads public keys. What is none is not repeated: it may be a private one.
    pub(crate) fn read(texts: &[String]) -> anyhow::Result<Self> {
        anyhow::ensure!(!texts.is_empty(), "`recipients` must not be empty: nobody could ever open it");
        texts.iter().map(|text| recipient(text.trim())).collect::<anyhow::Result<_>>().map(Self)
    }

    /// How large a text of that many bytes becomes.
    pub(crate) fn room(&self, length: usize) -> usize {
        (length + OVERHEAD * (self.0.len() + 1)) / 3 * 4
    }

    /// Encrypts a text, anew each time, with keys of the machine's own randomness.
    pub(crate) fn seal(&self, text: &[u8]) -> anyhow::Result<Vec<u8>> {
        let recipients = self.0.iter().map(|recipient| {
            let recipient: &dyn age::Recipient = recipient;
            recipient
        });
        let mut sealed = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
        let mut inside = age::Encryptor::with_recipients(recipients)?.wrap_output(&mut sealed)?;
        inside.write_all(text)?;
        inside.finish()?;
        Ok(sealed.finish()?)
    }

    /// Encrypts a value alone.
    pub(crate) fn seal_value(&self, value: &TokenValue) -> anyhow::Result<Vec<u8>> {
        self.seal(value.expose().as_bytes())
    }
}

/// A key of age itself. One of a plugin would have that program run in the job, with the job's environment, in which the
/// refreshers are.
fn recipient(text: &str) -> anyhow::Result<Recipient> {
    anyhow::ensure!(
        !text.to_uppercase().starts_with("AGE-SECRET-KEY-"),
        "`recipients` takes public keys, and one of these is a private one: take it out, and regard it as leaked"
    );
    anyhow::ensure!(
        text.parse::<age::plugin::Recipient>().is_err(),
        "`recipients` takes no keys of age plugins, for the plugin would be given this job's environment, refreshers and \
         all: make a native key with `age-keygen`, and keep its private half where you like"
    );
    let none = || anyhow::anyhow!("`recipients` takes public age keys such as `age1…`, and one of these is none");
    text.parse().map_err(|_| none())
}

/// Decrypts a text with one of the identities of an age identity file. `callbacks` ask for the PIN of a plugin.
pub(crate) fn open(
    sealed: &[u8],
    identities: &str,
    callbacks: impl age::Callbacks,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let file = age::IdentityFile::from_buffer(identities.as_bytes())?.with_callbacks(callbacks);
    let identities = file.into_identities()?;
    let decryptor = age::Decryptor::new_buffered(ArmoredReader::new(sealed)).context("it is no sealed value")?;
    let identities = identities.iter().map(|identity| {
        let identity: &dyn age::Identity = identity.as_ref();
        identity
    });
    let mut inside = decryptor.decrypt(identities).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => anyhow::anyhow!("it was not sealed to any of these identities"),
        other => other.into(),
    })?;
    // Room from the start: a buffer that grows leaves what it held behind.
    let mut text = Zeroizing::new(Vec::with_capacity(sealed.len()));
    inside.read_to_end(&mut text).context("it is cut short, or was changed")?;
    Ok(text)
}

/// A value with all that is needed to deliver it later: what is encrypted for a rescue.
pub struct Envelope {
    /// The token of the config.
    pub(crate) token: String,
    /// What makes it that token at its issuer.
    pub(crate) subject: String,
    /// When it was minted, by the clock of the run.
    pub(crate) minted: DateTime<Utc>,
    /// What is known of it.
    pub(crate) record: TokenRecord,
    /// The value.
    pub(crate) value: TokenValue,
    /// What was minted with it, by name.
    pub(crate) parts: Vec<(String, TokenValue)>,
}

const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    token: &'a str,
    subject: &'a str,
    minted: DateTime<Utc>,
    id: &'a str,
    created: Option<DateTime<Utc>>,
    expires: Option<DateTime<Utc>>,
    value: &'a str,
    parts: Vec<(&'a str, &'a str)>,
}

#[derive(Deserialize)]
struct Read {
    version: u32,
    token: String,
    subject: String,
    minted: DateTime<Utc>,
    id: String,
    created: Option<DateTime<Utc>>,
    expires: Option<DateTime<Utc>>,
    value: Zeroizing<String>,
    parts: Vec<(String, Zeroizing<String>)>,
}

/// The text of an envelope around what was just minted.
pub(crate) fn envelope(
    token: &str,
    subject: &str,
    minted: &Minted,
    now: DateTime<Utc>,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let (value, record) = (minted.value.expose(), &minted.record);
    let written = Written {
        version: VERSION,
        token,
        subject,
        minted: now,
        id: &record.id,
        created: record.created,
        expires: record.expires,
        value,
        parts: minted.parts.iter().map(|(name, part)| (*name, part.expose())).collect(),
    };
    let parts: usize = minted.parts.values().map(|part| part.expose().len()).sum();
    // Room from the start: a buffer that grows leaves what it held behind. A line break takes two characters.
    let mut text = Zeroizing::new(Vec::with_capacity(2 * (value.len() + parts) + token.len() + subject.len() + 1024));
    serde_json::to_writer(&mut *text, &written)?;
    Ok(text)
}

impl Envelope {
    /// Reads the text of an envelope.
    pub(crate) fn read(text: &[u8]) -> anyhow::Result<Self> {
        let malformed = "it holds something else than a sealed token: a `sealed/file` holds the bare value, which `age \
                         --decrypt` shows";
        // Serde's own message could repeat a piece of the text.
        let read: Read = serde_json::from_slice(text).map_err(|_| anyhow::anyhow!(malformed))?;
        anyhow::ensure!(read.version == VERSION, "it was sealed by a newer tokenwheel: use that one");
        let parts = read.parts.iter().map(|(name, part)| Ok((name.clone(), TokenValue::of_lines(part)?)));
        Ok(Self {
            token: read.token,
            subject: read.subject,
            minted: read.minted,
            record: TokenRecord { created: read.created, expires: read.expires, ..TokenRecord::named(read.id) },
            value: TokenValue::of_lines(&read.value)?,
            parts: parts.collect::<anyhow::Result<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use age::secrecy::ExposeSecret as _;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the identity of a test")]
    fn key() -> (Recipients, String) {
        let identity = age::x25519::Identity::generate();
        let recipients = Recipients::read(&[identity.to_public().to_string()]).unwrap();
        (recipients, identity.to_string().expose_secret().to_owned())
    }

    fn minted() -> Minted {
        let value = TokenValue::of_lines("-----BEGIN K\nabc\n-----END K\n").unwrap();
        let parts = BTreeMap::from([("access", TokenValue::new("at-1").unwrap())]);
        let expires = Some("2026-06-01T00:00:00Z".parse().unwrap());
        Minted { value, parts, record: TokenRecord { expires, ..TokenRecord::named("77") } }
    }

    #[test]
    fn an_envelope_comes_back_as_it_was_and_shows_nothing_while_it_is_sealed() {
        let (recipients, identity) = key();
        let now = "2026-05-04T06:00:00Z".parse().unwrap();
        let sealed = recipients.seal(&envelope("deploy", "a subject", &minted(), now).unwrap()).unwrap();
        let text = String::from_utf8(sealed.clone()).unwrap();
        assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"), "{text}");
        assert!(!text.contains("abc") && !text.contains("at-1"));
        let opened = Envelope::read(&open(&sealed, &identity, age::NoCallbacks).unwrap()).unwrap();
        assert_eq!((opened.token.as_str(), opened.subject.as_str(), opened.minted), ("deploy", "a subject", now));
        assert_eq!((opened.record.id.as_str(), opened.record.expires), ("77", minted().record.expires));
        assert!(opened.value.same_as(&minted().value));
        assert_eq!(opened.parts.len(), 1);
        assert_eq!((opened.parts[0].0.as_str(), opened.parts[0].1.expose()), ("access", "at-1"));
    }

    #[test]
    fn what_was_sealed_to_others_or_cut_short_or_is_something_else_is_refused_in_a_sentence() {
        let ((recipients, identity), (_, other)) = (key(), key());
        let sealed = recipients.seal(b"{}").unwrap();
        let refused = |sealed: &[u8], with: &str| open(sealed, with, age::NoCallbacks).unwrap_err().to_string();
        assert_eq!(refused(&sealed, &other), "it was not sealed to any of these identities");
        assert_eq!(refused(b"abc", &identity), "it is no sealed value");
        let short = refused(&sealed[..sealed.len() - 60], &identity);
        assert!(short.contains("cut short") || short.contains("no sealed value"), "{short}");
        let bare = Envelope::read(b"glpat-hush").err().unwrap().to_string();
        assert!(bare.contains("something else") && !bare.contains("hush"), "{bare}");
    }

    #[test]
    fn a_key_that_is_none_is_refused_and_not_repeated() {
        let secret = key().1;
        for (text, what) in [(secret.as_str(), "a private one"), ("age1nothing", "one of these is none")] {
            let why = Recipients::read(&[text.to_owned()]).err().unwrap().to_string();
            assert!(why.contains(what) && !why.contains(text), "{why}");
        }
        let plugin = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t";
        assert!(Recipients::read(&[plugin.to_owned()]).err().unwrap().to_string().contains("age-keygen"));
        assert!(Recipients::read(&[]).is_err());
    }

    #[test]
    fn there_is_room_for_what_is_sealed() {
        let (recipients, _) = key();
        for length in [1, 100, 5000] {
            assert!(recipients.seal(&vec![b'x'; length]).unwrap().len() <= recipients.room(length), "{length}");
        }
    }
}
