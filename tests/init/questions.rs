//! What is asked, and what the answers settle. In process: the person is a list of answers.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use tokenwheel::init::{Facts, Person, Wishes, draft, settle};

use crate::texts::{is, setup};

/// Answers, and all that was said and asked.
struct Script {
    answers: VecDeque<String>,
    told: String,
}

impl Script {
    fn of(answers: &[&str]) -> Self {
        Self { answers: answers.iter().map(ToString::to_string).collect(), told: String::new() }
    }
}

impl Person for Script {
    fn tell(&mut self, line: &str) {
        self.told.push_str(line);
        self.told.push('\n');
    }

    fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        let answer = self.answers.pop_front();
        let _ = writeln!(self.told, "{question}{}", answer.as_deref().unwrap_or("(nothing more comes)"));
        Ok(answer)
    }
}

fn facts(remote: &str) -> Facts {
    Facts { root: PathBuf::from("."), remote: Some(remote.to_owned()).filter(|remote| !remote.is_empty()) }
}

/// What was said, and the config or why there is none. Every answer must have been asked for.
fn talk(remote: &str, wishes: Wishes, answers: &[&str]) -> (String, Result<String, String>) {
    let mut script = Script::of(answers);
    let settled = settle(&facts(remote), wishes, Some(&mut script));
    let written = settled.and_then(|beginning| draft(&beginning, &setup())).map(|draft| draft.config);
    assert_eq!(script.answers, VecDeque::<String>::new(), "nobody asked for these:\n{}", script.told);
    (script.told, written)
}

#[test]
fn the_usual_questions_with_nothing_but_the_enter_key() {
    let (told, written) = talk("git@gitlab.com:acme/app.git", Wishes::default(), &["", "", "", ""]);
    is("questions_gitlab", &told);
    let silent = settle(&facts("git@gitlab.com:acme/app.git"), Wishes::default(), None).unwrap();
    assert_eq!(
        written.unwrap(),
        draft(&silent, &setup()).unwrap().config,
        "nobody there is somebody who only presses enter"
    );
}

#[test]
fn all_questions_of_a_host_that_nobody_knows() {
    let answers =
        ["gitlub", "GitHub", "2, styra/token", "12h", "30m", "@platform", "maybe", "no", "Iv23liABC", "x", "4711"];
    let (told, written) = talk("ssh://git@code.example.com:2222/acme/app.git", Wishes::default(), &answers);
    is("questions_unknown_host", &told);
    let written = written.unwrap();
    for line in [
        "every: 30m ",
        "    url: https://code.example.com\n",
        "    app: \"Iv23liABC\"\n    installation: 4711\n",
        "  owner: \"@platform\"\n",
        "kind: github/installation-token\n",
        "kind: styra/token,",
    ] {
        assert!(written.contains(line), "{line}:\n{written}");
    }
    assert!(!written.contains("watch"), "{written}");
}

#[test]
fn without_a_remote_the_address_and_the_project_are_asked_for() {
    let answers = [
        "gitlab",
        "http://git.example.com",
        "https://me:hunter2@git.example.com",
        "https://git.example.com/api/v4",
        "app",
        "acme/app",
        "",
        "",
        "",
        "",
    ];
    let (told, written) = talk("", Wishes::default(), &answers);
    assert!(told.contains("acme/app at GitLab, https://git.example.com\n"), "{told}");
    assert!(written.unwrap().contains("    url: https://git.example.com\n"));
    let own_words: String = told.lines().filter(|line| !line.starts_with("the address of")).collect();
    assert!(!own_words.contains("hunter2"), "{told}");
}

#[test]
fn what_a_flag_says_is_not_asked() {
    let wishes = Wishes {
        tokens: vec!["gitlab/deploy-token".to_owned()],
        every: Some("6h".to_owned()),
        owner: Some("@acme".to_owned()),
        watch: Some(false),
        ..Wishes::default()
    };
    let (told, written) = talk("git@gitlab.com:acme/app.git", wishes, &[]);
    assert_eq!(told, "acme/app at GitLab, https://gitlab.com\n");
    assert!(written.unwrap().contains("every: 6h "));
}

#[test]
fn who_leaves_in_the_middle_leaves_nothing() {
    for answers in [&[][..], &["1"], &["", "", ""]] {
        let (told, written) = talk("git@gitlab.com:acme/app.git", Wishes::default(), answers);
        assert_eq!(written.unwrap_err(), "the questions were not answered to their end", "{told}");
    }
}

#[test]
fn who_never_answers_what_fits_is_not_asked_for_ever() {
    let (_, written) =
        talk("git@gitlab.com:acme/app.git", Wishes::default(), &["99", "0", "gitlab/x", "github/deploy-key", ","]);
    assert_eq!(written.unwrap_err(), "5 answers did not fit; `tokenwheel init --help` lists the flags");
}

#[test]
fn every_answer_that_does_not_fit_says_what_would() {
    let (told, _) = talk(
        "git@gitlab.com:acme/app.git",
        Wishes::default(),
        &[
            "99",
            "gitlab/deploytoken",
            "github/deploy-key",
            "1 1 gitlab/deploy-token",
            "5h",
            "",
            "a\u{7}b",
            "",
            "perhaps",
            "y",
        ],
    );
    is("questions_that_did_not_fit", &told);
}
