//! `atlassian/admin-api-key`: an admin API key of an organisation. No API makes one: it is listed, watched, proved and
//! revoked here, and made by an administrator. A week is what it lives unless somebody says otherwise.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::organisation::labelled;
use super::{Atlassian, is_of_the_cloud};
use crate::connection::own;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "atlassian/admin-api-key",
    about: "An admin API key of an organisation of Atlassian Cloud: watched, proved and revoked; a person makes \
            it, for a year at most. A revoked one may work on for ten minutes",
    succession: "manual",
    needs: "an admin API key with scopes `read:keys:admin` and `delete:keys:admin`",
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
    /// Its name.
    name: String,
}

struct AdminKey {
    atlassian: Arc<Atlassian>,
    org: String,
    config: Config,
    subject: Subject,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    let atlassian = own::<Atlassian>(&ground.connection)?;
    let org = atlassian.org()?.to_owned();
    let subject = Subject::new(KIND.kind, &format!("organisation {org} at {}", atlassian.host), &config.name);
    Ok(Box::new(AdminKey { atlassian, org, config, subject }))
}

#[async_trait]
impl Issuer for AdminKey {
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
            "an administrator makes another at https://admin.atlassian.com (Organization settings, API keys), named {:?}; \
             it lives a week unless told otherwise, a year at most",
            self.config.name
        )]
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::Unknown("no API makes admin keys".to_owned()))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let told = || format!("the admin keys of organisation {} cannot be listed", self.org);
        let all = self.atlassian.all_keys(&self.org).await.with_context(told)?;
        Ok(Inventory::Listed(labelled(all, &self.config.name)))
    }

    async fn mint(&self, _order: &Order<'_>) -> Result<Minted, MintError> {
        Err(MintError::Refused(anyhow::anyhow!("no API makes admin keys: a person makes one, and hands it over")))
    }

    /// A key tells that it is one of this organisation, and not which: that the ledger knows by its fingerprint.
    async fn verify(&self, value: &TokenValue) -> Proof {
        match self.atlassian.is_key(&self.org, value).await {
            Ok(true) => Proof::Alive,
            Ok(false) => Proof::Rejected("the admin API knows no such key".to_owned()),
            Err(why) => Proof::Inconclusive(why),
        }
    }

    /// It goes on working for a while.
    async fn revoke(&self, record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        self.atlassian.revoke_key(&self.org, record).await
    }
}
