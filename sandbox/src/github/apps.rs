//! Apps and their installation tokens (`/app…`, `/installation…`): a signed assertion is exchanged for a token of one
//! hour, narrowed to repositories and permissions, which only its own holder can end.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::auth::{Caller, presented};
use super::model::{Make, Token};
use super::refusal::Refusal;
use super::seed::ALNUM;
use super::{GitHub, Outcome};
use crate::exchange::{Answer, Request};
use crate::params::Params;

/// An App.
#[derive(Clone, Debug)]
pub struct App {
    /// Its number.
    pub id: u64,
    /// Its other name, which assertions may carry in place of the number.
    pub client_id: String,
    /// Its name in addresses.
    pub slug: String,
    /// Its private key, PKCS#1 in PEM as GitHub gives it out.
    pub private_key: String,
    /// Its public key, PKCS#1 in DER.
    pub public_key: Vec<u8>,
    /// Where it is installed.
    pub installations: Vec<Installation>,
}

/// An App on an account.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Its number.
    pub id: u64,
    /// The user or organization.
    pub account: String,
    /// What the App may do there.
    pub permissions: BTreeMap<String, String>,
    /// The repositories that it was given, by name without the owner; `None` is all.
    pub repositories: Option<Vec<String>>,
    /// Whether the account has suspended it.
    pub suspended: bool,
}

/// The longest that an assertion may live.
const TEN_MINUTES: i64 = 600;

impl GitHub {
    /// Adds an App with a key of its own, which is made once a process.
    pub fn add_app(&mut self, id: u64, slug: &str) -> App {
        let (private_key, public_key) = key_pair();
        self.mint.remember(&private_key);
        let app = App {
            id,
            client_id: format!("Iv1.{id:016x}"),
            slug: slug.to_owned(),
            private_key,
            public_key,
            installations: Vec::new(),
        };
        self.apps.push(app.clone());
        app
    }

    /// Deletes an App, whose key then opens nothing.
    pub fn delete_app(&mut self, id: u64) {
        self.apps.retain(|app| app.id != id);
    }

    /// Installs an App on an account; gives the number of the installation.
    pub fn install(
        &mut self,
        app: u64,
        account: &str,
        permissions: &[(&str, &str)],
        repositories: Option<&[&str]>,
    ) -> u64 {
        let permissions = permissions.iter().map(|(key, level)| ((*key).to_owned(), (*level).to_owned())).collect();
        let repositories = repositories.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let Some(app) = self.apps.iter_mut().find(|known| known.id == app) else { return 0 };
        let id = app.id * 100 + 1 + u64::try_from(app.installations.len()).unwrap_or_default();
        app.installations.push(Installation {
            id,
            account: account.to_owned(),
            permissions,
            repositories,
            suspended: false,
        });
        id
    }

    /// `GET /app`
    pub(super) fn show_app(&self, request: &Request) -> Outcome {
        let app = self.asserted(request)?;
        let at = super::moment(self.now());
        let permissions: Value = app.installations.first().map_or_else(|| json!({}), |place| json!(place.permissions));
        Ok(Answer::json(
            200,
            &json!({
                "id": app.id, "slug": app.slug, "node_id": "A_sandbox", "client_id": app.client_id,
                "owner": self.simple_user("sandbox"), "name": app.slug, "description": null,
                "external_url": "https://example.com", "html_url": format!("https://github.com/apps/{}", app.slug),
                "created_at": at, "updated_at": at, "permissions": permissions, "events": [],
                "installations_count": app.installations.len(),
            }),
        ))
    }

    /// `POST /app/installations/{id}/access_tokens`
    pub(super) fn mint_installation_token(&mut self, request: &Request, id: &str) -> Outcome {
        let app = self.asserted(request)?;
        let place = app.installations.iter().find(|place| place.id.to_string() == id).cloned();
        let app = app.id;
        let place = place.ok_or(Refusal::Missing)?;
        if place.suspended {
            return Err(Refusal::Forbidden("This installation has been suspended".to_owned()));
        }
        let params = Params::of(request)?;
        let wanted = params.list("repositories")?;
        let id_of = |name: &String| {
            let given = place.repositories.as_ref().is_none_or(|names| names.contains(name));
            given.then(|| self.repository_named(&format!("{}/{name}", place.account)))?.map(|repository| repository.id)
        };
        let wanted = wanted.or_else(|| place.repositories.clone());
        let missing = || Refusal::Invalid("a repository does not exist or is not accessible".to_owned());
        let all = |names: Vec<String>| names.iter().map(id_of).collect::<Option<Vec<u64>>>().ok_or_else(missing);
        let repositories = wanted.map(all).transpose()?.filter(|_| !self.grants_all_repositories);
        let mut permissions = place.permissions.clone();
        // An empty order narrows nothing: PyGithub sends one.
        let asked = params.tree().get("permissions").and_then(Value::as_object).filter(|asked| !asked.is_empty());
        if let Some(asked) = asked {
            let asked: BTreeMap<String, String> =
                asked.iter().map(|(key, level)| (key.clone(), level.as_str().unwrap_or_default().to_owned())).collect();
            let granted = |key: &String, level: &String| {
                place.permissions.get(key).is_some_and(|most| most == level || (most == "write" && level == "read"))
            };
            if !asked.iter().all(|(key, level)| granted(key, level)) {
                return Err(Refusal::Invalid("the permissions are not granted to this installation".to_owned()));
            }
            if !self.grants_all_permissions {
                permissions = asked;
            }
        }
        // Every installation may read what repositories are called.
        permissions.entry("metadata".to_owned()).or_insert_with(|| "read".to_owned());
        let value = if self.stateless_installation_tokens {
            self.mint.secret(&format!("ghs_{app}_eyJhbGciOiJSUzI1NiJ9."), ALNUM, 320)
        } else {
            self.mint.secret("ghs_", ALNUM, 36)
        };
        let token = Token {
            app: Some(app),
            owner: Some(place.account),
            permissions,
            repositories,
            expires_at: Some(self.now() + TimeDelta::hours(1)),
            ..self.blank(value, Make::Installation)
        };
        let answer = json!({
            "token": token.value, "expires_at": token.expires_at.map(super::moment), "permissions": token.permissions,
            "repository_selection": if token.repositories.is_some() { "selected" } else { "all" },
        });
        self.plant(token);
        Ok(Answer::json(201, &answer))
    }

    /// `DELETE /installation/token`: ends the token that asks.
    pub(super) fn end_installation_token(&mut self, caller: Caller) -> Outcome {
        let token = self.tokens.get_mut(&caller.0).ok_or(Refusal::BadCredentials)?;
        if !token.is_installation() {
            return Err(Refusal::Forbidden("You must authenticate with an installation access token".to_owned()));
        }
        token.revoked = true;
        Ok(Answer::empty(204))
    }

    /// The App that signed the assertion a request comes with.
    fn asserted(&self, request: &Request) -> Result<&App, Refusal> {
        let text = presented(request).ok_or(Refusal::RequiresAuthentication)?;
        let (signed, signature) = text.rsplit_once('.').ok_or(Refusal::BadCredentials)?;
        let claims = signed.split_once('.').map(|(_, claims)| claims).ok_or(Refusal::BadCredentials)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| Refusal::BadCredentials)?;
        let claims: Value = serde_json::from_slice(&claims).map_err(|_| Refusal::BadCredentials)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal::BadCredentials)?;
        let issuer = claims.get("iss").map(|iss| iss.as_str().map_or_else(|| iss.to_string(), str::to_owned));
        let is_it = |app: &&App| issuer.as_ref().is_some_and(|iss| *iss == app.id.to_string() || *iss == app.client_id);
        let app = self.apps.iter().find(is_it).ok_or(Refusal::Missing)?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &app.public_key);
        key.verify(signed.as_bytes(), &signature).map_err(|_| Refusal::BadCredentials)?;
        let now = self.now().timestamp();
        let time = |name: &str| claims.get(name).and_then(Value::as_i64).ok_or(Refusal::BadCredentials);
        let (made, dies) = (time("iat")?, time("exp")?);
        if made > now || dies <= now || dies > now + TEN_MINUTES {
            return Err(Refusal::BadCredentials);
        }
        Ok(app)
    }
}

/// Private and public half. One pair serves a whole process: making one takes a while, and no value depends on it.
fn key_pair() -> (String, Vec<u8>) {
    static PAIR: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    PAIR.get_or_init(|| {
        let Ok(pair) = RsaKeyPair::generate(KeySize::Rsa2048) else { return Default::default() };
        let Ok(whole) = pair.as_der() else { return Default::default() };
        // What comes before the PKCS#1 key in PKCS#8 has the same length for every key of this size.
        let inner = whole.as_ref().get(26..).unwrap_or_default();
        let lines: Vec<String> = STANDARD
            .encode(inner)
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        let kind = "RSA PRIVATE KEY";
        let text = format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"));
        (text, pair.public_key().as_ref().to_vec())
    })
    .clone()
}
