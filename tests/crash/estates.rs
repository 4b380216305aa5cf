//! The estates. On the first day what the scenario names is turned by hand; on the seventh, at six in the morning, it is
//! due again, and that run is struck.
#![allow(dead_code, reason = "each suite uses its own part of it")]

use chrono::TimeDelta;
use tokenwheel_sandbox::gitlab::Variable;
use tokenwheel_sandbox::styra::Role;

use crate::common::{Acme, Bench};
use crate::estate::{Estate, Kept, Scenario, Spot, Stranger, Subject, kept};

pub(crate) const APP: &str = "projects/acme/app";
pub(crate) const API: &str = "projects/acme/api";
pub(crate) const WHEEL: &str = "projects/acme/tokenwheel";

/// Tokens beside ours that no run may end: of the same user, and of the same name elsewhere.
pub(crate) fn strangers(bench: &Bench, acme: &Acme) -> Vec<Stranger> {
    let (created, expires) = (bench.days_ago(2), Some(bench.in_days(90)));
    bench.sandbox.gitlab(|gitlab| {
        let other = gitlab.add_user("somebody");
        let own = gitlab.add_personal_token(acme.bot, "not-ours", &["api"], created, expires);
        let user = gitlab.add_personal_token(other, "wheel", &["api"], created, expires);
        let place = gitlab.add_project_token("acme/other", "deploy-bot", &["api"], 40, created, expires);
        let name = gitlab.add_project_token("acme/app", "other-bot", &["api"], 40, created, expires);
        let trigger = gitlab.add_trigger("acme/app", acme.bot, "somebody else's");
        vec![
            Stranger { what: "a token of the refresher's user", value: own.value },
            Stranger { what: "a token of the refresher's name, of somebody else", value: user.value },
            Stranger { what: "a token of the same name in another project", value: place.value },
            Stranger { what: "a token of another name in the same project", value: name.value },
            Stranger { what: "a trigger of another description", value: trigger.value },
        ]
    })
}

const DEPLOY: &str = r"
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 9d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY }]";

fn deploy(bench: &Bench, acme: &Acme) -> Kept {
    acme.project_token(bench, "acme/app", "deploy-bot", "DEPLOY", 5, 4);
    kept("deploy", Subject::Access("deploy-bot"), &[(APP, "DEPLOY")])
}

/// The connection to GitLab and its refreshers; those whose life is nine days are due.
pub(crate) fn connected(pair: &str, others: &str, refresher: u8, spare: Option<u8>) -> String {
    let seat = if spare.is_some() { ", spare: env:SPARE" } else { "" };
    let alone = if spare.is_some() { "" } else { "\n    accept_risk: this is what is tried here" };
    let first = format!(
        r"
  refresher:
    refreshes: gitlab{alone}
    issuer: {{ kind: gitlab/personal-access-token, name: wheel, ttl: {refresher}d }}
    destinations: [{{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: REFRESHER }}]"
    );
    let second = spare.map_or_else(String::new, |ttl| {
        format!(
            r"
  spare:
    refreshes: gitlab.spare
    issuer: {{ kind: gitlab/personal-access-token, name: wheel-spare, ttl: {ttl}d }}
    destinations: [{{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: SPARE }}]"
        )
    });
    let gitlab = format!("gitlab: {{ service: gitlab, url: 'https://gitlab.sandbox', token: env:REFRESHER{seat} }}");
    format!("connections:\n  {gitlab}\n  {pair}\ntokens:{others}{first}{second}\n")
}

pub(crate) fn refreshers(bench: &mut Bench, acme: &Acme, refresher: u8, spare: Option<u8>) -> Vec<Kept> {
    let half = |ttl: u8| (i64::from(ttl) / 2 + 1, i64::from(ttl) / 2);
    let (made, dies) = half(refresher);
    acme.refresher(bench, "wheel", "REFRESHER", made, dies);
    let mut tokens = vec![kept("refresher", Subject::Access("wheel"), &[(WHEEL, "REFRESHER")])];
    if let Some(spare) = spare {
        let (made, dies) = half(spare);
        acme.refresher(bench, "wheel-spare", "SPARE", made, dies);
        tokens.push(kept("spare", Subject::Access("wheel-spare"), &[(WHEEL, "SPARE")]));
    }
    tokens
}

/// An estate on GitLab with a deploy token, and refreshers of these lifetimes.
fn gitlab(bench: &mut Bench, refresher: u8, spare: Option<u8>) -> Estate {
    let acme = Acme::found(bench);
    let mut tokens = refreshers(bench, &acme, refresher, spare);
    tokens.push(deploy(bench, &acme));
    let strangers = strangers(bench, &acme);
    Estate {
        config: connected("", DEPLOY, refresher, spare),
        tokens,
        strangers,
        forced: &[&["deploy"]],
        deferred: 0,
        lonely: None,
    }
}

/// A pair of refreshers; a token that replaces is due.
pub(crate) const PAIR: Scenario = Scenario { name: "pair", found: |bench| gitlab(bench, 60, Some(60)) };

/// A single refresher; a token that replaces is due.
pub(crate) const SINGLE: Scenario = Scenario { name: "single", found: |bench| gitlab(bench, 60, None) };

/// A single refresher is due, and a token besides.
pub(crate) const SINGLE_DUE: Scenario = Scenario {
    name: "single-due",
    found: |bench| Estate { forced: &[&["deploy", "refresher"]], lonely: Some("refresher"), ..gitlab(bench, 9, None) },
};

/// The primary of a pair is due, and a token besides.
pub(crate) const PRIMARY_DUE: Scenario = Scenario {
    name: "primary-due",
    found: |bench| Estate { forced: &[&["deploy", "refresher"]], ..gitlab(bench, 9, Some(60)) },
};

/// The spare of a pair is due, and a token besides.
pub(crate) const SPARE_DUE: Scenario = Scenario {
    name: "spare-due",
    found: |bench| Estate { forced: &[&["deploy", "spare"]], ..gitlab(bench, 60, Some(9)) },
};

/// Both of a pair are due, and a token besides.
pub(crate) const BOTH_DUE: Scenario = Scenario {
    name: "both-due",
    found: |bench| Estate { forced: &[&["refresher", "deploy"], &["spare"]], deferred: 1, ..gitlab(bench, 9, Some(9)) },
};

/// Gives a token a second destination, a hidden one.
fn hide(bench: &Bench, estate: &mut Estate, name: &str, (project, key): (&str, &str)) {
    let value = bench.held(project, key);
    let hidden = Variable { key: "HIDDEN".to_owned(), value, masked: true, hidden: true, ..Variable::default() };
    bench.sandbox.gitlab(|gitlab| gitlab.add_variable(API, hidden));
    let seen = format!("key: {key} }}]");
    assert!(estate.config.contains(&seen), "{}", estate.config);
    let both = format!("key: {key} }}, {{ kind: gitlab/ci-variable, project: acme/api, key: HIDDEN }}]");
    estate.config = estate.config.replace(&seen, &both);
    let token = estate.tokens.iter_mut().find(|token| token.name == name).unwrap();
    token.spots.push(Spot { place: API, key: "HIDDEN" });
}

/// Two destinations, one of which is hidden.
pub(crate) const HIDDEN: Scenario = Scenario {
    name: "hidden",
    found: |bench| {
        let mut estate = gitlab(bench, 60, Some(60));
        hide(bench, &mut estate, "deploy", ("acme/app", "DEPLOY"));
        estate
    },
};

/// A token of Styra in two places, one of which is hidden, turned by a refresher that may not read.
pub(crate) const STYRA_HIDDEN: Scenario = Scenario {
    name: "styra-hidden",
    found: |bench| {
        let mut estate = styra(bench, false, 60);
        hide(bench, &mut estate, "agent", ("acme/app", "DAS_TOKEN"));
        estate
    },
};

/// A service account's token, made beside the old one; somebody made one of the same name by hand.
pub(crate) const ACCOUNT: Scenario = Scenario {
    name: "account",
    found: |bench| {
        let acme = Acme::found(bench);
        let mut tokens = refreshers(bench, &acme, 60, Some(60));
        let mut strangers = strangers(bench, &acme);
        let (long_ago, created) = (bench.days_ago(40), bench.days_ago(5));
        let (later, soon) = (Some(bench.in_days(80)), Some(bench.in_days(4)));
        let (account, old, ours) = bench.sandbox.gitlab(|gitlab| {
            let account = gitlab.add_service_account("acme", "robot");
            let old = gitlab.add_service_account_token(account, "ci", &["api"], long_ago, later);
            (account, old, gitlab.add_service_account_token(account, "ci", &["api"], created, soon))
        });
        strangers.push(Stranger { what: "a token of the same name, made by hand", value: old.value });
        bench.keep("acme/app", "ROBOT", &ours.value);
        tokens.push(kept("robot", Subject::Access("ci"), &[(APP, "ROBOT")]));
        let others = format!(
            r"
  robot:
    issuer: {{ kind: gitlab/service-account-token, group: acme, account: {account}, name: ci, ttl: 9d }}
    rotate: {{ overlap: 2h }}
    destinations: [{{ kind: gitlab/ci-variable, project: acme/app, key: ROBOT }}]"
        );
        Estate {
            config: connected("", &others, 60, Some(60)),
            tokens,
            strangers,
            forced: &[&["robot"]],
            deferred: 0,
            lonely: None,
        }
    },
};

/// The same, with the token in a hidden variable too.
pub(crate) const ACCOUNT_HIDDEN: Scenario = Scenario {
    name: "account-hidden",
    found: |bench| {
        let mut estate = (ACCOUNT.found)(bench);
        hide(bench, &mut estate, "robot", ("acme/app", "ROBOT"));
        estate
    },
};

/// A trigger token that is made as another token of the config, which is due as well.
pub(crate) const TRIGGER: Scenario = Scenario {
    name: "trigger",
    found: |bench| {
        let acme = Acme::found(bench);
        let mut tokens = refreshers(bench, &acme, 60, Some(60));
        let mut strangers = strangers(bench, &acme);
        tokens.push(deploy(bench, &acme));
        let bot = bench.held("acme/app", "DEPLOY");
        let (trigger, by_hand) = bench.sandbox.gitlab(|gitlab| {
            let bot = gitlab.token_of_value(&bot).map(|token| token.user_id).unwrap_or_default();
            (gitlab.add_trigger("acme/app", bot, "nightly"), gitlab.add_trigger("acme/app", acme.bot, "nightly"))
        });
        strangers.push(Stranger { what: "a trigger of the same description, of somebody else", value: by_hand.value });
        bench.keep("acme/api", "NIGHTLY", &trigger.value);
        tokens.push(kept("nightly", Subject::Trigger("nightly"), &[(API, "NIGHTLY")]));
        let others = format!(
            "{DEPLOY}{}",
            r"
  nightly:
    issuer: { kind: gitlab/pipeline-trigger-token, project: acme/app, description: nightly, login: deploy, ttl: 9d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/api, key: NIGHTLY }]"
        );
        let config = connected("", &others, 60, Some(60));
        Estate { config, tokens, strangers, forced: &[&["deploy", "nightly"]], deferred: 0, lonely: None }
    },
};

/// A token that rotates itself.
pub(crate) const ITSELF: Scenario = Scenario {
    name: "itself",
    found: |bench| {
        let acme = Acme::found(bench);
        let mut tokens = refreshers(bench, &acme, 60, Some(60));
        tokens.push(deploy(bench, &acme));
        bench.variables.push((APP.to_owned(), "DEPLOY".to_owned()));
        let strangers = strangers(bench, &acme);
        let others = DEPLOY.replace("ttl: 9d", "ttl: 9d, self: env:DEPLOY");
        let config = connected("", &others, 60, Some(60));
        Estate { config, tokens, strangers, forced: &[&["deploy"]], deferred: 0, lonely: Some("deploy") }
    },
};

const DAS: &str = "das: { service: styra, url: 'https://styra.sandbox', token: env:DAS_REFRESHER }";

const AGENT: &str = r#"
  agent:
    issuer: { kind: styra/token, id: application-token, ttl: 9d, paths: ["^/v1/data/.*"] }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DAS_TOKEN }]"#;

/// A tenant of Styra with one token and its refresher, which is due or not.
fn styra(bench: &mut Bench, may_read: bool, refresher: u8) -> Estate {
    let acme = Acme::found(bench);
    let mut tokens = refreshers(bench, &acme, 60, Some(60));
    let life = TimeDelta::days(i64::from(refresher));
    let now = bench.sandbox.now();
    let (agent, das) = bench.sandbox.styra(|styra| {
        styra.refresher_may_read = may_read;
        let created = now - TimeDelta::days(5);
        let paths = &["^/v1/tokens.*"];
        let agent = styra.add_token("application-token", Role::None, TimeDelta::days(9), &["^/v1/data/.*"], created);
        (agent, styra.add_token("refresher", Role::WorkspaceTokenRefresher, life, paths, created))
    });
    bench.keep("acme/app", "DAS_TOKEN", &agent);
    bench.keep("acme/tokenwheel", "DAS_REFRESHER", &das);
    bench.variables.push((WHEEL.to_owned(), "DAS_REFRESHER".to_owned()));
    tokens.push(kept("agent", Subject::Styra("application-token"), &[(APP, "DAS_TOKEN")]));
    tokens.push(kept("das-refresher", Subject::Styra("refresher"), &[(WHEEL, "DAS_REFRESHER")]));
    let strangers = strangers(bench, &acme);
    let others = format!(
        r#"{AGENT}
  das-refresher:
    refreshes: das
    accept_risk: this is what is tried here
    issuer: {{ kind: styra/token, id: refresher, ttl: {refresher}d, paths: ["^/v1/tokens.*"] }}
    destinations: [{{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: DAS_REFRESHER }}]"#
    );
    let config = connected(DAS, &others, 60, Some(60));
    Estate { config, tokens, strangers, forced: &[&["agent"]], deferred: 0, lonely: None }
}

/// A token of Styra, turned by a refresher that may not read.
pub(crate) const STYRA_BLIND: Scenario = Scenario { name: "styra-blind", found: |bench| styra(bench, false, 60) };

/// A token of Styra, turned by a refresher that may read.
pub(crate) const STYRA_READS: Scenario = Scenario { name: "styra-reads", found: |bench| styra(bench, true, 60) };

/// The only refresher of Styra is due, and a token besides.
pub(crate) const STYRA_DUE: Scenario = Scenario {
    name: "styra-due",
    found: |bench| Estate {
        forced: &[&["agent", "das-refresher"]],
        lonely: Some("das-refresher"),
        ..styra(bench, false, 9)
    },
};

/// Several tokens of several kinds are due, and the primary of the pair.
pub(crate) const SEVERAL: Scenario = Scenario {
    name: "several",
    found: |bench| {
        let acme = Acme::found(bench);
        let mut tokens = refreshers(bench, &acme, 9, Some(60));
        tokens.push(deploy(bench, &acme));
        acme.project_token(bench, "acme/api", "api-bot", "API", 5, 4);
        tokens.push(kept("api", Subject::Access("api-bot"), &[(API, "API")]));
        let (created, soon) = (bench.days_ago(5), Some(bench.in_days(4)));
        let group =
            bench.sandbox.gitlab(|gitlab| gitlab.add_group_token("acme", "group-bot", &["api"], 40, created, soon));
        for project in ["acme/app", "acme/api"] {
            bench.keep(project, "GROUP", &group.value);
        }
        tokens.push(kept("group", Subject::Access("group-bot"), &[(APP, "GROUP"), (API, "GROUP")]));
        let strangers = strangers(bench, &acme);
        let others = format!(
            "{DEPLOY}{}",
            r"
  api:
    issuer: { kind: gitlab/project-access-token, project: acme/api, name: api-bot, ttl: 9d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/api, key: API }]
  group:
    issuer: { kind: gitlab/group-access-token, group: acme, name: group-bot, ttl: 9d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: GROUP }
      - { kind: gitlab/ci-variable, project: acme/api, key: GROUP }"
        );
        let config = connected("", &others, 9, Some(60));
        Estate {
            config,
            tokens,
            strangers,
            forced: &[&["deploy", "api", "group", "refresher"]],
            deferred: 0,
            lonely: None,
        }
    },
};
