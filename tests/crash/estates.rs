//! The estates. On Monday everything is alive and nothing is due; on the third day what the scenario names is turned by
//! hand; on the seventh, at six, it is due again, and that run is struck.

use crate::common::{Acme, Bench};
use crate::estate::{Estate, Kept, Scenario, Stranger, Subject, kept};

/// Tokens beside ours that no run may end: of the same user, and of the same name elsewhere.
fn strangers(bench: &Bench, acme: &Acme) -> Vec<Stranger> {
    let (created, expires) = (bench.days_ago(2), Some(bench.in_days(90)));
    bench.sandbox.gitlab(|gitlab| {
        let other = gitlab.add_user("somebody");
        let own = gitlab.add_personal_token(acme.bot, "not-ours", &["api"], created, expires);
        let user = gitlab.add_personal_token(other, "wheel", &["api"], created, expires);
        let place = gitlab.add_project_token("acme/api", "deploy-bot", &["api"], 40, created, expires);
        let name = gitlab.add_project_token("acme/app", "other-bot", &["api"], 40, created, expires);
        let stranger = |what, value| Stranger { what, value };
        vec![
            stranger("a token of the refresher's user", own.value),
            stranger("a token of the refresher's name, of somebody else", user.value),
            stranger("a token of the same name in another project", place.value),
            stranger("a token of another name in the same project", name.value),
        ]
    })
}

fn the_pair() -> [Kept; 2] {
    [
        kept("refresher", Subject::Access("wheel"), &[("projects/acme/tokenwheel", "REFRESHER")]),
        kept("spare", Subject::Access("wheel-spare"), &[("projects/acme/tokenwheel", "SPARE")]),
    ]
}

/// A pair of refreshers; a token that replaces is due.
pub(crate) const PAIR: Scenario = Scenario {
    name: "pair",
    found: |bench| {
        let acme = Acme::found(bench);
        acme.refresher(bench, "wheel", "REFRESHER", 1, 59);
        acme.refresher(bench, "wheel-spare", "SPARE", 1, 59);
        acme.project_token(bench, "acme/app", "deploy-bot", "DEPLOY", 1, 5);
        let strangers = strangers(bench, &acme);
        let mut tokens = vec![kept("deploy", Subject::Access("deploy-bot"), &[("projects/acme/app", "DEPLOY")])];
        tokens.extend(the_pair());
        Estate {
            config: r#"
connections:
  gitlab: { service: gitlab, url: "https://gitlab.sandbox", token: env:REFRESHER, spare: env:SPARE }
tokens:
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 6d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY }]
  refresher:
    refreshes: gitlab
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: REFRESHER }]
  spare:
    refreshes: gitlab.spare
    issuer: { kind: gitlab/personal-access-token, name: wheel-spare, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: SPARE }]
"#,
            tokens,
            strangers,
            forced: &["deploy"],
            lonely: None,
        }
    },
};
