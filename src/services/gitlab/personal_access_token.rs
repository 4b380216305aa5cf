//! `gitlab/personal-access-token`: a token of a person or of a bot, found by its name.
//!
//! Rotated by its id under the refresher of the same user, or by itself; where the config names a `user` and says
//! `create`, an administrator makes a second one beside the first instead.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use gitlab::api::personal_access_tokens::{
    PersonalAccessTokenState, PersonalAccessTokens, RevokePersonalAccessToken, RotatePersonalAccessToken,
    RotatePersonalAccessTokenSelf,
};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitLab;
use super::access_token::{itself, may_rotate, may_rotate_itself, number, read_minted, revoke};
use super::token_json::{TokenJson, expiry, named, proof};
use super::wire::Route;
use crate::connection::own;
use crate::http::{HttpError, Retry};
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "gitlab/personal-access-token",
    about: "A personal access token, found by its name",
    succession: "replaces; overlaps where an administrator mints (`user:` with `create:`)",
    needs: "a personal access token of the same user with scope `api`; for `self:`, scope `self_rotate` or `api`; for \
            another `user:`, an administrator's with scope `api`",
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
    /// Its name at GitLab.
    name: String,
    /// The number of the user whose token it is; the refresher's own by default.
    user: Option<u64>,
    /// With `user`: an administrator makes each token anew, with these scopes, beside the old one.
    create: Option<Create>,
}

/// What a token made by an administrator gets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// Its scopes.
    scopes: Vec<String>,
}

struct PersonalAccessToken {
    gitlab: Arc<GitLab>,
    config: Config,
    own_login: bool,
    subject: Subject,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    let gitlab = own::<GitLab>(&ground.connection)?;
    if config.create.is_some() && config.user.is_none() {
        anyhow::bail!("`create` needs `user`: only an administrator can make a token, and must say whose");
    }
    let owner = config.user.map_or_else(|| "the refresher's user".to_owned(), |user| format!("user {user}"));
    let subject = Subject::new(KIND.kind, &format!("{owner} at {}", gitlab.host), &config.name);
    Ok(Box::new(PersonalAccessToken { gitlab, config, own_login: ground.own_login, subject }))
}

impl PersonalAccessToken {
    async fn user(&self) -> Result<Option<u64>, HttpError> {
        match self.config.user {
            Some(user) => Ok(Some(user)),
            None => Ok(self.gitlab.me().await?.user_id),
        }
    }

    fn rotate_endpoint(order: &Order<'_>, id: u64, me: u64) -> anyhow::Result<Rotate> {
        let mut own = RotatePersonalAccessTokenSelf::builder();
        let mut other = RotatePersonalAccessToken::builder();
        other.id(id);
        if let Some(date) = expiry(order) {
            own.expires_at(date);
            other.expires_at(date);
        }
        Ok(if id == me { Rotate::Own(own.build()?) } else { Rotate::Other(other.build()?) })
    }

    async fn create(&self, order: &Order<'_>, create: &Create, user: u64) -> Result<TokenJson, MintError> {
        let body = json!({ "name": self.config.name, "scopes": create.scopes, "expires_at": expiry(order) });
        let route = Route::post(format!("users/{user}/personal_access_tokens"), body);
        read_minted(self.gitlab.call(&route, Retry::Once).await)
    }
}

enum Rotate {
    Own(RotatePersonalAccessTokenSelf),
    Other(RotatePersonalAccessToken),
}

#[async_trait]
impl Issuer for PersonalAccessToken {
    fn succession(&self) -> Succession {
        if self.config.create.is_some() { Succession::Overlaps } else { Succession::Replaces }
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

    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave> {
        let me = self.gitlab.me().await?;
        let turns_itself = order.follows.is_some_and(|follows| follows.id == me.id.to_string());
        if turns_itself { may_rotate_itself(&me) } else { may_rotate(&me) }
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let me = self.gitlab.me().await?;
        if self.own_login {
            return Ok(itself(&me, &self.config.name));
        }
        if !me.granular && !me.scopes.iter().any(|scope| matches!(scope.as_str(), "api" | "read_api")) {
            return Ok(Inventory::Blind { why: "the refresher may not list tokens".to_owned(), id: None });
        }
        let mut endpoint = PersonalAccessTokens::builder();
        endpoint.state(PersonalAccessTokenState::Active);
        if let Some(user) = self.user().await? {
            endpoint.user(user);
        }
        let listing = self.gitlab.list(&endpoint.build()?).await?;
        Ok(Inventory::Listed(named(&listing, &self.config.name)?.iter().map(TokenJson::record).collect()))
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        // Never on a rotate path with a credential that has not answered `GET self` in this run.
        let me = self.gitlab.me().await.map_err(|error| MintError::Refused(error.into()))?;
        if let (Some(create), Some(user)) = (&self.config.create, self.config.user) {
            return self.create(order, create, user).await?.minted();
        }
        let follows = order.follows.ok_or_else(|| MintError::Refused(anyhow::anyhow!("there is none to rotate")))?;
        let id = number(follows).map_err(MintError::Refused)?;
        let answer = match Self::rotate_endpoint(order, id, me.id).map_err(MintError::Refused)? {
            Rotate::Own(endpoint) => self.gitlab.call(&endpoint, Retry::Once).await,
            Rotate::Other(endpoint) => self.gitlab.call(&endpoint, Retry::Once).await,
        };
        read_minted(answer)?.minted()
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        let user = match self.config.user {
            Some(user) => Some(user),
            None if self.own_login => None,
            None => self.gitlab.me().await.ok().and_then(|me| me.user_id),
        };
        proof(self.gitlab.whose(value).await, |token| {
            token.name == self.config.name && (user.is_none() || token.user_id == user)
        })
    }

    async fn revoke(&self, record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let endpoint = RevokePersonalAccessToken::builder().id(number(record)?).build()?;
        revoke(&self.gitlab, record, &endpoint).await
    }
}
