//! Tokens, what they may do, and logins by JWT (developer.hashicorp.com/vault/api-docs: auth/token, auth/jwt,
//! system/capabilities-self; openbao.org/api-docs has the same).

use serde_json::{Map, Value, json};

use super::{Outcome, Policy, Refusal, Token, Vault, body, denied, envelope, invalid, missing, wrapped};
use crate::exchange::{Answer, Request};
use crate::mint::{HEX, URL_SAFE};

/// A request that was let in.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) value: String,
    policy: Policy,
    root: bool,
}

impl Caller {
    /// What it may do at a path: the longest pattern that fits decides.
    fn capabilities(&self, path: &str) -> Vec<String> {
        if self.root {
            return vec!["root".to_owned()];
        }
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => pattern == path,
        };
        let of = self.policy.iter().filter(|(pattern, _)| fits(pattern)).max_by_key(|(pattern, _)| pattern.len());
        of.map_or_else(|| vec!["deny".to_owned()], |(_, capabilities)| capabilities.clone())
    }

    /// Only with that capability.
    pub(super) fn may(&self, capability: &str, path: &str) -> Result<(), Refusal> {
        let has = self.capabilities(path);
        if has.iter().any(|has| has == capability || has == "root") { Ok(()) } else { Err(denied()) }
    }
}

impl Vault {
    /// Lets a request in: a token that is unknown, expired or revoked gets one and the same 403.
    pub(super) fn authenticate(&self, request: &Request) -> Result<Caller, Refusal> {
        let value = request.headers.get("x-vault-token").and_then(|value| value.to_str().ok()).ok_or_else(denied)?;
        let token = self.tokens.get(value).filter(|token| self.lives(token)).ok_or_else(denied)?;
        Ok(Caller { value: value.to_owned(), policy: token.policy.clone(), root: token.root })
    }

    pub(super) fn lives(&self, token: &Token) -> bool {
        token.expires.is_none_or(|end| end > self.now())
    }

    pub(super) fn look_up(&self, caller: &Caller) -> Outcome {
        let token = self.tokens.get(&caller.value).ok_or_else(denied)?;
        let ttl = token.expires.map_or(0, |end| (end - self.now()).num_seconds());
        let policies = if token.root { json!(["root"]) } else { json!(["default", "app"]) };
        Ok(wrapped(&json!({
            "accessor": token.accessor, "creation_time": token.created.timestamp(), "creation_ttl": ttl,
            "display_name": "token", "entity_id": "", "explicit_max_ttl": 0, "id": caller.value, "meta": null,
            "num_uses": 0, "orphan": false, "path": if token.by_login { "auth/jwt/login" } else { "auth/token/create" },
            "policies": policies, "renewable": true, "ttl": ttl, "type": "service",
            // Nine digits of a second, as the real server writes them.
            "expire_time": token.expires.map(|end| end.format("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()),
            "issue_time": token.created.format("%Y-%m-%dT%H:%M:%S.%9fZ").to_string(),
        })))
    }

    pub(super) fn capabilities(&self, caller: &Caller, request: &Request) -> Outcome {
        if !self.default_policy && !caller.root {
            return Err(denied());
        }
        let body = body(request)?;
        let paths = body.get("paths").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut found: Map<String, Value> = paths
            .iter()
            .filter_map(Value::as_str)
            .map(|path| (path.to_owned(), json!(caller.capabilities(path))))
            .collect();
        if let Some(first) = paths.first().and_then(Value::as_str).and_then(|path| found.get(path)).cloned() {
            found.insert("capabilities".to_owned(), first);
        }
        let mut answer = envelope(&json!(found), &Value::Null);
        if let Some(answer) = answer.as_object_mut() {
            answer.extend(found);
        }
        Ok(Answer::json(200, &answer))
    }

    /// A login by JWT: what is wrong with one is told with 400, save where there is no such engine.
    pub(super) fn log_in(&mut self, mount: &str, request: &Request) -> Outcome {
        let body = body(request)?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let known = self.roles.keys().any(|(at, _)| at == mount);
        if !known {
            return Err(denied());
        }
        let role = self.roles.get(&(mount.to_owned(), text("role"))).cloned();
        let role = role.ok_or_else(|| invalid("role could not be found"))?;
        let (subject, dies) = self.jwts.get(&text("jwt")).cloned().ok_or_else(|| {
            invalid("error validating token: error verifying token signature: no known key successfully validated")
        })?;
        if dies <= self.now() {
            return Err(invalid("error validating token: token is expired"));
        }
        if subject != role.subject {
            return Err(invalid(
                "error validating claims: claim \"sub\" does not match any associated bound claim values",
            ));
        }
        let value = self.mint.secret("hvs.", URL_SAFE, 90);
        let token = Token {
            accessor: self.mint.letters(HEX, 24),
            policy: role.policy,
            root: false,
            by_login: true,
            created: self.now(),
            expires: Some(self.now() + role.ttl),
        };
        let auth = json!({
            "client_token": value, "accessor": token.accessor, "policies": ["default", "app"],
            "token_policies": ["default", "app"], "metadata": { "role": text("role") },
            "lease_duration": role.ttl.num_seconds(), "renewable": true, "entity_id": "e", "token_type": "service",
            "orphan": true, "mfa_requirement": null, "num_uses": 0,
        });
        self.tokens.insert(value, token);
        self.logins += 1;
        Ok(Answer::json(200, &envelope(&Value::Null, &auth)))
    }

    /// Which engine a path belongs to; asked by the web interface, and open to whoever may do anything there.
    pub(super) fn mount_of(&self, caller: &Caller, path: &str) -> Outcome {
        let (name, mount, _) = self.mounted(path).ok_or_else(denied)?;
        let inside = |(pattern, _): &(String, Vec<String>)| pattern.starts_with(&format!("{name}/"));
        if !caller.root && !caller.policy.iter().any(inside) {
            return Err(denied());
        }
        Ok(wrapped(&json!({
            "accessor": "kv_1", "description": "", "path": format!("{name}/"), "type": "kv",
            "options": { "version": mount.version.to_string() },
        })))
    }

    /// The engine at the start of a path, and what is left of it.
    pub(super) fn mounted<'a>(&self, path: &'a str) -> Option<(String, super::Mount, &'a str)> {
        self.mounts.iter().find_map(|(name, mount)| {
            let rest = path.strip_prefix(name.as_str())?;
            let rest = if rest.is_empty() { rest } else { rest.strip_prefix('/')? };
            Some((name.clone(), mount.clone(), rest))
        })
    }

    pub(super) fn kv(&mut self, caller: &Caller, path: &str, request: &Request) -> Outcome {
        // A path that no engine has is refused for rights first.
        let Some((name, mount, rest)) = self.mounted(path) else {
            return Err(if caller.root { missing() } else { denied() });
        };
        if mount.version == 1 {
            self.kv_one(caller, &name, rest, request)
        } else {
            self.kv_two(caller, &name, &mount, rest, request)
        }
    }
}
