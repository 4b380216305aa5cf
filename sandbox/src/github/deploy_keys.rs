//! `/repos/{owner}/{repo}/keys`: public keys that reach one repository. They are immutable, never die by themselves,
//! and go with the personal token that made them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::auth::{Caller, Need};
use super::refusal::{Refusal, message};
use super::{GitHub, Outcome};
use crate::exchange::{Answer, Request};
use crate::params::Params;

/// A deploy key.
#[derive(Clone, Debug)]
pub struct DeployKey {
    /// Its number.
    pub id: u64,
    /// The repository, such as `acme/app`.
    pub repository: String,
    /// What it is called; several may be called the same.
    pub title: String,
    /// The public half, without a comment.
    pub key: String,
    /// Whether it may only read.
    pub read_only: bool,
    /// Whether it works: an organization can switch all of them off.
    pub enabled: bool,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// The credential that made it; when that is deleted, so is the key.
    pub made_with: Option<String>,
}

impl GitHub {
    /// Adds a deploy key, as a person does; gives its number.
    pub fn add_deploy_key(
        &mut self,
        repository: &str,
        title: &str,
        key: &str,
        read_only: bool,
        created: DateTime<Utc>,
    ) -> u64 {
        let id = self.next();
        self.deploy_keys.push(DeployKey {
            id,
            repository: repository.to_owned(),
            title: title.to_owned(),
            key: bare(key),
            read_only,
            enabled: true,
            created,
            made_with: None,
        });
        id
    }

    /// The deploy keys of a repository, oldest first.
    pub fn deploy_keys_of(&self, repository: &str) -> Vec<DeployKey> {
        self.deploy_keys.iter().filter(|key| key.repository == repository).cloned().collect()
    }

    /// Deletes a deploy key, or what a personal token made.
    pub fn delete_deploy_keys(&mut self, gone: impl Fn(&DeployKey) -> bool) {
        self.deploy_keys.retain(|key| !gone(key));
    }

    /// Everything below `/repos/{owner}/{repo}/keys`.
    pub(super) fn keys(
        &mut self,
        request: &Request,
        caller: Caller,
        repository: u64,
        rest: &[&str],
        params: &Params,
    ) -> Outcome {
        let found = self.repositories.get(&repository).ok_or(Refusal::Missing)?;
        let (owner, path) = (found.owner.clone(), found.full_name());
        let write = request.method != http::Method::GET;
        self.allow(caller, Need { permission: "administration", write, scopes: &["repo"] }, &owner, Some(repository))?;
        match (request.method.as_str(), rest) {
            ("GET", []) => self.list_deploy_keys(request, &path, params),
            ("POST", []) => self.create_deploy_key(caller, &path, params),
            ("GET", [id]) => {
                let found = self.deploy_keys.iter().find(|key| key.repository == path && key.id.to_string() == *id);
                found.map(|key| Answer::json(200, &show(key))).ok_or(Refusal::Missing)
            }
            ("DELETE", [id]) => {
                let before = self.deploy_keys.len();
                self.deploy_keys.retain(|key| key.repository != path || key.id.to_string() != *id);
                if self.deploy_keys.len() < before { Ok(Answer::empty(204)) } else { Err(Refusal::Missing) }
            }
            _ => Err(Refusal::Missing),
        }
    }

    fn list_deploy_keys(&self, request: &Request, repository: &str, params: &Params) -> Outcome {
        let keys: Vec<&DeployKey> = self.deploy_keys.iter().filter(|key| key.repository == repository).collect();
        // A bare list: no total.
        let mut answer = super::page::paged(request, params, (30, 100), &keys, "keys", |key| show(key))?;
        let rows = answer.value().get("keys").cloned().unwrap_or_default();
        answer.body = rows.to_string().into();
        Ok(answer)
    }

    fn create_deploy_key(&mut self, caller: Caller, repository: &str, params: &Params) -> Outcome {
        let key = bare(params.text("key").unwrap_or_default());
        let token = self.token_of(caller)?;
        // What an app made belongs to the app, and stays when its tokens die.
        let made_with = Some(token.value.clone()).filter(|_| !token.is_installation());
        let invalid = |why: &str| Err(Refusal::Invalid(why.to_owned()));
        if !is_ed25519(&key) {
            return invalid("key is invalid. You must supply a key in OpenSSH public key format");
        }
        // One key opens one repository of all of GitHub.
        if self.deploy_keys.iter().any(|known| known.key == key) {
            return invalid("key is already in use");
        }
        if self.deploy_keys_refused {
            return Ok(message(422, "Deploy keys are disabled for this repository"));
        }
        let made = DeployKey {
            id: self.next(),
            repository: repository.to_owned(),
            title: params.text("title").unwrap_or_default().to_owned(),
            key,
            read_only: params.flag("read_only")?.unwrap_or_default(),
            enabled: true,
            created: self.now(),
            made_with,
        };
        let answer = Answer::json(201, &show(&made));
        self.deploy_keys.push(made);
        Ok(answer)
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

/// The kind and the key, without the comment: GitHub keeps none.
fn bare(key: &str) -> String {
    key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// Whether it is a public key as OpenSSH writes it: its kind stands again inside, before the 32 bytes of the key.
fn is_ed25519(key: &str) -> bool {
    use base64::Engine as _;
    let Some(text) = key.strip_prefix("ssh-ed25519 ") else { return false };
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
    bytes.len() == 51 && bytes.starts_with(b"\0\0\0\x0bssh-ed25519\0\0\0\x20")
}

fn show(key: &DeployKey) -> Value {
    json!({
        "id": key.id, "key": key.key, "title": key.title, "verified": true, "read_only": key.read_only,
        "url": format!("https://api.github.com/repos/{}/keys/{}", key.repository, key.id),
        "created_at": super::moment(key.created),
        "added_by": "platform-bot", "last_used": null, "enabled": key.enabled,
    })
}
