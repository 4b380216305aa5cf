//! Law 10: memory may be lost or a week old; the worst is one extra mint a token, never a wrong revoke.

use std::path::PathBuf;

use chrono::TimeDelta;
use tokenwheel_sandbox::gitlab::Seeded;

use super::stage::{estate, mints};
use crate::common::{Bench, force, rotated, text};

const TOKENS: &str = r"
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
  nightly:
    issuer: { kind: gitlab/pipeline-trigger-token, project: acme/app, description: nightly, ttl: 60d }
    rotate: { overlap: 24h }
    destinations: [{ kind: gitlab/ci-variable, project: acme/api, key: NIGHTLY }]
";

struct Stage {
    bench: Bench,
    /// Tokens of others, which must live whatever happens.
    strangers: Vec<Seeded>,
}

impl Stage {
    fn set() -> Self {
        let (bench, acme) = estate(10, 10, TOKENS);
        acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 5, 25);
        let (created, dies) = (bench.days_ago(1), bench.in_days(300));
        let (nightly, strangers) = bench.sandbox.gitlab(|gitlab| {
            let nightly = gitlab.add_trigger("acme/app", acme.bot, "nightly");
            let strangers = vec![
                gitlab.add_trigger("acme/app", acme.bot, "nightly build of others"),
                gitlab.add_personal_token(acme.bot, "mine", &["api"], created, Some(dies)),
                gitlab.add_project_token("acme/app", "their-bot", &["api"], 30, created, Some(dies)),
                gitlab.add_project_token("acme/api", "deploy-bot", &["api"], 30, created, Some(dies)),
            ];
            (nightly, strangers)
        });
        bench.keep("acme/api", "NIGHTLY", &nightly.value);
        Self { bench, strangers }
    }

    fn ledger(&self) -> PathBuf {
        self.bench.folder.path().join("ledger.json")
    }

    fn all_is_well(&self, when: &str) {
        for (project, key) in [
            ("acme/app", "DEPLOY_TOKEN"),
            ("acme/api", "NIGHTLY"),
            ("acme/tokenwheel", "REFRESHER"),
            ("acme/tokenwheel", "SPARE"),
        ] {
            assert!(self.bench.is_live(&self.bench.held(project, key)), "{when}: {project} {key}");
        }
        for stranger in &self.strangers {
            assert!(self.bench.is_live(&stranger.value), "{when}: a stranger's token was ended");
        }
        assert_eq!(self.bench.sandbox.gitlab(|gitlab| gitlab.reuse_detections), 0, "{when}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_ledger_costs_nothing() {
    let stage = Stage::set();
    stage.bench.rotate_with(stage.bench.job(), force(&[])).await.unwrap();
    std::fs::remove_file(stage.ledger()).unwrap();
    stage.bench.sandbox.forget_exchanges();
    let report = stage.bench.rotate().await;
    assert!(mints(&stage.bench).is_empty(), "{}", text(&report));
    stage.all_is_well("after the loss");
}

#[tokio::test(start_paused = true)]
async fn a_ledger_a_week_old_costs_at_most_one_mint_a_token_and_ends_nothing_that_is_not_ours() {
    let stage = Stage::set();
    stage.bench.rotate().await;
    let old = std::fs::read(stage.ledger()).unwrap();
    for _ in 0..2 {
        stage.bench.sandbox.advance(TimeDelta::days(3));
        assert!(rotated(
            &stage.bench.rotate_with(stage.bench.job(), force(&["deploy", "nightly"])).await.unwrap(),
            "nightly"
        ));
    }
    stage.bench.sandbox.advance(TimeDelta::days(1));
    std::fs::write(stage.ledger(), &old).unwrap();
    stage.bench.sandbox.forget_exchanges();
    for round in ["the first run", "the second run"] {
        let report = stage.bench.rotate().await;
        assert_eq!(report.level().code(), 0, "{}", text(&report));
        stage.all_is_well(round);
        stage.bench.sandbox.advance(TimeDelta::hours(12));
    }
    assert!(mints(&stage.bench).iter().filter(|mint| mint.method == http::Method::POST).count() <= 2);
}

#[tokio::test(start_paused = true)]
async fn an_old_ledger_that_marks_the_living_ends_nothing_in_use() {
    let stage = Stage::set();
    stage.bench.rotate_with(stage.bench.job(), force(&["nightly"])).await.unwrap();
    // Its predecessor is marked, to end in a day. A person puts it back in its place.
    let marked = stage.bench.sandbox.gitlab(|gitlab| gitlab.triggers_of("acme/app"));
    let old =
        marked.iter().filter(|trigger| trigger.description == "nightly").min_by_key(|trigger| trigger.id).unwrap();
    let login = stage.bench.held("acme/tokenwheel", "SPARE");
    let path = format!("projects/acme%2Fapi/variables/NIGHTLY?value={}", old.value);
    super::stage::somebody(&stage.bench, &login, http::Method::PUT, &path);
    stage.bench.sandbox.advance(TimeDelta::days(2));
    let report = stage.bench.rotate().await;
    stage.all_is_well(&text(&report));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_makes_no_sense_stops_everything_and_says_what_to_do() {
    let stage = Stage::set();
    std::fs::write(stage.ledger(), "half of a led").unwrap();
    let refused =
        stage.bench.observe(stage.bench.job(), tokenwheel::run::Wish::default(), tokenwheel::run::Reach::Acts);
    let Err(why) = refused.await else { panic!("a damaged ledger is used") };
    let why = why.replace(&stage.ledger().display().to_string(), "ledger.json");
    insta::assert_snapshot!(why, @"nothing was attempted: the ledger at file ledger.json is not a ledger; if it is damaged, move it away: without one, tokens that prove alive are taken over, and the worst is one extra mint per token");
    assert!(!stage.bench.folder.path().join("ledger.json.lease").exists(), "the lease is given back");
}
