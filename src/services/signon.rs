//! GOV.UK Signon: the connection to it, and to the cluster that it runs in. Over HTTP it makes no token: a Job of its own
//! image does, and another one of its own writes the Secret that holds it.

pub(super) mod api_token;
pub(super) mod synced_secret;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use crate::connection::{Connecting, Connection, Login, LoginError, Means, Needed, ServiceKind, Slot};
use crate::http::{Http, HttpError, address};
use crate::issuer::MintError;
use crate::protocol::cluster::{Access, Cluster, Ended, NewJob, SecretJson, is_dead, is_name};
use crate::token::TokenValue;

/// Signon, as the catalogue lists it.
pub(super) const SERVICE: ServiceKind = ServiceKind {
    name: "signon",
    about: "GOV.UK Signon and the cluster that it runs in; `token`, where it is given, is one of the cluster",
    own_address: None,
    url: Needed::Required,
    token: Needed::Optional,
    schema: || schema_for!(Keys).to_value(),
    connect,
};

/// The key of the Secrets that Signon writes.
const KEY: &str = "bearer_token";
/// What the names of those Secrets begin with.
const SECRETS: &str = "signon-token-";

/// The keys of the connection.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Where a kubeconfig of the cluster is; without one, the pod's own service account logs in.
    #[schemars(extend("format" = "source"), example = "file:/run/kubeconfig")]
    kubeconfig: Option<String>,
    /// Which context of the kubeconfig; its current one by default.
    context: Option<String>,
    /// The folder with `token` and `ca.crt` of the service account; the pod's own by default.
    service_account: Option<PathBuf>,
    /// The address of the cluster's API server, where no kubeconfig names it; the pod's own by default.
    cluster: Option<String>,
    /// The namespace in which Signon and its Secrets are.
    #[serde(default = "apps")]
    namespace: String,
    /// Which environment it is; told by the address where it is left out. Staging is refused: every night it is
    /// overwritten from production.
    environment: Option<Environment>,
    /// The `CronJob` of Signon's image of whose pod template the Job that mints is made.
    #[serde(default = "mints")]
    mint_from: String,
    /// The `CronJob` that writes the tokens into their Secrets.
    #[serde(default = "syncs")]
    sync_from: String,
}

/// <https://docs.publishing.service.gov.uk/manual/manage-signon-accounts.html>
#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Environment {
    Integration,
    Staging,
    Production,
}

fn apps() -> String {
    "apps".to_owned()
}

fn mints() -> String {
    "signon-auto-rotate-internal-tokens".to_owned()
}

fn syncs() -> String {
    "signon-sync-token-secrets-to-k8s".to_owned()
}

fn connect(to: Connecting) -> anyhow::Result<Arc<dyn Connection>> {
    let base = to.address()?;
    let keys: Keys = serde_json::from_value(to.keys)?;
    let host = base.host_str().unwrap_or_default().to_owned();
    let staging = match keys.environment {
        Some(said) => said == Environment::Staging,
        None => host.split('.').any(|label| label == "staging"),
    };
    anyhow::ensure!(
        !staging,
        "this is staging, which is overwritten from production every night: a token made there is gone tomorrow; name \
         production or integration"
    );
    for (key, name) in [("namespace", &keys.namespace), ("mint_from", &keys.mint_from), ("sync_from", &keys.sync_from)]
    {
        anyhow::ensure!(is_name(name), "`{key}` is not a name that a cluster allows: {name:?}");
    }
    let server = keys.cluster.as_deref().map(address).transpose().map_err(|why| anyhow::anyhow!("`cluster`: {why}"))?;
    let access = Access {
        server,
        kubeconfig: keys.kubeconfig.as_deref(),
        context: keys.context.as_deref(),
        account: keys.service_account.as_deref(),
        folder: &to.means.folder,
        http: Arc::clone(&to.http),
        read: to.means.secret.as_ref(),
        door: to.means.door.as_ref(),
        offline: to.means.offline,
    };
    let inner = Inner {
        cluster: access.open()?,
        http: to.http,
        base,
        host,
        namespace: keys.namespace,
        mint_from: keys.mint_from,
        sync_from: keys.sync_from,
        means: to.means,
        syncing: Mutex::new(()),
    };
    Ok(Arc::new(Signon { inner: Arc::new(inner), slot: to.slot }))
}

/// One Signon, and its cluster.
pub(super) struct Signon {
    inner: Arc<Inner>,
    slot: Slot,
}

struct Inner {
    cluster: Cluster,
    http: Arc<Http>,
    base: Url,
    host: String,
    namespace: String,
    mint_from: String,
    sync_from: String,
    means: Means,
    /// One sync at a time: the next one may find its work done.
    syncing: Mutex<()>,
}

impl Signon {
    /// The credential for the cluster that the config names, where it names one.
    fn lent(&self) -> Option<TokenValue> {
        self.slot.lend()
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.inner.base.clone();
        url.set_path(&format!("{}/{path}", self.inner.base.path().trim_end_matches('/')));
        url
    }

    async fn secret(&self, name: &str) -> Result<Option<SecretJson>, HttpError> {
        self.inner.cluster.secret(self.lent(), &self.inner.namespace, name).await
    }

    /// Lets Signon write its tokens into their Secrets now, unless what is waited for is there already.
    async fn sync(&self, name: &str, is_there: impl Fn(&SecretJson) -> bool) -> anyhow::Result<Option<SecretJson>> {
        let _alone = self.inner.syncing.lock().await;
        let Inner { cluster, namespace, sync_from, .. } = self.inner.as_ref();
        let secret = self.secret(name).await?;
        if secret.as_ref().is_some_and(&is_there) {
            return Ok(secret);
        }
        let from = cluster.cron_job(self.lent(), namespace, sync_from).await?;
        let mut bytes = [0; 6];
        (self.inner.means.random)(&mut bytes);
        let job = format!("tokenwheel-sync-{}", crate::text::hex(bytes));
        let order = NewJob { namespace, name: &job, from: &from, command: None };
        match cluster.make_job(self.lent(), &order).await {
            // Whether it is there after a lost answer shows when it is waited for.
            Ok(_) | Err(MintError::InDoubt(_)) => {}
            Err(MintError::Refused(why)) => return Err(why.context(format!("Job {namespace}/{job} cannot be made"))),
        }
        let ended = cluster.wait_for_job(self.lent(), namespace, &job).await;
        match ended.with_context(|| format!("Signon's sync, Job {namespace}/{job}"))?.0 {
            Ended::Complete => Ok(self.secret(name).await?),
            Ended::Failed => anyhow::bail!("Signon's sync failed: `kubectl -n {namespace} logs job/{job}` says why"),
            Ended::NotYet => anyhow::bail!("Signon's sync, Job {namespace}/{job}, has not ended in time"),
        }
    }
}

/// The name that Signon gives a Secret: Rails' `parameterize`.
/// <https://api.rubyonrails.org/classes/ActiveSupport/Inflector.html#method-i-parameterize>
fn parameterized(text: &str) -> anyhow::Result<String> {
    // Which letters Rails makes of others depends on its tables.
    anyhow::ensure!(text.is_ascii(), "{text:?} has letters besides ASCII in it: name the Secret with `secret`");
    let mut name = String::new();
    for letter in text.chars().map(|letter| letter.to_ascii_lowercase()) {
        let letter = if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
        if letter != '-' || !name.ends_with('-') {
            name.push(letter);
        }
    }
    Ok(name.trim_matches('-').to_owned())
}

#[async_trait]
impl Connection for Signon {
    fn host(&self) -> &str {
        &self.inner.host
    }

    fn slot(&self) -> &Slot {
        &self.slot
    }

    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError> {
        self.login(Some(value.clone())).await
    }

    async fn arrive(&self) -> Result<Login, LoginError> {
        self.login(None).await
    }

    fn sibling(&self, slot: Slot) -> Arc<dyn Connection> {
        Arc::new(Self { inner: Arc::clone(&self.inner), slot })
    }

    fn forget(&self) {}
}

impl Signon {
    async fn login(&self, lent: Option<TokenValue>) -> Result<Login, LoginError> {
        match self.inner.cluster.who(lent).await {
            Ok(who) => Ok(Login { who, record: None, rights: Vec::new(), too_wide: None }),
            Err(error) if is_dead(&error) => Err(LoginError::Dead(error.to_string())),
            Err(error) => Err(LoginError::Unreachable(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_as_rails_names_it() {
        for (text, name) in [
            ("signon-token-Collections Publisher-Publishing API", "signon-token-collections-publisher-publishing-api"),
            ("signon-token-Whitehall (PaaS) -- New-Router", "signon-token-whitehall-paas-new-router"),
            ("a_b!", "a_b"),
        ] {
            assert_eq!(parameterized(text).unwrap(), name);
        }
        assert!(parameterized("signon-token-Énergie-Router").is_err());
    }
}
