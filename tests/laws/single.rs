//! Law 6 without a spare: a single refresher is saved by a login with its new self; when it is dead, that is said, and
//! what to do.

use http::Method;

use super::stage::{WHEEL, credential, sentence, writes};
use crate::common::{Acme, Bench, rotated, text};

const SINGLE: &str = r#"
version: 1
every: 12h
ledger: { kind: file, path: ledger.json }
connections:
  gitlab: { service: gitlab, url: "https://gitlab.sandbox", token: env:REFRESHER }
tokens:
  refresher:
    refreshes: gitlab
    RISK
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: REFRESHER }]
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
rescue: { recipients: [age19ggd2mqpf9awyurvt3lxumuaqgph95yma3dv9rnk42n84x7jpp7spsh050] }
"#;

fn single(age: i64) -> Bench {
    let mut bench = Bench::new(1);
    let acme = Acme::found(&bench);
    acme.refresher(&mut bench, "wheel", "REFRESHER", age, 60 - age);
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 5, 25);
    bench.write_config(&SINGLE.replace("RISK", "accept_risk: nobody gives us a second one"));
    bench
}

#[tokio::test(start_paused = true)]
async fn it_turns_itself_and_its_new_self_puts_it_away() {
    let bench = single(50);
    let old = bench.held(WHEEL, "REFRESHER");
    let report = bench.rotate().await;
    assert!(rotated(&report, "refresher"), "{}", text(&report));
    let new = bench.held(WHEEL, "REFRESHER");
    assert!(bench.is_live(&new) && !bench.is_live(&old));
    let after: Vec<String> = {
        let all = bench.sandbox.exchanges();
        let mint = all.iter().position(|exchange| exchange.target.ends_with("/rotate")).unwrap();
        all[mint + 1..].iter().map(credential).collect()
    };
    assert!(!after.is_empty() && after.iter().all(|credential| *credential == new), "nothing is sent with the old one");
    assert_eq!(bench.rotate().await.level().code(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_turns_after_all_others() {
    let bench = single(50);
    bench.rotate_with(bench.job(), crate::common::force(&["deploy", "refresher"])).await.unwrap();
    let minted: Vec<String> =
        writes(&bench).into_iter().filter(|write| write.method == Method::POST).map(|w| w.target).collect();
    assert_eq!(minted.len(), 2);
    assert!(minted[0].contains("/projects/") && minted[1].contains("/personal_access_tokens/"), "{minted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_one_says_exactly_that_and_what_to_do() {
    let bench = single(10);
    bench.rotate().await;
    let held = bench.held(WHEEL, "REFRESHER");
    let id = bench.sandbox.gitlab(|gitlab| gitlab.token_of_value(&held).unwrap().id);
    bench.sandbox.gitlab(|gitlab| gitlab.revoke(id));
    bench.sandbox.forget_exchanges();
    let report = bench.rotate().await;
    insta::assert_snapshot!(text(&report), @"
    gitlab (gitlab.sandbox): no live refresher
      ! refresher: env:REFRESHER: GET gitlab.sandbox/api/v4/personal_access_tokens/self: HTTP 401: the token was revoked; if this job was started before its last turn, start it again; else make a new one and put it into gitlab.sandbox acme/tokenwheel variable REFRESHER

               token      issuer                                 age  turns  dies
     not seen  deploy     gitlab/project-access-token replaces   -    -      29 May 00:00 UTC
     not seen  refresher  gitlab/personal-access-token replaces  -    -      23 Jun 00:00 UTC

    deploy:
      nothing was done: connection gitlab has no live refresher
    refresher:
      nothing was done: connection gitlab has no live refresher
    2 not seen: a credential is dead, and nothing was attempted over it
    ");
    assert_eq!(report.level().code(), 2);
    assert!(writes(&bench).is_empty());
    assert!(sentence(&report, "deploy").starts_with("nothing was done: "));
}

#[tokio::test(start_paused = true)]
async fn an_expired_one_is_told_from_a_revoked_one() {
    let bench = single(10);
    bench.sandbox.advance(chrono::TimeDelta::days(51));
    let report = bench.rotate().await;
    insta::assert_snapshot!(super::stage::troubles(&report), @"refresher: env:REFRESHER: GET gitlab.sandbox/api/v4/personal_access_tokens/self: HTTP 401: the token has expired; if this job was started before its last turn, start it again; else make a new one and put it into gitlab.sandbox acme/tokenwheel variable REFRESHER");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_asked_is_not_a_dead_refresher() {
    let bench = single(10);
    for path in ["/personal_access_tokens/self"; 4] {
        let at = tokenwheel_sandbox::At::Matching { method: Method::GET, path: path.to_owned(), times: 1 };
        bench.sandbox.inject(tokenwheel_sandbox::Fault { at, what: tokenwheel_sandbox::What::FailAfter(502) });
    }
    let report = bench.rotate().await;
    insta::assert_snapshot!(super::stage::troubles(&report), @"GET gitlab.sandbox/api/v4/personal_access_tokens/self: HTTP 502: GitLab failed; its credentials may be well, and the next run asks again");
    assert!(writes(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn check_insists_on_a_spare_or_a_recorded_risk() {
    let bench = single(10);
    assert_eq!(bench.check().await.level().code(), 0, "{}", text(&bench.check().await));
    bench.write_config(&SINGLE.replace("    RISK\n", ""));
    let report = bench.check().await;
    insta::assert_snapshot!(sentence(&report, "refresher"), @"connection `gitlab` has one refresher only: were a new one lost on its way, a person would have to make the next; give the connection a `spare`, or say why not with `accept_risk`");
    assert_ne!(report.level().code(), 0);
}

#[tokio::test(start_paused = true)]
async fn check_refuses_a_refresher_kept_where_ordinary_jobs_can_read_it() {
    let bench = single(10);
    let key = bench.held(WHEEL, "REFRESHER");
    bench.sandbox.gitlab(|gitlab| {
        let open = tokenwheel_sandbox::gitlab::Variable {
            key: "OPEN".to_owned(),
            value: key,
            masked: true,
            ..tokenwheel_sandbox::gitlab::Variable::default()
        };
        gitlab.add_variable("projects/acme/app", open);
    });
    let config = SINGLE.replace("    RISK\n", "    accept_risk: a test\n");
    bench.write_config(&config.replace("project: acme/tokenwheel, key: REFRESHER", "project: acme/app, key: OPEN"));
    let report = bench.check().await;
    insta::assert_snapshot!(sentence(&report, "refresher"), @"a refresher has no place there: gitlab.sandbox acme/app variable OPEN is not protected, so a job of any branch can read it");
}
