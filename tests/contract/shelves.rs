//! Every shelf: a few small texts, and `create`, of which one of two callers wins.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokenwheel::destination::Site;
use tokenwheel::services::SHELVES;
use tokenwheel::shelf::{Created, Shelf};

use super::bench::Ground;
use super::github_places::grounds;

const VARIABLE: &str = "github/actions-variable";

/// One kind of shelf.
pub(crate) struct Place {
    pub(crate) kind: &'static str,
    pub(crate) ground: Ground,
    login: String,
    pub(crate) folder: tempfile::TempDir,
    keys: Value,
}

impl Place {
    fn new(kind: &'static str, keys: Value) -> Self {
        let (ground, login) = if kind.starts_with("github/") {
            grounds(|github, _| github.add_environment("acme/app", "wheel"))
        } else {
            let ground = Ground::new();
            let login = ground.login();
            (ground, login)
        };
        Self { kind, ground, login, folder: tempfile::tempdir().unwrap(), keys }
    }

    /// A new one each time, as another run would have it.
    pub(crate) fn shelf(&self) -> Arc<dyn Shelf> {
        let kind = SHELVES.iter().find(|kind| kind.kind == self.kind).unwrap();
        let service = self.kind.split('/').next().unwrap();
        let connection = (service != self.kind).then(|| self.ground.connect(service, &self.login));
        (kind.build)(self.keys.clone(), &Site { connection, means: self.ground.means(self.folder.path()) }).unwrap()
    }
}

pub(crate) fn all() -> Vec<Place> {
    vec![
        Place::new("file", json!({ "path": "ledger.json" })),
        Place::new("gitlab/ci-variable", json!({ "project": "acme/app", "key": "LEDGER" })),
        Place::new("gitlab/ci-variable", json!({ "group": "acme", "key": "LEDGER" })),
        Place::new(VARIABLE, json!({ "repository": "acme/app", "name": "ledger" })),
        Place::new(VARIABLE, json!({ "repository": "acme/app", "environment": "wheel", "name": "LEDGER" })),
    ]
}

#[test]
fn every_kind_has_a_fixture() {
    let places = all();
    for kind in SHELVES {
        assert!(places.iter().any(|place| place.kind == kind.kind), "{} has none", kind.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_put_is_got_part_by_part() {
    for place in all() {
        let text = |part: &str| format!("{{\"part\": \"{part}\", \"marks\": \"$HOME ${{X}} %20 ü\"}}");
        for part in ["", "A1", "LEASE"] {
            assert_eq!(place.shelf().get(part).await.unwrap(), None, "{} {part}", place.kind);
            place.shelf().put(part, "first").await.unwrap();
            place.shelf().put(part, &text(part)).await.unwrap();
        }
        for part in ["", "A1", "LEASE"] {
            assert_eq!(
                place.shelf().get(part).await.unwrap().as_deref(),
                Some(text(part).as_str()),
                "{} {part}",
                place.kind
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_is_gone_and_removing_it_twice_is_well() {
    for place in all() {
        place.shelf().put("LEASE", "a").await.unwrap();
        place.shelf().put("", "b").await.unwrap();
        for _ in 0..2 {
            place.shelf().remove("LEASE").await.unwrap();
        }
        assert_eq!(place.shelf().get("LEASE").await.unwrap(), None);
        assert_eq!(place.shelf().get("").await.unwrap().as_deref(), Some("b"), "{}", place.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_that_create_one_wins_and_the_other_changes_nothing() {
    for place in all() {
        place.ground.sandbox.set_latency(Duration::from_millis(20));
        let (one, other) = (place.shelf(), place.shelf());
        let (first, second) = tokio::join!(one.create("LEASE", "one"), other.create("LEASE", "other"));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!((first == Created::Won) != (second == Created::Won), "{}", place.kind);
        let held = place.shelf().get("LEASE").await.unwrap().unwrap();
        assert_eq!(held, if first == Created::Won { "one" } else { "other" }, "{}", place.kind);
        assert_eq!(place.shelf().create("LEASE", "third").await.unwrap(), Created::Taken);
        assert_eq!(place.shelf().get("LEASE").await.unwrap().unwrap(), held);
    }
}

/// No page of GitHub's says that of two requests at one instant only one is told that it made the variable.
#[tokio::test(start_paused = true)]
async fn where_the_later_of_two_writers_wins_in_silence_still_only_one_is_told_so() {
    for delay in 0..100 {
        for place in all().into_iter().filter(|place| place.kind == VARIABLE) {
            place.ground.sandbox.github(|github| github.variable_posts_overwrite = true);
            place.ground.sandbox.set_latency(Duration::from_millis(20));
            let (one, other) = (place.shelf(), place.shelf());
            let late = async {
                tokio::time::sleep(Duration::from_millis(delay)).await;
                other.create("LEASE", "other").await.unwrap()
            };
            let (first, second) = tokio::join!(async { one.create("LEASE", "one").await.unwrap() }, late);
            assert!((first == Created::Won) != (second == Created::Won), "after {delay}");
            let winner = if first == Created::Won { "one" } else { "other" };
            assert_eq!(place.shelf().get("LEASE").await.unwrap().unwrap(), winner, "after {delay}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_the_login_may_not_write_is_an_error_and_no_lease() {
    for place in all().into_iter().filter(|place| place.kind == VARIABLE) {
        let dies = place.ground.sandbox.now() + chrono::TimeDelta::days(9);
        let rights = &[("actions_variables", "read"), ("environments", "read")];
        let reader =
            place.ground.sandbox.github(|github| github.add_fine_grained_token("ada", "acme", rights, Some(dies)));
        let place = Place { login: reader, ..place };
        assert_eq!(place.shelf().get("").await.unwrap(), None);
        assert!(place.shelf().create("LEASE", "one").await.is_err());
        assert!(place.shelf().put("", "one").await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_of_the_whole_room_fits() {
    for place in all() {
        let Some(room) = place.shelf().room() else { continue };
        let text = "x".repeat(room);
        place.shelf().put("A1", &text).await.unwrap();
        assert_eq!(place.shelf().get("A1").await.unwrap().unwrap().len(), room, "{}", place.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_cannot_be_reached_is_an_error_and_never_an_empty_ledger() {
    use tokenwheel_sandbox::{At, Fault, What};
    for place in all().into_iter().filter(|place| place.kind != "file") {
        place.shelf().put("", "what is remembered").await.unwrap();
        for status in [401, 403, 500, 503] {
            let at = At::Matching { method: http::Method::GET, path: "/variables".to_owned(), times: 4 };
            place.ground.sandbox.inject(Fault { at, what: What::Refuse(status) });
            assert!(place.shelf().get("").await.is_err(), "{} {status}", place.kind);
            place.ground.sandbox.clear_faults();
        }
    }
    let file = &all()[0];
    std::fs::create_dir(file.folder.path().join("ledger.json")).unwrap();
    assert!(file.shelf().get("").await.is_err());
}
