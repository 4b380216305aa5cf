//! What the contract of destinations needs to know of each kind: a place with attributes, and how others write there.

use serde_json::{Value, json};
use tokenwheel::destination::{Destination, Site};
use tokenwheel::services::DESTINATIONS;
use tokenwheel::token::TokenValue;
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::gitlab::Variable;

use super::bench::Ground;
use super::{github_places, vault, webhooks, zendesk};

/// The value that stands in every place before it is delivered to.
pub(crate) const BEFORE: &str = "value-from-before";

/// One kind of place, in one of its forms.
pub(crate) struct Place {
    pub(crate) kind: &'static str,
    pub(crate) form: &'static str,
    pub(crate) ground: Ground,
    pub(crate) login: String,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) keys: Value,
    /// Where the sandbox or the disk keeps it.
    pub(crate) at: Box<dyn At>,
    /// Whether nobody can ever read it, nor see that it changed.
    pub(crate) hidden: bool,
    pub(crate) also: Also,
}

/// What is otherwise than with most kinds. A place says `Also::default()`, or what it differs in.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a difference by itself, and most fixtures have none")]
pub(crate) struct Also {
    /// The keys of the connection.
    pub(crate) connection: Value,
    /// The connection logs in without a credential.
    pub(crate) arrives: bool,
    /// The connection exchanges its credential when it logs in, as a run does first.
    pub(crate) logs_in: bool,
    /// It needs no connection.
    pub(crate) nowhere: bool,
    /// Calls that only read although their method is POST, by a piece of their path.
    pub(crate) reads_by_post: &'static [&'static str],
    /// Nobody else can write there without it being the same to whoever looks.
    pub(crate) cannot_be_overwritten: bool,
}

/// How a test looks at a place, and how somebody else writes there.
pub(crate) trait At {
    /// The value that is there now.
    fn value(&self, place: &Place) -> Option<String>;
    /// Everything about it but its value, and but what changes with every write.
    fn attributes(&self, place: &Place) -> String;
    /// Somebody else writes there.
    fn overwrite(&self, place: &Place, text: &str);
}

/// A place of another service, as its own file here knows it.
pub(crate) trait Spot {
    /// The value that is there now.
    fn value(&self, sandbox: &Sandbox) -> Option<String>;
    /// Everything about it but its value.
    fn attributes(&self, sandbox: &Sandbox) -> String;
    /// Somebody else writes there.
    fn overwrite(&self, sandbox: &Sandbox, text: &str);
}

struct Elsewhere(Box<dyn Spot>);

impl At for Elsewhere {
    fn value(&self, place: &Place) -> Option<String> {
        self.0.value(&place.ground.sandbox)
    }

    fn attributes(&self, place: &Place) -> String {
        self.0.attributes(&place.ground.sandbox)
    }

    fn overwrite(&self, place: &Place, text: &str) {
        self.0.overwrite(&place.ground.sandbox, text);
    }
}

impl Place {
    /// One that is kept elsewhere; what is otherwise than with most kinds is set after.
    pub(crate) fn elsewhere(
        (kind, form): (&'static str, &'static str),
        (ground, login): (Ground, String),
        keys: Value,
        hidden: bool,
        spot: Box<dyn Spot>,
    ) -> Self {
        let (folder, at) = (tempfile::tempdir().unwrap(), Box::new(Elsewhere(spot)));
        Self { kind, form, ground, login, folder, keys, at, hidden, also: Also::default() }
    }

    /// A new one each time, so that nothing is remembered from one run to the next.
    pub(crate) async fn destination(&self) -> Box<dyn Destination> {
        let kind = DESTINATIONS.iter().find(|kind| kind.kind == self.kind).unwrap();
        let service = self.kind.split('/').next().unwrap();
        let login = (!self.also.arrives).then_some(self.login.as_str());
        let alone = service == self.kind || self.also.nowhere;
        let connection = (!alone).then(|| self.ground.connection(service, login, self.also.connection.clone()));
        match &connection {
            Some(connection) if self.also.arrives => drop(connection.arrive().await),
            Some(connection) if self.also.logs_in => {
                drop(connection.identify(&TokenValue::handed(&self.login).unwrap()).await);
            }
            _ => {}
        }
        self.ground.sandbox.forget_exchanges();
        let site = Site { connection, means: self.ground.means(self.folder.path()) };
        (kind.build)(self.keys.clone(), &site).unwrap()
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.kind, self.form)
    }

    /// The value that is there now.
    pub(crate) fn value(&self) -> Option<String> {
        self.at.value(self)
    }

    /// Everything about it but its value.
    pub(crate) fn attributes(&self) -> String {
        self.at.attributes(self)
    }

    /// Somebody else writes there.
    pub(crate) fn overwrite(&self, text: &str) {
        self.at.overwrite(self, text);
    }
}

struct InVariable {
    place: &'static str,
    scope: &'static str,
}

impl InVariable {
    fn variable(&self, place: &Place) -> Option<Variable> {
        place.ground.sandbox.gitlab(|gitlab| gitlab.variable(self.place, "TOKEN", self.scope))
    }
}

impl At for InVariable {
    fn value(&self, place: &Place) -> Option<String> {
        self.variable(place).map(|variable| variable.value)
    }

    fn attributes(&self, place: &Place) -> String {
        format!("{:?}", self.variable(place).map(|variable| Variable { value: String::new(), ..variable }))
    }

    fn overwrite(&self, of: &Place, text: &str) {
        let (place, scope) = (self.place, self.scope);
        let path = place.replacen('/', "\u{0}", 1).replace('/', "%2F").replace('\u{0}', "/");
        let base = if place == "admin" { "admin/ci".to_owned() } else { path };
        let filter = if place == "admin" { String::new() } else { format!("&filter[environment_scope]={scope}") };
        let target = format!("/api/v4/{base}/variables/TOKEN?value={text}{filter}");
        let mut headers = http::HeaderMap::new();
        headers.insert("private-token", http::HeaderValue::from_str(&of.login).unwrap());
        let (host, body) = ("gitlab".to_owned(), bytes::Bytes::new());
        let request = tokenwheel_sandbox::Request { method: http::Method::PUT, host, target, headers, body };
        assert_eq!(of.ground.sandbox.handle(&request).status, 200);
    }
}

struct InFile;

impl At for InFile {
    fn value(&self, place: &Place) -> Option<String> {
        std::fs::read_to_string(place.folder.path().join("token")).ok()
    }

    fn attributes(&self, place: &Place) -> String {
        std::fs::read_dir(place.folder.path()).unwrap().count().to_string()
    }

    fn overwrite(&self, place: &Place, text: &str) {
        std::fs::write(place.folder.path().join("token"), text).unwrap();
    }
}

/// A variable with every attribute off its default.
fn odd(scope: &str) -> Variable {
    Variable {
        key: "TOKEN".to_owned(),
        value: BEFORE.to_owned(),
        environment_scope: scope.to_owned(),
        masked: true,
        protected: true,
        raw: true,
        variable_type: "file".to_owned(),
        description: Some("for the nightly build".to_owned()),
        ..Variable::default()
    }
}

fn variable(form: &'static str, (place, keys): (&'static str, Value), scope: &'static str, of: &Variable) -> Place {
    let ground = Ground::new();
    let login = ground.gitlab(|gitlab, at| {
        let admin = gitlab.add_admin("root");
        gitlab.add_variable(place, of.clone());
        gitlab.add_personal_token(admin, "root", &["api"], at.ago(9), Some(at.day(90))).value
    });
    let mut keys = keys;
    keys["key"] = json!("TOKEN");
    let folder = tempfile::tempdir().unwrap();
    Place {
        kind: "gitlab/ci-variable",
        form,
        ground,
        login,
        folder,
        keys,
        at: Box::new(InVariable { place, scope }),
        hidden: of.hidden,
        also: Also::default(),
    }
}

/// Every kind, in every form.
pub(crate) fn all() -> Vec<Place> {
    let project = || ("projects/acme/app", json!({ "project": "acme/app" }));
    let group = || ("groups/acme", json!({ "group": "acme" }));
    let scoped = |(place, mut keys): (&'static str, Value)| {
        keys["environment_scope"] = json!("production");
        (place, keys)
    };
    let plain = Variable { key: "TOKEN".to_owned(), value: BEFORE.to_owned(), ..Variable::default() };
    let file = {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), BEFORE).unwrap();
        let (ground, keys) = (Ground::new(), json!({ "path": "token" }));
        Place {
            kind: "file",
            form: "in a folder",
            ground,
            login: "none".to_owned(),
            folder,
            keys,
            at: Box::new(InFile),
            hidden: false,
            also: Also::default(),
        }
    };
    let mut places = vec![
        variable("of a project", project(), "*", &plain),
        variable("of a project, with every attribute", project(), "*", &odd("*")),
        variable("of a project, scoped", scoped(project()), "production", &odd("production")),
        variable("of a project, only there in one scope", project(), "production", &odd("production")),
        variable("of a group", group(), "*", &odd("*")),
        variable("of a group, scoped", scoped(group()), "production", &odd("production")),
        variable("of the instance", ("admin", json!({ "instance": true })), "*", &odd("*")),
        variable("hidden", project(), "*", &Variable { hidden: true, ..odd("*") }),
        file,
    ];
    places.extend(super::credentials::places());
    places.extend(super::general::places());
    places.extend(webhooks::all());
    places.extend(vault::all());
    places.extend(super::clusters::places());
    places.extend(github_places::all());
    places.extend(zendesk::places());
    places
}
