//! What a person makes by hand, with the page for each, and what comes then.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::forge::Pages;
use super::text::to_fill_in;
use super::{Beginning, CONFIG, Forge};

/// The steps, numbered; then the rights, as `check --needs` says them; then the commands.
pub(super) fn tell(beginning: &Beginning, config: &str, needs: &str) -> String {
    let pages = Pages { base: &beginning.url, project: &beginning.project };
    let mut steps = match beginning.forge {
        Forge::GitLab => gitlab(beginning, &pages),
        Forge::GitHub => github(beginning, &pages),
    };
    let open = to_fill_in(config);
    if !open.is_empty() {
        let lines: Vec<String> = open.iter().map(ToString::to_string).collect();
        let word = if open.len() == 1 { "line" } else { "lines" };
        steps.push(format!("What is marked `fill in` in {CONFIG}, {word} {}.", lines.join(", ")));
    }
    let mut out = String::from("By hand, once:\n");
    for (number, step) in steps.iter().enumerate() {
        let _ = writeln!(out, "\n{}. {}", number + 1, step.replace('\n', "\n   "));
    }
    let _ = write!(out, "\nThe rights, as `tokenwheel check --needs` says them:\n\n{needs}");
    let _ = write!(
        out,
        "\nThen:\n\n  \
         tokenwheel check --offline   says whether the config can be kept; needs no credential\n  \
         tokenwheel check             logs in, and looks whether all of that is there; changes nothing\n  \
         tokenwheel plan              says what a run would do, and why\n\n\
         The last two need the credentials in the environment. Commit both files; the schedule does the rest.\n"
    );
    if beginning.watch {
        let _ = writeln!(out, "It only watches, until `rotate: watch` is taken away from a token.");
    }
    out
}

/// Names and what they are, in two columns: those of the forge, then those of the tokens.
fn credentials(beginning: &Beginning, own: &[(&str, &str)]) -> String {
    let others = beginning.starts.iter().flat_map(|start| start.credentials).map(|one| (one.name, one.what));
    let all: Vec<(&str, &str)> = own.iter().copied().chain(others).collect();
    let widest = all.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines: Vec<String> = all.iter().map(|(name, what)| format!("  {name:widest$}  {what}")).collect();
    lines.join("\n")
}

fn gitlab(beginning: &Beginning, pages: &Pages<'_>) -> Vec<String> {
    let project = &beginning.project;
    let tokens = format!(
        "Two personal access tokens of one user, both with the scope `api`. The user is a Maintainer of {project},\n\
         and an Owner of the group where tokens of a group are turned; better a bot than a person, whose tokens end with\n\
         the account. Logged in as that user:\n  \
         tokenwheel-refresher  {}\n  \
         tokenwheel-spare      {}",
        pages.personal_token("tokenwheel-refresher"),
        pages.personal_token("tokenwheel-spare"),
    );
    let own =
        [("GITLAB_REFRESHER", "the value of tokenwheel-refresher"), ("GITLAB_SPARE", "the value of tokenwheel-spare")];
    let variables = format!(
        "CI/CD variables of {project}, each of them protected and masked, with the environment scope `tokenwheel`:\n\
         that is the environment of the jobs that log in, and no other job has them. Not hidden: what is hidden cannot\n\
         be read back.\n  {}\n{}",
        pages.variables(),
        credentials(beginning, &own),
    );
    let schedule = format!(
        "A pipeline schedule on the default branch, which must be protected, with the cron `{}`. That user\n\
         should own it: the schedule of somebody who is blocked does not run.\n  {}",
        beginning.every.cron(project),
        pages.schedule(),
    );
    vec![tokens, variables, schedule]
}

fn github(beginning: &Beginning, pages: &Pages<'_>) -> Vec<String> {
    let fixed = [("secrets", "write"), ("actions_variables", "write")];
    let mut wanted: BTreeMap<&'static str, &'static str> = fixed.into();
    wanted.extend(beginning.starts.iter().flat_map(|start| start.permissions.iter().copied()));
    let permissions: Vec<(&'static str, &'static str)> = wanted.into_iter().collect();
    let said: Vec<String> = permissions.iter().map(|(name, level)| format!("{name}: {level}")).collect();
    let app = format!(
        "A GitHub App with these permissions of a repository, and no others:\n  {}\n\
         The page is filled in; for an account that is no organisation it is {}/settings/apps/new\n  {}\n\
         On the App's page, generate a private key. Install the App on {}, and on what else it is to write to:\n  {}",
        said.join(", "),
        pages.base,
        pages.app(&permissions),
        beginning.project,
        pages.installations(),
    );
    let own = [("WHEEL_APP_KEY", "the App's private key: the whole file, with its first and its last line")];
    let secrets = format!(
        "An environment `rotation` of {}, which only the default branch may use, with these secrets:\n  {}\n{}",
        beginning.project,
        pages.environments(),
        credentials(beginning, &own),
    );
    vec![app, secrets]
}
