//! Access tokens of OAuth 2.0, and the gateway where they are proved.

use http::Method;
use http::header::AUTHORIZATION;
use schemars::JsonSchema;
use serde::Deserialize;

use super::identity::{Product, Who};
use super::{Atlassian, Door, call};
use crate::http::Retry;
use crate::issuer::{MintError, Proof};
use crate::protocol::oauth::{Client, ClientAuth, Granted};
use crate::token::{TokenRecord, TokenValue};

/// The account that an access token must be of, and the site at which that is asked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    /// The account id.
    account: String,
    /// The id of the site: `cloudId` at `https://SITE.atlassian.net/_edge/tenant_info`.
    cloud: String,
    /// What answers "who am I"; `jira` by default.
    #[serde(default)]
    product: Product,
}

impl Atlassian {
    /// The id of the client, for the kinds that need one.
    pub(super) fn client(&self) -> anyhow::Result<&str> {
        match &self.door {
            Door::Client { id, .. } => Ok(id),
            _ => anyhow::bail!("this kind needs a connection to the authorisation server: one with `client_id`"),
        }
    }

    /// Asks the authorisation server for tokens, once.
    /// <https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens/>
    pub(super) async fn grant(&self, fields: &[(&str, &str)]) -> Result<Granted, MintError> {
        let missing = |what: &str| MintError::Refused(anyhow::anyhow!("{what} is not at hand"));
        let Door::Client { id, secret, .. } = &self.door else { return Err(missing("the client")) };
        let secret = secret.lend().ok_or_else(|| missing("the secret of the client"))?;
        let client = Client { http: &self.http, id, secret: Some(&secret), auth: ClientAuth::Json };
        let mut endpoint = self.base.clone();
        endpoint.set_path(&format!("{}/oauth/token", self.base.path().trim_end_matches('/')));
        client.grant(&endpoint, fields).await
    }

    /// The refresh token that this connection was lent for one token of the config.
    pub(super) fn lent(&self) -> Option<TokenValue> {
        let lent = matches!(self.door, Door::Client { lent: true, .. });
        self.slot.lend().filter(|_| lent)
    }

    /// Whose an access token is.
    pub(super) async fn prove(&self, value: &TokenValue, of: Option<&Of>, record: &TokenRecord) -> Proof {
        let Door::Client { api: Some(api), .. } = &self.door else {
            return Proof::Inconclusive(
                "the connection does not say `api`, where it could be asked whose it is".to_owned(),
            );
        };
        let Some(of) = of else {
            return Proof::Inconclusive("the config does not say `of`, whose it should be".to_owned());
        };
        let call = call(api, Method::GET, &of.product.gateway(&of.cloud), Retry::Read);
        match self.who(call.credential(AUTHORIZATION, "Bearer ", value), of.product, true).await {
            Who::Is(account) if account == of.account => Proof::Identity(Box::new(record.clone())),
            Who::Is(account) => Proof::Rejected(format!("it is a token of account {account}")),
            Who::Refused(why) => Proof::Rejected(why),
            Who::Unclear(why) => Proof::Inconclusive(why),
        }
    }
}

/// Whether a value has the form of an OAuth token of Atlassian: a JWT, as all that were seen are. No page promises it.
pub(super) fn is_jwt(value: &TokenValue) -> bool {
    let text = value.expose();
    let url_safe = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    text.starts_with("eyJ") && text.contains('.') && text.bytes().all(url_safe)
}
