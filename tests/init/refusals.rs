//! Without a terminal nothing is asked and nothing hangs: what is missing, or does not fit, is said with its flag.

use std::fmt::Write as _;

use crate::stage::Stage;
use crate::texts::is;

const APP: &str = "git@gitlab.com:acme/app.git";

#[test]
fn everything_that_it_refuses_names_the_flag() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["init"]),
        ("", &["init", "--forge", "gitlab"]),
        ("", &["init", "--forge", "gitlab", "--url", "https://gitlab.example.com"]),
        ("", &["init", "--forge", "gitlab", "--project", "acme/app"]),
        ("git@work:acme/app.git", &["init"]),
        ("git@work:acme/app.git", &["init", "--forge", "gitlab"]),
        ("https://codeberg.org/acme/app.git", &["init"]),
        ("/srv/git/app.git", &["init"]),
        ("/srv/git/app.git", &["init", "--forge", "github"]),
        ("https://github.com/acme/app/more", &["init"]),
        ("http://gitlab.example.com/acme/app", &["init"]),
        (APP, &["init", "--url", "gitlab.example.com"]),
        (APP, &["init", "--url", "https://me:glpat-hunter2@gitlab.example.com"]),
        (APP, &["init", "--url", "https://gitlab.example.com/?token=glpat-hunter2"]),
        (APP, &["init", "--url", "https://gitlab.example.com/{x}"]),
        (APP, &["init", "--project", "app"]),
        (APP, &["init", "--project", "acme/app\nkey: value"]),
        (APP, &["init", "--token", "gitlab/deploytoken"]),
        (APP, &["init", "--token", "github/deploy-key"]),
        (APP, &["init", "--every", "5h"]),
        (APP, &["init", "--every", "12h", "--token", "atlassian/oauth-token"]),
        (APP, &["init", "--owner", "a\nb"]),
        (APP, &["init", "--app", "Iv23li"]),
        (APP, &["init", "--rescue", "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZHUNTER2"]),
        (APP, &["init", "--rescue", "age1nobody"]),
        (APP, &["--config", "other.yml", "init"]),
        ("https://github.com/acme/app", &["init", "--app", "a: b"]),
    ];
    let mut told = String::new();
    for (remote, args) in cases {
        let stage = if remote.is_empty() { Stage::bare() } else { Stage::of(remote) };
        let why = stage.run(args).refused();
        assert_eq!(stage.files(), Vec::<String>::new(), "{args:?}");
        let _ = writeln!(told, "{remote} $ {}\n{why}\n", args.join(" ").escape_debug());
    }
    is("refusals", &told);
}

#[test]
fn a_flag_that_is_no_flag_is_refused_by_the_command_line() {
    for args in [
        &["init", "--forge", "codeberg"][..],
        &["init", "--watch", "perhaps"],
        &["init", "--installation", "x"],
        &["init", "--ledger", "sky"],
    ] {
        let stage = Stage::of(APP);
        let ran = stage.run(args);
        assert_eq!((ran.code, stage.files()), (Some(2), Vec::new()), "{ran}");
    }
}

#[test]
fn without_git_at_hand_the_remote_is_said() {
    let stage = Stage::of(APP);
    let run = |args: &[&str]| stage.ran(&stage.command("", args).env("PATH", "/nowhere").output().unwrap());
    let why = run(&["init"]).refused();
    assert!(why.contains("say --forge gitlab or --forge github"), "{why}");
    run(&["init", "--remote", APP]).well();
    assert_eq!(stage.files(), [".gitlab-ci.yml", "tokenwheel.yml"]);
}
