//! What the contracts need to know of GitLab's credentials besides access tokens, and of places that are no variable of
//! a project: a schedule's variable, a secret of Styra, a sealed file.

use std::io::Read as _;
use std::path::PathBuf;

use age::armor::ArmoredReader;
use age::x25519::Identity;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::gitlab::{ScheduleVariable, Seeded};
use tokenwheel_sandbox::styra::Role;

use super::bench::Ground;
use super::fixtures::{Also, Fixture};
use super::places::{BEFORE, Place, Spot};

/// The issuers.
pub(crate) fn issuers() -> Vec<Fixture> {
    vec![
        deploy(("of a project", "projects/acme/app"), json!({ "project": "acme/app", "name": "pull" }), true),
        deploy(("of a group", "groups/acme"), json!({ "group": "acme", "name": "pull", "username": "puller" }), false),
        agent(),
        runner("by a GitLab of today", true),
        runner("by a GitLab that says no more than 200", false),
    ]
}

fn pair(seeded: &Seeded) -> (String, String) {
    (seeded.id.to_string(), seeded.value.clone())
}

/// Whose it is, the door says only of one that has rights to the registry.
fn deploy((way, place): (&'static str, &'static str), keys: Value, registry: bool) -> Fixture {
    let ground = Ground::new();
    let login = ground.login();
    let soon = ground.sandbox.now() + TimeDelta::days(9);
    let scope = if registry { "read_registry" } else { "read_repository" };
    let (dead, older, live, stranger) = ground.sandbox.gitlab(|gitlab| {
        let mut add = |place: &str, name: &str, user: &str, dies| {
            gitlab.add_deploy_token(place, name, user, &[scope], Some(dies))
        };
        let dead = add(place, "pull", "puller", soon);
        add(place, "pull", "puller", soon - TimeDelta::days(10));
        let (older, live) = (add(place, "pull", "puller", soon), add(place, "pull", "puller", soon));
        add(place, "pull-2", "puller-2", soon);
        let stranger = add("projects/acme/api", "theirs", if registry { "puller" } else { "somebody" }, soon);
        gitlab.revoke_deploy_token(dead.id);
        (dead, older, live, stranger)
    });
    Fixture {
        kind: "gitlab/deploy-token",
        way,
        ground,
        service: "gitlab",
        keys,
        login,
        own: false,
        live: vec![pair(&live), pair(&older)],
        dead: dead.value,
        stranger: stranger.value,
        proof: if registry { "identity" } else { "alive" },
        stranger_proof: "rejected",
        lists: true,
        revokes: true,
        working: |sandbox| {
            let all = sandbox.gitlab(|gitlab| gitlab.live_deploy_tokens("pull"));
            all.into_iter().filter(|token| token.username == "puller").map(|token| token.value).collect()
        },
        also: Also::default(),
    }
}

fn agent() -> Fixture {
    let ground = Ground::new();
    let login = ground.login();
    let (agent, dead, live, stranger) = ground.gitlab(|gitlab, at| {
        let (agent, other) = (gitlab.add_agent("acme/app"), gitlab.add_agent("acme/app"));
        let dead = gitlab.add_agent_token(agent, "wheel", at.ago(30));
        gitlab.revoke_agent_token(dead.id);
        let live = gitlab.add_agent_token(agent, "wheel", at.ago(5));
        (agent, dead, live, gitlab.add_agent_token(other, "wheel", at.ago(1)))
    });
    Fixture {
        kind: "gitlab/agent-token",
        way: "with a slot to spare",
        ground,
        service: "gitlab",
        keys: json!({ "project": "acme/app", "agent": agent, "name": "wheel" }),
        login,
        own: false,
        live: vec![pair(&live)],
        dead: dead.value,
        stranger: stranger.value,
        // Nobody but an agent can ask.
        proof: "inconclusive",
        stranger_proof: "inconclusive",
        lists: true,
        revokes: true,
        // The first number of an agent in the sandbox.
        working: |sandbox| {
            sandbox.gitlab(|gitlab| gitlab.agent_tokens(701)).into_iter().map(|token| token.value).collect()
        },
        also: Also { undated: true, garbage_proof: Some("inconclusive"), ..Also::default() },
    }
}

fn runner(way: &'static str, named: bool) -> Fixture {
    let ground = Ground::new();
    let login = ground.login();
    let (live, stranger) = ground.sandbox.gitlab(|gitlab| {
        gitlab.verify_names_the_runner = named;
        (gitlab.add_runner("projects/acme/app"), gitlab.add_runner("projects/acme/app"))
    });
    Fixture {
        kind: "gitlab/runner-token",
        way,
        ground,
        service: "gitlab",
        keys: json!({ "runner": live.id }),
        login,
        own: false,
        live: vec![pair(&live)],
        dead: "glrt-t1_aaaaaaaaaaaaaaaaaaaa".to_owned(),
        stranger: stranger.value,
        proof: if named { "identity" } else { "alive" },
        stranger_proof: if named { "rejected" } else { "alive" },
        lists: false,
        revokes: false,
        // The first number of a runner in the sandbox.
        working: |sandbox| sandbox.gitlab(|gitlab| gitlab.runner(901)).into_iter().map(|runner| runner.value).collect(),
        // What a runner asks when it is registered changes nothing.
        also: Also { undated: true, reads_by_post: &["/runners/verify"], ..Also::default() },
    }
}

/// The destinations.
pub(crate) fn places() -> Vec<Place> {
    vec![scheduled("env_var", false), scheduled("file", true), secret(true), secret(false), sealed(1), sealed(3)]
}

struct Schedule(u64);

impl Schedule {
    fn variable(&self, sandbox: &Sandbox) -> Option<ScheduleVariable> {
        let schedule = sandbox.gitlab(|gitlab| gitlab.schedule(self.0))?;
        schedule.variables.into_iter().find(|variable| variable.key == "TOKEN")
    }
}

impl Spot for Schedule {
    fn value(&self, sandbox: &Sandbox) -> Option<String> {
        self.variable(sandbox).map(|variable| variable.value)
    }

    fn attributes(&self, sandbox: &Sandbox) -> String {
        let other = sandbox.gitlab(|gitlab| gitlab.schedule(self.0)).map(|schedule| schedule.variables.len());
        let mine = self.variable(sandbox).map(|variable| ScheduleVariable { value: String::new(), ..variable });
        format!("{mine:?} of {other:?}")
    }

    fn overwrite(&self, sandbox: &Sandbox, text: &str) {
        sandbox.gitlab(|gitlab| gitlab.set_schedule_variable(self.0, "TOKEN", text));
    }
}

fn scheduled(kind: &'static str, raw: bool) -> Place {
    let ground = Ground::new();
    let login = ground.login();
    let variable = |key: &str, value: &str| ScheduleVariable {
        key: key.to_owned(),
        value: value.to_owned(),
        variable_type: kind.to_owned(),
        raw,
    };
    let variables = [variable("OTHER", "theirs"), variable("TOKEN", BEFORE)];
    let id = ground.sandbox.gitlab(|gitlab| {
        // Two places must not have one number, though they are of two sandboxes.
        if raw {
            gitlab.add_schedule("acme/app", ground.owner, &[]);
        }
        gitlab.add_schedule("acme/app", ground.owner, &variables)
    });
    let keys = json!({ "project": "acme/app", "schedule": id, "key": "TOKEN" });
    Place::elsewhere(("gitlab/pipeline-schedule-variable", kind), (ground, login), keys, false, Box::new(Schedule(id)))
}

struct Secret(&'static str);

impl Spot for Secret {
    fn value(&self, sandbox: &Sandbox) -> Option<String> {
        sandbox.styra(|styra| styra.secret_at(self.0)).map(|secret| secret.secret)
    }

    fn attributes(&self, sandbox: &Sandbox) -> String {
        let secret = sandbox.styra(|styra| styra.secret_at(self.0));
        format!("{:?}", secret.map(|secret| (secret.name, secret.description)))
    }

    fn overwrite(&self, sandbox: &Sandbox, text: &str) {
        sandbox.styra(|styra| styra.add_secret(self.0, "robot", "for the rules", text));
    }
}

fn secret(readable: bool) -> Place {
    let ground = Ground::new();
    let id = if readable { "rules/git" } else { "rules/unread" };
    let login = ground.sandbox.styra(|styra| {
        styra.secrets_may_be_read = readable;
        styra.add_secret(id, "robot", "for the rules", BEFORE);
        styra.add_token("admin", Role::Admin, TimeDelta::days(9), &[], crate::common::monday())
    });
    let keys = if readable {
        json!({ "id": id })
    } else {
        json!({ "id": id, "name": "robot", "description": "for the rules" })
    };
    let form = if readable { "by a login that may read" } else { "by a login that may not read" };
    Place::elsewhere(("styra/secret", form), (ground, login), keys, true, Box::new(Secret(id)))
}

/// A sealed file, in a folder of its own, and one of the keys that open it.
struct Sealed {
    folder: tempfile::TempDir,
    key: Identity,
}

impl Sealed {
    fn path(&self) -> PathBuf {
        self.folder.path().join("partner.age")
    }
}

impl Spot for Sealed {
    fn value(&self, _sandbox: &Sandbox) -> Option<String> {
        let text = std::fs::read(self.path()).unwrap();
        let opened = age::Decryptor::new(ArmoredReader::new(&text[..])).ok()?;
        let mut value = String::new();
        let key: &dyn age::Identity = &self.key;
        opened.decrypt(std::iter::once(key)).ok()?.read_to_string(&mut value).ok()?;
        Some(value)
    }

    fn attributes(&self, _sandbox: &Sandbox) -> String {
        std::fs::read_dir(self.folder.path()).unwrap().count().to_string()
    }

    fn overwrite(&self, _sandbox: &Sandbox, text: &str) {
        std::fs::write(self.path(), text).unwrap();
    }
}

/// One that was sealed before by somebody else, to the same keys.
fn sealed(recipients: usize) -> Place {
    let keys: Vec<Identity> = (0..recipients).map(|_| Identity::generate()).collect();
    let public: Vec<String> = keys.iter().map(|key| key.to_public().to_string()).collect();
    let spot = Sealed { folder: tempfile::tempdir().unwrap(), key: keys[recipients - 1].clone() };
    let before = age::encrypt_and_armor(&spot.key.to_public(), BEFORE.as_bytes()).unwrap();
    std::fs::write(spot.path(), before).unwrap();
    let keys = json!({ "path": spot.path(), "recipients": public });
    let form = if recipients == 1 { "for one" } else { "for several" };
    let mut place =
        Place::elsewhere(("sealed/file", form), (Ground::new(), String::new()), keys, false, Box::new(spot));
    place.also.nowhere = true;
    place
}
