//! `check --offline --against`: what a merge request changes in meaning, without any credential.

use serde_json::Value;

use crate::stage::{CONFIG, Ran, Stage};

/// A stage without any credential: the config, and beside it, in a folder of its own, the one it would replace.
fn stage(change: &[(&str, &str)]) -> Stage {
    let mut stage = Stage::set();
    stage.environment.clear();
    std::fs::create_dir(stage.path("base")).unwrap();
    std::fs::rename(stage.path("tokenwheel.yml"), stage.path("base/tokenwheel.yml")).unwrap();
    let changed = change.iter().fold(CONFIG.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    stage.write(&changed);
    stage
}

const ARGS: &[&str] = &["check", "--offline", "--against", "base/tokenwheel.yml"];

/// A bit of everything.
const CHANGES: &[(&str, &str)] = &[
    ("url: \"{styra}\"", "url: \"https://styra.example.com\""),
    ("spare: env:GITLAB_SPARE", "spare: env:SOMEBODY_ELSES"),
    ("key: DEPLOY_TOKEN }", "key: DEPLOY_TOKEN }\n      - { kind: file, path: copy }"),
    ("paths: [\"^/v1/data/.*\"]", "paths: [\"^/v1/data/.*\", \".*\"]"),
    ("every: 12h", "every: 24h"),
    ("owner: \"@platform\"", "owner: \"@nobody\""),
];

#[track_caller]
fn prints(ran: &Ran, code: i32, stage: &Stage, name: &str) {
    assert_eq!(ran.code, Some(code), "{ran}");
    ran.is(name, stage.folder.path());
}

#[test]
fn a_merge_request_is_told_what_it_changes_the_most_dangerous_first() {
    let stage = stage(CHANGES);
    prints(&stage.run_in_vain(ARGS), 0, &stage, "against");
    prints(&stage.run_in_vain(&[ARGS, &["--format", "markdown"]].concat()), 0, &stage, "against_markdown");
    assert!(stage.sandbox.exchanges().is_empty(), "nothing is asked of anybody");
}

#[test]
fn the_differences_are_there_for_machines() {
    let stage = stage(CHANGES);
    let ran = stage.run_in_vain(&[ARGS, &["--format", "json"]].concat());
    assert_eq!(ran.code, Some(0), "{ran}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&report), "against command connections findings level tokens version");
    assert_eq!(keys(&report["against"]), "differences file state why");
    assert_eq!(report["against"]["state"], "compared");
    let differences = report["against"]["differences"].as_array().unwrap();
    let grades: Vec<&str> = differences.iter().map(|one| one["grade"].as_str().unwrap()).collect();
    assert_eq!(grades, ["host", "credential", "place", "rights", "guard", "other"]);
    assert_eq!(keys(&differences[0]), "grade of what");
}

#[test]
fn a_difference_alone_fails_nothing_and_a_config_that_cannot_be_kept_does() {
    let unsound = stage(&[("every: 12h", "every: 2d")]);
    prints(&unsound.run_in_vain(ARGS), 2, &unsound, "against_unsound");
    let markdown = unsound.run_in_vain(&[ARGS, &["--format", "markdown"]].concat());
    assert!(markdown.out.contains("\n- **opa-agent**: a life of 3 d"), "{markdown}");
    let same = stage(&[]);
    prints(&same.run_in_vain(ARGS), 0, &same, "against_the_same");
}

#[test]
fn without_a_config_before_everything_is_new() {
    let stage = stage(&[]);
    std::fs::remove_file(stage.path("base/tokenwheel.yml")).unwrap();
    prints(&stage.run_in_vain(ARGS), 0, &stage, "against_nothing");
}

#[test]
fn a_config_before_that_is_wrong_is_told_and_the_new_one_is_checked_all_the_same() {
    let broken = stage(&[("every: 12h", "every: 2d")]);
    std::fs::write(broken.path("base/tokenwheel.yml"), "version: 1\nevry: 6h\n").unwrap();
    prints(&broken.run_in_vain(ARGS), 2, &broken, "against_what_is_wrong");
    // One that can be read and not be built.
    let twice = CONFIG.replace("key: DAS_TOKEN, environment_scope: production", "key: DEPLOY_TOKEN");
    std::fs::write(
        broken.path("base/tokenwheel.yml"),
        twice.replace("{gitlab}", "https://a").replace("{styra}", "https://b"),
    )
    .unwrap();
    let ran = broken.run_in_vain(ARGS);
    assert!(ran.out.contains("cannot be compared with") && ran.out.contains("go to the same place"), "{ran}");
}

#[test]
fn included_files_are_read_beside_the_config_that_names_them() {
    let stage = stage(&[("every: 12h", "every: 12h\ninclude: [more.yml]")]);
    let base = std::fs::read_to_string(stage.path("base/tokenwheel.yml")).unwrap();
    std::fs::write(stage.path("base/tokenwheel.yml"), base.replace("every: 12h", "every: 12h\ninclude: [more.yml]"))
        .unwrap();
    let token = |path: &str| {
        format!(
            "tokens:\n  hook:\n    issuer: {{ kind: random/secret, name: hook, ttl: 30d }}\n    destinations: [{{ kind: file, path: {path} }}]\n"
        )
    };
    std::fs::write(stage.path("base/more.yml"), token("old")).unwrap();
    std::fs::write(stage.path("more.yml"), token("new")).unwrap();
    let ran = stage.run_in_vain(ARGS);
    assert!(ran.out.contains("token hook: it would go to file new, no longer to file old"), "{ran}");
    assert!(ran.out.starts_with("1 difference from base/tokenwheel.yml\n"), "{ran}");
}

#[test]
fn it_goes_with_offline_only() {
    let stage = stage(&[]);
    let ran = stage.run_in_vain(&["check", "--against", "base/tokenwheel.yml"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("--offline"), "{ran}");
}

#[test]
fn a_job_is_told_on_its_own_page_and_keeps_the_report() {
    let mut stage = stage(CHANGES);
    for (name, value) in [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", "page.md"), ("GITHUB_OUTPUT", "outputs")]
    {
        stage.environment.insert(name.to_owned(), value.to_owned());
    }
    let ran = stage.run_in_vain(&[ARGS, &["--report-dir", "reports"]].concat());
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.err.contains("::warning title=tokenwheel%3A connection das::a credential goes to a new host"), "{ran}");
    let read = |name: &str| std::fs::read_to_string(stage.path(name)).unwrap();
    assert!(read("page.md").contains("| a credential goes to a new host | connection das |"), "{}", read("page.md"));
    assert_eq!(read("page.md"), read("reports/report.md"));
    assert!(read("outputs").starts_with("exit-code=0\nsummary=5 tokens over 2 connections"), "{}", read("outputs"));
    assert_eq!(serde_json::from_str::<Value>(&read("reports/report.json")).unwrap()["level"], 0);
}
