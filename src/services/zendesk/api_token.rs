//! `zendesk/api-token`: the old kind. None can be made since 27 October 2026 and all end on 30 April 2027, so it is
//! watched, and never deleted: what is deleted cannot be made again.
//! <https://developer.zendesk.com/documentation/api-basics/authentication/oauth-migration/>

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{Zendesk, meaning};
use crate::connection::own;
use crate::http::{Call, Retry};
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "zendesk/api-token",
    about: "An API token of the old kind, watched until the end of them all on 30 April 2027; never made, never deleted",
    succession: "manual",
    needs: "an OAuth client that an administrator made; the session that lists them has the scope `read`, for Zendesk \
            has none of its own for API tokens",
    ttl: Ttl::Optional,
    shortest: TimeDelta::days(1),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// API tokens are not among the resources that a scope can name.
const SCOPE: &str = "read";
/// After so long without use Zendesk switches one off, and deletes it sixty days later.
const IDLE: TimeDelta = TimeDelta::days(30);
/// How long before that it is told.
const NOTICE: TimeDelta = TimeDelta::days(10);

/// When all of them end.
fn end_of_all() -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(1_809_043_200, 0)
}

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Its description in the admin centre, by which it is found.
    description: String,
    /// The address of a person whom it is used as. With it a value that a destination lends can be proved alive, which
    /// counts as use and keeps it from idling.
    email: Option<String>,
}

/// <https://support.zendesk.com/hc/en-us/articles/4408889192858>
#[derive(Deserialize)]
struct ApiTokenJson {
    id: u64,
    #[serde(default)]
    description: String,
    active: Option<bool>,
    created_at: Option<DateTime<Utc>>,
    last_used: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Listing {
    api_tokens: Vec<ApiTokenJson>,
}

/// <https://developer.zendesk.com/api-reference/ticketing/users/users/#show-self>
#[derive(Deserialize)]
struct Me {
    user: Person,
}

#[derive(Deserialize)]
struct Person {
    id: Option<u64>,
}

struct ApiToken {
    zendesk: Arc<Zendesk>,
    config: Config,
    subject: Subject,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    let zendesk = own::<Zendesk>(&ground.connection)?;
    let subject = Subject::new(KIND.kind, &zendesk.host, &config.description);
    Ok(Box::new(ApiToken { zendesk, config, subject }))
}

impl ApiToken {
    const NO_MORE: &str = "Zendesk makes no API tokens since 27 October 2026, neither by hand nor by its API";

    fn way_out(&self) -> String {
        format!(
            "to move: let an administrator make a confidential OAuth client (https://{}/admin/apps-integrations/apis/\
             zendesk-api/oauth_clients), and give its users a `zendesk/oauth-token`, sent as `Authorization: Bearer`",
            self.zendesk.host
        )
    }
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

    /// Forty letters and digits, as far as anyone has seen; another value is never sent there.
    fn recognises(&self, value: &TokenValue) -> bool {
        let shape = value.shape();
        shape.longest == 40 && shape.marks.is_empty()
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::Unknown(format!("{}; {}", Self::NO_MORE, self.way_out())))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let path = "api/v2/api_tokens.json";
        let answer = self.zendesk.call(SCOPE, Method::GET, path, &[], None, Retry::Read).await?;
        let listed = match answer.status.as_u16() {
            200 => answer.json::<Listing>()?.api_tokens,
            // The account has switched API tokens off: none lives.
            404 => Vec::new(),
            _ => return Err(answer.refused(meaning(&answer)).into()),
        };
        let ours = |token: &ApiTokenJson| token.description == self.config.description && token.active != Some(false);
        let mut records: Vec<TokenRecord> = listed
            .into_iter()
            .filter(ours)
            .map(|token| TokenRecord {
                created: token.created_at,
                expires: end_of_all(),
                last_used: token.last_used,
                ..TokenRecord::named(token.id.to_string())
            })
            .collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.created));
        Ok(Inventory::Listed(records))
    }

    async fn mint(&self, _order: &Order<'_>) -> Result<Minted, MintError> {
        Err(MintError::Refused(anyhow::anyhow!("{}; {}", Self::NO_MORE, self.way_out())))
    }

    /// Asks who it is used as. A wrong token is answered 200 too, and is nobody; which of the tokens it is nobody tells.
    async fn verify(&self, value: &TokenValue) -> Proof {
        let Some(email) = &self.config.email else {
            return Proof::Inconclusive("say `email`, as whom it is used, so that it can be asked".to_owned());
        };
        let url = self.zendesk.url("api/v2/users/me.json", &[]);
        let call = Call::new(Method::GET, url, Retry::Read).basic(&format!("{email}/token"), value);
        let answer = match self.zendesk.http.send(call).await {
            Ok(answer) => answer,
            Err(error) => return Proof::Inconclusive(error.to_string()),
        };
        match (answer.status.as_u16(), answer.json::<Me>().map(|me| me.user.id)) {
            (200, Ok(Some(_))) => Proof::Alive,
            (200, Ok(None)) => Proof::Rejected(format!("Zendesk knows nobody by it, as {email}")),
            (401, _) => Proof::Rejected(answer.refused(meaning(&answer)).to_string()),
            (200, Err(error)) => Proof::Inconclusive(error.to_string()),
            _ => Proof::Inconclusive(answer.refused(meaning(&answer)).to_string()),
        }
    }

    async fn revoke(&self, _record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        anyhow::bail!(
            "an API token is not deleted here, for none can be made again: when a leak is worse than that, delete it by \
             hand (https://{}/admin/apps-integrations/apis/zendesk-api/settings)",
            self.zendesk.host
        )
    }

    fn ends_tokens(&self) -> bool {
        false
    }

    fn advice(&self, live: Option<&TokenRecord>, now: DateTime<Utc>) -> Vec<String> {
        let Some(live) = live else {
            return vec![
                format!("no API token with this description works any more; {}", Self::NO_MORE),
                self.way_out(),
            ];
        };
        let mut advice = vec![
            "all API tokens end on 30 April 2027, and none can be made any more: do not delete it".to_owned(),
            self.way_out(),
        ];
        if let Some(used) = live.last_used.or(live.created).filter(|used| now - *used >= IDLE - NOTICE) {
            let off = (used + IDLE).format("%-d %B %Y");
            let days = (now - used).num_days();
            advice.insert(
                0,
                format!(
                    "it was not used for {days} days: on {off} Zendesk switches it off for good, and deletes it 60 days \
                     later; use it before, or move"
                ),
            );
        }
        advice
    }
}
