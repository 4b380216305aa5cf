//! Styra DAS: the connection that its kinds share.

pub(super) mod secret;
pub(super) mod token;

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use http::header::AUTHORIZATION;
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use crate::connection::{Connection, Login, LoginError, Needed, ServiceKind, Slot, no_keys};
use crate::http::{Answer, Call, Cause, Http, HttpError, Retry};
use crate::token::TokenValue;

/// Styra DAS, as the catalogue lists it.
pub(super) const SERVICE: ServiceKind = ServiceKind {
    name: "styra",
    about: "Styra Declarative Authorization Service; addresses of tenants in the EU end in `.svc.styra.com`",
    own_address: None,
    url: Needed::Required,
    token: Needed::Required,
    schema: no_keys,
    connect: |to| {
        let base = to.address()?;
        let host = base.host_str().unwrap_or_default().to_owned();
        let garbage = OnceCell::new();
        Ok(Arc::new(Styra { http: to.http, base, host, slot: to.slot, garbage }))
    },
};

/// One DAS tenant, logged in to with one token.
pub(super) struct Styra {
    http: Arc<Http>,
    base: Url,
    host: String,
    slot: Slot,
    /// Whether a value that no token has is refused as unknown; asked once a run.
    garbage: OnceCell<bool>,
}

impl Styra {
    async fn call(&self, method: Method, path: &str, body: Option<Value>, retry: Retry) -> Result<Answer, HttpError> {
        let value = self
            .slot
            .lend()
            .ok_or_else(|| HttpError::before("styra", Cause::Withheld("no credential is at hand".to_owned())))?;
        self.call_as(&value, method, path, body, retry).await
    }

    async fn call_as(
        &self,
        value: &TokenValue,
        method: Method,
        path: &str,
        body: Option<Value>,
        retry: Retry,
    ) -> Result<Answer, HttpError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        let call = Call::new(method, url, retry).credential(AUTHORIZATION, "Bearer ", value);
        self.http.send(if let Some(body) = body { call.json(&body) } else { call }).await
    }

    /// The negative control: only where garbage is refused as unknown does a refusal for rights prove life.
    async fn refuses_garbage(&self) -> bool {
        let ask = || async {
            let Ok(garbage) = TokenValue::new("tokenwheel-control-no-token-has-this-value") else { return false };
            let answer = self.call_as(&garbage, Method::GET, "v1/tokens", None, Retry::Read).await;
            answer.is_ok_and(|answer| answer.status.as_u16() == 401)
        };
        *self.garbage.get_or_init(ask).await
    }
}

/// A token's id as a path: DAS's ids have slashes, and each part between them is encoded for itself.
/// Which way the server wants it is not documented; the sandbox takes both.
fn segments(id: &str) -> String {
    let encode = |part: &str| {
        let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        part.bytes()
            .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect::<String>()
    };
    id.split('/').map(encode).collect::<Vec<_>>().join("/")
}

/// What a refusal means.
fn meaning(answer: &Answer) -> &'static str {
    match answer.status.as_u16() {
        401 => "DAS knows no such token: it has expired, was replaced, or never was",
        403 => "the token's role does not allow it",
        404 => "there is no such token",
        409 => "it exists already",
        400 | 422 => "DAS refuses it as invalid",
        500.. => "DAS failed",
        _ => "an answer that is not expected here",
    }
}

#[async_trait]
impl Connection for Styra {
    fn host(&self) -> &str {
        &self.host
    }

    fn slot(&self) -> &Slot {
        &self.slot
    }

    /// DAS has no "who am I": a token that may not list is refused with 403, an unknown one with 401.
    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError> {
        let answer = self.call_as(value, Method::GET, "v1/tokens", None, Retry::Read).await;
        let answer = answer.map_err(|error| LoginError::Unreachable(error.to_string()))?;
        match answer.status.as_u16() {
            401 => Err(LoginError::Dead(answer.refused(meaning(&answer)).to_string())),
            200 | 403 => {
                let reads = answer.ok();
                let rights = vec![if reads { "may list all tokens" } else { "may not list tokens" }.to_owned()];
                Ok(Login { who: None, record: None, rights, too_wide: None })
            }
            _ => Err(LoginError::Unreachable(answer.refused(meaning(&answer)).to_string())),
        }
    }

    fn sibling(&self, slot: Slot) -> Arc<dyn Connection> {
        let garbage = OnceCell::new();
        Arc::new(Self { http: Arc::clone(&self.http), base: self.base.clone(), host: self.host.clone(), slot, garbage })
    }

    fn forget(&self) {}
}
