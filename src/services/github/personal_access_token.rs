//! `github/personal-access-token`: made and renewed by a person in the web page, for GitHub has no API that would. It
//! is watched through the header that tells its expiry, supplied by hand, and ended in an emergency.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::GitHub;
use super::wire::{date, expiry};
use crate::connection::{Connection as _, own};
use crate::http::{Answer, Retry};
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::text;
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "github/personal-access-token",
    about: "A personal access token, which only a person can make or renew: watched, supplied, ended in an emergency",
    succession: "manual",
    needs: "`self: env:NAME` with the token itself, whatever it may do; without `self:` the token that the connection \
            logs in with is the one that is watched",
    ttl: Ttl::Optional,
    shortest: TimeDelta::days(1),
    rotates_itself: true,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// Not in GitHub's description; google/go-github reads it too.
const EXPIRY: &str = "github-authentication-token-expiration";
/// How long a reported token is looked for before it counts as alive again. GitHub names no lag.
const LAG: TimeDelta = TimeDelta::minutes(10);

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Whose token it is: what GitHub says must be the same.
    user: String,
    /// What the token is called in the web page, where a person looks for it.
    name: String,
}

struct PersonalAccessToken {
    github: Arc<GitHub>,
    config: Config,
    subject: Subject,
    /// Whether the token that was seen is a classic one, which the web page keeps apart.
    classic: Mutex<bool>,
    /// What has said in this run who it is, so that it is asked once.
    known: Mutex<Vec<(TokenValue, TokenRecord)>>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    let github = own::<GitHub>(&ground.connection)?;
    let place = format!("{} at {}", config.user.to_lowercase(), github.host());
    let subject = Subject::new(KIND.kind, &place, &config.name);
    Ok(Box::new(PersonalAccessToken { github, config, subject, classic: Mutex::default(), known: Mutex::default() }))
}

impl PersonalAccessToken {
    /// What GitHub says of a token to itself. It has no number; two of one name differ in when they die.
    fn record(&self, answer: &Answer) -> anyhow::Result<TokenRecord> {
        let expires = expiry(answer);
        let unread = expires.is_none() && answer.headers.contains_key(EXPIRY);
        anyhow::ensure!(!unread, "GitHub tells when it dies in a way that cannot be read");
        let end =
            expires.map_or_else(|| "for ever".to_owned(), |at| format!("until {}", at.format("%Y-%m-%d %H:%M:%S")));
        Ok(TokenRecord { expires, ..TokenRecord::named(format!("{} {end}", self.config.name)) })
    }

    fn known(&self) -> MutexGuard<'_, Vec<(TokenValue, TokenRecord)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, value: &TokenValue) -> Result<TokenRecord, Proof> {
        if let Some((_, record)) = self.known().iter().find(|(known, _)| known.same_as(value)) {
            return Ok(record.clone());
        }
        let answer = self.github.call_as(value, Method::GET, "user", None, Retry::Read).await;
        let answer = answer.map_err(|error| Proof::Inconclusive(error.to_string()))?;
        match (answer.status.as_u16(), answer.word("/login")) {
            (200, Some(login)) if login.eq_ignore_ascii_case(&self.config.user) => {
                *self.classic.lock().unwrap_or_else(PoisonError::into_inner) = value.expose().starts_with("ghp_");
                let record = self.record(&answer).map_err(|error| Proof::Inconclusive(format!("{error:#}")))?;
                self.known().push((value.clone(), record.clone()));
                Ok(record)
            }
            (200, Some(login)) => Err(Proof::Rejected(format!(
                "it is a token of @{}, and the config says `user: {}`",
                text::plain(&login),
                self.config.user
            ))),
            (401, _) => Err(Proof::Rejected(self.github.refused(&answer).to_string())),
            _ => Err(Proof::Inconclusive(self.github.refused(&answer).to_string())),
        }
    }

    /// Where a person makes the next one.
    fn page(&self) -> String {
        let classic = *self.classic.lock().unwrap_or_else(PoisonError::into_inner);
        self.github.web(if classic { "settings/tokens" } else { "settings/personal-access-tokens" }).to_string()
    }
}

#[async_trait]
impl Issuer for PersonalAccessToken {
    fn succession(&self) -> Succession {
        Succession::Manual
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    /// 40 characters of a classic one, 93 of a fine-grained one; GitHub promises neither.
    fn shape(&self) -> Option<ValueShape> {
        Some(ValueShape { shortest: 40, longest: 255, marks: "_".to_owned() })
    }

    fn recognises(&self, value: &TokenValue) -> bool {
        ["github_pat_", "ghp_"].iter().any(|make| value.expose().starts_with(make))
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::Unknown(format!("a person makes it at {}", self.page())))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let value = self.github.slot().lend().context("the token is not at hand")?;
        match self.ask(&value).await {
            Ok(record) => Ok(Inventory::Listed(vec![record])),
            Err(Proof::Rejected(why) | Proof::Inconclusive(why)) => Err(anyhow::anyhow!(why)),
            Err(_) => Err(anyhow::anyhow!("GitHub does not say whose token it is")),
        }
    }

    async fn mint(&self, _order: &Order<'_>) -> Result<Minted, MintError> {
        Err(MintError::Refused(anyhow::anyhow!("no API makes personal access tokens: make one at {}", self.page())))
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        match self.ask(value).await {
            Ok(record) => Proof::Identity(Box::new(record)),
            Err(proof) => proof,
        }
    }

    async fn revoke(&self, _record: &TokenRecord, value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let value = value
            .with_context(|| format!("it is ended by its value, which is not at hand: delete it at {}", self.page()))?;
        super::credentials::report(&self.github, value).await?;
        // That the report was accepted says nothing of the token.
        let answer = self.github.call_as(value, Method::GET, "user", None, Retry::Read).await?;
        if answer.status.as_u16() == 401 {
            return Ok(Ended::Ended);
        }
        let now = date(&answer).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let now =
            now.context("GitHub accepted the report, and the token still works: look again, or delete it by hand")?;
        Ok(Ended::NotYet { until: now + LAG })
    }

    /// Where to click, and what dies with it.
    fn advice(&self, live: Option<&TokenRecord>, now: DateTime<Utc>) -> Vec<String> {
        let mut notes = Vec::new();
        match live.map(|live| live.expires) {
            Some(Some(dies)) if dies - now < TimeDelta::days(30) => notes.push(format!(
                "it dies {}: @{} renews `{}` at {}, and hands the new one to `tokenwheel supply`",
                text::when(dies, now),
                self.config.user,
                self.config.name,
                self.page()
            )),
            Some(None) => notes.push(format!(
                "it never dies by itself, save when nobody uses it for a year: give it an expiry at {}",
                self.page()
            )),
            Some(Some(_)) | None => {}
        }
        if live.is_some() {
            notes.push("deploy keys that were made with it are deleted with it".to_owned());
        }
        notes
    }
}
