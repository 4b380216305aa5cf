//! A sandbox, and one connection to it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use tokenwheel::connection::{Connecting, Connection, Means, Slot};
use tokenwheel::demo::Mounted;
use tokenwheel::http::Http;
use tokenwheel::services::SERVICES;
use tokenwheel::token::TokenValue;
use tokenwheel_sandbox::gitlab::GitLab;
use tokenwheel_sandbox::{Exchange, Sandbox};

use crate::common::monday;

/// A fresh sandbox in which `acme`, `acme/app` and `acme/api` exist, and a person who owns them.
pub(crate) struct Ground {
    pub(crate) sandbox: Sandbox,
    pub(crate) owner: u64,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new(3, monday());
        let owner = sandbox.gitlab(|gitlab| {
            gitlab.add_group("acme");
            let owner = gitlab.add_user("owner");
            gitlab.add_member("acme", owner, 50);
            gitlab.add_project("acme/app");
            gitlab.add_project("acme/api");
            owner
        });
        Self { sandbox, owner }
    }

    /// Seeds GitLab, at dates that count from now.
    pub(crate) fn gitlab<R>(&self, seed: impl FnOnce(&mut GitLab, &Dates) -> R) -> R {
        let dates = Dates(self.sandbox.now());
        self.sandbox.gitlab(|gitlab| seed(gitlab, &dates))
    }

    /// A personal token of the owner, with scope `api`.
    pub(crate) fn login(&self) -> String {
        self.gitlab(|gitlab, at| {
            gitlab.add_personal_token(self.owner, "login", &["api"], at.ago(9), Some(at.day(90))).value
        })
    }

    /// A service, logged in to with that credential.
    pub(crate) fn connect(&self, service: &str, credential: &str) -> Arc<dyn Connection> {
        self.connection(service, Some(credential), json!({}))
    }

    /// A service with keys of its own, and not yet logged in to.
    pub(crate) fn connection(&self, service: &str, credential: Option<&str>, keys: Value) -> Arc<dyn Connection> {
        let kind = SERVICES.iter().find(|kind| kind.name == service).unwrap();
        let keys = if keys.is_null() { json!({}) } else { keys };
        let url = Some(format!("https://{service}.sandbox").parse().unwrap());
        let slot = credential.map_or_else(Slot::default, |text| Slot::holding(TokenValue::handed(text).unwrap()));
        // A connection without keys of its own has an empty mapping of them.
        let keys = if keys.is_null() { json!({}) } else { keys };
        let means = self.means(Path::new("."));
        let http = (means.door)(None).unwrap();
        (kind.connect)(Connecting { url, slot, http, keys, means }).unwrap()
    }

    /// What kinds may use besides: `env:NAME` is the word `name`, and no two fillings with random bytes are the same.
    pub(crate) fn means(&self, folder: &Path) -> Means {
        let http = Arc::new(Http::new(Arc::new(Mounted(self.sandbox.clone()))));
        let files = folder.to_owned();
        Means {
            folder: folder.to_owned(),
            secret: Arc::new(move |source| {
                let (form, rest) = source.split_once(':').unwrap();
                let text = if form == "env" { rest.to_lowercase() } else { std::fs::read_to_string(files.join(rest))? };
                Ok(TokenValue::of_lines(&text)?)
            }),
            door: Arc::new(move |_| Ok(Arc::clone(&http))),
            random: Arc::new(|buffer: &mut [u8]| {
                static FILLINGS: AtomicU8 = AtomicU8::new(1);
                let filling = FILLINGS.fetch_add(1, Ordering::Relaxed);
                buffer.iter_mut().zip(0_u8..).for_each(|(byte, at)| *byte = at.wrapping_mul(37) ^ filling);
            }),
            offline: false,
        }
    }

    /// The requests since the last call of this, in order.
    pub(crate) fn requests(&self) -> Vec<Exchange> {
        let all = self.sandbox.exchanges();
        self.sandbox.forget_exchanges();
        all
    }
}

/// Dates that count from the time of the sandbox.
pub(crate) struct Dates(pub(crate) DateTime<Utc>);

impl Dates {
    pub(crate) fn ago(&self, days: i64) -> DateTime<Utc> {
        self.0 - TimeDelta::days(days)
    }

    pub(crate) fn day(&self, days: i64) -> NaiveDate {
        (self.0 + TimeDelta::days(days)).date_naive()
    }
}

pub(crate) fn value(text: &str) -> TokenValue {
    TokenValue::new(text).unwrap()
}
