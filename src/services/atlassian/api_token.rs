//! `atlassian/api-token`: an API token of an account of the Cloud. No API makes one: it is listed, watched, proved and
//! revoked here, and made by its owner.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::identity::{Product, Who};
use super::organisation::labelled;
use super::{Atlassian, call, is_of_the_cloud};
use crate::connection::own;
use crate::http::{Retry, address};
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "atlassian/api-token",
    about: "An API token of an account of Atlassian Cloud: watched, proved and revoked; a person makes it, for a year at \
            most. A revoked one may work on for twenty minutes",
    succession: "manual",
    needs: "an admin API key of the organisation that manages the account, which may read and delete API tokens",
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
    /// The id of the account that it belongs to.
    account: String,
    /// The e-mail address of that account, with which the token logs in.
    email: String,
    /// Its label.
    label: String,
    /// The site at which it is proved, such as `https://acme.atlassian.net`; for a token without scopes.
    site: Option<String>,
    /// The id of that site, for a token with scopes, which works through the gateway only.
    cloud: Option<String>,
    /// What answers "who am I"; `jira` by default.
    #[serde(default)]
    product: Product,
}

struct ApiToken {
    atlassian: Arc<Atlassian>,
    config: Config,
    site: Option<Url>,
    subject: Subject,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    let atlassian = own::<Atlassian>(&ground.connection)?;
    atlassian.org()?;
    anyhow::ensure!(
        config.site.is_some() != config.cloud.is_some(),
        "say `site` for a token without scopes, or `cloud` for one with scopes"
    );
    let site = config.site.as_deref().map(|text| address(text).map_err(anyhow::Error::msg));
    let site = site.transpose().context("`site`")?;
    let place = format!("account {} at {}", config.account, atlassian.host);
    let subject = Subject::new(KIND.kind, &place, &config.label);
    Ok(Box::new(ApiToken { atlassian, config, site, subject }))
}

#[async_trait]
impl Issuer for ApiToken {
    fn succession(&self) -> Succession {
        Succession::Manual
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        None
    }

    fn recognises(&self, value: &TokenValue) -> bool {
        is_of_the_cloud(value)
    }

    fn advice(&self, live: Option<&TokenRecord>, now: DateTime<Utc>) -> Vec<String> {
        let soon = |live: &TokenRecord| live.expires.is_some_and(|dies| dies < now + TimeDelta::days(30));
        if live.is_some_and(|live| !soon(live)) {
            return Vec::new();
        }
        vec![format!(
            "{} makes another at https://id.atlassian.com/manage-profile/security/api-tokens, labelled {:?}; it lives a \
             year at most",
            self.config.email, self.config.label
        )]
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::Unknown("no API makes API tokens".to_owned()))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let told = || format!("the API tokens of account {} cannot be listed", self.config.account);
        let all = self.atlassian.tokens_of(&self.config.account).await.with_context(told)?;
        Ok(Inventory::Listed(labelled(all, &self.config.label)))
    }

    async fn mint(&self, _order: &Order<'_>) -> Result<Minted, MintError> {
        Err(MintError::Refused(anyhow::anyhow!("no API makes API tokens: a person makes one, and hands it over")))
    }

    /// A value tells whose it is, and not which of the account's tokens: that the ledger knows by its fingerprint.
    async fn verify(&self, value: &TokenValue) -> Proof {
        let product = self.config.product;
        let call = match (&self.site, &self.config.cloud) {
            (Some(site), _) => call(site, Method::GET, product.site(), Retry::Read),
            (None, cloud) => {
                let path = product.gateway(cloud.as_deref().unwrap_or_default());
                self.atlassian.call(Method::GET, &path, Retry::Read)
            }
        };
        match self.atlassian.who(call.basic(&self.config.email, value), product, true).await {
            Who::Is(account) if account == self.config.account => Proof::Alive,
            Who::Is(account) => Proof::Rejected(format!("it is a token of account {account}")),
            Who::Refused(why) => Proof::Rejected(why),
            Who::Unclear(why) => Proof::Inconclusive(why),
        }
    }

    /// Only this one. It goes on working for a while.
    async fn revoke(&self, record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        self.atlassian.revoke_token(&self.config.account, record).await
    }
}
