//! What only CI/CD variables owe: scopes are named, never guessed; what is missing is made only where that is said.

use serde_json::{Value, json};
use tokenwheel::destination::{Ask, Depth, Destination, Holding, Site};
use tokenwheel::services::DESTINATIONS;
use tokenwheel_sandbox::gitlab::Variable;

use super::bench::{Ground, value};

const NEW: &str = "glpat-a-new-value_1.2";

/// The value from before at a scope.
fn former(scope: &str) -> String {
    format!("value-of-{}", scope.replace('*', "all"))
}

struct Stage {
    ground: Ground,
    login: String,
}

impl Stage {
    fn set() -> Self {
        let ground = Ground::new();
        let login = ground.login();
        Self { ground, login }
    }

    fn add(&self, place: &str, scope: &str, of: Variable) {
        let (key, environment_scope) = ("TOKEN".to_owned(), scope.to_owned());
        let variable = Variable { key, value: former(scope), environment_scope, ..of };
        self.ground.sandbox.gitlab(|gitlab| gitlab.add_variable(place, variable));
    }

    fn at(&self, place: &str, scope: &str) -> Option<Variable> {
        self.ground.sandbox.gitlab(|gitlab| gitlab.variable(place, "TOKEN", scope))
    }

    fn to(&self, mut keys: Value) -> Box<dyn Destination> {
        keys["key"] = json!("TOKEN");
        let kind = DESTINATIONS.iter().find(|kind| kind.kind == "gitlab/ci-variable").unwrap();
        let connection = Some(self.ground.connect("gitlab", &self.login));
        let site = Site { connection, means: self.ground.means(std::path::Path::new(".")) };
        (kind.build)(keys, &site).unwrap()
    }

    async fn rehearse(&self, keys: Value, text: &str) -> String {
        let shape = value(text).shape();
        let ask = Ask { shape: Some(&shape), depth: Depth::Try, last: None };
        self.to(keys).rehearse(&ask).await.err().map_or_else(|| "willing".to_owned(), |why| format!("{why:#}"))
    }
}

#[tokio::test(start_paused = true)]
async fn several_of_one_key_are_refused_until_a_scope_is_named() {
    for (place, keys) in
        [("projects/acme/app", json!({ "project": "acme/app" })), ("groups/acme", json!({ "group": "acme" }))]
    {
        let stage = Stage::set();
        for scope in ["production", "staging"] {
            stage.add(place, scope, Variable::default());
        }
        let said = stage.rehearse(keys.clone(), NEW).await;
        assert!(said.contains("exists in several environment scopes"), "{said}");
        assert!(stage.to(keys.clone()).deliver(&value(NEW), None).await.is_err());
        assert!(stage.to(keys.clone()).holds(None).await.is_err());
        for scope in ["production", "staging"] {
            assert_eq!(stage.at(place, scope).unwrap().value, former(scope));
        }
        let mut named = keys;
        named["environment_scope"] = json!("staging");
        stage.to(named).deliver(&value(NEW), None).await.unwrap();
        assert_eq!(stage.at(place, "staging").unwrap().value, NEW);
        assert_eq!(stage.at(place, "production").unwrap().value, former("production"));
    }
}

/// A group's PUT without a filter changes any one of several, and succeeds.
#[tokio::test(start_paused = true)]
async fn every_write_to_a_group_names_its_scope() {
    for sloppy in [true, false] {
        let stage = Stage::set();
        stage.ground.sandbox.gitlab(|gitlab| gitlab.group_put_is_sloppy = sloppy);
        stage.add("groups/acme", "*", Variable::default());
        stage.add("groups/acme", "production", Variable::default());
        for scope in ["production", "*"] {
            let keys = json!({ "group": "acme", "environment_scope": scope });
            assert_eq!(stage.rehearse(keys.clone(), NEW).await, "willing");
            let to = stage.to(keys);
            let receipt = to.deliver(&value(&format!("value-for-{}", scope.len())), None).await.unwrap();
            to.confirm(&value(&format!("value-for-{}", scope.len())), &receipt).await.unwrap();
        }
        assert_eq!(stage.at("groups/acme", "production").unwrap().value, "value-for-10");
        assert_eq!(stage.at("groups/acme", "*").unwrap().value, "value-for-1");
        for request in stage.ground.requests().into_iter().filter(|request| request.method == http::Method::PUT) {
            let body = String::from_utf8_lossy(&request.request_body).into_owned();
            assert!(body.contains("environment_scope"), "{body}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_made_only_where_that_is_said() {
    let stage = Stage::set();
    let keys = json!({ "project": "acme/app", "environment_scope": "production" });
    let said = stage.rehearse(keys.clone(), NEW).await;
    assert!(said.contains("does not exist: create it by hand once, or say `create:`"), "{said}");
    assert!(stage.to(keys.clone()).deliver(&value(NEW), None).await.is_err());
    assert!(stage.at("projects/acme/app", "production").is_none());
    assert!(matches!(stage.to(keys.clone()).holds(None).await.unwrap(), Holding::Nothing));

    let mut create = keys;
    create["create"] = json!({ "description": "by tokenwheel", "file": true });
    assert_eq!(stage.rehearse(create.clone(), NEW).await, "willing");
    assert!(stage.at("projects/acme/app", "production").is_none(), "a rehearsal makes nothing");
    for _ in 0..2 {
        let to = stage.to(create.clone());
        let receipt = to.deliver(&value(NEW), None).await.unwrap();
        to.confirm(&value(NEW), &receipt).await.unwrap();
    }
    let made = stage.at("projects/acme/app", "production").unwrap();
    assert_eq!((made.masked, made.protected, made.raw, made.hidden), (true, true, true, false));
    assert_eq!((made.variable_type.as_str(), made.description.as_deref()), ("file", Some("by tokenwheel")));
}

#[tokio::test(start_paused = true)]
async fn a_hidden_one_is_made_hidden_and_never_read() {
    let stage = Stage::set();
    let keys = json!({ "project": "acme/app", "create": { "hidden": true } });
    stage.to(keys.clone()).deliver(&value(NEW), None).await.unwrap();
    assert!(stage.at("projects/acme/app", "*").unwrap().hidden);
    assert!(matches!(stage.to(keys).holds(None).await.unwrap(), Holding::Unknowable(_)));
}

#[tokio::test(start_paused = true)]
async fn a_masked_one_says_before_the_mint_which_value_it_would_refuse() {
    let stage = Stage::set();
    stage.add("projects/acme/app", "*", Variable { masked: true, ..Variable::default() });
    let keys = || json!({ "project": "acme/app" });
    assert_eq!(stage.rehearse(keys(), NEW).await, "willing");
    let told = [stage.rehearse(keys(), "short").await, stage.rehearse(keys(), "has-a-$-in-it").await];
    insta::assert_snapshot!(told.join("\n"), @r#"
    gitlab.sandbox acme/app variable TOKEN would refuse the value: masked variables take at least 8 characters, this one may have 5
    gitlab.sandbox acme/app variable TOKEN would refuse the value: masked variables take [a-zA-Z0-9_+=/@:.~-] and this value may have "$"; let the variable not expand references (raw), then it takes them
    "#);
}

/// What the rehearsal promises is what GitLab does.
#[tokio::test(start_paused = true)]
async fn what_a_rehearsal_takes_gitlab_takes() {
    for (masked, raw) in [(false, false), (true, false), (true, true)] {
        for text in [
            "short",
            "long-enough",
            "with$dollar-sign",
            "with(brackets)",
            "base64==",
            "a:b@c.d/e~f+g",
            "with space in it",
            "ünïcödé-value",
        ] {
            let stage = Stage::set();
            stage.add("projects/acme/app", "*", Variable { masked, raw, ..Variable::default() });
            let keys = json!({ "project": "acme/app" });
            let willing = stage.rehearse(keys.clone(), text).await == "willing";
            let taken = stage.to(keys).deliver(&value(text), None).await.is_ok();
            assert_eq!(willing, taken, "masked {masked}, raw {raw}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_variable_that_every_branch_can_read_is_told_of() {
    let stage = Stage::set();
    stage.add("projects/acme/app", "*", Variable::default());
    stage.add("projects/acme/api", "*", Variable { protected: true, ..Variable::default() });
    let exposure = async |project: &str| {
        let to = stage.to(json!({ "project": project }));
        to.holds(None).await.unwrap();
        to.exposure()
    };
    assert!(exposure("acme/app").await.is_some_and(|told| told.contains("is not protected")));
    assert_eq!(exposure("acme/api").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_project_that_does_not_exist_is_not_taken_for_a_variable_that_does_not() {
    let stage = Stage::set();
    assert!(stage.to(json!({ "project": "acme/nowhere", "create": {} })).holds(None).await.is_err());
}
