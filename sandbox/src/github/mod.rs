//! A fake of GitHub: repositories, organisations, tokens, secrets in sealed boxes, variables and webhooks.
//!
//! The API is answered below `/api/v3`, as GitHub Enterprise Server has it, and below the root, as `api.github.com`
//! has it. The public switches stand where the facts leave a question open or where GitHub is known to misbehave.

mod apps;
mod auth;
mod credentials;
mod deploy_keys;
mod hooks;
mod inspect;
mod model;
mod oauth;
mod page;
mod refusal;
mod runs;
mod secrets;
mod seed;
mod show;
mod variables;
mod workflows;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderName, header};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::exchange::{Answer, Request};
use crate::mint::Mint;
use crate::params::Params;
use crate::service::Service;
use crate::target;
pub use apps::{App, Installation};
use auth::Caller;
pub use deploy_keys::DeployKey;
pub use model::{Delivery, Hook, Make, Place, Repository, Secret, Store, Token, Variable, Visibility};
pub use oauth::Grant;
use refusal::Refusal;
pub use runs::Run;
use secrets::Pair;
use show::{private_user, show_visibility};

/// The state of one GitHub.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an open question or a misbehaviour of its own")]
pub struct GitHub {
    /// Whether writing a selected secret or variable without its list of repositories empties the list. Not documented.
    pub omitted_selection_empties: bool,
    /// Whether the public key of a repository's Codespaces secrets is refused to apps, as the description says.
    pub codespaces_key_refuses_apps: bool,
    /// Whether a secret's PUT answers 204 and keeps nothing.
    pub secret_writes_ignored: bool,
    /// Whether a variable's PATCH answers 204 and keeps nothing.
    pub variable_writes_ignored: bool,
    /// Whether a variable's POST overwrites what is there and answers 201. GitHub answers 409; that it does so to one of
    /// two at the same instant is not documented.
    pub variable_posts_overwrite: bool,
    /// Whether a webhook's PATCH of its config answers 200 and keeps nothing.
    pub hook_writes_ignored: bool,
    /// Whether changing the config of a webhook moves its `updated_at`. Not documented.
    pub hook_config_moves_updated_at: bool,
    /// After how many listings a new delivery is in the list.
    pub deliveries_late_by: usize,
    /// Whether the header that tells a token's expiry ends in `+0000` rather than `UTC`: both are in use.
    pub expiry_with_offset: bool,
    /// Whether a refresh token that is used a second time ends the pair that came of it. Not documented.
    pub refresh_reuse_ends_grant: bool,
    /// Whether refusals of an exchange come with status 200, as clients say; else with 400.
    pub oauth_errors_are_200: bool,
    /// Whether installation tokens are of the new, long form.
    pub stateless_installation_tokens: bool,
    /// Whether an installation token is granted all that the installation may, whatever was asked for.
    pub grants_all_permissions: bool,
    /// Whether an installation token reaches all that the installation reaches, whatever was asked for.
    pub grants_all_repositories: bool,
    /// Whether an organization allows no new deploy keys.
    pub deploy_keys_refused: bool,
    /// Whether what is reported as leaked lives on until [`GitHub::end_reported`].
    pub revocation_lags: bool,
    /// What the next requests that are let in are refused with: status, and seconds to wait. A secondary rate limit
    /// comes as 403 as well as 429.
    pub next_refusals: Vec<(u16, u64)>,
    /// How many pings were asked for.
    pub pings: usize,
    /// How many refresh tokens were used a second time.
    pub refresh_reuses: usize,
    /// How many pairs were made by exchange.
    pub pairs_minted: usize,
    clock: Clock,
    mint: Mint,
    /// The last number given out, of whatever kind.
    last: u64,
    requests: u64,
    bad_logins: usize,
    users: BTreeMap<String, u64>,
    organizations: BTreeMap<String, u64>,
    /// Organisation and owner.
    members: Vec<(String, String)>,
    repositories: BTreeMap<u64, Repository>,
    /// Former paths of repositories, in small letters.
    moved: BTreeMap<String, u64>,
    /// The states of workflows, by repository and file.
    workflows: BTreeMap<(u64, String), String>,
    tokens: BTreeMap<u64, Token>,
    by_value: HashMap<String, u64>,
    pairs: BTreeMap<(Store, Place), Pair>,
    secrets: BTreeMap<(Store, Place), BTreeMap<String, Secret>>,
    variables: BTreeMap<Place, BTreeMap<String, Variable>>,
    hooks: BTreeMap<Place, Vec<Hook>>,
    apps: Vec<App>,
    grants: Vec<Grant>,
    deploy_keys: Vec<DeployKey>,
    /// Oldest first.
    runs: Vec<Run>,
    /// When leaked credentials were reported.
    reports: Vec<DateTime<Utc>>,
    /// What was reported and lives on for a while.
    reported: Vec<String>,
}

/// What an endpoint gives.
type Outcome = Result<Answer, Refusal>;

impl GitHub {
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        Self {
            omitted_selection_empties: true,
            codespaces_key_refuses_apps: true,
            secret_writes_ignored: false,
            variable_writes_ignored: false,
            variable_posts_overwrite: false,
            hook_writes_ignored: false,
            hook_config_moves_updated_at: true,
            deliveries_late_by: 0,
            expiry_with_offset: false,
            refresh_reuse_ends_grant: false,
            oauth_errors_are_200: true,
            stateless_installation_tokens: false,
            grants_all_permissions: false,
            grants_all_repositories: false,
            deploy_keys_refused: false,
            revocation_lags: false,
            next_refusals: Vec::new(),
            pings: 0,
            refresh_reuses: 0,
            pairs_minted: 0,
            clock,
            mint: Mint::new(seed, "github"),
            last: 7_000,
            requests: 0,
            bad_logins: 0,
            users: BTreeMap::new(),
            organizations: BTreeMap::new(),
            members: Vec::new(),
            repositories: BTreeMap::new(),
            moved: BTreeMap::new(),
            workflows: BTreeMap::new(),
            tokens: BTreeMap::new(),
            by_value: HashMap::new(),
            pairs: BTreeMap::new(),
            secrets: BTreeMap::new(),
            variables: BTreeMap::new(),
            hooks: BTreeMap::new(),
            apps: Vec::new(),
            grants: Vec::new(),
            deploy_keys: Vec::new(),
            runs: Vec::new(),
            reports: Vec::new(),
            reported: Vec::new(),
        }
    }

    /// The same GitHub, by another clock.
    pub(crate) fn copied(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Which request is whose: the whole API of the fake on one page.
    fn route(&mut self, request: &Request) -> Outcome {
        let path = target::path(&request.target);
        let path = path.strip_prefix("/api/v3").unwrap_or(path);
        let segments = target::segments(path);
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        // What is signed in to in another way, or not at all, is answered before anybody is let in.
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["login", "oauth", "access_token"]) => return Ok(self.exchange(request)),
            ("POST", ["credentials", "revoke"]) => return Ok(self.revoke_credentials(request)),
            ("GET", ["app"]) => return self.show_app(request),
            ("GET", ["rate_limit"]) => return Ok(rate_limit(self.now())),
            ("POST", ["app", "installations", id, "access_tokens"]) => {
                return self.mint_installation_token(request, id);
            }
            _ => {}
        }
        let caller = self.authenticate(request)?;
        if let Some((status, seconds)) = self.next_refusals.pop() {
            return Ok(self.refuse(status, Some(seconds)));
        }
        well_formed(request)?;
        let params = &Params::of(request)?;
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["user"]) => self.current_user(caller),
            ("GET", ["installation", "repositories"]) => self.installation_repositories(caller),
            ("DELETE", ["installation", "token"]) => self.end_installation_token(caller),
            (_, ["repos", owner, name, rest @ ..]) => {
                let id = self.repository(caller, owner, name)?.id;
                self.of_repository(request, caller, id, rest, params)
            }
            (_, ["orgs", login, rest @ ..]) => {
                let login = self.organizations.keys().find(|known| known.eq_ignore_ascii_case(login));
                let login = login.ok_or(Refusal::Missing)?.clone();
                self.of_organization(request, caller, &login, rest, params)
            }
            _ => Err(Refusal::Missing),
        }
    }

    fn of_repository(&mut self, request: &Request, caller: Caller, id: u64, rest: &[&str], params: &Params) -> Outcome {
        let place = Place::Repository(id);
        match (request.method.as_str(), rest) {
            (_, ["actions", "secrets", rest @ ..]) => {
                self.secrets(request, caller, (Store::Actions, place), rest, params)
            }
            (_, ["dependabot", "secrets", rest @ ..]) => {
                self.secrets(request, caller, (Store::Dependabot, place), rest, params)
            }
            (_, ["codespaces", "secrets", rest @ ..]) => {
                self.secrets(request, caller, (Store::Codespaces, place), rest, params)
            }
            (_, ["actions", "variables", rest @ ..]) => self.variables(request, caller, &place, rest, params),
            ("GET", ["actions", "runs"]) => self.list_runs(request, caller, id, params),
            (_, ["environments", name, kind @ ("secrets" | "variables"), rest @ ..]) => {
                let known = self.repositories.get(&id).is_some_and(|of| of.environments.iter().any(|own| own == name));
                if !known {
                    return Err(Refusal::Missing);
                }
                let place = Place::Environment(id, (*name).to_owned());
                if *kind == "secrets" {
                    self.secrets(request, caller, (Store::Actions, place), rest, params)
                } else {
                    self.variables(request, caller, &place, rest, params)
                }
            }
            ("GET", ["actions", "workflows", file]) => self.workflow(caller, id, file),
            (_, ["hooks", rest @ ..]) => self.hooks(request, caller, &place, rest, params),
            (_, ["keys", rest @ ..]) => self.keys(request, caller, id, rest, params),
            _ => Err(Refusal::Missing),
        }
    }

    fn of_organization(
        &mut self,
        request: &Request,
        caller: Caller,
        login: &str,
        rest: &[&str],
        params: &Params,
    ) -> Outcome {
        let place = Place::Organization(login.to_owned());
        match rest {
            ["actions", "secrets", rest @ ..] => self.secrets(request, caller, (Store::Actions, place), rest, params),
            ["dependabot", "secrets", rest @ ..] => {
                self.secrets(request, caller, (Store::Dependabot, place), rest, params)
            }
            ["codespaces", "secrets", rest @ ..] => {
                self.secrets(request, caller, (Store::Codespaces, place), rest, params)
            }
            ["actions", "variables", rest @ ..] => self.variables(request, caller, &place, rest, params),
            ["hooks", rest @ ..] => self.hooks(request, caller, &place, rest, params),
            _ => Err(Refusal::Missing),
        }
    }

    fn current_user(&self, caller: Caller) -> Outcome {
        let token = self.token_of(caller)?;
        let Some(login) = &token.user else {
            return Err(Refusal::NotAccessible("integration", "metadata=read".to_owned()));
        };
        let shown = private_user(&self.simple_user(login), login, "2020-01-01T00:00:00Z");
        Ok(Answer::json(200, &shown))
    }

    fn installation_repositories(&self, caller: Caller) -> Outcome {
        let token = self.token_of(caller)?;
        if !token.is_installation() {
            return Err(Refusal::Forbidden("You must authenticate with an installation access token".to_owned()));
        }
        let of = |repository: &&Repository| {
            token.owner.as_ref().is_none_or(|owner| owner == &repository.owner)
                && token.repositories.as_ref().is_none_or(|listed| listed.contains(&repository.id))
        };
        let listed: Vec<Value> =
            self.repositories.values().filter(of).map(|repository| self.minimal(repository)).collect();
        Ok(Answer::json(200, &json!({ "total_count": listed.len(), "repositories": listed })))
    }
}

impl Service for GitHub {
    fn label(&self) -> &'static str {
        "github"
    }

    fn act(&mut self, request: &Request) -> Answer {
        self.requests += 1;
        let outcome = self.route(request);
        let (answer, refusal) = match outcome {
            Ok(answer) => (answer, None),
            Err(refusal) => (refusal.answer(), Some(refusal)),
        };
        let date = self.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        self.with_token_headers(request, refusal.as_ref(), answer)
            .with(header::DATE, &date)
            .with(HeaderName::from_static("x-github-request-id"), &format!("5A4D:{:08X}", self.requests))
    }

    fn values(&self) -> Vec<String> {
        self.mint.secrets()
    }

    fn refuse(&self, status: u16, retry_after: Option<u64>) -> Answer {
        let answer = match status {
            502..=504 => crate::fault::page(status),
            429 => refusal::message(429, "You have exceeded a secondary rate limit. Please wait a few minutes."),
            _ => refusal::message(status, crate::fault::reason(status)),
        };
        match retry_after {
            Some(seconds) => answer.with(header::RETRY_AFTER, &seconds.to_string()),
            None => answer,
        }
    }
}

/// A time as GitHub prints it: UTC, whole seconds, `Z`.
fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What is left of the limits, told to anybody for nothing.
fn rate_limit(now: DateTime<Utc>) -> Answer {
    let rate = json!({ "limit": 60, "remaining": 60, "used": 0, "reset": now.timestamp() + 3600 });
    Answer::json(200, &json!({ "resources": { "core": rate, "search": rate }, "rate": rate }))
}

/// What GitHub asks of every request: a version of the API that it knows.
fn well_formed(request: &Request) -> Result<(), Refusal> {
    let version = request.headers.get("x-github-api-version").map(http::HeaderValue::as_bytes);
    match version {
        None | Some(b"2022-11-28" | b"2026-03-10") => Ok(()),
        Some(_) => Err(Refusal::Bad("Version is not supported")),
    }
}
