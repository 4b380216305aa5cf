//! Credentials that the config names: read when the wheel is built, or over a connection once that is logged in.

use std::path::Path;
use std::sync::Arc;

use http::Method;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use url::Url;

use super::setup::{Environment, Identity, Wheel};
use crate::config::Source;
use crate::connection::Connection;
use crate::http::{Call, Retry, address};
use crate::token::TokenValue;

/// A credential that the config names.
pub struct Credential {
    /// Where it comes from.
    pub source: Source,
    /// The value, or why there is none.
    pub value: Result<TokenValue, String>,
    /// Whether it is kept elsewhere and is yet to be asked for.
    pub(super) elsewhere: bool,
}

impl Credential {
    pub(super) fn read(source: &Source, environment: &Environment, folder: &Path, offline: bool) -> Self {
        let elsewhere = matches!(source, Source::Vault { .. } | Source::Oidc(_));
        let found = match source {
            _ if offline => Err("not looked up offline".to_owned()),
            _ if elsewhere => Err("not asked for yet".to_owned()),
            source => read(source, environment, folder),
        };
        let value = found.and_then(|text| TokenValue::handed(&text).map_err(|why| format!("{source}: {why}")));
        Self { source: source.clone(), value, elsewhere }
    }

    /// Why it is not at hand, and will not be.
    pub(super) fn missing(&self) -> Option<String> {
        self.value.as_ref().err().filter(|_| !self.elsewhere).cloned()
    }

    /// Takes another value in its place.
    pub(super) fn hand(&mut self, value: TokenValue) {
        self.value = Ok(value);
        self.elsewhere = false;
    }

    /// The value, if it was read.
    pub(super) fn at_hand(&self) -> Option<TokenValue> {
        self.value.as_ref().ok().cloned()
    }
}

/// Reads what a variable or a file holds. The error names the place.
pub(super) fn read(source: &Source, environment: &Environment, folder: &Path) -> Result<String, String> {
    match source {
        Source::Environment(name) => (environment)(name).ok_or_else(|| {
            format!(
                "the variable {name} is not set, or is empty; in a job, a protected one is only given to \
                 protected branches"
            )
        }),
        Source::File(path) => {
            let path = folder.join(path);
            std::fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
        }
        Source::Vault { .. } | Source::Oidc(_) => {
            Err(format!("{source}: only the credential of a connection, or `self:`, can be kept there"))
        }
    }
}

/// Asks for the credentials that are kept elsewhere: first the identity of the job, then, once the vault is logged in,
/// what is kept there. `vaults` says which.
pub(super) async fn fetch(wheel: &mut Wheel, of_vaults: bool) {
    let vaults: Vec<Arc<dyn Connection>> = wheel
        .connections
        .values()
        .filter(|linked| linked.service == "vault")
        .map(|linked| Arc::clone(&linked.connection))
        .collect();
    let identity = wheel.identity.clone();
    let of_connections = wheel.connections.values_mut().flat_map(|linked| linked.credentials.values_mut());
    let of_tokens = wheel.tokens.values_mut().filter_map(|token| Some((&token.ground, token.own.as_mut()?)));
    let all = of_connections.map(|credential| (None, credential));
    let all = all.chain(of_tokens.map(|(ground, own)| (Some(Arc::clone(ground)), own)));
    for (ground, credential) in all.filter(|(_, credential)| credential.elsewhere && credential.value.is_err()) {
        let found = match (&credential.source, vaults.as_slice()) {
            (Source::Oidc(audience), _) if !of_vaults => identify(&identity, audience).await,
            (Source::Vault { path, key }, [vault]) if of_vaults => vault.secret(path, key).await,
            (Source::Vault { .. }, vaults) if of_vaults => {
                let found = crate::text::count(vaults.len(), "connection");
                Err(anyhow::anyhow!("it takes exactly one connection of service vault, and the config has {found}"))
            }
            _ => continue,
        };
        if let (Ok(value), Some(ground)) = (&found, ground) {
            ground.slot().switch(value.clone());
        }
        credential.value = found.map_err(|error| format!("{error:#}"));
    }
}

#[derive(Deserialize)]
struct Vouched {
    value: TokenValue,
}

/// Asks the runner for the identity of this job. GitHub gives it on request; GitLab puts it into a variable.
async fn identify(identity: &Identity, audience: &str) -> anyhow::Result<TokenValue> {
    let Identity { url: Some(url), token: Some(token), http: Some(http) } = identity else {
        anyhow::bail!(
            "the runner vouches for nobody here: a GitHub job needs `permissions: id-token: write`; in GitLab say \
             `id_tokens:` and name the variable with `env:`"
        );
    };
    let mut url = Url::parse(url).map_err(|_| anyhow::anyhow!("ACTIONS_ID_TOKEN_REQUEST_URL is no address"))?;
    let mut bare = url.clone();
    bare.set_query(None);
    address(bare.as_str()).map_err(|why| anyhow::anyhow!("ACTIONS_ID_TOKEN_REQUEST_URL: {why}"))?;
    url.query_pairs_mut().append_pair("audience", audience);
    let token = TokenValue::new(token)?;
    let call = Call::new(Method::GET, url, Retry::Read).credential(AUTHORIZATION, "Bearer ", &token);
    let answer = http.send(call).await?;
    anyhow::ensure!(answer.ok(), answer.refused("the runner does not vouch for this job"));
    Ok(answer.json::<Vouched>()?.value)
}
