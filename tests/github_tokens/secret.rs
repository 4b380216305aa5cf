//! `random/secret`, into the webhook that signs with it and the file of its receiver.

use tokenwheel_sandbox::github::Store;

use super::stage::Stage;

const TOKENS: &str = "
  orders:
    issuer: { kind: random/secret, name: orders, ttl: 30d, create: true }
    destinations:
      - { kind: github/actions-secret, repository: acme/ops, name: ORDERS }
      - { kind: file, path: receiver, first: true }
";

fn held(stage: &Stage) -> String {
    stage.github(|github| github.secret(Store::Actions, "repos/acme/ops", "ORDERS")).unwrap().value
}

#[test]
fn a_secret_is_shared_and_when_it_is_asked_for_anew_both_have_the_next_one() {
    let stage = Stage::set();
    let made = stage.days_ago(3);
    stage.github(|github| github.add_secret(Store::Actions, "repos/acme/ops", "ORDERS", "by hand, long ago", made));
    stage.keep("receiver", "");
    stage.write(TOKENS);
    let by_hand = ["rotate", "--only", "orders", "--force", "--reason", "a test asks for it"];
    stage.run(&by_hand).ends(0, "rotated");
    let first = held(&stage);
    assert_eq!((first.len(), stage.held("receiver").trim()), (64, first.as_str()));
    stage.run(&["rotate"]).ends(0, "kept");
    assert_eq!(held(&stage), first);
    stage.run(&by_hand).ends(0, "rotated");
    assert_eq!(stage.held("receiver").trim(), held(&stage));
    assert_ne!(held(&stage), first);
}

#[test]
fn a_false_204_of_the_sender_is_seen_and_the_place_is_owed() {
    let stage = Stage::set();
    let made = stage.days_ago(3);
    stage.github(|github| {
        github.add_secret(Store::Actions, "repos/acme/ops", "ORDERS", "by hand, long ago", made);
        github.secret_writes_ignored = true;
    });
    stage.keep("receiver", "");
    stage.write(TOKENS);
    let ran = stage.run(&["rotate", "--only", "orders", "--force", "--reason", "a test asks for it"]);
    assert!(ran.code != Some(0), "{}", ran.text);
    stage.github(|github| github.secret_writes_ignored = false);
    stage.run(&["rotate"]).ends(0, "redelivered");
    assert_eq!(stage.held("receiver").trim(), held(&stage));
}
