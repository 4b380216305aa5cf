//! Who is asking, with which of the many kinds of credential.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;

use super::model::Key;
use super::{Atlassian, Refusal};
use crate::exchange::Request;

impl Atlassian {
    /// The account that a request comes from: Basic with an API token, or Bearer with an access token that has one of
    /// these scopes. A token with scopes works through the gateway only.
    pub(super) fn caller(&mut self, request: &Request, gateway: bool, scopes: &[&str]) -> Result<String, Refusal> {
        let refused = || if gateway { Refusal::Gateway("Unauthorized") } else { Refusal::Unauthorized };
        let now = self.now();
        if let Some((email, value)) = basic(request) {
            let lag = self.revocation_lag;
            let token = self.api_tokens.values_mut().find(|token| token.value == value && token.works(now, lag));
            let token = token.filter(|token| gateway || !token.scoped).ok_or_else(refused)?;
            let account = self.accounts.get(&token.account).filter(|account| account.email == email);
            let account = account.ok_or_else(refused)?.id.clone();
            token.last_active = Some(now);
            return Ok(account);
        }
        let value = bearer(request).ok_or_else(refused)?;
        let access = self.access.get(value).filter(|access| gateway && now < access.expires).ok_or_else(refused)?;
        if !access.scopes.iter().any(|scope| scopes.contains(&scope.as_str())) {
            // Whose token lives and lacks the scope is told with 401 too.
            return Err(Refusal::Gateway("Unauthorized; scope does not match"));
        }
        Ok(access.account.clone())
    }

    /// The admin key that a request comes with; one with scopes needs this one.
    pub(super) fn administrator(&mut self, request: &Request, scope: &str) -> Result<Key, Refusal> {
        let (now, lag) = (self.now(), self.revocation_lag);
        let value = bearer(request).unwrap_or_default();
        let key = self.keys.values_mut().find(|key| key.value == value && key.works(now, lag));
        let key = key.ok_or(Refusal::Gateway("Unauthorized"))?;
        if !key.scopes.is_empty() && !key.scopes.iter().any(|has| has == scope) {
            return Err(Refusal::Forbidden);
        }
        key.last_active = Some(now);
        Ok(key.clone())
    }

    /// The user of the Data Center: Bearer with a personal access token, or Basic with the password.
    pub(super) fn user(&mut self, request: &Request) -> Result<String, Refusal> {
        let now = self.now();
        if let Some((username, password)) = basic(request) {
            let fits = |account: &&super::Account| account.username == username && account.password == password;
            let found = self.accounts.values().filter(|account| !account.password.is_empty()).find(fits);
            return found.map(|account| account.id.clone()).ok_or(Refusal::Unauthorized);
        }
        let value = bearer(request).ok_or(Refusal::Unauthorized)?;
        let pat = self.pats.values_mut().find(|pat| pat.value == value && pat.is_live(now));
        let pat = pat.ok_or(Refusal::Unauthorized)?;
        pat.last_used = Some(now);
        Ok(pat.account.clone())
    }
}

pub(super) fn bearer(request: &Request) -> Option<&str> {
    request.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

fn basic(request: &Request) -> Option<(String, String)> {
    let header = request.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let text = String::from_utf8(STANDARD.decode(header.strip_prefix("Basic ")?.trim()).ok()?).ok()?;
    let (user, secret) = text.split_once(':')?;
    Some((user.to_owned(), secret.to_owned()))
}
