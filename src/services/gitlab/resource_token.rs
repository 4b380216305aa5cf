//! What project and group access tokens have in common: a bot user that is kept, and ids that are not.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitLab;
use super::access_token::{itself, may_rotate, may_rotate_itself, number, read_minted, revoke};
use super::token_json::{TokenJson, expiry, named, proof};
use super::wire::Route;
use crate::connection::own;
use crate::http::Retry;
use crate::issuer::{Ended, Ground, Inventory, Issuer, Leave, MintError, Proof, Succession};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

/// What the first token of a name gets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    /// Its scopes.
    scopes: Vec<String>,
    /// Its role: 10 guest, 15 planner, 20 reporter, 30 developer, 40 maintainer, 50 owner.
    access_level: u8,
}

/// A project's or a group's access token.
pub(super) struct ResourceToken {
    gitlab: Arc<GitLab>,
    base: String,
    place: String,
    name: String,
    create: Option<Create>,
    own_login: bool,
    subject: Subject,
    /// The users that tokens of this subject were seen to belong to: the bot survives every rotation.
    bots: Mutex<BTreeSet<u64>>,
}

impl ResourceToken {
    /// Builds one, of the collection `projects` or `groups`.
    pub(super) fn build(
        kind: &str,
        (collection, place): (&'static str, &str),
        name: String,
        create: Option<Create>,
        ground: &Ground,
    ) -> anyhow::Result<Box<dyn Issuer>> {
        let gitlab = own::<GitLab>(&ground.connection)?;
        let (base, place) = gitlab.place(collection, place);
        let subject = Subject::new(kind, &format!("{place} at {}", gitlab.host), &name);
        let bots = Mutex::default();
        Ok(Box::new(Self { gitlab, base, place, name, create, own_login: ground.own_login, subject, bots }))
    }

    fn know(&self, tokens: &[TokenJson]) {
        let users = tokens.iter().filter_map(|token| token.user_id);
        self.bots.lock().unwrap_or_else(PoisonError::into_inner).extend(users);
    }

    fn is_ours(&self, token: &TokenJson) -> bool {
        let bots = self.bots.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a listing, as for a token that rotates itself, the name is all there is.
        token.name == self.name && (bots.is_empty() || token.user_id.is_some_and(|user| bots.contains(&user)))
    }
}

#[async_trait]
impl Issuer for ResourceToken {
    fn succession(&self) -> Succession {
        Succession::Replaces
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
            return Ok(itself(&self.gitlab.me().await?, &self.name));
        }
        let route = Route::get(format!("{}/access_tokens", self.base)).query("state", "active");
        let listing = self.gitlab.list(&route).await;
        let tokens =
            named(&listing.with_context(|| format!("the tokens of {} cannot be listed", self.place))?, &self.name)?;
        self.know(&tokens);
        Ok(Inventory::Listed(tokens.iter().map(TokenJson::record).collect()))
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        // Never on a rotate path with a credential that has not answered `GET self` in this run.
        self.gitlab.me().await.map_err(|error| MintError::Refused(error.into()))?;
        let expires_at = expiry(order);
        let route = match (order.follows, &self.create) {
            (Some(_), _) if self.own_login => {
                Route::post(format!("{}/access_tokens/self/rotate", self.base), json!({ "expires_at": expires_at }))
            }
            (Some(follows), _) => {
                let id = number(follows).map_err(MintError::Refused)?;
                Route::post(format!("{}/access_tokens/{id}/rotate", self.base), json!({ "expires_at": expires_at }))
            }
            (None, Some(create)) => {
                let Create { scopes, access_level } = create;
                let body = json!({
                    "name": self.name, "scopes": scopes, "access_level": access_level, "expires_at": expires_at,
                });
                Route::post(format!("{}/access_tokens", self.base), body)
            }
            (None, None) => return Err(MintError::Refused(anyhow::anyhow!("there is none to rotate"))),
        };
        let token = read_minted(self.gitlab.call(&route, Retry::Once).await)?;
        self.know(std::slice::from_ref(&token));
        token.minted()
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        proof(self.gitlab.whose(value).await, |token| self.is_ours(token))
    }

    async fn revoke(&self, record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let route = Route::delete(format!("{}/access_tokens/{}", self.base, number(record)?));
        revoke(&self.gitlab, record, &route).await
    }
}

/// The value of a config key, decoded.
pub(super) fn config<T: serde::de::DeserializeOwned>(keys: Value) -> anyhow::Result<T> {
    Ok(serde_json::from_value(keys)?)
}
