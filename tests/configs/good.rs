//! What the config takes, and what comes of it.

use std::path::PathBuf;

use chrono::TimeDelta;
use tokenwheel::config::{Source, TokenSpec};
use tokenwheel::plan::{Rule, Seat};

use super::stage::{SOUND, built, parsed, problems};

/// Everything that the design shows, as far as its kinds exist.
const WHOLE: &str = r#"
# yaml-language-server: $schema=./tokenwheel.schema.json
version: 1
every: 6h
connections:
  gitlab:
    service: gitlab
    url: https://gitlab.example.com
    token: env:REFRESHER
    spare: env:SPARE
    ca_file: /etc/ssl/private-ca.pem
  das: { service: styra, url: "https://acme.styra.com", token: file:das.token }
defaults:
  owner: "@platform"
  rotate: { after: 1/2 }
tokens:
  opa-agent:
    was: agent
    issuer: { kind: styra/token, id: application-token, ttl: 24h, paths: ["^/v1/data/.*"] }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: DAS_TOKEN, environment_scope: production }
      - { kind: gitlab/ci-variable, group: acme, key: DAS_TOKEN, create: { hidden: true, description: by tokenwheel } }
      - { kind: gitlab/ci-variable, instance: true, key: DAS_TOKEN }
      - { kind: file, path: out/das }
  deploy:
    each: [acme/app, acme/api]
    owner: "@deployers"
    issuer: { kind: gitlab/project-access-token, project: $each, name: deploy-bot, ttl: 30d }
    rotate: { after: 20d }
    destinations: [{ kind: gitlab/ci-variable, project: $each, key: DEPLOY_TOKEN }]
  itself:
    issuer: { kind: gitlab/group-access-token, group: acme, name: itself, ttl: 2w, self: env:ITSELF, connection: gitlab }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: ITSELF }]
  trigger:
    issuer: { kind: gitlab/pipeline-trigger-token, project: acme/app, description: "https://acme.zendesk.com/webhooks/01H", login: "deploy[acme/app]", create: {} }
    rotate: { before: 14d, overlap: 24h }
    destinations: [{ kind: gitlab/ci-variable, project: acme/api, key: TRIGGER }]
  robot:
    issuer: { kind: gitlab/service-account-token, group: acme, account: 7, name: robot, ttl: 60d, in_place: true }
    rotate: watch
  refresher:
    refreshes: gitlab
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: REFRESHER }]
  spare:
    refreshes: gitlab.spare
    issuer: { kind: gitlab/personal-access-token, name: wheel-spare, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: SPARE }]
  das-refresher:
    refreshes: das
    accept_risk: DAS gives us one refresher only
    issuer: { kind: styra/token, id: refresher, ttl: 30d, paths: ["^/v1/tokens/.*"] }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: DAS_REFRESHER }]
limits: { max_rotations: 7 }
ledger: { kind: gitlab/ci-variable, project: acme/tokenwheel, key: TOKENWHEEL_LEDGER }
"#;

#[test]
fn the_config_of_the_design_is_taken_whole() {
    let config = parsed(WHOLE);
    let names: Vec<&str> = config.tokens.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "das-refresher",
            "deploy[acme/api]",
            "deploy[acme/app]",
            "itself",
            "opa-agent",
            "refresher",
            "robot",
            "spare",
            "trigger"
        ]
    );
    assert_eq!((config.every, config.max_rotations), (TimeDelta::hours(6), 7));
    assert_eq!(config.connections["gitlab"].spare, Some(Source::Environment("SPARE".to_owned())));
    assert_eq!(config.connections["das"].token, Some(Source::File(PathBuf::from("das.token"))));
    assert_eq!(config.ledger.unwrap().kind, "gitlab/ci-variable");
    assert_eq!(config.tokens["opa-agent"].was.as_deref(), Some("agent"));
    assert_eq!(config.tokens["itself"].own, Some(Source::Environment("ITSELF".to_owned())));
    assert_eq!(config.tokens["trigger"].login.as_deref(), Some("deploy[acme/app]"));
    assert!(config.tokens["trigger"].create && !config.tokens["deploy[acme/app]"].create);
    let seat = |name: &str| config.tokens[name].refreshes.clone().unwrap();
    assert_eq!(seat("refresher"), ("gitlab".to_owned(), Seat::Primary));
    assert_eq!(seat("spare"), ("gitlab".to_owned(), Seat::Spare));
}

#[test]
fn what_a_token_leaves_out_is_taken_from_the_defaults_and_what_it_says_counts() {
    let config = parsed(WHOLE);
    let rule = |name: &str| config.tokens[name].rule;
    assert_eq!(rule("opa-agent"), Rule::AfterShare { of: 1, parts: 2 });
    assert_eq!(rule("deploy[acme/api]"), Rule::AfterAge(TimeDelta::days(20)));
    assert_eq!(rule("trigger"), Rule::Before(TimeDelta::days(14)));
    assert_eq!(config.tokens["trigger"].overlap, Some(TimeDelta::hours(24)));
    let owner = |name: &str| config.tokens[name].owner.clone().unwrap();
    assert_eq!((owner("opa-agent").as_str(), owner("deploy[acme/api]").as_str()), ("@platform", "@deployers"));
    assert!(config.tokens["robot"].watch && !config.tokens["opa-agent"].watch);
}

#[test]
fn what_nobody_says_has_a_default() {
    let config = parsed("version: 1\n");
    assert_eq!((config.every, config.max_rotations), (TimeDelta::hours(24), 50));
    assert!(config.tokens.is_empty() && config.connections.is_empty() && config.ledger.is_none());
    let plain = parsed(&SOUND.replace("    rotate: { after: 2/3 }\n", ""));
    assert_eq!(plain.tokens["deploy"].rule, Rule::default());
}

#[test]
fn each_is_spread_by_value_into_every_text() {
    let config = parsed(WHOLE);
    for place in ["acme/app", "acme/api"] {
        let token = &config.tokens[&format!("deploy[{place}]")];
        assert_eq!(token.issuer.keys["project"], place);
        assert_eq!(token.destinations[0].part.keys["project"], place);
    }
}

#[test]
fn the_order_is_told_by_what_is_asked_of_the_issuer_alone() {
    let order = |from: &str, to: &str| parsed(&SOUND.replacen(from, to, 1)).tokens["deploy"].order.clone();
    let same = order("version: 1", "version: 1");
    assert_eq!(order("{ after: 2/3 }", "{ before: 8h }"), same);
    assert_eq!(order("key: DEPLOY_TOKEN", "key: OTHER"), same);
    assert_eq!(order("name: deploy-bot, ttl: 30d", "ttl: 30d, name: deploy-bot"), same);
    assert_eq!(order("ttl: 30d", "ttl: 720h"), same);
    assert_eq!(order("ttl: 30d }", "ttl: 30d, create: { scopes: [api], access_level: 30 } }"), same);
    assert_ne!(order("ttl: 30d", "ttl: 31d"), same);
    assert_ne!(order("name: deploy-bot", "name: other-bot"), same);
}

#[test]
fn units_of_time_are_read_as_people_write_them() {
    let ttl =
        |text: &str| parsed(&SOUND.replacen("ttl: 30d", &format!("ttl: {text}"), 1)).tokens["deploy"].ttl.unwrap();
    for (text, hours) in [("48h", 48), ("2880min", 48), ("172800s", 48), ("3d", 72), ("2w", 336), ("2880m", 48)] {
        assert_eq!(ttl(text), TimeDelta::hours(hours), "{text}");
    }
}

#[test]
fn words_that_yaml_once_took_for_truth_are_texts() {
    let token =
        |key: &str| parsed(&SOUND.replacen("key: DEPLOY_TOKEN", &format!("key: {key}"), 1)).tokens["deploy"].clone();
    let key = |token: &TokenSpec| token.destinations[0].part.keys["key"].as_str().unwrap().to_owned();
    for word in ["yes", "NO", "on", "0777", "1e3"] {
        assert_eq!(key(&token(word)), word);
    }
}

#[test]
fn the_sound_config_of_this_suite_is_sound() {
    assert_eq!(problems(SOUND), "sound");
    assert_eq!(built(SOUND), "sound");
}

#[test]
fn the_config_of_the_demo_is_sound() {
    assert_eq!(problems(include_str!("../../src/demo/tokenwheel.yml")), "sound");
}
