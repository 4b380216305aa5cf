//! What the contract of issuers needs to know of each kind: an estate with tokens of the subject, dead ones, and others'.

use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokenwheel::connection::{Connection, Nowhere, Slot};
use tokenwheel::issuer::{self, Issuer};
use tokenwheel::services::ISSUERS;
use tokenwheel::token::{Order, TokenValue};
use tokenwheel_sandbox::gitlab::Seeded;
use tokenwheel_sandbox::styra::Role;
use tokenwheel_sandbox::{Exchange, Sandbox};

use super::bench::Ground;

/// One kind, in one of the ways in which it can be used.
pub(crate) struct Fixture {
    pub(crate) kind: &'static str,
    pub(crate) way: &'static str,
    pub(crate) ground: Ground,
    pub(crate) service: &'static str,
    pub(crate) keys: Value,
    /// What the issuer logs in with; is the token itself where `own`.
    pub(crate) login: String,
    pub(crate) own: bool,
    /// The live tokens of the subject, newest first: number and value.
    pub(crate) live: Vec<(String, String)>,
    /// A value that was the subject's and is dead.
    pub(crate) dead: String,
    /// A live value of another subject, of the same make.
    pub(crate) stranger: String,
    /// What a value of the subject is proved to be.
    pub(crate) proof: &'static str,
    /// What a stranger's is, where the service cannot tell them apart.
    pub(crate) stranger_proof: &'static str,
    /// Whether the login may list.
    pub(crate) lists: bool,
    /// Whether the login may revoke.
    pub(crate) revokes: bool,
    /// The values of the subject that work now.
    pub(crate) working: fn(&Sandbox) -> Vec<String>,
    /// What is otherwise than with most kinds.
    pub(crate) also: Also,
}

/// What is otherwise than with most kinds. A fixture says `Also::default()`, or what it differs in.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a difference by itself, and most fixtures have none")]
pub(crate) struct Also {
    /// The keys of the connection.
    pub(crate) connection: Value,
    /// It needs no connection.
    pub(crate) nowhere: bool,
    /// The connection logs in without a credential.
    pub(crate) arrives: bool,
    /// The connection exchanges its credential when it logs in, as a run does first.
    pub(crate) logs_in: bool,
    /// Nobody but a person mints it: a mint is refused, and sends nothing.
    pub(crate) manual: bool,
    /// How long what is minted lives, where nobody can ask for another time; else as long as was asked for.
    pub(crate) lives: Option<TimeDelta>,
    /// Nothing is known of when it dies.
    pub(crate) undated: bool,
    /// To ask is to use up, or nobody can be asked: only what was just minted is verified.
    pub(crate) unasked: bool,
    /// Garbage and a dead value get this answer, where the service cannot reject them.
    pub(crate) garbage_proof: Option<&'static str>,
    /// Calls that only read although their method is POST, by a piece of their path.
    pub(crate) reads_by_post: &'static [&'static str],
    /// It is ended by its value.
    pub(crate) ended_by_value: bool,
    /// What is ended works on for a while.
    pub(crate) lag: Option<TimeDelta>,
    /// How many requests a mint sends besides reads; one where it is not said. None for what is made here.
    pub(crate) sends: Option<usize>,
    /// What the service knows of a value, where that is not the value itself.
    pub(crate) known_by: Option<fn(&str) -> String>,
    /// What its mint needs besides the login is opened by the rehearsal, which always comes first.
    pub(crate) rehearses: bool,
    /// What the connection logs in with, where the token itself is only lent to a sibling of it.
    pub(crate) lent_by: Option<String>,
    /// Ends what it logs in with; where it is not said, GitLab's and Styra's.
    pub(crate) end_login: Option<fn(&Ground)>,
}

impl Fixture {
    /// A new one each time, so that nothing is remembered from one run to the next.
    pub(crate) async fn issuer(&self) -> Box<dyn Issuer> {
        let kind = ISSUERS.iter().find(|kind| kind.kind == self.kind).unwrap();
        let login = (!self.also.arrives).then_some(self.login.as_str());
        let connect = |login: Option<&str>| self.ground.connection(self.service, login, self.also.connection.clone());
        let own = || Slot::holding(TokenValue::handed(&self.login).unwrap());
        let connection = match &self.also.lent_by {
            _ if self.also.nowhere => Arc::new(Nowhere::default()) as Arc<dyn Connection>,
            Some(by) => connect(Some(by)).sibling(own()),
            None => connect(login),
        };
        if self.also.arrives {
            let _ = connection.arrive().await;
        } else if self.also.logs_in {
            let _ = connection.identify(&TokenValue::handed(&self.login).unwrap()).await;
        }
        let means = self.ground.means(Path::new("."));
        let ground = issuer::Ground { connection, means, own_login: self.own };
        let issuer = (kind.build)(self.keys.clone(), &ground).unwrap();
        if self.also.rehearses {
            let order = Order { now: self.ground.sandbox.now(), until: None, follows: None };
            let _ = issuer.rehearse(&order).await;
        }
        self.ground.sandbox.forget_exchanges();
        issuer
    }

    /// Whether a request only reads.
    pub(crate) fn reads(&self, request: &Exchange) -> bool {
        let by_post = || self.also.reads_by_post.iter().any(|path| request.target.contains(path));
        request.method == http::Method::GET || by_post()
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.kind, self.way)
    }

    /// Whether a value works now. What is made for those who share it works wherever it is.
    pub(crate) fn works(&self, value: &str) -> bool {
        let known = self.also.known_by.map_or_else(|| value.to_owned(), |known_by| known_by(value));
        self.also.nowhere || self.working().contains(&known)
    }

    pub(crate) fn working(&self) -> Vec<String> {
        (self.working)(&self.ground.sandbox)
    }
}

/// Every kind, in every way.
pub(crate) fn all() -> Vec<Fixture> {
    let mut fixtures = vec![
        styra("by a refresher that may not read", Role::WorkspaceTokenRefresher, false),
        styra("by a refresher that may read", Role::WorkspaceTokenRefresher, true),
        styra("by an administrator", Role::Admin, true),
        personal("by a refresher of the same user", json!({ "name": "wheel" }), false),
        personal("by itself", json!({ "name": "wheel" }), true),
        personal("by an administrator", json!({ "name": "wheel", "user": 0, "create": { "scopes": ["api"] } }), false),
        resource("gitlab/project-access-token", "by a refresher", false),
        resource("gitlab/project-access-token", "by itself", true),
        resource("gitlab/group-access-token", "by a refresher", false),
        resource("gitlab/group-access-token", "by itself", true),
        robot("beside the first", false, false),
        robot("in place", true, false),
        robot("by itself", false, true),
        trigger(),
    ];
    fixtures.extend(super::credentials::issuers());
    fixtures.extend(super::atlassian::all());
    fixtures.extend(super::github_issuers::all());
    fixtures.extend(super::zendesk::issuers());
    fixtures.extend(super::general::issuers());
    fixtures.push(super::clusters::issuer());
    fixtures
}

fn pair(seeded: &Seeded) -> (String, String) {
    (seeded.id.to_string(), seeded.value.clone())
}

fn working(sandbox: &Sandbox, name: &str) -> Vec<String> {
    sandbox.gitlab(|gitlab| gitlab.live_tokens(name)).into_iter().map(|token| token.value).collect()
}

fn styra(way: &'static str, role: Role, reads: bool) -> Fixture {
    let ground = Ground::new();
    let made = ground.sandbox.now() - TimeDelta::days(3);
    let (login, dead, live, stranger) = ground.sandbox.styra(|styra| {
        styra.refresher_may_read = reads;
        let mut add = |id: &str, role, paths: &[&str]| styra.add_token(id, role, TimeDelta::days(9), paths, made);
        let login = add("refresher", role, &["^/v1/tokens"]);
        let dead = add("agent", Role::None, &["^/v1/data"]);
        // A second one under its id ends the first.
        styra.revoke("agent");
        let mut add = |id: &str, role, paths: &[&str]| styra.add_token(id, role, TimeDelta::days(9), paths, made);
        (login, dead, add("agent", Role::None, &["^/v1/data"]), add("other", Role::None, &["^/v1/data"]))
    });
    Fixture {
        kind: "styra/token",
        way,
        ground,
        service: "styra",
        keys: json!({ "id": "agent", "paths": ["^/v1/data"] }),
        login,
        own: false,
        live: vec![("agent".to_owned(), live)],
        dead,
        stranger,
        proof: "alive",
        // DAS has no "who am I": that it is refused for its rights is all that can be known.
        stranger_proof: "alive",
        lists: reads,
        revokes: role == Role::Admin,
        also: Also::default(),
        working: |sandbox| {
            let value = sandbox.styra(|styra| styra.token("agent")).map(|token| token.value);
            value.into_iter().filter(|value| sandbox.styra(|styra| styra.is_live(value))).collect()
        },
    }
}

fn personal(way: &'static str, mut keys: Value, own: bool) -> Fixture {
    let ground = Ground::new();
    let administered = keys.get("user").is_some();
    let login = if administered {
        ground.gitlab(|gitlab, at| {
            let admin = gitlab.add_admin("root");
            gitlab.add_personal_token(admin, "root", &["api"], at.ago(9), Some(at.day(90))).value
        })
    } else {
        ground.login()
    };
    let owner = ground.owner;
    if administered {
        keys["user"] = json!(owner);
    }
    let (dead, live, stranger) = ground.gitlab(|gitlab, at| {
        let dead = gitlab.add_personal_token(owner, "wheel", &["api"], at.ago(30), Some(at.day(9)));
        gitlab.revoke(dead.id);
        gitlab.add_personal_token(owner, "wheel", &["api"], at.ago(60), Some(at.day(-1)));
        let live = gitlab.add_personal_token(owner, "wheel", &["api"], at.ago(5), Some(at.day(25)));
        gitlab.add_personal_token(owner, "wheel-2", &["api"], at.ago(2), Some(at.day(25)));
        let other = gitlab.add_user("other");
        (dead, live, gitlab.add_personal_token(other, "wheel", &["api"], at.ago(1), Some(at.day(25))))
    });
    // What names no user is told from another's of the same name only by a login of the same user; by itself the name
    // is all there is.
    let stranger_proof = if own { "identity" } else { "rejected" };
    Fixture {
        kind: "gitlab/personal-access-token",
        way,
        ground,
        service: "gitlab",
        keys,
        login: if own { live.value.clone() } else { login },
        own,
        live: vec![pair(&live)],
        dead: dead.value,
        stranger: stranger.value,
        proof: "identity",
        stranger_proof,
        lists: true,
        revokes: true,
        also: Also::default(),
        working: |sandbox| {
            // The first user of the ground is its owner.
            let all = sandbox.gitlab(|gitlab| gitlab.live_tokens("wheel"));
            all.into_iter().filter(|token| token.user_id == 1001).map(|token| token.value).collect()
        },
    }
}

fn resource(kind: &'static str, way: &'static str, own: bool) -> Fixture {
    let ground = Ground::new();
    let login = ground.login();
    let of_project = kind.contains("project");
    let (dead, live, stranger) = ground.gitlab(|gitlab, at| {
        let mut add = |name: &str, made, dies| {
            if of_project {
                gitlab.add_project_token("acme/app", name, &["api"], 40, at.ago(made), Some(at.day(dies)))
            } else {
                gitlab.add_group_token("acme", name, &["api"], 40, at.ago(made), Some(at.day(dies)))
            }
        };
        let (dead, live, _) = (add("bot", 30, 9), add("bot", 5, 25), add("bot-2", 2, 25));
        gitlab.revoke(dead.id);
        let stranger = gitlab.add_project_token("acme/api", "their-bot", &["api"], 40, at.ago(1), Some(at.day(25)));
        (dead, live, stranger)
    });
    let place = if of_project {
        json!({ "project": "acme/app", "name": "bot" })
    } else {
        json!({ "group": "acme", "name": "bot" })
    };
    Fixture {
        kind,
        way,
        ground,
        service: "gitlab",
        keys: place,
        login: if own { live.value.clone() } else { login },
        own,
        live: vec![pair(&live)],
        dead: dead.value,
        stranger: stranger.value,
        proof: "identity",
        stranger_proof: "rejected",
        lists: true,
        // A project or group token may not end another, and its own is not offered there.
        revokes: !own,
        also: Also::default(),
        working: |sandbox| working(sandbox, "bot"),
    }
}

fn robot(way: &'static str, in_place: bool, own: bool) -> Fixture {
    let ground = Ground::new();
    let login = ground.login();
    let (account, dead, older, live, stranger) = ground.gitlab(|gitlab, at| {
        let account = gitlab.add_service_account("acme", "robot");
        let other = gitlab.add_service_account("acme", "other robot");
        let mut add = |of, name: &str, made, dies| {
            gitlab.add_service_account_token(of, name, &["api"], at.ago(made), Some(at.day(dies)))
        };
        let (dead, older, live) =
            (add(account, "robot", 30, 9), add(account, "robot", 20, 9), add(account, "robot", 5, 25));
        add(account, "robot-2", 1, 25);
        let stranger = add(other, "robot-3", 1, 25);
        gitlab.revoke(dead.id);
        (account, dead, older, live, stranger)
    });
    let live_ones = if own { vec![pair(&live)] } else { vec![pair(&live), pair(&older)] };
    Fixture {
        kind: "gitlab/service-account-token",
        way,
        ground,
        service: "gitlab",
        keys: json!({ "group": "acme", "account": account, "name": "robot", "in_place": in_place }),
        login: if own { live.value.clone() } else { login },
        own,
        live: live_ones,
        dead: dead.value,
        stranger: stranger.value,
        proof: "identity",
        stranger_proof: "rejected",
        lists: true,
        revokes: !own,
        also: Also::default(),
        working: |sandbox| working(sandbox, "robot"),
    }
}

fn trigger() -> Fixture {
    let ground = Ground::new();
    let login = ground.login();
    let owner = ground.owner;
    let mut added = Vec::new();
    for (days, description) in [(9, "nightly"), (5, "nightly"), (2, "weekly")] {
        ground.sandbox.set_now(crate::common::monday() - TimeDelta::days(days));
        added.push(ground.sandbox.gitlab(|gitlab| gitlab.add_trigger("acme/app", owner, description)));
    }
    ground.sandbox.set_now(crate::common::monday());
    let stranger = ground.sandbox.gitlab(|gitlab| gitlab.add_trigger("acme/api", owner, "nightly"));
    Fixture {
        kind: "gitlab/pipeline-trigger-token",
        way: "by its creator",
        ground,
        service: "gitlab",
        keys: json!({ "project": "acme/app", "description": "nightly" }),
        login,
        own: false,
        live: vec![pair(&added[1]), pair(&added[0])],
        dead: "glptt-0000000000000000000000000000000000000000".to_owned(),
        stranger: stranger.value,
        proof: "matched",
        stranger_proof: "rejected",
        lists: true,
        revokes: true,
        also: Also::default(),
        working: |sandbox| {
            let all = sandbox.gitlab(|gitlab| gitlab.triggers_of("acme/app"));
            all.into_iter().filter(|trigger| trigger.description == "nightly").map(|trigger| trigger.value).collect()
        },
    }
}
