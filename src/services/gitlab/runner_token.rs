//! `gitlab/runner-token`: reset in place by the runner's number. The number stays, and GitLab does not say when a token
//! was last reset, so nothing is listed; whose a value is, the runner's own question tells.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use gitlab::api::runners::ResetRunnerAuthenticationToken;
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitLab;
use super::resource_token::config;
use super::wire::{Route, meaning};
use crate::connection::own;
use crate::http::{Answer, Call, HttpError, Retry};
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "gitlab/runner-token",
    about: "A runner's authentication token, reset in place; the instance says how long it lives, so say when it turns \
            with `rotate: { after: 30d }`. The old value is taken for dead at once, and the runner's `config.toml` needs the \
            new one",
    succession: "replaces",
    needs: "a personal access token with scope `manage_runner` or `api` of a Maintainer of the runner's project, an \
            Owner of its group, or an administrator for a runner of the instance",
    ttl: Ttl::Optional,
    shortest: TimeDelta::days(1),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The runner's number. Where the instance lets runners' tokens expire, GitLab Runner turns them too, at three
    /// quarters of their life: switch that off in the runner with `FF_DISABLE_AUTOMATIC_TOKEN_ROTATION`.
    runner: u64,
}

/// <https://docs.gitlab.com/api/runners/#reset-runners-authentication-token-by-using-the-runner-id>
#[derive(Deserialize)]
struct ResetJson {
    token: TokenValue,
    token_expires_at: Option<DateTime<Utc>>,
}

/// <https://docs.gitlab.com/api/runners/#verify-authentication-for-a-registered-runner>
#[derive(Deserialize)]
struct VerifyJson {
    id: u64,
    token_expires_at: Option<DateTime<Utc>>,
}

struct RunnerToken {
    gitlab: Arc<GitLab>,
    runner: u64,
    subject: Subject,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let Config { runner } = config(keys)?;
    let gitlab = own::<GitLab>(&ground.connection)?;
    let subject = Subject::new(KIND.kind, &gitlab.host, &runner.to_string());
    Ok(Box::new(RunnerToken { gitlab, runner, subject }))
}

impl RunnerToken {
    fn record(&self, expires: Option<DateTime<Utc>>) -> TokenRecord {
        TokenRecord { expires, ..TokenRecord::named(self.runner.to_string()) }
    }

    /// Asks as the runner does when it is registered: the value is all the login there is, and nothing is started.
    async fn ask(&self, value: &TokenValue) -> Result<Answer, HttpError> {
        let url = self.gitlab.api.join("runners/verify").map_err(|_| super::withheld("the path is not one"))?;
        let call = Call::new(Method::POST, url, Retry::Read).json(&json!({ "token": value.expose() }));
        self.gitlab.http.send(call).await
    }

    /// The negative control.
    async fn refuses_garbage(&self) -> bool {
        let Ok(garbage) = TokenValue::new("glrt-no-runner-has-this-one") else { return false };
        self.ask(&garbage).await.is_ok_and(|answer| refused(&answer))
    }
}

/// Whether GitLab itself says that it knows no such runner. Something before it that lets nobody pass says so in its
/// own words.
fn refused(answer: &Answer) -> bool {
    answer.status.as_u16() == 403 && answer.word("/message").is_some_and(|message| message.starts_with("403"))
}

#[async_trait]
impl Issuer for RunnerToken {
    fn succession(&self) -> Succession {
        Succession::Replaces
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        Some(GitLab::shape())
    }

    /// By its prefix: `glrt-`, `glrtr-`, or one of these after the instance's own.
    fn recognises(&self, value: &TokenValue) -> bool {
        value.expose().contains("glrt")
    }

    fn ends_tokens(&self) -> bool {
        false
    }

    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave> {
        anyhow::ensure!(
            order.until.is_none(),
            "how long a runner's token lives is a setting of the instance, so no `ttl` can be kept: take it out, and say \
             `rotate: {{ after: … }}`"
        );
        let me = self.gitlab.me().await?;
        let may = me.granular || me.scopes.iter().any(|scope| scope == "api" || scope == "manage_runner");
        anyhow::ensure!(may, "the refresher {} has neither scope manage_runner nor api", me.name);
        let answer = self.gitlab.call(&Route::get(format!("runners/{}", self.runner)), Retry::Read).await?;
        match answer.status.as_u16() {
            200 => Ok(Leave::Unknown("GitLab lets more people see a runner than reset it".to_owned())),
            404 => anyhow::bail!("there is no runner {}", self.runner),
            403 => anyhow::bail!("the refresher's user may not even see runner {}", self.runner),
            _ => Err(answer.refused(&meaning(&answer)).into()),
        }
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        Ok(Inventory::Blind {
            why: "GitLab does not say when a runner's token was last reset".to_owned(),
            id: Some(self.runner.to_string()),
        })
    }

    async fn mint(&self, _order: &Order<'_>) -> Result<Minted, MintError> {
        let reset = ResetRunnerAuthenticationToken::builder().runner(self.runner).build();
        let reset = reset.map_err(|error| MintError::Refused(error.into()))?;
        let answer = self.gitlab.call(&reset, Retry::Once).await?;
        if !answer.ok() {
            return Err(MintError::from(answer.refused(&meaning(&answer))));
        }
        let made: ResetJson = answer.json()?;
        Ok(Minted::new(made.token, self.record(made.token_expires_at)))
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        let answer = match self.ask(value).await {
            Ok(answer) => answer,
            Err(error) => return Proof::Inconclusive(error.to_string()),
        };
        match (answer.status.as_u16(), answer.json::<VerifyJson>()) {
            (200, Ok(found)) if found.id == self.runner => {
                Proof::Identity(Box::new(self.record(found.token_expires_at)))
            }
            (200, Ok(found)) => Proof::Rejected(format!("it is the token of runner {}", found.id)),
            // Before 15.8 or so, GitLab says no more than that it is some runner's.
            (200, Err(_)) if self.refuses_garbage().await => Proof::Alive,
            (200, Err(_)) => Proof::Inconclusive("GitLab answers this to garbage too".to_owned()),
            _ if refused(&answer) => {
                Proof::Rejected(answer.refused("GitLab knows no runner of this token").to_string())
            }
            _ => Proof::Inconclusive(answer.refused(&meaning(&answer)).to_string()),
        }
    }

    async fn revoke(&self, _record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        anyhow::bail!(
            "the token of runner {} ends only when it is reset, which makes the next one: \
             `rotate --only NAME --force --reason TEXT` does that",
            self.runner
        )
    }
}
