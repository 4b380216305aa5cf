//! Which client is asking (RFC 6749 §2.3.1).

use std::collections::BTreeMap;

use base64::Engine as _;
use http::header::AUTHORIZATION;

use super::OAuth;
use super::model::{Client, ClientAuth};
use super::refusal::Refusal;
use crate::exchange::Request;

impl OAuth {
    /// Lets a client in, by the one way it is registered for. Both ways at once are none.
    pub(crate) fn authenticate(&self, request: &Request, form: &BTreeMap<String, String>) -> Result<Client, Refusal> {
        let basic = basic(request);
        let post = form.get("client_secret").and_then(|secret| Some((form.get("client_id")?.clone(), secret.clone())));
        let (way, (id, secret)) = match (basic, post) {
            (Some(_), Some(_)) => return Err(Refusal::Invalid("two ways of client authentication")),
            (Some(pair), None) => (ClientAuth::Basic, pair),
            (None, Some(pair)) => (ClientAuth::Post, pair),
            (None, None) => return Err(Refusal::InvalidClient),
        };
        let client = self.clients.get(&id).filter(|client| client.secret == secret).ok_or(Refusal::InvalidClient)?;
        if client.auth == ClientAuth::Either || client.auth == way {
            Ok(client.clone())
        } else {
            Err(Refusal::InvalidClient)
        }
    }
}

/// Id and secret of the Basic scheme; both are encoded as in a form first.
fn basic(request: &Request) -> Option<(String, String)> {
    let header = request.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = base64::engine::general_purpose::STANDARD.decode(header).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((crate::target::decode(id), crate::target::decode(secret)))
}
