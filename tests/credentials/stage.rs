//! The usual estate with one other token, and what every test here asks of it.

use http::Method;
use tokenwheel_sandbox::gitlab::Variable;
use tokenwheel_sandbox::{At, Fault, What};

use crate::wheel::{CONFIG, Ran, Stage};

pub(crate) const APP: &str = "projects/acme/app";

/// The usual estate and its refreshers, with this token called `turned` in place of the usual ones.
pub(crate) fn staged(token: &str) -> Stage {
    let stage = Stage::set();
    order(&stage, token);
    stage
}

/// Writes another config of that form.
pub(crate) fn order(stage: &Stage, token: &str) {
    let (before, rest) = CONFIG.split_once("tokens:\n").unwrap();
    let (_, refreshers) = rest.split_once("  gitlab-refresher:").unwrap();
    stage.write(&format!("{before}tokens:\n  turned:\n{token}\n  gitlab-refresher:{refreshers}"));
}

pub(crate) fn rotate(stage: &Stage) -> Ran {
    stage.run(&["rotate", "--only", "turned"])
}

/// Without an overlap: the old one ends in the same run.
pub(crate) fn rotate_now(stage: &Stage) -> Ran {
    stage.run(&["rotate", "--only", "turned", "--revoke-now", "--reason", "a test asks for it"])
}

pub(crate) fn force(stage: &Stage) -> Ran {
    stage.run(&["rotate", "--only", "turned", "--force", "--reason", "a test asks for it"])
}

pub(crate) fn held(stage: &Stage, key: &str) -> String {
    stage.held(APP, key, "*")
}

/// An open variable, whose value is no secret.
pub(crate) fn open(stage: &Stage, key: &str, value: &str) {
    let variable = Variable { key: key.to_owned(), value: value.to_owned(), ..Variable::default() };
    stage.sandbox.gitlab(|gitlab| gitlab.add_variable(APP, variable));
}

pub(crate) fn is_live(stage: &Stage, value: &str) -> bool {
    stage.sandbox.gitlab(|gitlab| gitlab.is_live(value))
}

pub(crate) fn inject(stage: &Stage, method: Method, path: &str, times: usize, what: What) {
    stage.sandbox.inject(Fault { at: At::Matching { method, path: path.to_owned(), times }, what });
}

/// Whether a run ended with this code and said this.
#[track_caller]
pub(crate) fn said(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran}");
    // What is told is broken into lines of a terminal's width.
    let text: String = ran.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(text.contains(word), "no {word:?} in\n{ran}");
    }
}
