//! Deploy tokens, which prove life and no more, and which GitLab gives no date.

use chrono::TimeDelta;
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::gitlab::DeployToken;

use crate::common::Acme;
use crate::estate::{Other, Scenario, Subject, kept};
use crate::estates::APP;
use crate::others::beside;

fn living(sandbox: &Sandbox) -> Vec<DeployToken> {
    sandbox.gitlab(|gitlab| gitlab.live_deploy_tokens("pull"))
}

static DEPLOY_TOKENS: Other = Other {
    made: |exchange| matches!(exchange.acted, Some((201, _))) && exchange.target.ends_with("/deploy_tokens"),
    live: |sandbox, value| living(sandbox).iter().any(|token| token.value == value),
    living: |sandbox| living(sandbox).into_iter().map(|token| (token.id, token.value)).collect(),
    ephemeral: false,
    unasked: false,
};

/// A deploy token of a project.
pub(crate) const DEPLOY_TOKEN: Scenario = Scenario {
    name: "deploy-token",
    found: |bench| {
        let acme = Acme::found(bench);
        let dies = Some(bench.sandbox.now() + TimeDelta::days(4));
        let old = bench
            .sandbox
            .gitlab(|gitlab| gitlab.add_deploy_token("projects/acme/app", "pull", "puller", &["read_registry"], dies));
        bench.keep("acme/app", "PULL", &old.value);
        let others = r"
  pull:
    issuer: { kind: gitlab/deploy-token, project: acme/app, name: pull, ttl: 9d }
    rotate: { overlap: 12h }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: PULL }]";
        let tokens = vec![kept("pull", Subject::Other(&DEPLOY_TOKENS), &[(APP, "PULL")])];
        beside(bench, &acme, "", others, tokens, &[&["pull"]])
    },
};
