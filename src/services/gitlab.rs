//! GitLab: the connection that all its kinds share.

mod access_token;
pub(super) mod agent_token;
pub(super) mod ci_variable;
pub(super) mod ci_variable_shelf;
pub(super) mod deploy_token;
pub(super) mod group_access_token;
mod jobs;
pub(super) mod personal_access_token;
mod pipeline;
pub(super) mod pipeline_schedule_variable;
pub(super) mod pipeline_trigger_token;
pub(super) mod project_access_token;
mod resource_token;
pub(super) mod runner_token;
pub(super) mod service_account_token;
mod token_json;
mod variables;
pub(super) mod webhook;
mod wire;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use gitlab::api::Endpoint;
use gitlab::api::personal_access_tokens::PersonalAccessTokenSelf;
use http::header::HeaderName;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use url::Url;

use crate::connection::{Connection, Job, Login, LoginError, Needed, Pipeline, ServiceKind, Slot, no_keys};
use crate::http::{Answer, Call, Cause, Http, HttpError, Retry};
use crate::token::{TokenValue, ValueShape};
use token_json::TokenJson;
use wire::{Route, is_dead, meaning, segment};

/// GitLab, as the catalogue lists it.
pub(super) const SERVICE: ServiceKind = ServiceKind {
    name: "gitlab",
    about: "GitLab.com, Self-Managed or Dedicated",
    own_address: Some("CI_SERVER_URL"),
    url: Needed::Required,
    token: Needed::Required,
    schema: no_keys,
    connect: |to| {
        let url = to.address()?;
        let beyond = url.path().trim_end_matches('/').ends_with("/api/v4");
        anyhow::ensure!(!beyond, "its `url` is the server's own address: leave `/api/v4` out");
        Ok(Arc::new(GitLab::new(url, to.slot, to.http)))
    },
};

const PRIVATE_TOKEN: HeaderName = HeaderName::from_static("private-token");
/// The largest page that GitLab gives. <https://docs.gitlab.com/api/rest/#pagination>
const PAGE: usize = 100;

type Listing = Arc<OnceCell<Arc<Vec<serde_json::Value>>>>;

/// One GitLab, logged in to with one credential.
pub(super) struct GitLab {
    http: Arc<Http>,
    api: Url,
    host: String,
    slot: Slot,
    /// The credentials that have said in this run who they are: nobody is asked twice.
    known: Mutex<Vec<(TokenValue, TokenJson)>>,
    /// One asks who the credential of the slot is, and all who want to know wait for the answer.
    asking: tokio::sync::Mutex<()>,
    /// The user name of the credential of the slot.
    username: tokio::sync::Mutex<Option<(TokenValue, String)>>,
    /// A credential that was found dead: it is never used again, for on a rotate path it would kill its successors.
    dead: Mutex<Option<TokenValue>>,
    /// What was listed in this run.
    listings: Mutex<HashMap<String, Listing>>,
    /// The projects and groups that the config names here.
    places: Mutex<BTreeSet<(&'static str, String)>>,
    /// What was written to webhooks in this run.
    webhooks: webhook::Desk,
}

impl GitLab {
    fn new(url: Url, slot: Slot, http: Arc<Http>) -> Self {
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut api = url;
        let path = format!("{}/api/v4/", api.path().trim_end_matches('/'));
        api.set_path(&path);
        Self {
            http,
            api,
            host,
            slot,
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            username: tokio::sync::Mutex::default(),
            dead: Mutex::default(),
            listings: Mutex::default(),
            places: Mutex::default(),
            webhooks: webhook::Desk::default(),
        }
    }

    /// The path of a project or a group that the config names by its path or its number, and its name for people.
    fn place(&self, collection: &'static str, name: &str) -> (String, String) {
        let plain = name.trim_matches('/').to_lowercase();
        self.places.lock().unwrap_or_else(PoisonError::into_inner).insert((collection, plain.clone()));
        (format!("{collection}/{}", segment(name.trim_matches('/'))), plain)
    }

    /// What a project or a group that is named by its number is called.
    async fn path_of(&self, collection: &str, number: &str) -> Result<Option<String>, HttpError> {
        let answer = self.call(&Route::get(format!("{collection}/{number}")), Retry::Read).await?;
        let path = answer.word("/path_with_namespace").or_else(|| answer.word("/full_path"));
        Ok(path.map(|path| path.to_lowercase()))
    }

    /// Sends one of the `gitlab` crate's endpoints, or one of our own in its form, with the credential of the slot.
    async fn call(&self, endpoint: &(impl Endpoint + Sync), retry: Retry) -> Result<Answer, HttpError> {
        let value = self.slot.lend().ok_or_else(|| withheld("no credential is at hand"))?;
        if self.dead.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|dead| dead.same_as(&value)) {
            return Err(withheld("the credential was refused before in this run and is not used again"));
        }
        let answer = self.call_as(&value, endpoint, retry).await?;
        if answer.status.as_u16() == 401 && answer.word("/error").is_some_and(|error| error == "invalid_token") {
            *self.dead.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        }
        Ok(answer)
    }

    /// The same with another credential.
    async fn call_as(
        &self,
        value: &TokenValue,
        endpoint: &(impl Endpoint + Sync),
        retry: Retry,
    ) -> Result<Answer, HttpError> {
        let mut url = self.api.join(&endpoint.endpoint()).map_err(|_| withheld("the path is not one"))?;
        endpoint.parameters().add_to_url(&mut url);
        if url.query() == Some("") {
            url.set_query(None);
        }
        let mut call = Call::new(endpoint.method(), url, retry).credential(PRIVATE_TOKEN, "", value);
        if let Some((mime, body)) = endpoint.body().map_err(|_| withheld("the body cannot be written"))? {
            call = call.body(mime, body.into());
        }
        self.http.send(call).await
    }

    /// Who the credential of the slot is. Asked before any rotate path is called.
    async fn me(&self) -> Result<TokenJson, HttpError> {
        let _one_asks = self.asking.lock().await;
        let value = self.slot.lend().ok_or_else(|| withheld("no credential is at hand"))?;
        self.credential(&value).await
    }

    /// Who a credential is; remembered for the run.
    async fn credential(&self, value: &TokenValue) -> Result<TokenJson, HttpError> {
        let found = self.whose(value).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.iter().any(|(of, _)| of.same_as(value)) {
            known.push((value.clone(), found.clone()));
        }
        Ok(found)
    }

    /// Asks GitLab which token a value is: any valid token may ask, whatever its scopes. A credential that has said so
    /// before in this run is not asked again.
    /// <https://docs.gitlab.com/api/personal_access_tokens/#self-inform>
    async fn whose(&self, value: &TokenValue) -> Result<TokenJson, HttpError> {
        if let Some(known) = self.remembered(value) {
            return Ok(known);
        }
        let endpoint =
            PersonalAccessTokenSelf::builder().build().map_err(|_| withheld("the request cannot be made"))?;
        let answer = self.call_as(value, &endpoint, Retry::Read).await?;
        match answer.status.as_u16() {
            200..=299 => answer.json(),
            401 if !is_dead(&answer) => Err(answer.unclear(&meaning(&answer))),
            _ => Err(answer.refused(&meaning(&answer))),
        }
    }

    fn remembered(&self, value: &TokenValue) -> Option<TokenJson> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(of, _)| of.same_as(value)).map(|(_, known)| known.clone())
    }

    /// The user name of the credential of the slot, asked once for each.
    async fn username(&self) -> Option<String> {
        let mut username = self.username.lock().await;
        let value = self.slot.lend()?;
        if let Some((_, known)) = username.as_ref().filter(|(of, _)| of.same_as(&value)) {
            return Some(known.clone());
        }
        let answer = self.call(&Route::get("user".to_owned()), Retry::Read).await.ok()?;
        let found = answer.word("/username")?;
        *username = Some((value, found.clone()));
        Some(found)
    }

    /// Lists all pages of a collection, once a run.
    async fn list(&self, endpoint: &(impl Endpoint + Sync)) -> Result<Arc<Vec<serde_json::Value>>, HttpError> {
        let mut key = self.api.join(&endpoint.endpoint()).map_err(|_| withheld("the path is not one"))?;
        endpoint.parameters().add_to_url(&mut key);
        let listing = {
            let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(listings.entry(key.to_string()).or_default())
        };
        let pages = || async { self.pages(endpoint).await.map(Arc::new) };
        listing.get_or_try_init(pages).await.map(Arc::clone)
    }

    async fn pages<T: DeserializeOwned>(&self, endpoint: &(impl Endpoint + Sync)) -> Result<Vec<T>, HttpError> {
        let mut all = Vec::new();
        for page in 1..=1000 {
            let paged = wire::Page { of: endpoint, number: page, size: PAGE };
            let answer = self.call(&paged, Retry::Read).await?;
            if !answer.ok() {
                return Err(answer.refused(&meaning(&answer)));
            }
            all.extend(answer.json::<Vec<T>>()?);
            // Totals may be missing; the next page is always named, and empty at the end.
            let next = answer.headers.get("x-next-page").and_then(|next| next.to_str().ok()).unwrap_or_default();
            if next.trim().is_empty() {
                break;
            }
        }
        Ok(all)
    }

    /// What a token of this GitLab looks like. Newer ones are routable and longer, with a dot.
    /// <https://docs.gitlab.com/security/tokens/#token-prefixes>
    fn shape() -> ValueShape {
        ValueShape { shortest: 20, longest: 320, marks: "-._".to_owned() }
    }

    /// Whether a value is an access token by its prefix: the usual one, or that of the credential, for an
    /// administrator may change it.
    fn recognises(&self, value: &TokenValue) -> bool {
        let prefix =
            |text: &str| text.split_inclusive('-').next().map(str::to_owned).filter(|word| word.ends_with('-'));
        let own = self.slot.lend().and_then(|login| prefix(login.expose()));
        let text = value.expose();
        text.starts_with("glpat-") || own.is_some_and(|own| text.starts_with(&own))
    }
}

fn withheld(why: &str) -> HttpError {
    HttpError::before("gitlab", Cause::Withheld(why.to_owned()))
}

#[async_trait]
impl Connection for GitLab {
    fn host(&self) -> &str {
        &self.host
    }

    fn slot(&self) -> &Slot {
        &self.slot
    }

    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError> {
        let found = self.credential(value).await.map_err(|error| match error.status() {
            Some(401) => LoginError::Dead(error.to_string()),
            _ => LoginError::Unreachable(error.to_string()),
        })?;
        let wide = ["sudo", "admin_mode"].iter().filter(|scope| found.scopes.iter().any(|has| has == *scope));
        let wide: Vec<String> = wide.map(|scope| (*scope).to_owned()).collect();
        let login = Login {
            who: found.user_id.map(|id| format!("user {id}")),
            rights: found.scopes.clone(),
            too_wide: (!wide.is_empty()).then(|| format!("scope {}", crate::text::list(&wide))),
            record: Some(found.record()),
        };
        Ok(login)
    }

    fn sibling(&self, slot: Slot) -> Arc<dyn Connection> {
        let mut url = self.api.clone();
        url.set_path(self.api.path().trim_end_matches("/api/v4/"));
        Arc::new(Self::new(url, slot, Arc::clone(&self.http)))
    }

    /// A project may be named by its path or by its number; both at once would hide that two tokens are one.
    async fn aliases(&self) -> anyhow::Result<Vec<String>> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_number = |name: &str| name.chars().all(|c| c.is_ascii_digit());
        let mut aliases = Vec::new();
        for (collection, number) in places.iter().filter(|(_, name)| is_number(name)) {
            if !places.iter().any(|(other, name)| other == collection && !is_number(name)) {
                continue;
            }
            let path = self.path_of(collection, number).await?;
            if let Some(path) = path.filter(|path| places.contains(&(*collection, path.clone()))) {
                aliases.push(format!("{number} and {path} are one of the {collection}: name it one way"));
            }
        }
        Ok(aliases)
    }

    fn levels(&self, job: &Job) -> Vec<String> {
        pipeline::levels(job)
    }

    async fn pipeline(&self, job: &Job, names: &[(String, String)]) -> anyhow::Result<Pipeline> {
        self.look_at_pipeline(job, names).await
    }

    fn forget(&self) {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
