//! `github/user-token`: the pair of a GitHub App's user. The value is the refresh half, which makes the next pair and is
//! dead with it; the access half, which calls are made with, is the part `access`.
//!
//! To ask about a refresh half is to use it up, so it is known by its fingerprint; a fresh pair is proved by its access
//! half. If the answer to an exchange is lost, both halves are: a person then authorises the App again.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::TimeDelta;
use http::Method;
use http::header::ACCEPT;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::GitHub;
use crate::connection::{Connection as _, own};
use crate::http::{Answer, Call, HttpError, Retry};
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Parts, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "github/user-token",
    about: "A user token of a GitHub App with its refresh token: the one GitHub credential that rotates itself",
    succession: "replaces",
    needs: "`self: env:NAME` with the refresh token (`ghr_…`) of a user who authorised the App, best by the device \
            flow; the App's setting \"Expire user authorization tokens\" switched on. A lost answer costs the pair: a \
            person then authorises the App again",
    ttl: Ttl::Optional,
    shortest: TimeDelta::hours(8),
    rotates_itself: true,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The App's client id, such as `Iv23liA1b2c3`.
    client_id: String,
    /// Where the App's client secret is; left out for a pair that came from the device flow, which needs none.
    #[schemars(extend("format" = "source"))]
    client_secret: Option<String>,
    /// The user who authorised the App: the fresh access half must be theirs.
    user: String,
    /// Whose death counts as the token's: that of the access half after eight hours, or, where nobody is given the
    /// access half, that of the refresh half after six months.
    #[serde(default)]
    dies_with: Half,
}

/// One of the two halves.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Half {
    /// The access token (`ghu_…`).
    #[default]
    Access,
    /// The refresh token (`ghr_…`).
    Refresh,
}

/// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens>
#[derive(Deserialize)]
struct PairJson {
    access_token: TokenValue,
    expires_in: Option<i64>,
    refresh_token: TokenValue,
    refresh_token_expires_in: Option<i64>,
}

/// What this run made: the refresh half, the access half that proves it, and what is known of them.
struct Made {
    refresh: TokenValue,
    access: TokenValue,
    record: TokenRecord,
}

struct UserToken {
    github: Arc<GitHub>,
    config: Config,
    client_secret: Option<TokenValue>,
    subject: Subject,
    made: Mutex<Option<Made>>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    anyhow::ensure!(
        ground.own_login,
        "a pair rotates itself: say `self: env:NAME`, where NAME holds its refresh token"
    );
    let client_secret = config.client_secret.as_deref().map(|source| (ground.means.secret)(source)).transpose()?;
    let github = own::<GitHub>(&ground.connection)?;
    let place = format!("{} at {}", config.user.to_lowercase(), github.host());
    let subject = Subject::new(KIND.kind, &place, &config.client_id);
    Ok(Box::new(UserToken { github, config, client_secret, subject, made: Mutex::default() }))
}

impl UserToken {
    /// Changes the refresh half that we log in with for the next pair.
    async fn exchange(&self, refresh: &TokenValue) -> Result<PairJson, MintError> {
        let mut fields = vec![
            ("client_id", self.config.client_id.as_str()),
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
        ];
        fields.extend(self.client_secret.as_ref().map(|secret| ("client_secret", secret.expose())));
        let call = Call::new(Method::POST, self.github.web("login/oauth/access_token"), Retry::Once)
            .header(ACCEPT, "application/json")
            .form(&fields);
        let answer = self.github.http().send(call).await?;
        // Refusals come with status 200 too. What fails on the way says nothing about what was done.
        if let Some(code) = answer.word("/error").filter(|_| !answer.status.is_server_error()) {
            return Err(MintError::Refused(answer.refused(self.meaning(&code)).into()));
        }
        if !answer.ok() {
            return Err(MintError::from(answer.refused(self.meaning(""))));
        }
        answer.json().map_err(MintError::from)
    }

    /// <https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors>
    fn meaning(&self, code: &str) -> &'static str {
        match code {
            "bad_refresh_token" => {
                "the refresh token has expired, was revoked, or was used before: the user must authorise the App again"
            }
            "incorrect_client_credentials" if self.client_secret.is_none() => {
                "GitHub knows no such client, or wants its secret: say `client_secret:`, for only a pair of the \
                 device flow is refreshed without"
            }
            "incorrect_client_credentials" => "GitHub does not know this client, or its secret is another",
            "unsupported_grant_type" => "this server refreshes no tokens",
            _ => "an answer that is not expected here",
        }
    }

    /// Who an access half belongs to.
    async fn whose(&self, access: &TokenValue) -> Result<Answer, HttpError> {
        self.github.call_as(access, Method::GET, "user", None, Retry::Read).await
    }
}

#[async_trait]
impl Issuer for UserToken {
    fn succession(&self) -> Succession {
        Succession::Replaces
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    /// As they are now; GitHub promises neither length nor alphabet.
    fn shape(&self) -> Option<ValueShape> {
        Some(ValueShape { shortest: 40, longest: 255, marks: "_".to_owned() })
    }

    fn recognises(&self, value: &TokenValue) -> bool {
        value.expose().starts_with("ghr_")
    }

    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave> {
        let held = self.github.slot().lend().context("the refresh token is not at hand")?;
        anyhow::ensure!(
            held.expose().starts_with("ghr_"),
            "what `self:` names is no refresh token: those begin with `ghr_`, and the access token with `ghu_`"
        );
        let fixed = order.until.map_or("", |_| "; GitHub decides how long a pair lives, whatever `ttl` says");
        Ok(Leave::Unknown(format!("whether the refresh token lives shows itself only when it is used{fixed}")))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        Ok(Inventory::Blind { why: "GitHub lists no user tokens".to_owned(), id: Some(self.config.client_id.clone()) })
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let held = self.github.slot().lend();
        let held = held.context("the refresh token is not at hand").map_err(MintError::Refused)?;
        let pair = self.exchange(&held).await?;
        let life = match self.config.dies_with {
            Half::Access => pair.expires_in,
            Half::Refresh => pair.refresh_token_expires_in,
        };
        let record = TokenRecord {
            created: Some(order.now),
            expires: life.and_then(TimeDelta::try_seconds).map(|life| order.now + life),
            ..TokenRecord::named(&self.config.client_id)
        };
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(Made {
            refresh: pair.refresh_token.clone(),
            access: pair.access_token.clone(),
            record: record.clone(),
        });
        let parts = Parts::from([("access", pair.access_token)]);
        Ok(Minted { value: pair.refresh_token, parts, record })
    }

    /// Asks GitHub who the access half of a fresh pair is; its refresh half is not used.
    async fn verify(&self, value: &TokenValue) -> Proof {
        let found = {
            let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            made.as_ref()
                .filter(|made| made.refresh.same_as(value))
                .map(|made| (made.access.clone(), made.record.clone()))
        };
        let Some((access, record)) = found else {
            return Proof::Inconclusive("to ask about a refresh token is to use it up".to_owned());
        };
        let answer = match self.whose(&access).await {
            Ok(answer) => answer,
            Err(error) => return Proof::Inconclusive(error.to_string()),
        };
        match (answer.status.as_u16(), answer.word("/login")) {
            (200, Some(login)) if login.eq_ignore_ascii_case(&self.config.user) => Proof::Identity(Box::new(record)),
            // The old pair was theirs too, and is dead: what came of it is the only live one, so it is not thrown away.
            (200, Some(login)) => Proof::Inconclusive(format!(
                "the pair is of @{}, and the config says `user: {}`",
                crate::text::plain(&login),
                self.config.user
            )),
            // So it is where the access half is refused, which says nothing of the refresh half: a replica may lag.
            _ => Proof::Inconclusive(self.github.refused(&answer).to_string()),
        }
    }

    /// Only by its value, and only by a request that comes from nobody.
    async fn revoke(&self, _record: &TokenRecord, value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let value = value.context(
            "a user token is ended by its value, which is not at hand: the user takes the App off at \
             Settings → Applications → Authorized GitHub Apps",
        )?;
        super::credentials::report(&self.github, value).await
    }

    fn askable(&self) -> bool {
        false
    }

    fn parts(&self) -> &'static [&'static str] {
        &["access"]
    }
}
