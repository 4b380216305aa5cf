//! Kubernetes: the connection to one cluster.

pub(super) mod secret;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use crate::connection::{Connecting, Connection, Login, LoginError, Needed, ServiceKind, Slot};
use crate::protocol::cluster::{Access, Cluster, is_dead};
use crate::token::TokenValue;

/// Kubernetes, as the catalogue lists it.
pub(super) const SERVICE: ServiceKind = ServiceKind {
    name: "kubernetes",
    about: "A Kubernetes cluster: as the service account of the pod that this runs in, by a kubeconfig, or by `url` and \
            `token`",
    own_address: None,
    url: Needed::Optional,
    token: Needed::Optional,
    schema: || schema_for!(Keys).to_value(),
    connect,
};

/// The keys of the connection.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Where a kubeconfig is, with the token of a service account in it. Plugins and client certificates are not used
    /// here. Without one, the pod's own service account logs in.
    #[schemars(extend("format" = "source"), example = "file:/run/kubeconfig")]
    kubeconfig: Option<String>,
    /// Which context of the kubeconfig; its current one by default.
    context: Option<String>,
    /// The folder with `token` and `ca.crt` of the service account; the pod's own by default.
    service_account: Option<PathBuf>,
}

fn connect(to: Connecting) -> anyhow::Result<Arc<dyn Connection>> {
    let keys: Keys = serde_json::from_value(to.keys)?;
    let access = Access {
        server: to.url,
        kubeconfig: keys.kubeconfig.as_deref(),
        context: keys.context.as_deref(),
        account: keys.service_account.as_deref(),
        folder: &to.means.folder,
        http: to.http,
        read: to.means.secret.as_ref(),
        door: to.means.door.as_ref(),
        offline: to.means.offline,
    };
    Ok(Arc::new(Kubernetes { cluster: Arc::new(access.open()?), slot: to.slot }))
}

/// One cluster.
pub(super) struct Kubernetes {
    pub(super) cluster: Arc<Cluster>,
    slot: Slot,
}

impl Kubernetes {
    /// The credential that the config names, where it names one.
    pub(super) fn lent(&self) -> Option<TokenValue> {
        self.slot.lend()
    }
}

#[async_trait]
impl Connection for Kubernetes {
    fn host(&self) -> &str {
        self.cluster.host()
    }

    fn slot(&self) -> &Slot {
        &self.slot
    }

    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError> {
        login(&self.cluster, Some(value.clone())).await
    }

    async fn arrive(&self) -> Result<Login, LoginError> {
        login(&self.cluster, None).await
    }

    fn sibling(&self, slot: Slot) -> Arc<dyn Connection> {
        Arc::new(Self { cluster: Arc::clone(&self.cluster), slot })
    }

    fn forget(&self) {}
}

async fn login(cluster: &Cluster, lent: Option<TokenValue>) -> Result<Login, LoginError> {
    match cluster.who(lent).await {
        Ok(who) => Ok(Login { who, record: None, rights: Vec::new(), too_wide: None }),
        Err(error) if is_dead(&error) => Err(LoginError::Dead(error.to_string())),
        Err(error) => Err(LoginError::Unreachable(error.to_string())),
    }
}
