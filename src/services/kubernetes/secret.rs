//! `kubernetes/secret`: one key of a Secret, applied by a manager of its own and without force; what reads it only when
//! it starts is restarted, and waited for.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::future::try_join_all;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::Kubernetes;
use crate::connection::own;
use crate::destination::{Address, Ask, Assurance, Depth, Destination, DestinationKind, Holding, Receipt, Site};
use crate::http::HttpError;
use crate::protocol::cluster::{Restart, SecretJson, Workload, Write, is_name};
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "kubernetes/secret",
    about: "One key of a Secret, by server-side apply; all else in it is kept. What reads it is restarted and \
            waited for. One that is `immutable` cannot be changed",
    confirms: "read back, after the restart; without `get` it cannot be seen",
    needs: "a Role with `get` and `patch` on that Secret by name (`resourceNames`), `create` on Secrets only where \
            `create:` is said, and `get` and `patch` on each workload of `restart`",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The namespace of the Secret, and of what is restarted.
    namespace: String,
    /// The name of the Secret. One that begins with `signon-token-` is refused: Signon writes those itself.
    name: String,
    /// The key in it.
    key: String,
    /// What is restarted once the key has changed, and waited for: `deployment/NAME`, `statefulset/NAME`,
    /// `daemonset/NAME`. What Stakater's Reloader restarts by itself is only waited for.
    #[serde(default)]
    restart: Vec<String>,
    /// The field managers that the key may be taken from, such as `kubectl-create` for a Secret made by hand. Nothing is
    /// ever taken from any other.
    #[serde(default)]
    take_over: Vec<String>,
    /// Create the Secret with this where it does not exist.
    create: Option<Create>,
}

/// What a new Secret is made with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// Its type; `Opaque` by default.
    #[serde(rename = "type")]
    kind: Option<String>,
}

struct Secret {
    kubernetes: Arc<Kubernetes>,
    config: Config,
    restart: Vec<Workload>,
    address: Address,
    /// What was seen of it in this run.
    seen: OnceCell<Option<SecretJson>>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let config: Config = serde_json::from_value(keys)?;
    for (key, text) in [("namespace", &config.namespace), ("name", &config.name)] {
        anyhow::ensure!(is_name(text), "`{key}` is not a name that a cluster allows: {text:?}");
    }
    anyhow::ensure!(
        !config.name.starts_with("signon-token-"),
        "Signon writes {} itself, by force and every night: use `signon/synced-secret`, and `signon/api-token` to mint",
        config.name
    );
    crate::protocol::cluster::manager(&config.key)?;
    let restart = config.restart.iter().map(|text| Workload::parse(text)).collect::<anyhow::Result<_>>()?;
    let kubernetes = own::<Kubernetes>(site.connection()?)?;
    let Config { namespace, name, key, .. } = &config;
    let host = kubernetes.cluster.host();
    let address = Address::new(format!("key {key} of Secret {namespace}/{name} at {host}"));
    Ok(Box::new(Secret { kubernetes, config, restart, address, seen: OnceCell::new() }))
}

impl Secret {
    async fn get(&self) -> Result<Option<SecretJson>, HttpError> {
        let Config { namespace, name, .. } = &self.config;
        self.kubernetes.cluster.secret(self.kubernetes.lent(), namespace, name).await
    }

    /// Looks, once a run.
    async fn look(&self) -> Result<&Option<SecretJson>, HttpError> {
        self.seen.get_or_try_init(|| self.get()).await
    }

    async fn apply(&self, value: &TokenValue, dry: bool) -> anyhow::Result<SecretJson> {
        let Config { namespace, name, key, take_over, create, .. } = &self.config;
        let fresh = matches!(self.seen.get(), Some(None));
        let kind = create.as_ref().filter(|_| fresh).and_then(|create| create.kind.as_deref());
        let write = Write { namespace, name, key, value, kind, take_over, dry };
        self.kubernetes.cluster.apply(self.kubernetes.lent(), &write).await
    }

    fn restarts(&self) -> Restart<'_> {
        Restart {
            cluster: &self.kubernetes.cluster,
            lent: self.kubernetes.lent(),
            namespace: &self.config.namespace,
            secret: &self.config.name,
        }
    }

    fn changed(&self, secret: &SecretJson) -> Option<DateTime<Utc>> {
        secret.changed(&self.config.key)
    }
}

fn stamp(changed: DateTime<Utc>) -> String {
    changed.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The account may write, and not read: that is allowed, and said.
fn is_forbidden(error: &HttpError) -> bool {
    error.status() == Some(403)
}

#[async_trait]
impl Destination for Secret {
    fn address(&self) -> &Address {
        &self.address
    }

    async fn rehearse(&self, ask: &Ask<'_>) -> anyhow::Result<()> {
        match self.look().await {
            Ok(Some(secret)) if secret.immutable => anyhow::bail!(
                "{} is immutable: make a Secret of another name, and point its readers there",
                self.address
            ),
            Ok(Some(_)) => {}
            Ok(None) if self.config.create.is_some() => {}
            Ok(None) => {
                anyhow::bail!("{} does not exist: create the Secret by hand once, or say `create:`", self.address)
            }
            Err(error) if is_forbidden(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let restarts = self.restarts();
        try_join_all(self.restart.iter().map(|workload| restarts.rehearse(workload))).await?;
        if ask.depth == Depth::Try {
            // Another value than the one that is there, for the same one would meet no conflict; nothing is stored.
            let dummy = TokenValue::new("tokenwheel-rehearsal-of-a-write-that-stores-nothing")?;
            let docker = self.config.key == ".dockerconfigjson";
            let dummy = if docker { TokenValue::new(r#"{"auths":{}}"#)? } else { dummy };
            self.apply(&dummy, true).await.with_context(|| format!("{} would not be written", self.address))?;
        }
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        if let Ok(None) = self.look().await {
            let missing =
                || format!("{} does not exist: create the Secret by hand once, or say `create:`", self.address);
            anyhow::ensure!(self.config.create.is_some(), missing());
        }
        let written = self.apply(value, false).await?;
        let changed = self.changed(&written);
        if let Some(changed) = changed {
            let restarts = self.restarts();
            try_join_all(self.restart.iter().map(|workload| restarts.restart(workload, changed))).await?;
        } else {
            let untold = "was written, and the API server does not say when; nothing was restarted";
            anyhow::ensure!(self.restart.is_empty(), "{} {untold}", self.address);
        }
        Ok(Receipt { stamp: changed.map(stamp), moved_to: None })
    }

    async fn confirm(&self, value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        let assurance = match self.get().await {
            Ok(Some(secret)) if secret.value(&self.config.key).is_some_and(|held| held.same_as(value)) => {
                Assurance::ReadBack
            }
            Ok(Some(_)) => anyhow::bail!("{} holds another value than was just written", self.address),
            Ok(None) => anyhow::bail!("{} does not exist any more", self.address),
            Err(error) if is_forbidden(&error) => Assurance::Unseen("the account may not read it".to_owned()),
            Err(error) => return Err(error.into()),
        };
        if let Some(changed) = receipt.stamp.as_deref().and_then(|stamp| stamp.parse().ok()) {
            let restarts = self.restarts();
            try_join_all(self.restart.iter().map(|workload| restarts.wait(workload, changed))).await?;
        }
        Ok(assurance)
    }

    /// A value that was applied by a run that died before the restart is in no pod: that counts as not delivered.
    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let secret = match self.look().await {
            Ok(Some(secret)) => secret,
            Ok(None) => return Ok(Holding::Nothing),
            Err(error) if is_forbidden(&error) => {
                return Ok(Holding::Unknowable("the account may not read it".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        let Some(held) = secret.value(&self.config.key) else {
            let strange = secret.has(&self.config.key);
            return Ok(if strange { Holding::Unknowable("it holds no text".to_owned()) } else { Holding::Nothing });
        };
        let ours = secret.managers(&self.config.key) == [crate::protocol::cluster::manager(&self.config.key)?.as_str()];
        let restarts = self.restarts();
        if let Some(changed) = self.changed(secret).filter(|_| ours)
            && last.and_then(|last| last.stamp.as_deref()) != Some(stamp(changed).as_str())
        {
            for workload in &self.restart {
                if !restarts.is_restarted(workload, changed).await? {
                    return Ok(Holding::Nothing);
                }
            }
        }
        Ok(Holding::Lent(held))
    }
}
