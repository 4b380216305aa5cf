//! `signon/synced-secret`: the Secret that Signon writes a token into. It is never written here: Signon is asked to, what
//! it wrote is compared, and what reads it is restarted.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::future::try_join_all;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{KEY, SECRETS, Signon};
use crate::connection::own;
use crate::destination::{Address, Ask, Assurance, Destination, DestinationKind, Holding, Receipt, Site};
use crate::protocol::cluster::{Restart, SecretJson, Workload, is_name};
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "signon/synced-secret",
    about: "The Secret that GOV.UK Signon writes a token into by itself; only read here. What reads it is restarted",
    confirms: "read back, after the restart",
    needs: "in Signon's namespace a Role with `get` on that Secret by name, `get` on the `CronJob` that syncs, `create` \
            and `get` on Jobs, and `get` and `patch` on each workload of `restart`",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The name of the Secret: `signon-token-USER-APPLICATION`.
    name: String,
    /// What is restarted once the Secret has changed, and waited for: `deployment/NAME`, `statefulset/NAME`,
    /// `daemonset/NAME`. What Stakater's Reloader restarts by itself is only waited for.
    #[serde(default)]
    restart: Vec<String>,
}

struct SyncedSecret {
    signon: Arc<Signon>,
    name: String,
    restart: Vec<Workload>,
    address: Address,
    /// What was seen of it in this run.
    seen: OnceCell<Option<SecretJson>>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let Config { name, restart } = serde_json::from_value(keys)?;
    anyhow::ensure!(
        is_name(&name) && name.starts_with(SECRETS),
        "`name` begins with `{SECRETS}`, as all Secrets do that Signon writes; others are for `kubernetes/secret`"
    );
    let restart = restart.iter().map(|text| Workload::parse(text)).collect::<anyhow::Result<_>>()?;
    let signon = own::<Signon>(site.connection()?)?;
    let address = Address::new(format!("Secret {}/{name} of {}", signon.inner.namespace, signon.inner.host));
    Ok(Box::new(SyncedSecret { signon, name, restart, address, seen: OnceCell::new() }))
}

impl SyncedSecret {
    /// Looks, once a run.
    async fn look(&self) -> anyhow::Result<&Option<SecretJson>> {
        Ok(self.seen.get_or_try_init(|| self.signon.secret(&self.name)).await?)
    }

    fn restarts(&self) -> Restart<'_> {
        Restart {
            cluster: &self.signon.inner.cluster,
            lent: self.signon.lent(),
            namespace: &self.signon.inner.namespace,
            secret: &self.name,
        }
    }
}

fn stamp(changed: DateTime<Utc>) -> String {
    changed.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[async_trait]
impl Destination for SyncedSecret {
    fn address(&self) -> &Address {
        &self.address
    }

    /// There is nothing to try: it is written by nobody but Signon.
    async fn rehearse(&self, _ask: &Ask<'_>) -> anyhow::Result<()> {
        let inner = self.signon.inner.as_ref();
        self.look().await?;
        inner.cluster.cron_job(self.signon.lent(), &inner.namespace, &inner.sync_from).await?;
        let restarts = self.restarts();
        try_join_all(self.restart.iter().map(|workload| restarts.rehearse(workload))).await?;
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let is_there = |secret: &SecretJson| secret.value(KEY).is_some_and(|held| held.same_as(value));
        let secret = self.signon.sync(&self.name, is_there).await?;
        let Some(secret) = secret.filter(is_there) else {
            anyhow::bail!(
                "{}: Signon's sync wrote another token there: it takes the one that lives longest, of a user that is \
                 not suspended",
                self.address
            )
        };
        let changed = secret.changed(KEY);
        if let Some(changed) = changed {
            let restarts = self.restarts();
            try_join_all(self.restart.iter().map(|workload| restarts.restart(workload, changed))).await?;
        } else {
            let untold = "has the value, and the API server does not say since when; nothing was restarted";
            anyhow::ensure!(self.restart.is_empty(), "{} {untold}", self.address);
        }
        Ok(Receipt { stamp: changed.map(stamp), moved_to: None })
    }

    async fn confirm(&self, value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        let held = self.signon.secret(&self.name).await?.and_then(|secret| secret.value(KEY));
        let same = held.is_some_and(|held| held.same_as(value));
        anyhow::ensure!(same, "{} holds another value than Signon's sync wrote", self.address);
        if let Some(changed) = receipt.stamp.as_deref().and_then(|stamp| stamp.parse().ok()) {
            let restarts = self.restarts();
            try_join_all(self.restart.iter().map(|workload| restarts.wait(workload, changed))).await?;
        }
        Ok(Assurance::ReadBack)
    }

    /// What came there after the last delivery, and is in no pod yet, counts as not delivered.
    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let Some(secret) = self.look().await? else { return Ok(Holding::Nothing) };
        let given = last.and_then(|last| last.stamp.as_deref()).and_then(|stamp| stamp.parse::<DateTime<Utc>>().ok());
        if let Some(changed) = secret.changed(KEY).filter(|changed| given.is_some_and(|given| given < *changed)) {
            let restarts = self.restarts();
            for workload in &self.restart {
                if !restarts.is_restarted(workload, changed).await? {
                    return Ok(Holding::Nothing);
                }
            }
        }
        Ok(match secret.value(KEY) {
            Some(held) => Holding::Lent(held),
            None if secret.has(KEY) => Holding::Unknowable("it holds no text".to_owned()),
            None => Holding::Nothing,
        })
    }
}
