//! `/v1/secrets` ("Styra API" 2.0.0): a place that tokens can be delivered to, and never read back from.

use http::Method;
use serde_json::{Value, json};

use super::auth::Caller;
use super::model::Secret;
use super::refusal::Refusal;
use super::{Outcome, Styra, body, only_creates};
use crate::clock::stamp;
use crate::exchange::Request;

impl Styra {
    /// Everything under `/v1/secrets`.
    pub(crate) fn secret(
        &mut self,
        caller: &Caller,
        id: Option<&String>,
        method: &Method,
        request: &Request,
    ) -> Outcome {
        caller.administers()?;
        match (method.as_str(), id) {
            ("GET", _) if !self.secrets_may_be_read => Err(Refusal::Forbidden),
            ("GET", None) => Ok(Some(self.secrets.values().map(show).collect())),
            ("GET", Some(id)) => self.secrets.get(id).map(show).map(Some).ok_or(Refusal::Missing),
            ("PUT", Some(id)) => self.put_secret(id, request),
            ("DELETE", Some(id)) => self.secrets.remove(id).map(|_| None).ok_or(Refusal::Missing),
            _ => Err(Refusal::Missing),
        }
    }

    fn put_secret(&mut self, id: &str, request: &Request) -> Outcome {
        let body = body(request)?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(name), Some(description), Some(secret)) = (text("name"), text("description"), text("secret")) else {
            return Err(Refusal::Invalid("name, description and secret are required"));
        };
        if only_creates(request) && self.secrets.contains_key(id) {
            return Err(Refusal::Exists("Secret already exists"));
        }
        self.mint.remember(&secret);
        let modified_at = self.now();
        self.secrets.insert(id.to_owned(), Secret { id: id.to_owned(), name, description, secret, modified_at });
        Ok(None)
    }
}

fn show(secret: &Secret) -> Value {
    json!({
        "id": secret.id,
        "name": secret.name,
        "description": secret.description,
        "metadata": { "last_modified_at": stamp(secret.modified_at) },
    })
}
