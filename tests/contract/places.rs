//! What the contract of destinations needs to know of each kind: a place with attributes, and how others write there.

use serde_json::{Value, json};
use tokenwheel::destination::{Destination, Site};
use tokenwheel::services::DESTINATIONS;
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::gitlab::Variable;

use super::bench::Ground;
use super::webhooks;

/// The value that stands in every place before it is delivered to.
pub(crate) const BEFORE: &str = "value-from-before";

/// One kind of place, in one of its forms.
pub(crate) struct Place {
    pub(crate) kind: &'static str,
    pub(crate) form: &'static str,
    pub(crate) ground: Ground,
    login: String,
    pub(crate) folder: tempfile::TempDir,
    keys: Value,
    at: At,
    /// Whether nobody can ever read it.
    pub(crate) hidden: bool,
}

/// Where the sandbox or the disk keeps it.
enum At {
    Variable { place: &'static str, scope: &'static str },
    File,
    Elsewhere(Box<dyn Spot>),
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

impl Place {
    /// One that is kept elsewhere.
    pub(crate) fn elsewhere(
        (kind, form): (&'static str, &'static str),
        (ground, login): (Ground, String),
        keys: Value,
        hidden: bool,
        spot: Box<dyn Spot>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { kind, form, ground, login, folder, keys, at: At::Elsewhere(spot), hidden }
    }

    /// A new one each time, so that nothing is remembered from one run to the next.
    pub(crate) fn destination(&self) -> Box<dyn Destination> {
        let kind = DESTINATIONS.iter().find(|kind| kind.kind == self.kind).unwrap();
        let service = self.kind.split('/').next().unwrap();
        let connection = (service != self.kind).then(|| self.ground.connect(service, &self.login));
        let site = Site { connection, means: self.ground.means(self.folder.path()) };
        (kind.build)(self.keys.clone(), &site).unwrap()
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.kind, self.form)
    }

    fn variable(&self) -> Option<Variable> {
        let At::Variable { place, scope } = &self.at else { return None };
        self.ground.sandbox.gitlab(|gitlab| gitlab.variable(place, "TOKEN", scope))
    }

    /// The value that is there now.
    pub(crate) fn value(&self) -> Option<String> {
        match &self.at {
            At::Elsewhere(spot) => spot.value(&self.ground.sandbox),
            At::Variable { .. } => self.variable().map(|variable| variable.value),
            At::File => std::fs::read_to_string(self.folder.path().join("token")).ok(),
        }
    }

    /// Everything about it but its value.
    pub(crate) fn attributes(&self) -> String {
        match &self.at {
            At::Elsewhere(spot) => spot.attributes(&self.ground.sandbox),
            At::Variable { .. } => {
                format!("{:?}", self.variable().map(|variable| Variable { value: String::new(), ..variable }))
            }
            At::File => std::fs::read_dir(self.folder.path()).unwrap().count().to_string(),
        }
    }

    /// Somebody else writes there.
    pub(crate) fn overwrite(&self, text: &str) {
        match &self.at {
            At::Elsewhere(spot) => spot.overwrite(&self.ground.sandbox, text),
            At::Variable { place, scope } => {
                let path = place.replacen('/', "\u{0}", 1).replace('/', "%2F").replace('\u{0}', "/");
                let base = if *place == "admin" { "admin/ci".to_owned() } else { path };
                let filter =
                    if *place == "admin" { String::new() } else { format!("&filter[environment_scope]={scope}") };
                let target = format!("/api/v4/{base}/variables/TOKEN?value={text}{filter}");
                let mut headers = http::HeaderMap::new();
                headers.insert("private-token", http::HeaderValue::from_str(&self.login).unwrap());
                let (host, body) = ("gitlab".to_owned(), bytes::Bytes::new());
                let request = tokenwheel_sandbox::Request { method: http::Method::PUT, host, target, headers, body };
                assert_eq!(self.ground.sandbox.handle(&request).status, 200);
            }
            At::File => std::fs::write(self.folder.path().join("token"), text).unwrap(),
        }
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
        at: At::Variable { place, scope },
        hidden: of.hidden,
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
            at: At::File,
            hidden: false,
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
    places.extend(webhooks::all());
    places
}
