//! The sandbox as a whole: determinism, the clock, and the values it knows.

use chrono::TimeDelta;
use http::Method;
use serde_json::Value;
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::styra::Role;

use crate::common::{Acme, day, noon, request};

/// Seeds a little of everything.
fn values(seed: u64) -> Vec<String> {
    let sandbox = Sandbox::new(seed, noon());
    sandbox.gitlab(|gitlab| {
        let user = gitlab.add_user("Ada");
        gitlab.add_personal_token(user, "own", &["api"], noon(), Some(day(9)));
        gitlab.add_project_token("acme/app", "deploy", &["api"], 30, noon(), None);
        gitlab.add_trigger("acme/app", user, "nightly");
    });
    sandbox.styra(|styra| styra.add_token("app", Role::None, TimeDelta::days(1), &[], noon()));
    sandbox.values()
}

#[test]
fn the_same_seed_gives_the_same_values_and_another_seed_others() {
    assert_eq!(values(1), values(1));
    let (one, two) = (values(1), values(2));
    assert_eq!(one.len(), 4);
    assert!(one.iter().all(|value| !two.contains(value)));
}

#[test]
fn the_small_sandbox_has_two_services_and_its_copies_too() {
    let whole = Sandbox::new(1, noon());
    let small = Sandbox::of_gitlab_and_styra(1, noon());
    for host in ["gitlab", "styra", "github", "zendesk", "atlassian", "vault", "oauth", "http", "kubernetes"] {
        let request = request(host, "nobody", Method::GET, "/api/v4/user", &Value::Null);
        let missing = |sandbox: &Sandbox| {
            String::from_utf8_lossy(&sandbox.handle(&request).body).contains("the sandbox has no service called")
        };
        let expected = !["gitlab", "styra"].contains(&host);
        assert_eq!((missing(&small), missing(&small.fork())), (expected, expected), "{host}");
        assert!(!missing(&whole) && !missing(&whole.fork()), "{host}");
    }
}

#[test]
fn a_whole_conversation_repeats_itself() {
    let talk = || {
        let acme = Acme::new();
        for target in ["/personal_access_tokens/self", "/projects/acme%2Fapp", "/user"] {
            acme.get(&acme.owner, target);
        }
        acme.ask(&acme.owner, "POST", "/personal_access_tokens/self/rotate", &Value::Null);
        let exchanges = acme.world.sandbox.exchanges();
        exchanges.into_iter().map(|exchange| exchange.acted).collect::<Vec<_>>()
    };
    assert_eq!(talk(), talk());
}

#[test]
fn time_stands_still_until_it_is_moved() {
    let sandbox = Sandbox::new(1, noon());
    let twin = sandbox.clone();
    assert_eq!(sandbox.now(), noon());
    sandbox.advance(TimeDelta::hours(5));
    assert_eq!(twin.now(), noon() + TimeDelta::hours(5));
    twin.set_now(noon() - TimeDelta::days(1));
    assert_eq!(sandbox.now(), noon() - TimeDelta::days(1));
}

#[test]
fn a_value_stays_known_after_its_token_is_dead() {
    let acme = Acme::new();
    acme.ask(&acme.owner, "POST", "/personal_access_tokens/self/rotate", &Value::Null);
    let (values, sandbox) = (acme.world.sandbox.values(), &acme.world.sandbox);
    assert!(values.contains(&acme.owner.value));
    let live = sandbox.gitlab(|gitlab| gitlab.live_tokens("own"));
    assert_eq!(live.len(), 5);
    assert!(live.iter().all(|token| values.contains(&token.value)));
    let dead = sandbox.gitlab(|gitlab| gitlab.token_of_value(&acme.owner.value)).unwrap();
    assert!(dead.revoked);
}

#[test]
fn no_file_of_this_suite_is_forgotten() {
    let listed = include_str!("main.rs");
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        assert!(name == "main" || listed.contains(&format!("mod {name};")), "{name}");
    }
}

#[test]
fn a_member_of_a_group_is_a_member_of_all_inside() {
    let acme = Acme::new();
    acme.world.sandbox.gitlab(|gitlab| {
        gitlab.add_project("acme/deep/er/app");
        gitlab.add_project("acmeist/app");
    });
    assert_eq!(acme.get(&acme.owner, "/projects/acme%2Fdeep%2Fer%2Fapp/variables").status, 200);
    assert_eq!(acme.get(&acme.owner, "/groups/acme%2Fdeep/variables").status, 200);
    assert_eq!(acme.get(&acme.owner, "/projects/acmeist%2Fapp").status, 404, "a path is not a prefix");
    assert_eq!(acme.get(&acme.maintainer, "/groups/acme").status, 404);
}

#[test]
fn a_project_says_what_the_caller_may_do_in_it() {
    let acme = Acme::new();
    let by_number = acme.get(&acme.owner, "/projects/acme%2Fapp").value();
    assert_eq!(by_number, acme.get(&acme.owner, &format!("/projects/{}", by_number["id"])).value());
    assert_eq!(by_number["path_with_namespace"], "acme/app");
    assert_eq!(by_number["permissions"]["group_access"]["access_level"], 50);
    let mine = acme.get(&acme.maintainer, "/projects/acme%2Fapp").value();
    assert_eq!(mine["permissions"]["project_access"]["access_level"], 40);
    assert_eq!(mine["permissions"]["group_access"], Value::Null);
}

#[test]
fn a_fork_goes_its_own_way_and_its_clock_too() {
    let acme = Acme::new();
    let fork = acme.world.sandbox.fork();
    assert_eq!(fork.now(), acme.world.sandbox.now());
    fork.advance(TimeDelta::days(1));
    fork.gitlab(|gitlab| gitlab.revoke(acme.owner.id));
    assert!(!fork.gitlab(|gitlab| gitlab.is_live(&acme.owner.value)));
    assert!(acme.is_live(&acme.owner.value));
    assert!(fork.now() > acme.world.sandbox.now());
    let one = acme.world.sandbox.gitlab(|gitlab| gitlab.add_trigger("acme/app", 1, "one"));
    let other = fork.gitlab(|gitlab| gitlab.add_trigger("acme/app", 1, "one"));
    assert_eq!(one, other, "the same calls give the same values");
}
