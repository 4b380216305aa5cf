//! `gitlab/service-account-token`: a second one beside the first, of the same service account, so that nothing stands
//! still; or in place, where only that is allowed.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::TimeDelta;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitLab;
use super::access_token::{itself, may_rotate, may_rotate_itself, number, read_minted, revoke};
use super::resource_token::config;
use super::token_json::{TokenJson, expiry, named, proof};
use super::wire::Route;
use crate::connection::own;
use crate::http::Retry;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "gitlab/service-account-token",
    about: "A token of a group's service account (GitLab Premium)",
    succession: "overlaps; replaces with `in_place: true`",
    needs: "a personal access token with scope `api` of an Owner of the top-level group; for `self:`, scope \
            `self_rotate` or `api`",
    ttl: Ttl::Required,
    shortest: TimeDelta::days(2),
    rotates_itself: true,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The top-level group that the service account belongs to.
    group: String,
    /// The number of the service account's user.
    account: u64,
    /// Its name at GitLab.
    name: String,
    /// Rotate it in place instead of making a second one.
    #[serde(default)]
    in_place: bool,
    /// Make the first one, with this, where none lives.
    create: Option<Create>,
}

/// What the first token of a name gets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// Its scopes.
    scopes: Vec<String>,
}

struct ServiceAccountToken {
    gitlab: Arc<GitLab>,
    config: Config,
    base: String,
    own_login: bool,
    subject: Subject,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = config(keys)?;
    let gitlab = own::<GitLab>(&ground.connection)?;
    let (group, place) = gitlab.place("groups", &config.group);
    let place = format!("service account {} of {place} at {}", config.account, gitlab.host);
    let subject = Subject::new(KIND.kind, &place, &config.name);
    let base = format!("{group}/service_accounts/{}/personal_access_tokens", config.account);
    Ok(Box::new(ServiceAccountToken { gitlab, config, base, own_login: ground.own_login, subject }))
}

impl ServiceAccountToken {
    fn rotates_in_place(&self) -> bool {
        self.config.in_place || self.own_login
    }

    async fn tokens(&self) -> anyhow::Result<Vec<TokenJson>> {
        let route = Route::get(self.base.clone()).query("state", "active");
        let listing = self.gitlab.list(&route).await;
        let told = || format!("the tokens of service account {} cannot be listed", self.config.account);
        named(&listing.with_context(told)?, &self.config.name)
    }

    /// The scopes that a new one gets: those of the one it follows.
    async fn scopes(&self, order: &Order<'_>) -> anyhow::Result<Vec<String>> {
        let follows = order.follows.map(|follows| follows.id.as_str());
        let old = self.tokens().await?.into_iter().find(|token| follows == Some(token.id.to_string().as_str()));
        match (old, &self.config.create) {
            (Some(old), _) => Ok(old.scopes),
            (None, Some(create)) => Ok(create.scopes.clone()),
            (None, None) => anyhow::bail!("there is none whose scopes a new one could take"),
        }
    }
}

#[async_trait]
impl Issuer for ServiceAccountToken {
    fn succession(&self) -> Succession {
        if self.rotates_in_place() { Succession::Replaces } else { Succession::Overlaps }
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        Some(GitLab::shape())
    }

    fn recognises(&self, value: &TokenValue) -> bool {
        self.gitlab.recognises(value)
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        let me = self.gitlab.me().await?;
        if self.own_login { may_rotate_itself(&me) } else { may_rotate(&me) }
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        if self.own_login {
            return Ok(itself(&self.gitlab.me().await?, &self.config.name));
        }
        Ok(Inventory::Listed(self.tokens().await?.iter().map(TokenJson::record).collect()))
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        // Never on a rotate path with a credential that has not answered `GET self` in this run.
        self.gitlab.me().await.map_err(|error| MintError::Refused(error.into()))?;
        let expires_at = expiry(order);
        let route = match order.follows {
            Some(_) if self.own_login => {
                Route::post("personal_access_tokens/self/rotate".to_owned(), json!({ "expires_at": expires_at }))
            }
            Some(follows) if self.rotates_in_place() => {
                let id = number(follows).map_err(MintError::Refused)?;
                Route::post(format!("{}/{id}/rotate", self.base), json!({ "expires_at": expires_at }))
            }
            _ => {
                let scopes = self.scopes(order).await.map_err(MintError::Refused)?;
                let body = json!({ "name": self.config.name, "scopes": scopes, "expires_at": expires_at });
                Route::post(self.base.clone(), body)
            }
        };
        read_minted(self.gitlab.call(&route, Retry::Once).await)?.minted()
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        proof(self.gitlab.whose(value).await, |token| {
            token.name == self.config.name && token.user_id == Some(self.config.account)
        })
    }

    async fn revoke(&self, record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let route = Route::delete(format!("{}/{}", self.base, number(record)?));
        revoke(&self.gitlab, record, &route).await
    }
}
