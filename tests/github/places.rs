//! A token that is due comes to every kind of place, and whatever befalls a write is mended.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::github::Store;
use tokenwheel_sandbox::{At, Fault, What};

use super::estate::{Estate, SECRET};

const PUT: &str = "/repos/acme/app/actions/secrets/DEPLOY_TOKEN";

#[test]
fn a_due_token_comes_to_every_place_over_an_app_whose_session_can_do_this_and_no_more() {
    let estate = Estate::with_app();
    let hook = format!("{{ kind: github/webhook, repository: acme/app, id: {}, confirm: delivery }}", estate.hook);
    estate.goes_to(&[
        SECRET,
        "{ kind: github/actions-secret, repository: acme/app, environment: prod/eu, name: DEPLOY_TOKEN }",
        "{ kind: github/actions-secret, organization: acme, name: DEPLOY_TOKEN }",
        "{ kind: github/dependabot-secret, repository: acme/app, name: DEPLOY_TOKEN }",
        "{ kind: github/actions-variable, repository: acme/app, name: DEPLOY_TOKEN }",
        &hook,
    ]);
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(0), "{ran}");

    let live = estate.live();
    assert!(live != estate.stage.deploy.value, "the old one is dead: {ran}");
    for place in ["repos/acme/app", "repos/acme/app/prod/eu", "orgs/acme"] {
        assert!(estate.secret(Store::Actions, place).value == live, "{place}");
    }
    assert!(estate.secret(Store::Dependabot, "repos/acme/app").value == live);
    assert_eq!(estate.secret(Store::Actions, "orgs/acme").visibility.unwrap().selected.len(), 2);
    let (variable, hook) = estate.stage.sandbox.github(|github| {
        (github.variable("repos/acme/app", "DEPLOY_TOKEN").unwrap(), github.hook(estate.hook).unwrap())
    });
    assert!(variable.value == live && hook.secret.as_deref() == Some(live.as_str()));
    assert_eq!(estate.stage.sandbox.github(|github| github.pings), 1);

    let sessions = estate.sessions();
    let [session] = sessions.as_slice() else { panic!("{} sessions: one a run", sessions.len()) };
    assert!(session.revoked, "a session ends with its run");
    let granted: Vec<String> = session.permissions.iter().map(|(name, level)| format!("{name}={level}")).collect();
    let expected = [
        "actions_variables=write",
        "dependabot_secrets=write",
        "environments=write",
        "metadata=read",
        "organization_secrets=write",
        "repository_hooks=write",
        "secrets=write",
    ];
    assert_eq!(granted, expected);
    let app = estate.stage.sandbox.github(|github| github.repository_named("acme/app").map(|app| app.id));
    assert_eq!(session.repositories, app.map(|id| vec![id]));
    assert_eq!(estate.count("GET", "/rate_limit"), 1, "the time is asked for once");
}

#[test]
fn what_is_right_is_left_alone_and_what_somebody_overwrote_is_told() {
    let estate = Estate::with_app();
    estate.goes_to(&[SECRET]);
    assert_eq!(estate.rotate().code, Some(0));
    let written = estate.secret(Store::Actions, "repos/acme/app");
    estate.wait();
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(estate.count("PUT", "/"), 0, "nothing was due: {ran}");
    assert_eq!(estate.secret(Store::Actions, "repos/acme/app").writes, written.writes);
    assert!(estate.sessions().iter().all(|session| session.revoked));
}

#[test]
fn a_fine_grained_token_writes_the_codespaces_secret_that_no_app_can() {
    let rights = &[("codespaces_secrets", "write")];
    let estate = Estate::with_token(|github| github.add_fine_grained_token("ada", "acme", rights, None));
    let place = "{ kind: github/codespaces-secret, repository: acme/app, name: DEPLOY_TOKEN }";
    estate.goes_to(&[place]);
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(estate.secret(Store::Codespaces, "repos/acme/app").value == estate.live());
}

#[test]
fn a_write_that_is_refused_leaves_the_place_owed_and_the_next_run_makes_up_for_it() {
    let estate = Estate::with_app();
    estate.goes_to(&[SECRET]);
    let at = At::Matching { method: Method::PUT, path: PUT.to_owned(), times: 1 };
    estate.stage.sandbox.inject(Fault { at, what: What::Refuse(403) });
    let ran = estate.rotate();
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("actions/secrets/DEPLOY_TOKEN: HTTP 403: the login may not do this"), "{ran}");
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(estate.secret(Store::Actions, "repos/acme/app").value == estate.live(), "{ran}");
}

#[test]
fn a_lost_answer_to_a_write_is_asked_for_again_and_one_to_the_mint_is_healed() {
    let estate = Estate::with_app();
    estate.goes_to(&[SECRET]);
    let put = At::Matching { method: Method::PUT, path: PUT.to_owned(), times: 1 };
    estate.stage.sandbox.inject(Fault { at: put, what: What::DropAfter });
    let mint = At::Matching { method: Method::POST, path: "/rotate".to_owned(), times: 1 };
    estate.stage.sandbox.inject(Fault { at: mint, what: What::DropAfter });
    let first = estate.rotate();
    let ran = if first.code == Some(0) { first } else { estate.rotate() };
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(estate.secret(Store::Actions, "repos/acme/app").value == estate.live(), "{ran}");
}

#[test]
fn a_lost_answer_to_the_session_costs_a_session_that_dies_within_the_hour_and_nothing_else() {
    let estate = Estate::with_app();
    estate.goes_to(&[SECRET]);
    let at = At::Matching { method: Method::POST, path: "/access_tokens".to_owned(), times: 1 };
    estate.stage.sandbox.inject(Fault { at, what: What::DropAfter });
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(0), "{ran}");
    let sessions = estate.sessions();
    let [lost, used] = sessions.as_slice() else { panic!("{} sessions", sessions.len()) };
    assert!(used.revoked && lost.expires_at <= Some(estate.stage.sandbox.now() + TimeDelta::hours(1)));
    assert!(estate.secret(Store::Actions, "repos/acme/app").value == estate.live());
}

#[test]
fn a_write_that_github_only_says_it_made_is_found_out() {
    let estate = Estate::with_app();
    estate.goes_to(&[SECRET]);
    estate.stage.sandbox.github(|github| github.secret_writes_ignored = true);
    let ran = estate.rotate();
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("was not written: GitHub said that it was"), "{ran}");
    estate.stage.sandbox.github(|github| github.secret_writes_ignored = false);
    estate.wait();
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(estate.secret(Store::Actions, "repos/acme/app").value == estate.live());
}

#[test]
fn a_variable_that_keeps_its_old_value_is_found_out() {
    let estate = Estate::with_app();
    estate.goes_to(&["{ kind: github/actions-variable, repository: acme/app, name: DEPLOY_TOKEN }"]);
    estate.stage.sandbox.github(|github| github.variable_writes_ignored = true);
    let ran = estate.rotate();
    assert!(ran.to_string().contains("holds another value than was just written"), "{ran}");
    assert_ne!(ran.code, Some(0), "{ran}");
}

#[test]
fn what_does_not_exist_is_refused_before_the_mint_or_made_where_the_config_says_so() {
    let estate = Estate::with_app();
    let place = |end: &str| format!("{{ kind: github/actions-secret, repository: acme/app, name: NEW{end} }}");
    estate.goes_to(&[&place("")]);
    let ran = estate.rotate();
    assert!(ran.to_string().contains("secret NEW does not exist: create it by hand once, or say `create:`"), "{ran}");
    assert!(estate.live() == estate.stage.deploy.value, "{ran}");

    estate.goes_to(&[
        &place(", create: {}"),
        &place("_FOR_ALL, create: { visibility: private }").replace("repository: acme/app", "organization: acme"),
        "{ kind: github/actions-variable, repository: acme/app, name: NEW, create: {} }",
    ]);
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(0), "{ran}");
    let live = estate.live();
    let made = estate.stage.sandbox.github(|github| {
        let of_all = github.secret(Store::Actions, "orgs/acme", "NEW_FOR_ALL").unwrap();
        assert_eq!(of_all.visibility.unwrap().word, "private");
        let one = github.secret(Store::Actions, "repos/acme/app", "NEW").unwrap();
        [of_all.value, one.value, github.variable("repos/acme/app", "NEW").unwrap().value]
    });
    assert!(made.iter().all(|value| *value == live), "{ran}");
}
