//! Where it is started, and what is there already.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::stage::{PASSWORD, Stage};

#[test]
fn in_a_folder_of_the_repository_it_writes_at_the_root() {
    let stage = Stage::of("git@gitlab.com:acme/app.git");
    stage.put("deep/down/here.txt", "");
    stage.run_in("deep/down", &["init"]).well();
    assert_eq!(stage.files(), [".gitlab-ci.yml", "deep/down/here.txt", "tokenwheel.yml"]);
}

#[test]
fn in_a_worktree_it_writes_there_and_not_in_the_main_one() {
    let stage = Stage::of("git@gitlab.com:acme/app.git");
    stage.git(&["commit", "--quiet", "--allow-empty", "--message", "begin"]);
    stage.git(&["worktree", "add", "--quiet", "--detach", "other"]);
    assert!(stage.path("other/.git").is_file());
    stage.run_in("other", &["init"]).well();
    assert_eq!(stage.files(), ["other/.gitlab-ci.yml", "other/tokenwheel.yml"]);
}

#[test]
fn without_a_repository_the_flags_say_everything() {
    let stage = Stage::bare();
    let flags = ["init", "--forge", "gitlab", "--url", "https://git.example.com", "--project", "acme/app"];
    stage.run(&flags).well();
    assert_eq!(stage.files(), [".gitlab-ci.yml", "tokenwheel.yml"]);
    let told = "ledger: { kind: gitlab/ci-variable, project: acme/app, key: TOKENWHEEL_LEDGER }";
    assert!(stage.read("tokenwheel.yml").contains(told));
}

#[test]
fn a_remote_that_is_named_is_taken_instead_of_origin() {
    let stage = Stage::of("git@gitlab.com:acme/app.git");
    stage.run(&["init", "--remote", "https://github.com/acme/other.git"]).well();
    assert_eq!(stage.files(), [".github/workflows/tokenwheel.yml", "tokenwheel.yml"]);
    assert!(stage.read("tokenwheel.yml").contains("repository: acme/other,"));
}

#[test]
fn an_address_that_git_rewrites_is_the_rewritten_one() {
    let stage = Stage::of("gl:acme/app");
    stage.git(&["config", &format!("url.https://oauth2:{PASSWORD}@git.example.com/gitlab/.insteadOf"), "gl:"]);
    // Below a path: only its own address tells that.
    stage.run(&["init", "--forge", "gitlab", "--url", "https://git.example.com/gitlab/"]).well();
    let written = stage.read("tokenwheel.yml");
    assert!(written.contains("    url: https://git.example.com/gitlab\n"), "{written}");
    assert!(written.contains("project: acme/app,"), "{written}");
}

#[test]
fn a_password_in_the_remote_is_neither_written_nor_printed() {
    for remote in [
        format!("https://oauth2:{PASSWORD}@gitlab.com/acme/app.git"),
        format!("https://{PASSWORD}@gitlab.com/acme/app.git"),
        format!("ssh://git:{PASSWORD}@gitlab.com/acme/app.git"),
        // Not understood, and therefore not repeated.
        format!("https://oauth2:{PASSWORD}/x@gitlab.com/acme/app.git"),
        format!("https://oauth2:{PASSWORD}@gitlab.com/app"),
        format!("{PASSWORD}:{PASSWORD}@gitlab.com/acme/app.git"),
        format!("/srv/{PASSWORD}/app"),
    ] {
        // The stage itself looks for it in all that is printed and written.
        Stage::of(&remote).run(&["init"]);
        Stage::bare().run(&["init", "--remote", &remote, "-vv"]);
        Stage::of(&remote).run(&["init", "--dry-run", "-vv"]);
    }
}

#[test]
fn what_it_writes_anybody_may_read() {
    let stage = Stage::of("https://github.com/acme/app");
    stage.run(&["init"]).well();
    for name in stage.files() {
        let mode = stage.path(&name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{name}");
    }
}

#[test]
fn a_file_that_says_something_else_is_named_and_nothing_is_written() {
    for name in ["tokenwheel.yml", ".github/workflows/tokenwheel.yml"] {
        let stage = Stage::of("https://github.com/acme/app");
        stage.put(name, "theirs\n");
        let why = stage.run(&["init"]).refused();
        assert!(why.starts_with(&format!("{name} is there already and is never overwritten")), "{why}");
        assert_eq!(stage.files(), [name]);
        assert_eq!(stage.read(name), "theirs\n");
    }
}

#[test]
fn a_link_in_the_place_of_a_file_is_a_file_that_is_there() {
    let stage = Stage::of("git@gitlab.com:acme/app.git");
    symlink("nowhere", stage.path("tokenwheel.yml")).unwrap();
    assert!(stage.run_link(&["init"]).contains("tokenwheel.yml is there already"));
    assert!(!stage.path("nowhere").exists() && !stage.path(".gitlab-ci.yml").exists());
}

#[test]
fn a_folder_that_leads_out_of_the_repository_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    let stage = Stage::of("https://github.com/acme/app");
    symlink(outside.path(), stage.path(".github")).unwrap();
    let why = stage.run_link(&["init"]);
    assert!(
        why.contains(".github/workflows/tokenwheel.yml: its folder is a link that leads out of the repository"),
        "{why}"
    );
    assert!(!stage.path("tokenwheel.yml").exists());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn where_one_file_cannot_be_written_the_other_is_not_left_behind() {
    let stage = Stage::of("https://github.com/acme/app");
    // A file where a folder would have to be.
    stage.put(".github", "theirs\n");
    let why = stage.run(&["init"]).refused();
    assert!(why.starts_with(".github/workflows/tokenwheel.yml: "), "{why}");
    assert_eq!(stage.files(), [".github"]);
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let stage = Stage::of("git@gitlab.com:acme/app.git");
    let mut shell = std::process::Command::new("/bin/sh");
    shell.env_clear().env("PATH", "/usr/bin:/bin").current_dir(stage.root()).stdin(std::process::Stdio::null());
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_tokenwheel"), "init"]);
    let why = stage.ran(&shell.output().unwrap()).refused();
    assert!(why.starts_with("tokenwheel.yml: "), "{why}");
    assert_eq!(stage.files(), Vec::<String>::new());
}

#[test]
fn it_is_no_matter_who_the_pipeline_belongs_to_when_it_turns_the_wheel_already() {
    let stage = Stage::of("git@gitlab.com:acme/app.git");
    stage.run(&["init"]).well();
    let both = format!("{}\nbuild:\n  script: make\n", stage.read(".gitlab-ci.yml"));
    stage.put(".gitlab-ci.yml", &both);
    let said = stage.run(&["init"]).well();
    assert!(said.out.contains(".gitlab-ci.yml: there already, and turns the wheel\n"), "{said}");
    assert_eq!(stage.read(".gitlab-ci.yml"), both);
}
