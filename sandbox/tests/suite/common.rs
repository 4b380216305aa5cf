//! What the tests share: a small world, and a way to ask it things. Whatever a test does, the services' descriptions
//! must allow.

use chrono::{DateTime, Days, NaiveDate, Utc};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use tokenwheel_sandbox::gitlab::Seeded;
use tokenwheel_sandbox::{Answer, Lost, Request, Sandbox};

/// A sandbox whose every exchange is held against the descriptions when it goes.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    /// A test that sends what no client should.
    pub(crate) lawless: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { sandbox: Sandbox::new(7, noon()), lawless: false }
    }

    /// Asks a service something, with a body or with null for none.
    pub(crate) fn ask(&self, host: &str, token: &str, method: Method, target: &str, body: &Value) -> Answer {
        let lost = Answer { status: 0, headers: HeaderMap::new(), body: bytes::Bytes::new() };
        self.send(request(host, token, method, target, body)).unwrap_or(lost)
    }

    /// Sends a request and waits for what comes of it.
    pub(crate) fn send(&self, request: Request) -> Result<Answer, Lost> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.map_err(|_| Lost)?.block_on(self.sandbox.call(request))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        #[cfg(feature = "openapi")]
        if !self.lawless && !std::thread::panicking() {
            assert_eq!(tokenwheel_sandbox::violations(&self.sandbox.exchanges()), Vec::<String>::new());
        }
    }
}

/// The time at which every test begins.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-05-04T12:00:00Z".parse().unwrap_or_default()
}

/// The day that is so many days after the first.
pub(crate) fn day(after: u64) -> NaiveDate {
    noon().date_naive().checked_add_days(Days::new(after)).unwrap_or_default()
}

/// A request as a client of either service writes it.
pub(crate) fn request(host: &str, token: &str, method: Method, target: &str, body: &Value) -> Request {
    let mut headers = HeaderMap::new();
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).ok();
    if let Some(bearer) = bearer.filter(|_| !token.is_empty()) {
        headers.insert(header::AUTHORIZATION, bearer);
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    if !body.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Request { method, host: format!("{host}.sandbox"), target: target.to_owned(), headers, body: body.into() }
}

/// A GitLab with a group `acme`, a project `acme/app`, and people who can do more and less there.
pub(crate) struct Acme {
    pub(crate) world: World,
    pub(crate) admin: Seeded,
    /// Owns the group, and so the project.
    pub(crate) owner: Seeded,
    /// Maintains the project.
    pub(crate) maintainer: Seeded,
    /// Develops in the project.
    pub(crate) developer: Seeded,
    /// Belongs to nothing.
    pub(crate) stranger: Seeded,
}

impl Acme {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let [admin, owner, maintainer, developer, stranger] = world.sandbox.gitlab(|gitlab| {
            gitlab.add_group("acme");
            gitlab.add_project("acme/app");
            let admin = gitlab.add_admin("Root");
            let people = [("Olga", "acme", 50), ("Mia", "acme/app", 40), ("Dan", "acme/app", 30)];
            let people = people.map(|(name, place, level)| {
                let user = gitlab.add_user(name);
                gitlab.add_member(place, user, level);
                user
            });
            let [owner, maintainer, developer] = people;
            let stranger = gitlab.add_user("Sid");
            [admin, owner, maintainer, developer, stranger]
                .map(|user| gitlab.add_personal_token(user, "own", &["api"], noon(), Some(day(30))))
        });
        Self { world, admin, owner, maintainer, developer, stranger }
    }

    pub(crate) fn ask(&self, who: &Seeded, method: &str, target: &str, body: &Value) -> Answer {
        let method = method.parse().unwrap_or_default();
        self.world.ask("gitlab", &who.value, method, &format!("/api/v4{target}"), body)
    }

    pub(crate) fn get(&self, who: &Seeded, target: &str) -> Answer {
        self.ask(who, "GET", target, &Value::Null)
    }

    pub(crate) fn is_live(&self, value: &str) -> bool {
        self.world.sandbox.gitlab(|gitlab| gitlab.is_live(value))
    }
}

/// The token in an answer that made one.
pub(crate) fn made(answer: &Answer) -> Seeded {
    let value = answer.value();
    let id = value.get("id").and_then(Value::as_u64).unwrap_or_default();
    let token = value.get("token").and_then(Value::as_str).unwrap_or_default();
    Seeded { id, value: token.to_owned() }
}
