//! Any API over HTTP, as the config describes it: the connection that its kinds share.

pub(super) mod regenerate;
pub(super) mod request;

use std::sync::Arc;

use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use crate::connection::{Connecting, Connection, Login, LoginError, Needed, ServiceKind, Slot};
use crate::http::{HttpError, Retry};
use crate::issuer::Proof;
use crate::protocol::proof::{Control, Expected, Verify};
use crate::protocol::request::{Badge, Door, Request, Who, With};
use crate::protocol::seen::Seen;
use crate::protocol::template::Holes;
use crate::token::TokenValue;

/// Any API over HTTP, as the catalogue lists it.
pub(super) const SERVICE: ServiceKind = ServiceKind {
    name: "http",
    about: "Any API over HTTP, whose requests the config describes",
    own_address: None,
    url: Needed::Required,
    token: Needed::Required,
    schema: || schema_for!(Keys).to_value(),
    connect,
};

/// The keys of a connection.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// The header that carries the credential; `Authorization` by default.
    header: Option<String>,
    /// What stands before the credential there; `Bearer` in `Authorization`, nothing in another header.
    scheme: Option<String>,
    /// A request that shows whether a credential is alive, with the keys of `verify` of `http/regenerate`. Without one the
    /// credential is used unasked.
    whoami: Option<Verify>,
}

fn connect(to: Connecting) -> anyhow::Result<Arc<dyn Connection>> {
    let base = to.address()?;
    let Keys { header, scheme, whoami } = serde_json::from_value(to.keys)?;
    let badge = Badge::new(header.as_deref(), scheme.as_deref())?;
    if let Some(whoami) = &whoami {
        whoami.check("whoami")?;
    }
    let door = Door { http: to.http, base, badge };
    let host = door.host();
    Ok(Arc::new(HttpApi { door, host, slot: to.slot, whoami, control: Control::new() }))
}

/// One API, logged in to with one credential.
pub(super) struct HttpApi {
    door: Door,
    host: String,
    slot: Slot,
    whoami: Option<Verify>,
    control: Control,
}

impl HttpApi {
    /// Sends a request with the login, or with what it names instead.
    async fn send(
        &self,
        request: &Request,
        holes: &Holes,
        value: Option<&TokenValue>,
        retry: Retry,
    ) -> Result<Seen, HttpError> {
        let login = self.slot.lend();
        let who = Who { login: login.as_ref(), value };
        self.door.send(request, holes, (who, With::Login), retry).await
    }
}

#[async_trait]
impl Connection for HttpApi {
    fn host(&self) -> &str {
        &self.host
    }

    fn slot(&self) -> &Slot {
        &self.slot
    }

    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError> {
        let unasked = "nobody asked: the connection has no `whoami`";
        let Some(whoami) = &self.whoami else {
            return Ok(Login { who: None, record: None, rights: vec![unasked.to_owned()], too_wide: None });
        };
        match whoami.prove(&self.door, (Some(value), value), Expected::default(), &self.control).await {
            Proof::Identity(record) | Proof::Matched(record) => {
                Ok(Login { who: Some(record.id.clone()), record: Some(*record), rights: Vec::new(), too_wide: None })
            }
            Proof::Alive => Ok(Login { who: None, record: None, rights: Vec::new(), too_wide: None }),
            Proof::Rejected(why) => Err(LoginError::Dead(why)),
            Proof::Inconclusive(why) => Err(LoginError::Unreachable(why)),
        }
    }

    fn sibling(&self, slot: Slot) -> Arc<dyn Connection> {
        Arc::new(Self {
            door: self.door.clone(),
            host: self.host.clone(),
            slot,
            whoami: self.whoami.clone(),
            control: Control::new(),
        })
    }

    fn forget(&self) {}
}
