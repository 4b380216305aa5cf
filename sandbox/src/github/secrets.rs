//! Secrets of Actions, Dependabot and Codespaces: written in a sealed box, never read.
//!
//! Each store and each place has a key pair of its own; what does not open with the private half is refused, and what
//! opens is kept for the tests to look at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::SecretKey;
use http::Method;
use serde_json::{Value, json};

use super::auth::{Caller, Need};
use super::model::{Make, Place, Secret, Store, Visibility};
use super::refusal::Refusal;
use super::{GitHub, Outcome, moment, page};
use crate::exchange::{Answer, Request};
use crate::mint::HEX;
use crate::params::Params;

/// The most that a secret or variable holds.
pub(super) const LARGEST: usize = 48 * 1024;

/// The key pair of one store in one place.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    id: String,
    secret: [u8; 32],
}

impl GitHub {
    /// Everything under `…/secrets`.
    pub(super) fn secrets(
        &mut self,
        request: &Request,
        caller: Caller,
        (store, place): (Store, Place),
        rest: &[&str],
        params: &Params,
    ) -> Outcome {
        let write = !matches!(request.method, Method::GET);
        self.may_keep(caller, need(store, &place, write), &place)?;
        let spot = (store, place);
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let kept: Vec<Secret> =
                    self.secrets.get(&spot).into_iter().flat_map(|of| of.values().cloned()).collect();
                page::paged(request, params, (30, 100), &kept, "secrets", |secret| show(secret, &spot))
            }
            ("GET", ["public-key"]) => self.public_key(caller, &spot),
            ("GET", [name]) => Ok(Answer::json(200, &show(self.kept(&spot, name)?, &spot))),
            ("PUT", [name]) => self.put_secret(&spot, name, params),
            ("DELETE", [name]) => {
                let of = self.secrets.get_mut(&spot);
                of.and_then(|of| of.remove(&name.to_uppercase())).ok_or(Refusal::Missing)?;
                Ok(Answer::empty(204))
            }
            ("GET", [name, "repositories"]) => {
                let selected = self.selection(self.kept(&spot, name)?.visibility.as_ref());
                page::paged(request, params, (30, 100), &selected, "repositories", |repository| {
                    self.minimal(repository)
                })
            }
            _ => Err(Refusal::Missing),
        }
    }

    /// Gives a place another key pair, as GitHub does now and then.
    pub fn turn_keys(&mut self) {
        self.pairs.clear();
    }

    /// The private half of a place's key pair, in base64, for whoever opens boxes by another way.
    pub fn private_key(&mut self, store: Store, place: &str) -> Option<String> {
        let place = self.place_at(place)?;
        Some(STANDARD.encode(self.pair(&(store, place)).secret))
    }

    fn public_key(&mut self, caller: Caller, spot: &(Store, Place)) -> Outcome {
        // GitHub's description marks this one route as not for apps, although the PUT is.
        if spot.0 == Store::Codespaces && self.codespaces_key_refuses_apps && self.token_of(caller)?.is_installation() {
            return Err(Refusal::NotAccessible("integration", "codespaces_secrets=read".to_owned()));
        }
        let pair = self.pair(spot);
        let key = STANDARD.encode(SecretKey::from(pair.secret).public_key().as_bytes());
        Ok(Answer::json(200, &json!({ "key_id": pair.id, "key": key })))
    }

    fn pair(&mut self, spot: &(Store, Place)) -> Pair {
        if let Some(pair) = self.pairs.get(spot) {
            return pair.clone();
        }
        let id = self.mint.letters(b"123456789", 18);
        let mut secret = [0; 32];
        let letters = self.mint.letters(HEX, 64);
        for (at, byte) in secret.iter_mut().enumerate() {
            *byte = letters.get(at * 2..at * 2 + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0);
        }
        let pair = Pair { id, secret };
        self.pairs.insert(spot.clone(), pair.clone());
        pair
    }

    fn kept(&self, spot: &(Store, Place), name: &str) -> Result<&Secret, Refusal> {
        self.secrets.get(spot).and_then(|of| of.get(&name.to_uppercase())).ok_or(Refusal::Missing)
    }

    fn put_secret(&mut self, spot: &(Store, Place), name: &str, params: &Params) -> Outcome {
        let name = checked(name)?;
        let old = self.kept(spot, &name).ok().cloned();
        let visibility = match &spot.1 {
            Place::Organization(_) => {
                Some(self.visibility(params, old.as_ref().and_then(|old| old.visibility.as_ref()), true)?)
            }
            _ => None,
        };
        let (Some(sealed), Some(key)) = (params.text("encrypted_value"), params.text("key_id")) else {
            return Err(Refusal::Invalid("encrypted_value and key_id are required".to_owned()));
        };
        let pair = self.pair(spot);
        let improper = || Refusal::Invalid("improperly encrypted secret".to_owned());
        if key != pair.id {
            return Err(improper());
        }
        let sealed = STANDARD.decode(sealed).map_err(|_| improper())?;
        let opened = SecretKey::from(pair.secret).unseal(&sealed).map_err(|_| improper())?;
        let value = String::from_utf8(opened).map_err(|_| improper())?;
        if value.len() > LARGEST {
            return Err(Refusal::Invalid("secret value is too large".to_owned()));
        }
        let status = if old.is_some() { 204 } else { 201 };
        if !self.secret_writes_ignored {
            self.mint.remember(&value);
            let now = self.now();
            let created_at = old.as_ref().map_or(now, |old| old.created_at);
            let writes = old.map_or(0, |old| old.writes) + 1;
            let secret = Secret { name: name.clone(), value, created_at, updated_at: now, visibility, writes };
            self.secrets.entry(spot.clone()).or_default().insert(name, secret);
        }
        Ok(if status == 201 { Answer::json(201, &json!({})) } else { Answer::empty(204) })
    }

    /// Who is to see a thing of an organisation. Which list an omitted one leaves behind is not documented: a switch.
    pub(super) fn visibility(
        &self,
        params: &Params,
        old: Option<&Visibility>,
        required: bool,
    ) -> Result<Visibility, Refusal> {
        let word = match (params.text("visibility"), old) {
            (Some(word @ ("all" | "private" | "selected")), _) => word.to_owned(),
            (None, Some(old)) if !required => return Ok(old.clone()),
            _ => return Err(Refusal::Invalid("visibility is required".to_owned())),
        };
        let listed = params.tree().get("selected_repository_ids").and_then(Value::as_array);
        let selected = match listed {
            _ if word != "selected" && listed.is_some() => {
                return Err(Refusal::Invalid("selected_repository_ids needs visibility selected".to_owned()));
            }
            _ if word != "selected" => Vec::new(),
            Some(ids) => ids.iter().filter_map(Value::as_u64).collect(),
            None if self.omitted_selection_empties => Vec::new(),
            None => old.map(|old| old.selected.clone()).unwrap_or_default(),
        };
        Ok(Visibility { word, selected })
    }

    /// Whether the caller may read or write things of that place.
    pub(super) fn may_keep(&self, caller: Caller, need: Need, place: &Place) -> Result<(), Refusal> {
        match place {
            Place::Repository(id) | Place::Environment(id, _) => {
                let repository = self.repositories.get(id).ok_or(Refusal::Missing)?;
                self.allow(caller, need, &repository.owner, Some(*id))
            }
            Place::Organization(login) => {
                // A token of one user's own things sees no organisation at all.
                if self.token_of(caller)?.make == Make::Job {
                    return Err(Refusal::NotAccessible("integration", format!("{}=read", need.permission)));
                }
                self.allow(caller, need, login, None)
            }
        }
    }
}

fn need(store: Store, place: &Place, write: bool) -> Need {
    let (permission, scopes): (_, &[&str]) = match (store, place) {
        (_, Place::Environment(..)) => ("environments", &["repo"]),
        (Store::Actions, Place::Repository(_)) => ("secrets", &["repo"]),
        (Store::Dependabot, Place::Repository(_)) => ("dependabot_secrets", &["repo"]),
        (Store::Codespaces, Place::Repository(_)) => ("codespaces_secrets", &["repo"]),
        (Store::Actions, Place::Organization(_)) => ("organization_secrets", &["admin:org"]),
        (Store::Dependabot, Place::Organization(_)) => ("organization_dependabot_secrets", &["admin:org"]),
        (Store::Codespaces, Place::Organization(_)) => ("organization_codespaces_secrets", &["admin:org"]),
    };
    Need { permission, write, scopes }
}

/// A name as GitHub keeps it: letters, digits and underscores, in capitals; not `GITHUB_`, not a digit first.
pub(super) fn checked(name: &str) -> Result<String, Refusal> {
    let name = name.to_uppercase();
    let odd = name.chars().any(|letter| !letter.is_ascii_alphanumeric() && letter != '_');
    let first = name.starts_with("GITHUB_") || name.starts_with(|letter: char| letter.is_ascii_digit());
    if name.is_empty() || odd || first {
        return Err(Refusal::Invalid(
            "names have letters, digits and underscores, and begin with neither a digit nor GITHUB_".to_owned(),
        ));
    }
    Ok(name)
}

fn show(secret: &Secret, (store, place): &(Store, Place)) -> Value {
    let mut shown = json!({
        "name": secret.name,
        "created_at": moment(secret.created_at),
        "updated_at": moment(secret.updated_at),
    });
    if let (Some(visibility), Place::Organization(login)) = (&secret.visibility, place) {
        let path = format!("/orgs/{login}/{}/secrets/{}/repositories", store.word(), secret.name);
        super::show_visibility(&mut shown, visibility, &path);
    }
    shown
}
