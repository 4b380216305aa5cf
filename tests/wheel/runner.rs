//! The binary as a job: what it says to the runner that it runs under, and what it leaves for later steps.

use std::process::Stdio;

use crate::stage::{CONFIG, Ran, Stage, unsealed};

/// The environment of a step of GitHub Actions, with its command files in the folder of the stage.
fn on_github() -> Stage {
    let mut stage = Stage::set();
    // What is sealed is another time's matter: its blocks are never the same.
    stage.write(&unsealed());
    let path = |name: &str| stage.path(name).display().to_string();
    let job = [
        ("GITHUB_ACTIONS", "true".to_owned()),
        ("GITHUB_SERVER_URL", "https://github.example.com".to_owned()),
        ("GITHUB_REPOSITORY", "acme/tokenwheel".to_owned()),
        ("GITHUB_RUN_ID", "42".to_owned()),
        ("GITHUB_STEP_SUMMARY", path("summary")),
        ("GITHUB_OUTPUT", path("outputs")),
    ];
    stage.environment.extend(job.map(|(name, value)| (name.to_owned(), value)));
    stage
}

fn on_gitlab() -> Stage {
    let mut stage = Stage::set();
    let job = [("GITLAB_CI", "true"), ("CI_JOB_URL", "https://gitlab.example.com/acme/tokenwheel/-/jobs/7")];
    stage.environment.extend(job.map(|(name, value)| (name.to_owned(), value.to_owned())));
    stage
}

/// Runs it as a runner does, which reads its pipes, and takes away the masks.
fn heard(stage: &Stage, args: &[&str]) -> (Vec<String>, Ran) {
    let mut output = stage.command(args).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let (masks, rest): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| line.starts_with("::add-mask::"));
    output.stderr = rest.iter().flat_map(|line| [line, "\n"]).collect::<String>().into_bytes();
    (masks.iter().map(|line| line.replacen("::add-mask::", "", 1)).collect(), stage.read(&output))
}

#[test]
fn github_is_told_to_hide_each_new_value_and_nothing_else() {
    let stage = on_github();
    let (mut masks, ran) = heard(&stage, &["rotate"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let held = |key, scope| stage.held("projects/acme/app", key, scope);
    let mut new = vec![held("DEPLOY_TOKEN", "*"), held("DAS_TOKEN", "production")];
    new.sort();
    masks.sort();
    assert!(masks == new, "{} masks\n{ran}", masks.len());
    ran.is("on_github", stage.folder.path());
}

#[test]
fn a_value_is_masked_before_it_is_told_of() {
    let stage = on_github();
    let said = String::from_utf8(stage.command(&["rotate", "--only", "deploy"]).output().unwrap().stderr).unwrap();
    let at = |start: &str| said.lines().position(|line| line.starts_with(start)).unwrap();
    assert!(at("::add-mask::") < at("deploy: mint: token"));
}

#[test]
fn no_mask_is_written_where_it_would_stay() {
    let stage = on_github();
    let file = stage.path("log");
    let kept = std::fs::File::create(&file).unwrap();
    let ran = stage.command(&["rotate"]).stdout(Stdio::null()).stderr(kept).status().unwrap();
    assert!(ran.success());
    let log = std::fs::read_to_string(file).unwrap();
    assert!(log.contains("deploy: mint: token"), "{log}");
    assert!(!log.contains("::add-mask::"));
    assert!(stage.sandbox.values().iter().all(|value| !log.contains(value)));
}

#[test]
fn neither_gitlab_nor_a_terminal_is_shown_a_value() {
    for stage in [on_gitlab(), Stage::set()] {
        // The stage itself searches what was printed.
        let ran = stage.run(&["rotate"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(!ran.err.contains("add-mask"), "{ran}");
    }
}

#[test]
fn a_step_has_a_page_and_outputs() {
    let stage = on_github();
    let (_, ran) = heard(&stage, &["rotate"]);
    let summary = std::fs::read_to_string(stage.path("summary")).unwrap();
    assert!(summary.starts_with("### tokenwheel rotate\n\n2 rotated, 3 kept: all well"), "{summary}");
    let outputs = std::fs::read_to_string(stage.path("outputs")).unwrap();
    let output = |name: &str| outputs.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap();
    assert_eq!(output("exit-code"), "0", "{ran}");
    assert_eq!((output("failed"), output("at-risk")), ("", ""));
    let mut rotated: Vec<&str> = output("rotated").split(',').collect();
    rotated.sort_unstable();
    assert_eq!(rotated, ["deploy", "opa-agent"]);
    assert!(output("summary").starts_with("2 rotated, 3 kept: all well; next due "), "{outputs}");
    assert!(chrono::DateTime::parse_from_rfc3339(output("next-due")).is_ok(), "{outputs}");
    assert_eq!(outputs.lines().count(), 6, "{outputs}");
}

#[test]
fn what_other_steps_wrote_there_is_kept() {
    let stage = on_github();
    std::fs::write(stage.path("outputs"), "theirs=1\n").unwrap();
    heard(&stage, &["plan"]);
    assert!(std::fs::read_to_string(stage.path("outputs")).unwrap().starts_with("theirs=1\nexit-code=0\n"));
}

#[test]
fn an_outcome_that_cannot_be_told_to_the_job_makes_the_run_a_worse_one() {
    let mut stage = on_github();
    stage.environment.insert("GITHUB_OUTPUT".to_owned(), stage.folder.path().display().to_string());
    let (_, ran) = heard(&stage, &["plan", "--only", "deploy"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.err.contains("the outputs of this step: "), "{ran}");
}

#[test]
fn what_went_wrong_stands_beside_the_step() {
    let stage = on_github();
    stage.amend("project: acme/app, key: DEPLOY_TOKEN", "project: acme/lost, key: DEPLOY_TOKEN");
    let (_, ran) = heard(&stage, &["rotate", "--only", "deploy"]);
    let notes: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("::warning ")).collect();
    assert_eq!(ran.code, Some(3), "{ran}");
    assert_eq!(notes.len(), 1, "{ran}");
    assert!(notes[0].starts_with("::warning title=tokenwheel%3A deploy::nothing was changed: "), "{ran}");
}

#[test]
fn a_run_that_did_not_begin_is_told_beside_the_step_too() {
    let stage = on_github();
    stage.write(&CONFIG.replace("every:", "evry:"));
    let (_, ran) = heard(&stage, &["rotate"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("\n::error title=tokenwheel::fatal: nothing was attempted"), "{ran}");
    let outputs = std::fs::read_to_string(stage.path("outputs")).unwrap();
    assert!(outputs.starts_with("exit-code=2\nsummary=fatal: nothing was attempted; "), "{outputs}");
    let page = std::fs::read_to_string(stage.path("summary")).unwrap();
    assert!(page.contains("no key 'evry'"), "{page}");
}

#[test]
fn the_narration_is_in_a_section_of_gitlabs_log_and_the_report_after_it() {
    let stage = on_gitlab();
    let ran = stage.run(&["rotate", "--only", "deploy"]);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert!(lines[0].starts_with("\x1b[0Ksection_start:") && lines[0].contains(":tokenwheel_verbs[collapsed=true]\r"));
    assert!(lines.last().unwrap().starts_with("\x1b[0Ksection_end:"), "{ran}");
    assert!(lines[1].starts_with("deploy: rehearse: "), "{ran}");
}

#[test]
fn a_job_whose_log_shows_every_variable_is_refused() {
    for command in [&["rotate"][..], &["plan"], &["check"], &["status"], &["revoke", "deploy", "--reason", "a test"]] {
        let mut stage = on_gitlab();
        stage.environment.insert("CI_DEBUG_TRACE".to_owned(), "true".to_owned());
        let ran = stage.run_in_vain(command);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.err.starts_with("fatal: nothing was attempted\nCI_DEBUG_TRACE is on: "), "{ran}");
        assert!(stage.sandbox.exchanges().is_empty(), "{ran}");
    }
    let mut stage = on_gitlab();
    for (yes, code) in [("TRUE", 2), ("1", 2), ("t", 2), ("false", 0), ("0", 0), ("", 0)] {
        stage.environment.insert("CI_DEBUG_TRACE".to_owned(), yes.to_owned());
        assert_eq!(stage.run(&["plan"]).code, Some(code), "{yes}");
    }
    stage.environment.insert("CI_DEBUG_TRACE".to_owned(), "true".to_owned());
    assert_eq!(stage.run(&["check", "--offline"]).code, Some(0));
}

#[test]
fn the_lease_names_the_page_of_the_job() {
    for (stage, page) in [
        (on_github(), "https://github.example.com/acme/tokenwheel/actions/runs/42"),
        (on_gitlab(), "https://gitlab.example.com/acme/tokenwheel/-/jobs/7"),
    ] {
        let lease = format!(
            "{{\"holder\":\"{page}\",\"nonce\":\"0\",\"until\":\"{}\"}}",
            (stage.sandbox.now() + chrono::TimeDelta::minutes(20)).to_rfc3339()
        );
        std::fs::write(stage.path("ledger.json.lease"), lease).unwrap();
        let ran = stage.run_in_vain(&["rotate"]);
        assert_eq!(ran.code, Some(3), "{ran}");
        assert!(ran.err.contains(page), "{ran}");
    }
}

#[test]
fn a_folder_for_reports_has_a_form_for_everybody() {
    let stage = on_gitlab();
    stage.run(&["rotate", "--report-dir", "report"]);
    let read = |name: &str| std::fs::read_to_string(stage.path(&format!("report/{name}"))).unwrap();
    let junit = read("junit.xml");
    assert!(junit.contains("<testcase name=\"deploy\" classname=\"gitlab/project-access-token\""), "{junit}");
    let metrics = read("metrics.txt");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(
        metrics.contains(
            "tokenwheel_token_level{token=\"deploy\",issuer=\"gitlab/project-access-token\",owner=\"@platform\"} 0\n"
        ),
        "{metrics}"
    );
    let outputs = read("outputs.env");
    assert!(outputs.contains("TOKENWHEEL_EXIT_CODE=0\nTOKENWHEEL_ROTATED="), "{outputs}");
    assert!(!outputs.contains(' '), "{outputs}");
    assert!(read("report.md").contains("| deploy |") && read("report.json").contains("\"command\": \"rotate\""));
}

#[test]
fn a_token_at_risk_is_an_error_of_the_pipelines_tests_and_one_left_to_do_a_failure() {
    let stage = Stage::set();
    stage.amend("project: acme/app, key: DEPLOY_TOKEN", "project: acme/lost, key: DEPLOY_TOKEN");
    let ran = stage.run(&["rotate", "--only", "deploy", "--format", "junit"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.out.contains("<failure message=\"nothing was changed: "), "{ran}");
    assert!(ran.out.contains("type=\"later\""), "{ran}");
    stage.sandbox.gitlab(|gitlab| gitlab.revoke(stage.deploy.id));
    let ran = stage.run(&["rotate", "--only", "deploy", "--format", "junit"]);
    assert_eq!(ran.code, Some(4), "{ran}");
    assert!(ran.out.contains("<error ") && ran.out.contains("type=\"now\""), "{ran}");
}
