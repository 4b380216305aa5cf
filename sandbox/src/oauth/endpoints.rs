//! The three endpoints.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::model::{Access, Client};
use super::refusal::Refusal;
use super::{OAuth, Outcome};

type Form = BTreeMap<String, String>;

impl OAuth {
    /// RFC 6749 §4.4 and §6.
    pub(crate) fn token(&mut self, client: &Client, form: &Form) -> Outcome {
        match form.get("grant_type").map(String::as_str) {
            Some("client_credentials") => {
                let scope = self.scope(form, &client.scopes)?;
                let access = self.make_access(client, scope, None);
                Ok(Some(self.shown(&access, None)))
            }
            Some("refresh_token") => self.refresh(client, form),
            Some(_) => Err(Refusal::UnsupportedGrant),
            None => Err(Refusal::Invalid("missing required parameter 'grant_type'")),
        }
    }

    fn refresh(&mut self, client: &Client, form: &Form) -> Outcome {
        let value = form.get("refresh_token").ok_or(Refusal::Invalid("missing required parameter 'refresh_token'"))?;
        let of_value = |grant: &super::Grant| grant.refresh == *value || grant.used.contains(value);
        let at = self.grants.iter().position(of_value).ok_or(Refusal::InvalidGrant)?;
        let now = self.now();
        let grant = self.grants.get(at).cloned().ok_or(Refusal::InvalidGrant)?;
        if grant.client != client.id {
            return Err(Refusal::InvalidGrant);
        }
        if grant.used.contains(value) {
            if !grant.ended {
                self.reuse += 1;
            }
            if self.reuse_ends_the_grant {
                self.end_grant(at);
            }
            return Err(Refusal::InvalidGrant);
        }
        if !grant.is_live(now) {
            return Err(Refusal::InvalidGrant);
        }
        let allowed: Vec<String> = grant.scope.split(' ').map(str::to_owned).collect();
        let scope = self.scope(form, &allowed)?;
        let access = self.make_access(client, scope, Some(at));
        let fresh = self.rotates.then(|| self.mint_value());
        if let (Some(fresh), Some(grant)) = (&fresh, self.grants.get_mut(at)) {
            grant.used.push(std::mem::replace(&mut grant.refresh, fresh.clone()));
            grant.expires = now + client.refresh_life;
        }
        Ok(Some(self.shown(&access, fresh)))
    }

    /// RFC 7662: what is dead, unknown or another client's is all the same.
    pub(crate) fn introspect(&self, client: &Client, form: &Form) -> Outcome {
        let value = form.get("token").ok_or(Refusal::Invalid("missing required parameter 'token'"))?;
        let now = self.now();
        if let Some(access) = self.access.get(value).filter(|one| one.client == client.id && one.is_live(now)) {
            return Ok(Some(json!({
                "active": true, "client_id": access.client, "scope": access.scope, "token_type": "Bearer",
                "iat": access.created.timestamp(), "exp": access.expires.timestamp(),
            })));
        }
        let grant = self.grants.iter().find(|one| one.refresh == *value && one.client == client.id && one.is_live(now));
        Ok(Some(match grant.filter(|_| self.introspects_refresh) {
            Some(grant) => json!({
                "active": true, "client_id": grant.client, "scope": grant.scope, "sub": grant.subject,
                "exp": grant.expires.timestamp(),
            }),
            None => json!({ "active": false }),
        }))
    }

    /// RFC 7009: 200 also for what nobody knows. The end of a refresh token ends what came from it.
    pub(crate) fn revoke_token(&mut self, client: &Client, form: &Form) -> Outcome {
        let value = form.get("token").ok_or(Refusal::Invalid("missing required parameter 'token'"))?;
        let grant = self.grants.iter().position(|grant| grant.refresh == *value);
        let of_grant = grant.and_then(|at| self.grants.get(at)).map(|grant| &grant.client);
        let owner = self.access.get(value).map(|access| &access.client).or(of_grant);
        if owner.is_some_and(|owner| *owner != client.id) {
            return Err(Refusal::NotYours);
        }
        if self.revoking_works {
            if let Some(access) = self.access.get_mut(value) {
                access.revoked = true;
            }
            if let Some(at) = grant {
                self.end_grant(at);
            }
        }
        Ok(None)
    }

    /// Ends a grant and every access token that came from it.
    pub(crate) fn end_grant(&mut self, at: usize) {
        if let Some(grant) = self.grants.get_mut(at) {
            grant.ended = true;
        }
        for access in self.access.values_mut().filter(|access| access.grant == Some(at)) {
            access.revoked = true;
        }
    }

    fn scope(&self, form: &Form, allowed: &[String]) -> Result<String, Refusal> {
        let Some(asked) = form.get("scope") else { return Ok(allowed.join(" ")) };
        let may = asked.split_whitespace().all(|scope| allowed.iter().any(|allowed| allowed == scope));
        if may || self.grants_any_scope { Ok(asked.clone()) } else { Err(Refusal::InvalidScope) }
    }

    pub(crate) fn make_access(&mut self, client: &Client, scope: String, grant: Option<usize>) -> Access {
        let (value, created) = (self.mint_value(), self.now());
        self.minted += 1;
        let expires = created + client.life;
        let access =
            Access { value: value.clone(), client: client.id.clone(), grant, scope, created, expires, revoked: false };
        self.access.insert(value, access.clone());
        access
    }

    fn shown(&self, access: &Access, refresh: Option<String>) -> Value {
        let mut shown = json!({ "access_token": access.value, "token_type": "Bearer", "scope": access.scope });
        if let Value::Object(fields) = &mut shown {
            if self.tells_lifetimes {
                fields.insert("expires_in".to_owned(), Value::from((access.expires - access.created).num_seconds()));
            }
            if let Some(refresh) = refresh {
                fields.insert("refresh_token".to_owned(), Value::from(refresh));
            }
        }
        shown
    }
}
