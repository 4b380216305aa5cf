//! A small config to spoil, and what is said of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use tokenwheel::config::{self, Config};
use tokenwheel::demo::Mounted;
use tokenwheel::http::Transport;
use tokenwheel::run::{Setup, Wheel};
use tokenwheel_sandbox::Sandbox;

use crate::common::monday;

/// Sound as it stands; its lines are counted in the messages.
pub(crate) const SOUND: &str = r"version: 1
every: 12h
connections:
  gitlab:
    service: gitlab
    url: https://gitlab.sandbox
    token: env:REFRESHER
    spare: env:SPARE
tokens:
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    rotate: { after: 2/3 }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }
  refresher:
    refreshes: gitlab
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: REFRESHER }]
ledger: { kind: file, path: ledger.json }
";

pub(crate) fn parsed(text: &str) -> Config {
    config::parse(Path::new("tokenwheel.yml"), text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What is wrong with a text by itself.
pub(crate) fn problems(text: &str) -> String {
    match config::parse(Path::new("tokenwheel.yml"), text) {
        Ok(_) => "sound".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

/// The same of the sound config with one thing replaced.
pub(crate) fn spoiled(from: &str, to: &str) -> String {
    assert!(SOUND.contains(from), "{from} does not stand in the config");
    problems(&SOUND.replacen(from, to, 1))
}

/// `what it was made: what is said`, one after the other.
pub(crate) fn each(spoilt: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (from, to) in spoilt {
        writeln!(out, "{}\n  {}", to.trim(), spoiled(from, to).replace('\n', "\n  ")).unwrap();
    }
    out
}

/// What a job finds: the credentials, and no server of its own.
pub(crate) fn environment() -> BTreeMap<String, String> {
    ["REFRESHER", "SPARE", "OTHER"].map(|name| (name.to_owned(), format!("glpat-of-{name}"))).into()
}

pub(crate) fn setup(environment: BTreeMap<String, String>) -> Setup {
    let sandbox = Sandbox::new(1, monday());
    Setup {
        environment: Arc::new(move |name| environment.get(name).cloned()),
        carrier: Arc::new(move |_: Option<&str>| Ok(Arc::new(Mounted(sandbox.clone())) as Arc<dyn Transport>)),
        random: Arc::new(|buffer: &mut [u8]| buffer.fill(7)),
        offline: false,
    }
}

/// What is wrong once everything is put together.
pub(crate) fn built_in(text: &str, environment: BTreeMap<String, String>) -> String {
    match Wheel::build(&parsed(text), &setup(environment)) {
        Ok(_) => "sound".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

pub(crate) fn built(text: &str) -> String {
    built_in(text, environment())
}

/// The same of the sound config with one thing replaced.
pub(crate) fn ill_built(from: &str, to: &str) -> String {
    assert!(SOUND.contains(from), "{from} does not stand in the config");
    built(&SOUND.replacen(from, to, 1))
}
