//! The floor of each kind, in a table: nothing that a run asks could be left out.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::gitlab::Variable;
use tokenwheel_sandbox::styra::Role;

use crate::common::{Acme, Bench, monday};
use crate::estate::{assert_none_twice, costs, costs_unasked, estate};

const DEPLOY: &str = "  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
";

fn with_deploy() -> (Bench, Acme) {
    let (bench, acme) = estate(DEPLOY);
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 25, 5);
    (bench, acme)
}

#[tokio::test(start_paused = true)]
async fn a_project_token_in_a_variable() {
    let (bench, _) = with_deploy();
    let first = "
        2 GET /personal_access_tokens/self                          # both credentials log in
        1 GET /projects/acme/app/access_tokens page=1               # what lives
        1 GET /projects/acme/app/variables/DEPLOY_TOKEN             # what the destination holds
        1 GET /personal_access_tokens/self                          # whether that is alive: no ledger knows it yet
        1 PUT /projects/acme/app/variables/DEPLOY_TOKEN (description) # whether the destination can be written
        1 POST /projects/acme/app/access_tokens/N/rotate            # mint
        1 GET /personal_access_tokens/self                          # verify
        1 PUT /projects/acme/app/variables/DEPLOY_TOKEN (value)     # deliver
        1 GET /projects/acme/app/variables/DEPLOY_TOKEN             # confirm
    ";
    costs(&bench, &["deploy"], first).await;
    // The ledger knows the live value by its fingerprint.
    let later = first.replace("1 GET /personal_access_tokens/self                          # whether", "# whether");
    costs(&bench, &["deploy"], &later).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_nothing_to_do() {
    let (bench, _) = with_deploy();
    bench.rotate().await;
    let truth = "
        2 GET /personal_access_tokens/self               # both credentials log in
        1 GET /projects/acme/app/access_tokens page=1    # what lives
        1 GET /projects/acme/app/variables/DEPLOY_TOKEN  # what the destination holds; its fingerprint is the live one's
    ";
    costs_unasked(&bench, truth).await;
}

#[tokio::test(start_paused = true)]
async fn each_further_destination_costs_four() {
    let (bench, _) = estate(
        "  deploy:
    issuer: { kind: gitlab/group-access-token, group: acme, name: deploy-bot, ttl: 30d }
    destinations:
      - { kind: gitlab/ci-variable, group: acme, key: DEPLOY_TOKEN }
      - { kind: gitlab/ci-variable, project: acme/api, key: DEPLOY_TOKEN }
      - { kind: file, path: token }
",
    );
    let (created, expires) = (bench.days_ago(25), bench.in_days(5));
    let token = bench
        .sandbox
        .gitlab(|gitlab| gitlab.add_group_token("acme", "deploy-bot", &["api"], 40, created, Some(expires)));
    let group = Variable { key: "DEPLOY_TOKEN".to_owned(), value: token.value.clone(), ..Variable::default() };
    bench.sandbox.gitlab(|gitlab| gitlab.add_variable("groups/acme", group));
    bench.keep("acme/api", "DEPLOY_TOKEN", &token.value);
    std::fs::write(bench.folder.path().join("token"), &token.value).unwrap();
    bench.rotate().await;
    let table = "
        2 GET /personal_access_tokens/self                            # both credentials log in
        1 GET /groups/acme/access_tokens page=1                       # what lives
        1 GET /groups/acme/variables/DEPLOY_TOKEN                     # each destination: what it holds
        1 GET /projects/acme/api/variables/DEPLOY_TOKEN
        1 PUT /groups/acme/variables/DEPLOY_TOKEN (description)       # whether it can be written
        1 PUT /projects/acme/api/variables/DEPLOY_TOKEN (description)
        1 POST /groups/acme/access_tokens/N/rotate                    # mint
        1 GET /personal_access_tokens/self                            # verify
        1 PUT /groups/acme/variables/DEPLOY_TOKEN (value)             # deliver
        1 PUT /projects/acme/api/variables/DEPLOY_TOKEN (value)
        1 GET /groups/acme/variables/DEPLOY_TOKEN                     # confirm
        1 GET /projects/acme/api/variables/DEPLOY_TOKEN
    ";
    costs(&bench, &["deploy"], table).await;
}

#[tokio::test(start_paused = true)]
async fn a_refresher_turned_by_the_other_one() {
    let (bench, _) = estate(
        "  refresher:
    refreshes: gitlab
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: REFRESHER }]
  spare:
    refreshes: gitlab.spare
    issuer: { kind: gitlab/personal-access-token, name: wheel-spare, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: SPARE }]
",
    );
    // Without a ledger too: who the values in the variables are was learnt at the login.
    let table = "
        2 GET /personal_access_tokens/self                                # both credentials log in
        1 GET /personal_access_tokens page=1                              # what lives of their user
        1 GET /projects/acme/tokenwheel/variables/REFRESHER               # what the destination holds
        1 PUT /projects/acme/tokenwheel/variables/REFRESHER (description) # whether it can be written
        1 POST /personal_access_tokens/N/rotate                           # mint
        1 GET /personal_access_tokens/self                                # verify
        1 PUT /projects/acme/tokenwheel/variables/REFRESHER (value)       # deliver
        1 GET /projects/acme/tokenwheel/variables/REFRESHER               # confirm
    ";
    costs(&bench, &["refresher"], table).await;
    costs(&bench, &["refresher"], table).await;
    let both = "
        2 GET /personal_access_tokens/self
        1 GET /personal_access_tokens page=1                  # one listing for both
        1 GET /projects/acme/tokenwheel/variables/REFRESHER
        1 GET /projects/acme/tokenwheel/variables/SPARE
    ";
    bench.rotate().await;
    costs_unasked(&bench, both).await;
}

#[tokio::test(start_paused = true)]
async fn a_single_refresher_turns_itself() {
    let (mut bench, _) = estate(
        "  refresher:
    refreshes: gitlab
    accept_risk: a test has one only
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: REFRESHER }]
",
    );
    let config = std::fs::read_to_string(bench.config_path()).unwrap().replace(", spare: env:SPARE", "");
    bench.write_config(&config);
    bench.environment.remove("SPARE");
    let table = "
        1 GET /personal_access_tokens/self                                # the credential logs in
        1 GET /personal_access_tokens page=1                              # what lives of its user
        1 GET /projects/acme/tokenwheel/variables/REFRESHER               # what the destination holds
        1 PUT /projects/acme/tokenwheel/variables/REFRESHER (description) # whether it can be written
        1 POST /personal_access_tokens/self/rotate                        # mint
        1 GET /personal_access_tokens/self                                # verify, by a login with its new self
        1 PUT /projects/acme/tokenwheel/variables/REFRESHER (value)       # deliver
        1 GET /projects/acme/tokenwheel/variables/REFRESHER               # confirm
    ";
    costs(&bench, &["refresher"], table).await;
    costs(&bench, &["refresher"], table).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_rotates_itself() {
    let (mut bench, acme) = estate(
        "  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d, self: env:DEPLOY_TOKEN }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
",
    );
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 25, 5);
    bench.variables.push(("projects/acme/app".to_owned(), "DEPLOY_TOKEN".to_owned()));
    let table = "
        2 GET /personal_access_tokens/self                            # both credentials log in: they deliver
        1 GET /personal_access_tokens/self                            # the token logs in: also what lives
        1 GET /projects/acme/app/variables/DEPLOY_TOKEN               # what the destination holds: that very token
        1 PUT /projects/acme/app/variables/DEPLOY_TOKEN (description) # whether it can be written
        1 POST /projects/acme/app/access_tokens/self/rotate           # mint
        1 GET /personal_access_tokens/self                            # verify
        1 PUT /projects/acme/app/variables/DEPLOY_TOKEN (value)       # deliver
        1 GET /projects/acme/app/variables/DEPLOY_TOKEN               # confirm
    ";
    costs(&bench, &["deploy"], table).await;
    costs(&bench, &["deploy"], table).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_account_s_token_beside_the_old_one() {
    let (bench, _) = estate(
        "  ci:
    issuer: { kind: gitlab/service-account-token, group: acme, account: 1002, name: ci, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/api, key: CI }]
",
    );
    let (made, dies) = (bench.days_ago(2), bench.in_days(20));
    let old = bench.sandbox.gitlab(|gitlab| {
        let account = gitlab.add_service_account("acme", "ci");
        assert_eq!(account, 1002, "the config names it");
        gitlab.add_service_account_token(account, "ci", &["api"], made, Some(dies))
    });
    bench.keep("acme/api", "CI", &old.value);
    bench.rotate().await;
    let table = "
        2 GET /personal_access_tokens/self                                          # both credentials log in
        1 GET /groups/acme/service_accounts/N/personal_access_tokens page=1         # what lives
        1 GET /projects/acme/api/variables/CI                                       # what the destination holds
        1 PUT /projects/acme/api/variables/CI (description)                         # whether it can be written
        1 POST /groups/acme/service_accounts/N/personal_access_tokens               # mint
        1 GET /personal_access_tokens/self                                          # verify
        1 PUT /projects/acme/api/variables/CI (value)                               # deliver
        1 GET /projects/acme/api/variables/CI                                       # confirm
        1 DELETE /groups/acme/service_accounts/N/personal_access_tokens/N           # retire: there is no overlap
    ";
    costs(&bench, &["ci"], table).await;
}

#[tokio::test(start_paused = true)]
async fn a_trigger_beside_the_old_one() {
    let (bench, acme) = estate(
        "  nightly:
    issuer: { kind: gitlab/pipeline-trigger-token, project: acme/app, description: nightly }
    rotate: { after: 30d, overlap: 24h }
    destinations: [{ kind: gitlab/ci-variable, project: acme/api, key: TRIGGER }]
",
    );
    let old = bench.sandbox.gitlab(|gitlab| gitlab.add_trigger("acme/app", acme.bot, "nightly"));
    bench.keep("acme/api", "TRIGGER", &old.value);
    let table = "
        2 GET /personal_access_tokens/self                       # both credentials log in
        1 GET /projects/acme/app/triggers page=1                 # what lives, and what it looks like
        1 GET /projects/acme/api/variables/TRIGGER               # what the destination holds: one of those
        1 GET /user                                              # whose rights the new one will have
        1 PUT /projects/acme/api/variables/TRIGGER (description) # whether it can be written
        1 POST /projects/acme/app/triggers                       # mint
        1 GET /projects/acme/app/triggers/N                      # verify, without using it
        1 PUT /projects/acme/api/variables/TRIGGER (value)       # deliver
        1 GET /projects/acme/api/variables/TRIGGER               # confirm
    ";
    costs(&bench, &["nightly"], table).await;
    bench.sandbox.advance(TimeDelta::hours(25));
    let after = "
        2 GET /personal_access_tokens/self
        1 GET /projects/acme/app/triggers page=1
        1 GET /projects/acme/api/variables/TRIGGER
        1 DELETE /projects/acme/app/triggers/N                   # retire: the overlap is over
    ";
    costs_unasked(&bench, after).await;
}

#[tokio::test(start_paused = true)]
async fn a_das_token() {
    let (bench, _) = estate(
        "  agent:
    issuer: { kind: styra/token, id: application-token, ttl: 3d, paths: [\"^/v1/data/.*\"] }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DAS_TOKEN }]
",
    );
    let made = monday() - TimeDelta::days(1);
    let paths = &["^/v1/data/.*"];
    let old =
        bench.sandbox.styra(|styra| styra.add_token("application-token", Role::None, TimeDelta::days(3), paths, made));
    bench.keep("acme/app", "DAS_TOKEN", &old);
    bench.rotate().await;
    let table = "
        2 GET /personal_access_tokens/self                         # both of GitLab's credentials log in: they deliver
        1 GET /v1/tokens                                           # DAS's credential logs in
        1 GET /v1/tokens/application-token                         # what lives
        1 GET /projects/acme/app/variables/DAS_TOKEN               # what the destination holds
        1 PUT /projects/acme/app/variables/DAS_TOKEN (description) # whether it can be written
        1 PUT /v1/tokens/application-token                         # mint
        1 GET /v1/tokens/application-token                         # verify
        1 GET /v1/tokens                                           # the control: DAS refuses garbage otherwise
        1 PUT /projects/acme/app/variables/DAS_TOKEN (value)       # deliver
        1 GET /projects/acme/app/variables/DAS_TOKEN               # confirm
    ";
    costs(&bench, &["agent"], table).await;
}

#[tokio::test(start_paused = true)]
async fn the_ledger_and_the_lease_in_variables() {
    let (bench, _) = with_deploy();
    let elsewhere = "ledger: { kind: gitlab/ci-variable, project: acme/tokenwheel, key: LEDGER }";
    let config = std::fs::read_to_string(bench.config_path()).unwrap();
    bench.write_config(&config.replace("ledger: { kind: file, path: ledger.json }", elsewhere));
    bench.rotate().await;
    let lease = "
        1 POST /projects/acme/tokenwheel/variables              # take the lease
        1 GET /projects/acme/tokenwheel/variables/LEDGER_LEASE  # whether it is still ours
        1 DELETE /projects/acme/tokenwheel/variables/LEDGER_LEASE # give it back
    ";
    let truth = "
        2 GET /personal_access_tokens/self
        1 GET /projects/acme/app/access_tokens page=1
        1 GET /projects/acme/app/variables/DEPLOY_TOKEN
        1 GET /projects/acme/tokenwheel/variables/LEDGER         # what is remembered
        1 PUT /projects/acme/tokenwheel/variables/LEDGER (value) # what was found
    ";
    costs_unasked(&bench, &format!("{lease}{truth}")).await;
    let rotation = "
        1 PUT /projects/acme/tokenwheel/variables/LEDGER (value) # what is about to be minted
        1 PUT /projects/acme/app/variables/DEPLOY_TOKEN (description)
        1 POST /projects/acme/app/access_tokens/N/rotate
        1 GET /personal_access_tokens/self
        1 PUT /projects/acme/app/variables/DEPLOY_TOKEN (value)
        1 GET /projects/acme/app/variables/DEPLOY_TOKEN
    ";
    costs(&bench, &["deploy"], &format!("{lease}{truth}{rotation}")).await;
}

#[tokio::test(start_paused = true)]
async fn tokens_of_one_project_share_its_listing_page_by_page() {
    let tokens = ["one", "two", "three"].map(|name| {
        format!(
            "  {name}:
    issuer: {{ kind: gitlab/project-access-token, project: acme/app, name: {name}, ttl: 30d }}
    destinations: [{{ kind: file, path: {name} }}]
"
        )
    });
    let (bench, acme) = estate(&tokens.concat());
    for name in ["one", "two", "three"] {
        let token = acme.project_token(&bench, "acme/app", name, &name.to_uppercase(), 25, 5);
        std::fs::write(bench.folder.path().join(name), token.value).unwrap();
    }
    let listings = || {
        let asked = bench.sandbox.exchanges().into_iter();
        asked.filter(|one| one.method == Method::GET && one.target.contains("/access_tokens?")).count()
    };
    bench.rotate().await;
    assert_eq!(listings(), 1);
    // Others fill a second page.
    let (made, dies) = (bench.days_ago(1), bench.in_days(90));
    for number in 0..100 {
        let other = format!("other-{number}");
        bench.sandbox.gitlab(|gitlab| gitlab.add_project_token("acme/app", &other, &["api"], 40, made, Some(dies)));
    }
    bench.sandbox.forget_exchanges();
    bench.rotate().await;
    assert_eq!(listings(), 2);
    assert_none_twice(&bench.sandbox.exchanges());
}
