//! From nothing to a first rotation, doing what `init` says and nothing else: the built binary over the served sandbox.

use chrono::{DateTime, TimeDelta, Utc};
use tokenwheel::init::{Forge, Start};
use tokenwheel_sandbox::github::Store;
use tokenwheel_sandbox::gitlab::Variable;
use tokenwheel_sandbox::{Sandbox, Served};

use crate::stage::{Ran, Stage};

/// A sandbox that listens, a folder, and what the job finds in its environment.
struct World {
    stage: Stage,
    sandbox: Sandbox,
    served: Served,
    environment: Vec<(String, String)>,
}

#[expect(clippy::disallowed_methods, reason = "the binary reads the clock of the machine, and the estate must fit it")]
fn now() -> DateTime<Utc> {
    // The issuer's clock goes a minute ahead of ours, as clocks do.
    Utc::now() + TimeDelta::minutes(1)
}

impl World {
    fn new(remote: &str) -> Self {
        let sandbox = Sandbox::new(1, now());
        let served = Served::start(sandbox.clone()).unwrap();
        Self { stage: Stage::of(remote), sandbox, served, environment: Vec::new() }
    }

    /// Runs it. No value is ever in what it prints, nor in a file.
    fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.stage.command("", args);
        let ran = self.stage.ran(&command.envs(self.environment.iter().cloned()).output().unwrap());
        let files: String = self.stage.files().iter().map(|name| self.stage.read(name)).collect();
        for value in self.sandbox.values() {
            assert!(!ran.to_string().contains(&value) && !files.contains(&value), "a value is shown");
        }
        ran
    }

    #[track_caller]
    fn ends(&self, code: i32, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran}");
        ran
    }

    /// Every request that changed something at a forge.
    fn changes(&self) -> Vec<String> {
        let changed = |one: &&tokenwheel_sandbox::Exchange| {
            one.method != "GET" && one.acted.as_ref().is_some_and(|(status, _)| *status < 300)
        };
        self.sandbox.exchanges().iter().filter(changed).map(|one| format!("{} {}", one.method, one.target)).collect()
    }

    /// What a person does when the plan looks right.
    fn turn_everything(&self) {
        let kept = self.stage.read("tokenwheel.yml");
        let lines = kept.lines().map(|line| match line.split_once("# then: ") {
            Some((before, rule)) if before.contains("rotate: watch") => format!("    rotate: {rule}\n"),
            _ if line.trim() == "rotate: watch" => String::new(),
            _ => format!("{line}\n"),
        });
        self.stage.put("tokenwheel.yml", &lines.collect::<String>());
    }
}

#[test]
fn at_gitlab_two_secrets_are_enough() {
    let mut world = World::new("git@gitlab.example.com:acme/app.git");
    let url = world.served.gitlab.clone();
    let bot = world.sandbox.gitlab(|gitlab| {
        gitlab.add_group("acme");
        gitlab.add_project("acme/app");
        let bot = gitlab.add_user("wheel");
        // A Maintainer, as the steps say.
        gitlab.add_member("acme", bot, 40);
        bot
    });
    let why = world.ends(2, &["check"]).err;
    assert!(why.contains("`tokenwheel init`"), "who begins with another command is told how to begin: {why}");
    let told = world.ends(0, &["init", "--forge", "gitlab", "--url", &url]).out;
    world.ends(0, &["check", "--offline"]);
    let why = world.ends(2, &["check"]).err;
    for name in ["GITLAB_REFRESHER", "GITLAB_SPARE"] {
        assert!(why.contains(name), "{why}");
        let value = world.sandbox.gitlab(|gitlab| {
            let token = if name == "GITLAB_SPARE" { "tokenwheel-spare" } else { "tokenwheel-refresher" };
            assert!(told.contains(name) && told.contains(&format!("name={token}&scopes=api")), "{told}");
            let (made, dies) = (now(), (now() + TimeDelta::days(60)).date_naive());
            let value = gitlab.add_personal_token(bot, token, &["api"], made, Some(dies)).value;
            let (key, environment_scope) = (name.to_owned(), "tokenwheel".to_owned());
            let kept = Variable {
                key,
                value: value.clone(),
                masked: true,
                protected: true,
                environment_scope,
                ..Variable::default()
            };
            gitlab.add_variable("projects/acme/app", kept);
            value
        });
        world.environment.push((name.to_owned(), value));
    }

    // What was never made is not dead, and nobody has to act.
    for command in ["check", "plan", "rotate"] {
        let watched = world.ends(0, &[command]).out;
        assert!(watched.contains("all well"), "{watched}");
        assert!(watched.contains("there is none yet, and while it is only watched none is made"), "{watched}");
    }
    let made = world.changes().into_iter().filter(|line| line.contains("_tokens") || line.contains("DEPLOY_BOT"));
    assert_eq!(made.collect::<Vec<_>>(), Vec::<String>::new(), "it only watches");

    world.turn_everything();
    world.ends(0, &["check", "--offline"]);
    world.ends(0, &["plan"]);
    let turned = world.ends(0, &["rotate"]).out;
    assert!(turned.contains("1 rotated, 2 kept: all well"), "{turned}");
    let held = world.sandbox.gitlab(|gitlab| gitlab.variable("projects/acme/app", "DEPLOY_BOT_TOKEN", "*")).unwrap();
    assert!(held.masked && held.protected && world.sandbox.gitlab(|gitlab| gitlab.is_live(&held.value)));
    let after = world.ends(0, &["rotate"]).out;
    assert!(after.contains("3 kept: all well"), "{after}");
}

#[test]
fn at_github_one_secret_is_enough_and_the_app_needs_no_more_than_the_link_asks_for() {
    let mut world = World::new("git@github.example.com:acme/app.git");
    let url = world.served.github.clone();
    let told = world.ends(0, &["init", "--forge", "github", "--url", &url]).out;
    world.ends(0, &["check", "--offline"]);
    let why = world.ends(2, &["check"]).err;
    assert!(why.contains("WHEEL_APP_KEY"), "{why}");

    let link = told.lines().find(|line| line.contains("/settings/apps/new?")).unwrap();
    let link = url::Url::parse(link.trim()).unwrap();
    let fixed = ["name", "url", "public", "webhook_active"];
    let asked: Vec<(String, String)> =
        link.query_pairs().into_owned().filter(|(key, _)| !fixed.contains(&&**key)).collect();
    let permissions: Vec<(&str, &str)> = asked.iter().map(|(key, level)| (&**key, &**level)).collect();
    let (app, installation) = world.sandbox.github(|github| {
        github.add_member("acme", "ada");
        github.add_repository("acme/app");
        github.add_environment("acme/app", "rotation");
        let app = github.add_app(77, "wheel");
        (app, github.install(77, "acme", &permissions, Some(&["app"])))
    });
    world.environment.push(("WHEEL_APP_KEY".to_owned(), app.private_key.clone()));

    // Before the two numbers are filled in, it says what is wrong with them.
    let why = world.run(&["check"]);
    assert_eq!(why.code, Some(2), "{why}");
    let lines = told.lines().find(|line| line.contains("fill in")).unwrap().to_owned();
    let written = world.stage.read("tokenwheel.yml");
    let filled = written.lines().enumerate().map(|(number, line)| {
        if line.contains("# fill in") {
            assert!(lines.contains(&(number + 1).to_string()), "line {} is not told of: {lines}", number + 1);
        }
        match line.trim().split(": ").next() {
            Some("app") => format!("    app: {}\n", app.client_id),
            Some("installation") => format!("    installation: {installation}\n"),
            _ => format!("{line}\n"),
        }
    });
    world.stage.put("tokenwheel.yml", &filled.collect::<String>());

    for command in ["check", "plan", "rotate"] {
        let watched = world.ends(0, &[command]).out;
        assert!(watched.contains("all well"), "{watched}");
    }
    assert!(world.sandbox.github(|github| github.secret(Store::Actions, "repos/acme/app", "DEPLOY_KEY")).is_none());
    world.turn_everything();
    let turned = world.ends(0, &["rotate"]).out;
    assert!(turned.contains("1 rotated: all well"), "{turned}");
    assert!(world.sandbox.github(|github| github.secret(Store::Actions, "repos/acme/app", "DEPLOY_KEY")).is_some());
    let after = world.ends(0, &["rotate"]).out;
    assert!(after.contains("1 kept: all well"), "{after}");
}

#[test]
fn whatever_is_begun_with_at_gitlab_is_first_watched_and_then_turned() {
    let mut world = World::new("git@gitlab.example.com:acme/app.git");
    let url = world.served.gitlab.clone();
    let kinds: Vec<&str> = Start::of(Forge::GitLab)
        .map(|start| start.kind)
        .filter(|kind| kind.starts_with("gitlab/") || kind.starts_with("random/"))
        .collect();
    world.sandbox.gitlab(|gitlab| {
        gitlab.add_group("acme");
        gitlab.add_project("acme/app");
        let bot = gitlab.add_user("wheel");
        // An Owner of the group, as the steps say of tokens of groups.
        gitlab.add_member("acme", bot, 50);
        for (key, name) in [("GITLAB_REFRESHER", "tokenwheel-refresher"), ("GITLAB_SPARE", "tokenwheel-spare")] {
            let dies = Some((now() + TimeDelta::days(60)).date_naive());
            let value = gitlab.add_personal_token(bot, name, &["api"], now(), dies).value;
            world.environment.push((key.to_owned(), value.clone()));
            let (key, environment_scope) = (key.to_owned(), "tokenwheel".to_owned());
            let kept = Variable { key, value, masked: true, protected: true, environment_scope, ..Variable::default() };
            gitlab.add_variable("projects/acme/app", kept);
        }
    });
    world.ends(0, &["init", "--forge", "gitlab", "--url", &url, "--token", &kinds.join(",")]);
    world.ends(0, &["rotate"]);
    world.turn_everything();
    let turned = world.ends(0, &["rotate"]).out;
    assert!(turned.contains(&format!("{} rotated, 2 kept: all well", kinds.len())), "{turned}");
    let after = world.ends(0, &["rotate"]).out;
    assert!(after.contains(&format!("{} kept: all well", kinds.len() + 2)), "{after}");
}
