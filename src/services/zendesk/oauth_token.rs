//! `zendesk/oauth-token`: an access token by client credentials, minted at every run, which dies by itself.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::Zendesk;
use super::session::{Who, same_scopes};
use crate::connection::own;
use crate::http::Retry;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "zendesk/oauth-token",
    about: "An access token of the connection's OAuth client, for more than 5 minutes and less than 2 days",
    succession: "ephemeral",
    needs: "the connection alone: the token can do what its scopes say, as the person who made the client",
    ttl: Ttl::Required,
    shortest: TimeDelta::minutes(6),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// More than 300 seconds and less than 172,800.
/// <https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/>
const SHORTEST: i64 = 301;
const LONGEST: i64 = 172_799;

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What it may do: `read` or `write` for everything, `tickets:read` and the like for one resource. Zendesk grants
    /// also what it does not know and then refuses everything, so that what was granted is compared.
    #[schemars(length(min = 1), example = ["tickets:read"])]
    scopes: Vec<String>,
}

struct OauthToken {
    zendesk: Arc<Zendesk>,
    scope: String,
    subject: Subject,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let Config { mut scopes } = serde_json::from_value(keys)?;
    scopes.sort_unstable();
    scopes.dedup();
    anyhow::ensure!(
        !scopes.is_empty(),
        "`scopes` must not be empty: say what the token may do, such as `tickets:read`"
    );
    for scope in &scopes {
        anyhow::ensure!(
            is_scope(scope),
            "`{scope}` is no scope: those of Zendesk are `read`, `write`, `impersonate`, and `RESOURCE:read` or \
             `RESOURCE:write`"
        );
    }
    let zendesk = own::<Zendesk>(&ground.connection)?;
    let scope = scopes.join(" ");
    let subject = Subject::new(KIND.kind, &format!("{} at {}", zendesk.client(), zendesk.host), &scope);
    Ok(Box::new(OauthToken { zendesk, scope, subject }))
}

/// Whether it has the form of a scope. Which resources there are is for Zendesk to say.
fn is_scope(scope: &str) -> bool {
    match scope.split_once(':') {
        None => matches!(scope, "read" | "write" | "impersonate"),
        Some((resource, access)) => {
            let word = resource.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !resource.is_empty();
            word && matches!(access, "read" | "write")
        }
    }
}

impl OauthToken {
    /// The seconds that the order asks for, as far as Zendesk grants them. Without a number it might live for ever.
    fn seconds(order: &Order<'_>) -> i64 {
        let ordered = order.until.map_or(LONGEST, |until| (until - order.now).num_seconds());
        ordered.clamp(SHORTEST, LONGEST)
    }

    fn other_scopes(&self, granted: &str) -> String {
        let granted = crate::text::plain(granted);
        format!("Zendesk granted the scopes `{granted}` where `{}` was ordered: is one of them no scope?", self.scope)
    }

    /// Ends an access token with itself, as well as that goes.
    async fn undo(&self, token: &TokenValue) {
        if let Ok(Who::Is(found)) = self.zendesk.who(token).await {
            let path = format!("api/v2/oauth/tokens/{}", found.id);
            let ended = self.zendesk.call_as(token, Method::DELETE, &path, &[], None, Retry::Put).await;
            log::debug!("an access token that is of no use was {}", if ended.is_ok() { "ended" } else { "left" });
        }
    }

    /// Whether our own session, whose scopes are good, may ask who it is.
    async fn others_may_ask(&self) -> bool {
        let session = self.zendesk.session(&self.zendesk.scope()).await;
        session.is_ok_and(|session| session.client_number.is_some())
    }
}

#[async_trait]
impl Issuer for OauthToken {
    fn succession(&self) -> Succession {
        Succession::Ephemeral
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Zendesk does not say what its tokens look like; the session's is one of them.
    fn shape(&self) -> Option<ValueShape> {
        self.zendesk.access_token().map(|token| token.shape())
    }

    /// As long as the session's, and of the same alphabet: Zendesk's tokens have no prefix.
    fn recognises(&self, value: &TokenValue) -> bool {
        self.shape().is_some_and(|shape| shape == value.shape())
    }

    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave> {
        // What opened a session opens another one.
        self.zendesk.session(&self.zendesk.scope()).await?;
        let ordered = order.until.map(|until| (until - order.now).num_seconds());
        Ok(match ordered {
            Some(seconds) if seconds > LONGEST => {
                Leave::Unknown("Zendesk grants less than two days at most".to_owned())
            }
            _ => Leave::May,
        })
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let why = "Zendesk lists access tokens only to those who may read everything".to_owned();
        Ok(Inventory::Blind { why, id: None })
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let seconds = Self::seconds(order);
        let session = self.zendesk.session(&self.zendesk.scope()).await?;
        let secret =
            self.zendesk.slot.lend().ok_or_else(|| MintError::from(super::withheld("no credential is at hand")))?;
        let granted = self.zendesk.exchange(&session.client, &secret, &self.scope, seconds, Retry::Once).await;
        let granted = granted.map_err(|refused| MintError::from(refused.error))?;
        if let Some(scope) = granted.scope.as_deref().filter(|scope| !same_scopes(scope.split(' '), &self.scope)) {
            self.undo(&granted.access_token).await;
            return Err(MintError::Refused(anyhow::anyhow!(self.other_scopes(scope))));
        }
        let expires = granted.dies(order.now).or(order.until);
        let record = TokenRecord { expires, ..TokenRecord::named(format!("of client {}", session.client)) };
        Ok(Minted::new(granted.access_token, record))
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        let found = match self.zendesk.who(value).await {
            Ok(Who::Is(found)) => found,
            Ok(Who::Nobody(why)) => return Proof::Rejected(why),
            Ok(Who::Hidden) => {
                let reads = self.scope.split(' ').any(|scope| scope == "read" || scope.ends_with(":read"));
                let refused = "Zendesk refuses it for everything: one of its scopes means nothing there";
                return if reads && self.others_may_ask().await {
                    Proof::Rejected(refused.to_owned())
                } else {
                    Proof::Inconclusive("its scopes do not let it say who it is".to_owned())
                };
            }
            Err(error) => return Proof::Inconclusive(error.to_string()),
        };
        if !same_scopes(found.scopes.iter().map(String::as_str), &self.scope) {
            return Proof::Rejected(self.other_scopes(&found.scopes.join(" ")));
        }
        let session = self.zendesk.session(&self.zendesk.scope()).await;
        let ours = session.ok().and_then(|session| session.client_number);
        match (ours, found.client_id) {
            (Some(ours), Some(its)) if ours != its => Proof::Rejected("it is of another OAuth client".to_owned()),
            _ if found.expires_at.is_none() => Proof::Rejected(format!(
                "Zendesk gave it no end: end token {} by hand, and make a new OAuth client, for only those made after 30 \
                 April 2026 are held to one",
                found.id
            )),
            _ => Proof::Identity(Box::new(found.record())),
        }
    }

    /// With the token itself where it is at hand, so that no session needs the right to end others.
    async fn revoke(&self, record: &TokenRecord, value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let told = match (record.id.parse::<u64>(), value) {
            (Ok(id), _) => Some(id),
            (Err(_), Some(value)) => match self.zendesk.who(value).await? {
                Who::Is(found) => Some(found.id),
                Who::Nobody(_) => return Ok(Ended::Ended),
                Who::Hidden => None,
            },
            (Err(_), None) => None,
        };
        let id = told.ok_or_else(|| {
            anyhow::anyhow!("Zendesk's number of this access token is not known; it dies by itself within two days")
        })?;
        let path = format!("api/v2/oauth/tokens/{id}");
        if let Some(value) = value {
            let answer = self.zendesk.call_as(value, Method::DELETE, &path, &[], None, Retry::Put).await?;
            if matches!(answer.status.as_u16(), 200..=299 | 401 | 404) {
                return Ok(Ended::Ended);
            }
        }
        let answer = self.zendesk.call("write", Method::DELETE, &path, &[], None, Retry::Put).await?;
        match answer.status.as_u16() {
            200..=299 | 404 => Ok(Ended::Ended),
            _ => Err(answer.refused(super::meaning(&answer)).into()),
        }
    }

    async fn mints_as(&self) -> Option<String> {
        let session = self.zendesk.session(&self.zendesk.scope()).await.ok()?;
        session.user.map(|id| format!("user {id}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_an_access_or_one_of_a_resource() {
        for good in ["read", "write", "impersonate", "tickets:read", "dynamic_content:write"] {
            assert!(is_scope(good), "{good}");
        }
        for bad in ["", "all", "read write", "tickets", "tickets:admin", ":read", "Tickets:read", "[\"read\"]"] {
            assert!(!is_scope(bad), "{bad}");
        }
    }
}
