//! A fake of GOV.UK's Signon: Doorkeeper's endpoints over HTTP, and the rake tasks that run in its cluster. No HTTP API
//! of it makes a token.
//!
//! Beside it stands an application that asks Signon who a bearer is, and remembers a good answer for five minutes
//! (gds-sso). That revoking is answered with 200 for a token that nobody knows was seen at a real Doorkeeper.

mod app;
mod oauth;
mod seed;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use http::header;

use crate::clock::{self, Clock};
use crate::exchange::{Answer, Request};
use crate::kubernetes::Kubernetes;
use crate::mint::Mint;
use crate::service::Service;

/// The state of one Signon, and of the application that asks it.
#[derive(Clone, Debug)]
pub struct Signon {
    /// The application whose name the fake under the label `publishing-api` goes by.
    pub target: String,
    /// Whether it says that it has ended a token, and has not.
    pub revokes_nothing: bool,
    /// Whether the application lets everybody in.
    pub target_is_open: bool,
    /// How often an application asked Signon and was not served from memory.
    pub asked: u64,
    clock: Clock,
    mint: Mint,
    users: Vec<User>,
    applications: Vec<Application>,
    tokens: Vec<Token>,
    /// What the application remembers: the token, and until when it is good.
    cache: BTreeMap<String, DateTime<Utc>>,
}

/// An API user.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name, of which the name of the Secret is made.
    pub name: String,
    /// Its address, by which it is found.
    pub email: String,
    /// Whether it is suspended, which ends its tokens.
    pub suspended: bool,
    /// The applications it may sign in to.
    pub signs_in: BTreeSet<String>,
    /// When anybody last asked who it is.
    pub last_synced_at: Option<DateTime<Utc>>,
}

/// An application.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its client id.
    pub oauth_id: String,
    /// Its client secret.
    pub oauth_secret: String,
}

/// A token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The secret itself, which Signon keeps in plain text.
    pub value: String,
    /// The address of its user.
    pub user: String,
    /// The name of its application.
    pub application: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// How long it lives.
    pub life: TimeDelta,
    /// When it was revoked, if it was.
    pub revoked: Option<DateTime<Utc>>,
}

impl Token {
    /// When it dies by itself.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.created_at + self.life
    }

    /// Whether it works at this time.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked.is_none() && now < self.expires_at()
    }
}

impl Signon {
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        Self {
            target: "Publishing API".to_owned(),
            revokes_nothing: false,
            target_is_open: false,
            asked: 0,
            clock,
            mint: Mint::new(seed, "signon"),
            users: Vec::new(),
            applications: Vec::new(),
            tokens: Vec::new(),
            cache: BTreeMap::new(),
        }
    }

    /// The same Signon, by another clock.
    pub(crate) fn copied(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    pub(crate) fn values(&self) -> Vec<String> {
        self.mint.secrets()
    }

    fn user(&self, email: &str) -> Option<&User> {
        self.users.iter().find(|user| user.email == email)
    }

    fn live(&self, value: &str) -> Option<&Token> {
        let now = self.clock.now();
        self.tokens.iter().find(|token| token.value == value && token.is_live(now))
    }

    /// Whether the bearer may sign in to that application, or to any.
    fn bearer(&self, value: &str, application: Option<&str>) -> Option<&User> {
        let token = self.live(value)?;
        let user = self.user(&token.user)?;
        let named = application.is_none_or(|name| name == token.application);
        (named && !user.suspended && user.signs_in.contains(&token.application)).then_some(user)
    }
}

/// The way in to Signon, or to the application, for which the cluster's lock is taken.
pub(crate) struct Door {
    pub(crate) label: &'static str,
    pub(crate) cluster: Arc<Mutex<Kubernetes>>,
}

impl Service for Door {
    fn label(&self) -> &'static str {
        self.label
    }

    fn act(&mut self, request: &Request) -> Answer {
        let mut cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        cluster.work();
        let signon = &mut cluster.signon;
        let answer = if self.label == "signon" { signon.answer(request) } else { signon.application(request) };
        answer.with(header::DATE, &clock::http_date(signon.clock.now()))
    }

    /// The cluster counts them.
    fn values(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Rails' `parameterize`, for ASCII: runs of anything else become one dash.
pub(crate) fn parameterize(text: &str) -> String {
    let mut name = String::new();
    for letter in text.chars().map(|letter| letter.to_ascii_lowercase()) {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            name.push(letter);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    name.trim_matches('-').to_owned()
}
