//! `github/deploy-key`: a pair is made here, its public half is given to one repository, and its private half is the
//! value. The new key works beside the old one, which is deleted afterwards.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};
use zeroize::Zeroizing;

use super::GitHub;
use super::place::owner_and_name;
use crate::connection::{Connection as _, Means, own};
use crate::http::{HttpError, Retry};
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Parts, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "github/deploy-key",
    about: "A deploy key of one repository: an ed25519 pair made here, of which the private half is the value",
    succession: "overlaps",
    needs: "permission `administration: write` on the repository (classic scope `repo`); of an App rather than of a \
            person, for GitHub deletes a deploy key with the personal token that made it",
    ttl: Ttl::Optional,
    shortest: TimeDelta::minutes(10),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The repository, such as `acme/app`.
    repository: String,
    /// The title of the key. All deploy keys of this title in the repository are taken for this token.
    title: String,
    /// Whether it may only read; as the key that it follows by default, and the first one may only read.
    read_only: Option<bool>,
    /// `true` makes the first one, where there is none of this title.
    create: Option<bool>,
}

/// <https://docs.github.com/en/rest/deploy-keys/deploy-keys>
#[derive(Deserialize, Clone)]
struct KeyJson {
    id: u64,
    key: String,
    title: String,
    created_at: DateTime<Utc>,
    read_only: bool,
    last_used: Option<DateTime<Utc>>,
    /// An organization can switch all of them off. Missing from older servers.
    #[serde(default = "yes")]
    enabled: bool,
}

const fn yes() -> bool {
    true
}

impl KeyJson {
    fn record(&self) -> TokenRecord {
        TokenRecord {
            created: Some(self.created_at),
            last_used: self.last_used,
            ..TokenRecord::named(self.id.to_string())
        }
    }
}

/// A fresh pair: the private half as OpenSSH writes it, and the public half.
struct Pair {
    private: TokenValue,
    public: String,
}

impl Pair {
    fn of(seed: &[u8; 32], comment: &str) -> anyhow::Result<Self> {
        let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(seed));
        // What the crate says of a key has nothing of the key in it; it is left out all the same.
        let whole = || -> Result<_, ssh_key::Error> {
            let key = PrivateKey::new(pair, comment)?;
            Ok((key.to_openssh(LineEnding::LF)?, key.public_key().to_openssh()?))
        };
        let (private, public) = whole().map_err(|_| anyhow::anyhow!("no key pair could be made"))?;
        let private = TokenValue::of_lines(&private).context("the private key cannot be held")?;
        Ok(Self { private, public })
    }

    fn random(means: &Means, comment: &str) -> anyhow::Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        (means.random)(&mut *seed);
        Self::of(&seed, comment)
    }
}

/// The public half of a private key, without its comment.
fn public_half(value: &TokenValue) -> Option<String> {
    let key = PrivateKey::from_openssh(value.expose()).ok()?;
    Some(bare(&key.public_key().to_openssh().ok()?))
}

/// The kind and the key, without the comment, of which GitHub keeps none.
fn bare(public: &str) -> String {
    public.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

struct DeployKey {
    github: Arc<GitHub>,
    means: Means,
    base: String,
    config: Config,
    subject: Subject,
    /// What this run made.
    made: Mutex<Option<u64>>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    anyhow::ensure!(
        !config.title.trim().is_empty() && !config.title.chars().any(char::is_control),
        "`title` must be one line: it is by its title that the key is found"
    );
    anyhow::ensure!(config.create != Some(false), "`create` is left out where nothing is to be made");
    let github = own::<GitHub>(&ground.connection)?;
    let (base, place) = github.repository(&config.repository)?;
    let (owner, name) = owner_and_name(&config.repository)?;
    github.need(owner, Some(name), "administration", true)?;
    let subject = Subject::new(KIND.kind, &format!("{place} at {}", github.host()), &config.title);
    let means = ground.means.clone();
    Ok(Box::new(DeployKey { github, means, base: format!("{base}/keys"), config, subject, made: Mutex::default() }))
}

impl DeployKey {
    /// All keys of the title, newest first.
    async fn keys(&self) -> Result<Vec<KeyJson>, HttpError> {
        let all = self.github.list::<KeyJson>(&self.base).await?;
        let mut keys: Vec<KeyJson> = all.into_iter().filter(|key| key.title == self.config.title).collect();
        keys.sort_by_key(|key| std::cmp::Reverse((key.created_at, key.id)));
        Ok(keys)
    }

    /// What GitHub shows for this public half. What this run made is asked for by its number.
    async fn shown(&self, public: &str) -> Result<Option<KeyJson>, HttpError> {
        let made = *self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = made {
            let answer = self.github.call(Method::GET, &format!("{}/{id}", self.base), None, Retry::Read).await?;
            if !answer.ok() && answer.status.as_u16() != 404 {
                return Err(self.github.refused(&answer));
            }
            let key = if answer.ok() { Some(answer.json::<KeyJson>()?) } else { None };
            if let Some(key) = key.filter(|key| bare(&key.key) == public) {
                return Ok(Some(key));
            }
        }
        Ok(self.keys().await?.into_iter().find(|key| bare(&key.key) == public))
    }

    /// Whether the next key may only read.
    async fn read_only(&self, follows: Option<&TokenRecord>) -> anyhow::Result<bool> {
        if let Some(wanted) = self.config.read_only {
            return Ok(wanted);
        }
        let Some(old) = follows else { return Ok(true) };
        let keys = self.keys().await?;
        let found = keys.iter().find(|key| key.id.to_string() == old.id).map(|key| key.read_only);
        found.context("what the old key may do cannot be read any more: say `read_only:`")
    }
}

#[async_trait]
impl Issuer for DeployKey {
    fn succession(&self) -> Succession {
        Succession::Overlaps
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        let pair = Pair::of(&[0; 32], &self.config.title).ok()?;
        // Of one title all have one length; that the marks of base64 all occur in this one is chance.
        Some(ValueShape { marks: "\n +-/=".to_owned(), ..pair.private.shape() })
    }

    /// A private key that OpenSSH wrote. Only its public half is compared with what GitHub lists; nothing is sent.
    fn recognises(&self, value: &TokenValue) -> bool {
        public_half(value).is_some()
    }

    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave> {
        self.read_only(order.follows).await?;
        self.github.may("administration").await
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        Ok(Inventory::Listed(self.keys().await?.iter().map(KeyJson::record).collect()))
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let read_only = self.read_only(order.follows).await.map_err(MintError::Refused)?;
        let pair = Pair::random(&self.means, &self.config.title).map_err(MintError::Refused)?;
        let public =
            TokenValue::new(&pair.public).context("the public key cannot be held").map_err(MintError::Refused)?;
        let body = json!({ "title": self.config.title, "key": pair.public, "read_only": read_only });
        let answer = self.github.call(Method::POST, &self.base, Some(body), Retry::Once).await?;
        if !answer.ok() {
            return Err(MintError::from(self.github.refused(&answer)));
        }
        let key: KeyJson = answer.json()?;
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.id);
        Ok(Minted { value: pair.private, parts: Parts::from([("public", public)]), record: key.record() })
    }

    /// GitHub shows public halves only: that of the value is among them, or it is not.
    async fn verify(&self, value: &TokenValue) -> Proof {
        let Some(public) = public_half(value) else {
            return Proof::Rejected("it is no private key that OpenSSH wrote".to_owned());
        };
        match self.shown(&public).await {
            Ok(Some(key)) if key.enabled => Proof::Matched(Box::new(key.record())),
            Ok(Some(_)) => {
                Proof::Inconclusive("GitHub has the key, and the organization has switched deploy keys off".to_owned())
            }
            Ok(None) => Proof::Rejected("GitHub lists no deploy key of this title with its public half".to_owned()),
            Err(error) => Proof::Inconclusive(error.to_string()),
        }
    }

    async fn revoke(&self, record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let id: u64 = record.id.parse().context("the ledger's record of the key has no number")?;
        let answer = self.github.call(Method::DELETE, &format!("{}/{id}", self.base), None, Retry::Put).await?;
        match answer.status.as_u16() {
            // A login without rights gets 404 too: but such a one could not have listed the key either.
            200..=299 | 404 => Ok(Ended::Ended),
            _ => Err(self.github.refused(&answer).into()),
        }
    }

    fn parts(&self) -> &'static [&'static str] {
        &["public"]
    }

    /// <https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens>
    fn advice(&self, _live: Option<&TokenRecord>, _now: DateTime<Utc>) -> Vec<String> {
        let of_a_person =
            |login: TokenValue| ["ghp_", "github_pat_"].iter().any(|make| login.expose().starts_with(make));
        let dies_with_it = self.github.slot().lend().is_some_and(of_a_person);
        let what = "GitHub deletes a deploy key with the personal token that made it: log in as an App, or let a new \
                    token make new keys before the old one goes";
        if dies_with_it { vec![what.to_owned()] } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_is_found_again_in_the_private_one() {
        let pair = Pair::of(&[7; 32], "nightly deploys").unwrap();
        assert!(pair.private.expose().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert!(pair.private.expose().ends_with("-----END OPENSSH PRIVATE KEY-----\n"));
        assert_eq!(pair.public.split(' ').next(), Some("ssh-ed25519"));
        assert!(pair.public.ends_with(" nightly deploys"));
        assert_eq!(public_half(&pair.private), Some(bare(&pair.public)));
    }

    #[test]
    fn pairs_of_one_title_have_one_length() {
        let lengths: Vec<usize> =
            (0..20).map(|seed| Pair::of(&[seed; 32], "deploy").unwrap().private.shape().longest).collect();
        assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
    }

    #[test]
    fn what_is_no_key_has_no_public_half() {
        for text in ["glpat-abc", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"] {
            assert!(public_half(&TokenValue::of_lines(text).unwrap()).is_none());
        }
    }
}
