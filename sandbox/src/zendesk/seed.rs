//! Filling an account before a test, and looking into it afterwards.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Zendesk;
use super::auth::works;
use super::model::{AccessToken, ApiToken, Authentication, Client, Installation, Invocation, Role, User, Webhook};
use crate::mint::{HEX, URL_SAFE};

/// The letters of an API token of the old kind.
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Zendesk {
    /// Adds a person.
    pub fn add_user(&mut self, name: &str, role: Role) -> u64 {
        let id = self.number();
        let email = format!("{}@example.com", name.to_lowercase());
        self.users.insert(id, User { id, name: name.to_owned(), email, role });
        id
    }

    /// Adds a confidential OAuth client that acts as this person; gives its secret.
    pub fn add_client(&mut self, identifier: &str, user: u64) -> String {
        let (id, now, secret) = (self.number(), self.now(), self.mint.secret("", HEX, 64));
        let client = Client {
            id,
            identifier: identifier.to_owned(),
            confidential: true,
            secret: secret.clone(),
            former: Vec::new(),
            user,
            created_at: now,
            updated_at: now,
        };
        self.clients.insert(id, client);
        secret
    }

    /// A client by its unique identifier.
    pub fn client(&self, identifier: &str) -> Option<Client> {
        self.clients.values().find(|client| client.identifier == identifier).cloned()
    }

    /// Changes a client.
    pub fn change_client(&mut self, identifier: &str, change: impl FnOnce(&mut Client)) {
        if let Some(client) = self.clients.values_mut().find(|client| client.identifier == identifier) {
            change(client);
        }
    }

    /// Adds an access token of a client.
    pub fn add_token(&mut self, identifier: &str, scopes: &[&str], dies: Option<DateTime<Utc>>) -> AccessToken {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let lifetime = dies.map(|dies| dies - self.now());
        let client = self.client(identifier);
        let nobody = || Client {
            id: 0,
            identifier: String::new(),
            confidential: true,
            secret: String::new(),
            former: Vec::new(),
            user: 0,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        };
        self.make_token(&client.unwrap_or_else(nobody), &scopes, lifetime)
    }

    /// The access tokens that work now, oldest first.
    pub fn live_tokens(&self) -> Vec<AccessToken> {
        let now = self.now();
        self.tokens.values().filter(|token| token.is_live(now)).cloned().collect()
    }

    /// Ends an access token.
    pub fn revoke(&mut self, id: u64) {
        self.tokens.remove(&id);
    }

    /// Adds an API token of the old kind.
    pub fn add_api_token(&mut self, description: &str, user: u64, used: Option<DateTime<Utc>>) -> ApiToken {
        let (id, now) = (self.number(), self.now());
        let value = self.mint.secret("", ALPHANUMERIC, 40);
        let token = ApiToken {
            id,
            value,
            description: description.to_owned(),
            user,
            created_at: used.map_or(now, |used| used.min(now)),
            last_used: used,
        };
        self.api_tokens.insert(id, token.clone());
        token
    }

    /// The API tokens with this description, oldest first.
    pub fn api_tokens(&self, description: &str) -> Vec<ApiToken> {
        self.api_tokens.values().filter(|token| token.description == description).cloned().collect()
    }

    /// Changes the value of the API tokens with this description.
    pub fn set_api_token(&mut self, description: &str, value: &str) {
        self.mint.remember(value);
        let all = self.api_tokens.values_mut().filter(|token| token.description == description);
        all.for_each(|token| value.clone_into(&mut token.value));
    }

    /// Whether an access token, an API token or a client's secret of this value works now.
    pub fn is_live(&self, value: &str) -> bool {
        let now = self.now();
        let secret = |client: &Client| {
            client.secret == value || (self.former_secrets_work && client.former.iter().any(|former| former == value))
        };
        self.tokens.values().any(|token| token.value == value && token.is_live(now))
            || self.api_tokens.values().any(|token| token.value == value && !self.api_tokens_off && works(token, now))
            || self.clients.values().any(secret)
    }

    /// Adds an active webhook without a credential.
    pub fn add_webhook(&mut self, id: &str, name: &str, endpoint: &str) {
        let (now, signing_secret) = (self.now(), self.mint.secret("", URL_SAFE, 40));
        let hook = Webhook {
            id: id.to_owned(),
            name: name.to_owned(),
            description: "kept by hand".to_owned(),
            status: "active".to_owned(),
            endpoint: endpoint.to_owned(),
            http_method: "POST".to_owned(),
            request_format: "json".to_owned(),
            subscriptions: vec!["conditional_ticket_events".to_owned()],
            authentication: None,
            custom_headers: BTreeMap::new(),
            external_source: None,
            signing_secret,
            created_at: now,
            updated_at: now,
            updated_by: 1,
            receiver: 200,
            refused: Vec::new(),
            sent: Vec::new(),
            invocations: Vec::new(),
        };
        self.webhooks.insert(hook.id.clone(), hook);
    }

    /// Gives a webhook a credential: `bearer_token`, `basic_auth` or `api_key`, with its data.
    pub fn authenticate_webhook(&mut self, id: &str, kind: &str, position: &str, data: &Value) {
        let mut hook = None;
        self.change_webhook(id, |found| {
            let (kind, position, data) = (kind.to_owned(), position.to_owned(), data.clone());
            found.authentication = Some(Authentication { kind, position, data });
            hook = Some(found.clone());
        });
        if let Some(hook) = hook {
            self.remember_secrets(&hook);
        }
    }

    /// Changes a webhook, as somebody else does by hand.
    pub fn change_webhook(&mut self, id: &str, change: impl FnOnce(&mut Webhook)) {
        if let Some(hook) = self.webhooks.get_mut(id) {
            change(hook);
        }
    }

    /// A webhook, secrets included.
    pub fn webhook(&self, id: &str) -> Option<Webhook> {
        self.webhooks.get(id).cloned()
    }

    /// The credential that a webhook holds: the token, the password or the key.
    pub fn webhook_secret(&self, id: &str) -> Option<String> {
        let data = self.webhooks.get(id)?.authentication.as_ref()?.data.clone();
        let found = ["token", "password", "value"].into_iter().find_map(|name| data.get(name)?.as_str());
        found.map(str::to_owned)
    }

    /// Adds a delivery that ended like this.
    pub fn add_invocation(&mut self, id: &str, status: &str, at: DateTime<Utc>) {
        let number = self.number();
        self.change_webhook(id, |hook| {
            hook.invocations.push(Invocation { id: number.to_string(), status: status.to_owned(), created_at: at });
        });
    }

    /// Installs an app; of the settings, those of the second list are secure. Gives the number of the installation.
    pub fn install(&mut self, app: u64, visible: &[(&str, &str)], secure: &[(&str, &str)]) -> u64 {
        let (id, now) = (self.number(), self.now());
        for (_, value) in secure {
            self.mint.remember(value);
        }
        let of = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let settings = visible.iter().chain(secure).map(of).collect();
        let secure = secure.iter().map(|(name, _)| (*name).to_owned()).collect();
        self.installations.insert(id, Installation { id, app, settings, secure, created_at: now, updated_at: now });
        id
    }

    /// An installation, secrets included.
    pub fn installation(&self, id: u64) -> Option<Installation> {
        self.installations.get(&id).cloned()
    }

    /// Changes a setting, as somebody else does by hand.
    pub fn set(&mut self, id: u64, name: &str, value: &str) {
        let now = self.now();
        if let Some(found) = self.installations.get_mut(&id) {
            found.settings.insert(name.to_owned(), value.to_owned());
            found.updated_at = now;
        }
    }

    /// A webhook's whole outward form but its credential and its dates, for comparing before and after.
    pub fn webhook_form(&self, id: &str) -> Value {
        let Some(hook) = self.webhooks.get(id) else { return Value::Null };
        let kind = hook.authentication.as_ref().map(|kept| json!([kept.kind, kept.position]));
        json!({
            "name": hook.name, "description": hook.description, "status": hook.status, "method": hook.http_method,
            "format": hook.request_format, "subscriptions": hook.subscriptions, "authentication": kind,
            "signing": hook.signing_secret, "source": hook.external_source,
        })
    }
}
