//! The schedule of the pipeline, as far as the repository of the config shows it.

use crate::stage::Stage;

const WORKFLOW: &str = "name: rotate\non:\n  schedule:\n    - cron: \"41 3 * * *\"\njobs:\n  rotate:\n    runs-on: \
                        ubuntu-latest\n    steps:\n      - run: tokenwheel rotate\n";

fn with_workflow(name: &str, text: &str) -> Stage {
    let mut stage = Stage::set();
    stage.environment.clear();
    let folder = stage.path(".github/workflows");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
    stage
}

#[test]
fn a_workflow_that_comes_too_seldom_is_told_without_any_credential() {
    let stage = with_workflow("rotate.yml", WORKFLOW);
    let ran = stage.run_in_vain(&["check", "--offline"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    ran.is("workflow_too_slow", stage.folder.path());
    // What it says is what helps.
    stage.amend("every: 12h", "every: 24h");
    assert_eq!(stage.run_in_vain(&["check", "--offline"]).code, Some(0));
}

#[test]
fn workflows_that_rotate_nothing_or_cannot_be_read_are_left_alone() {
    for text in [
        WORKFLOW.replace("tokenwheel rotate", "tokenwheel check --offline"),
        WORKFLOW.replace("schedule:\n    - cron: \"41 3 * * *\"", "push:"),
        "on: [this is not".to_owned(),
        WORKFLOW.replace("41 3 * * *", "41 3 * *"),
    ] {
        let stage = with_workflow("rotate.yaml", &text);
        let ran = stage.run_in_vain(&["check", "--offline"]);
        assert_eq!(ran.code, Some(0), "{text}\n{ran}");
    }
}

#[test]
fn the_repository_of_a_config_ends_where_its_history_lies() {
    let stage = with_workflow("rotate.yml", WORKFLOW);
    let inner = stage.path("inner/config");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::copy(stage.path("tokenwheel.yml"), inner.join("tokenwheel.yml")).unwrap();
    let check = || stage.run_in_vain(&["check", "--offline", "--config", "inner/config/tokenwheel.yml"]).code;
    // Below a folder that is no repository only the config's own folder counts.
    assert_eq!(check(), Some(0));
    std::fs::create_dir(stage.path(".git")).unwrap();
    assert_eq!(check(), Some(2), "the repository's workflows are those of every config in it");
    std::fs::create_dir(stage.path("inner/.git")).unwrap();
    assert_eq!(check(), Some(0), "another repository's are not");
}
