//! `github/user-token`: a pair that rotates itself. The refresh half goes to one file, the access half to another.

use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::github::{Grant, Store};

use super::stage::Stage;

const TOKENS: &str = "
  robot:
    issuer: { kind: github/user-token, client_id: Iv1.a, user: ada, self: env:REFRESH }
    destinations:
      - { kind: file, path: refresh, first: true }
      - { kind: file, path: access, part: access }
";
const NOW: &[&str] = &["rotate", "--only", "robot", "--force", "--reason", "a test asks for it"];

fn stage() -> Stage {
    let mut stage = Stage::set();
    let granted = stage.sandbox.now();
    let grant = stage.github(|github| github.add_grant("Iv1.a", "ada", true, &[("contents", "read")], granted));
    stage.keep("refresh", &grant.refresh.0);
    stage.keep("access", &grant.access);
    stage.environment.insert("REFRESH".to_owned(), grant.refresh.0);
    stage.write(TOKENS);
    stage
}

fn grant(stage: &Stage) -> Grant {
    stage.github(|github| github.grant("Iv1.a", "ada")).unwrap()
}

/// A job starts: its environment has what the file has.
fn start_job(stage: &mut Stage) {
    let refresh = stage.held("refresh").trim().to_owned();
    stage.environment.insert("REFRESH".to_owned(), refresh);
}

#[track_caller]
fn both_halves_are_in_place(stage: &Stage) {
    let grant = grant(stage);
    assert_eq!(stage.held("refresh").trim(), grant.refresh.0);
    assert_eq!(stage.held("access").trim(), grant.access);
    assert!(stage.github(|github| github.is_live(&grant.access)));
}

#[test]
fn a_pair_makes_the_next_one_and_both_halves_reach_their_places() {
    let mut stage = stage();
    let old = grant(&stage);
    stage.run(NOW).ends(0, "identity");
    both_halves_are_in_place(&stage);
    assert!(!stage.github(|github| github.is_live(&old.access)));
    // What is not due is left alone, and nothing is exchanged to find that out.
    start_job(&mut stage);
    stage.run(&["rotate"]).ends(0, "kept");
    stage.run(NOW).ends(0, "rotated");
    both_halves_are_in_place(&stage);
    assert_eq!(stage.github(|github| (github.pairs_minted, github.refresh_reuses)), (2, 0));
}

#[test]
fn a_job_that_was_started_before_the_last_turn_uses_what_is_in_place() {
    let stage = stage();
    stage.github(|github| github.refresh_reuse_ends_grant = true);
    stage.run(NOW).ends(0, "rotated");
    // REFRESH is still the old one.
    stage.run(NOW).ends(0, "rotated");
    both_halves_are_in_place(&stage);
    assert_eq!(stage.github(|github| github.refresh_reuses), 0);
}

#[test]
fn a_spent_half_is_never_shown_to_github_again() {
    let stage = stage();
    stage.github(|github| github.refresh_reuse_ends_grant = true);
    stage.run(NOW).ends(0, "rotated");
    stage.keep("refresh", "");
    let ran = stage.run(NOW);
    assert!(ran.text.contains("was exchanged by an earlier run, and must not be tried again"), "{}", ran.text);
    assert_eq!(stage.github(|github| (github.pairs_minted, github.refresh_reuses)), (1, 0));
    assert!(!grant(&stage).ended);
}

#[test]
fn a_refusal_with_status_200_is_a_refusal() {
    for errors_are_200 in [true, false] {
        let stage = stage();
        let old = grant(&stage);
        stage.github(|github| {
            github.oauth_errors_are_200 = errors_are_200;
            github.end_grant(&old.refresh.0);
        });
        let ran = stage.run(NOW);
        assert!(ran.text.contains("the user must authorise the App again"), "{}", ran.text);
        assert_ne!(ran.code, Some(0), "{}", ran.text);
        assert_eq!(stage.held("refresh").trim(), old.refresh.0);
    }
}

#[test]
fn a_pair_that_needs_the_secret_of_its_client_says_so() {
    let mut stage = stage();
    let granted = stage.sandbox.now();
    let grant = stage.github(|github| github.add_grant("Iv1.web", "ada", false, &[], granted));
    stage.keep("refresh", &grant.refresh.0);
    start_job(&mut stage);
    let web = TOKENS.replace("Iv1.a", "Iv1.web");
    stage.write(&web);
    let ran = stage.run(NOW);
    assert!(ran.text.contains("wants its secret: say `client_secret:`"), "{}", ran.text);
    // Written out it is refused, and not repeated.
    let literal = format!("user: ada, client_secret: {}", grant.client_secret);
    stage.write(&web.replace("user: ada", &literal));
    stage.run(NOW).ends(2, "nothing was attempted");
    stage.write(&web.replace("user: ada", "user: ada, client_secret: env:CLIENT_SECRET"));
    stage.environment.insert("CLIENT_SECRET".to_owned(), grant.client_secret);
    stage.run(NOW).ends(0, "rotated");
}

#[test]
fn a_lost_answer_is_told_with_what_a_person_must_do_and_is_not_tried_again() {
    let stage = stage();
    stage.github(|github| github.refresh_reuse_ends_grant = true);
    stage.befalls(Method::POST, "/login/oauth/access_token", 1, What::DropAfter);
    let ran = stage.run(NOW);
    assert_ne!(ran.code, Some(0), "{}", ran.text);
    assert_eq!(stage.sent(&Method::POST, "/login/oauth/access_token"), 1, "{}", ran.text);
    assert_eq!(stage.github(|github| github.pairs_minted), 1);
}

#[test]
fn a_place_that_refuses_the_refresh_half_stops_it_before_anything_is_used_up() {
    for tokens in [TOKENS.to_owned(), TOKENS.replace(", first: true", "")] {
        let stage = stage();
        stage.write(&tokens);
        let old = grant(&stage);
        std::fs::remove_file(stage.folder.path().join("refresh")).unwrap();
        std::fs::create_dir(stage.folder.path().join("refresh")).unwrap();
        let ran = stage.run(NOW);
        assert_ne!(ran.code, Some(0), "{}", ran.text);
        assert_eq!(grant(&stage).refresh.0, old.refresh.0, "{}", ran.text);
    }
}

#[test]
fn a_pair_of_somebody_else_is_delivered_for_it_is_the_only_one_and_told_of() {
    let stage = stage();
    stage.write(&TOKENS.replace("user: ada", "user: bob"));
    let ran = stage.run(NOW);
    assert!(ran.text.contains("the pair is of @ada, and the config says `user: bob`"), "{}", ran.text);
    both_halves_are_in_place(&stage);
}

#[test]
fn an_access_half_where_the_refresh_half_belongs_is_found_out_before_the_exchange() {
    let mut stage = stage();
    let access = grant(&stage).access;
    stage.keep("refresh", &access);
    start_job(&mut stage);
    let ran = stage.run(NOW);
    assert!(ran.text.contains("what `self:` names is no refresh token"), "{}", ran.text);
    assert_eq!(stage.sent(&Method::POST, "/login/oauth/access_token"), 0);
}

#[test]
fn a_leaked_pair_is_ended_by_its_value() {
    let stage = stage();
    stage.run(NOW).ends(0, "rotated");
    stage.run(&["revoke", "robot", "--reason", "it stood in a log"]).ends(0, "ended");
    assert!(grant(&stage).ended);
}

#[test]
fn the_refresh_half_is_saved_before_the_access_half_goes_anywhere() {
    let stage = stage();
    let made = stage.sandbox.now();
    let both = ["ACCESS", "REFRESH"];
    stage.github(|github| both.map(|name| github.add_secret(Store::Actions, "repos/acme/ops", name, "old", made)));
    stage.write(
        "
  robot:
    issuer: { kind: github/user-token, client_id: Iv1.a, user: ada, self: env:REFRESH }
    destinations:
      - { kind: github/actions-secret, repository: acme/ops, name: ACCESS, part: access }
      - { kind: github/actions-secret, repository: acme/ops, name: REFRESH }
",
    );
    stage.run(NOW).ends(0, "rotated");
    let writes = stage.sandbox.exchanges().into_iter().filter(|exchange| exchange.method == Method::PUT);
    let order: Vec<String> = writes.filter_map(|write| write.target.rsplit('/').next().map(str::to_owned)).collect();
    assert_eq!(order, ["REFRESH", "ACCESS"]);
}

#[test]
fn a_pair_that_github_does_not_know_yet_is_saved_for_the_old_one_is_spent() {
    let mut stage = stage();
    stage.sandbox.inject(tokenwheel_sandbox::Fault {
        at: tokenwheel_sandbox::At::Matching { method: Method::GET, path: "/user".to_owned(), times: 3 },
        what: What::Refuse(401),
    });
    let ran = stage.run(NOW);
    assert_eq!(stage.held("refresh").trim(), grant(&stage).refresh.0, "{}", ran.text);
    assert!(ran.text.contains("not proven"), "{}", ran.text);
    start_job(&mut stage);
    stage.run(NOW).ends(0, "rotated");
    both_halves_are_in_place(&stage);
}
