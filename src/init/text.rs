//! The text of the config: the parts of `yaml/`, with what is known of this repository in the places of `<<…>>`.

use std::fmt::Write as _;

use super::{Beginning, Forge, Ledger};

/// The whole of `tokenwheel.yml`.
pub(super) fn config(beginning: &Beginning) -> String {
    let mut out = head(beginning);
    out.push_str("\nconnections:\n");
    let (own, refreshers) = match beginning.forge {
        Forge::GitLab => (include_str!("yaml/gitlab-connection.yml"), Some(include_str!("yaml/gitlab-refreshers.yml"))),
        Forge::GitHub => (include_str!("yaml/github-connection.yml"), None),
    };
    let connections = std::iter::once(own).chain(beginning.starts.iter().filter_map(|start| start.connection));
    out.push_str(&all(beginning, connections));
    if let Some(owner) = &beginning.owner {
        out.push_str("\ndefaults:\n  # Whom a report names, for whoever reads it.\n");
        let _ = writeln!(out, "  owner: {}", quoted(owner));
    }
    out.push_str("\ntokens:\n");
    out.push_str(&all(beginning, beginning.starts.iter().map(|start| start.token).chain(refreshers)));
    out.push_str(&ledger(beginning));
    out.push_str(&rescue(beginning));
    out
}

fn head(beginning: &Beginning) -> String {
    let Beginning { every, project, forge, .. } = beginning;
    let version = env!("CARGO_PKG_VERSION");
    let watched = if beginning.watch {
        "#\n# Everything is only watched at first: a run logs in, looks at every token and place, tells what stands and when\n\
         # it ends, and changes nothing. Take `rotate: watch` away from one token after the other; the spare and the\n\
         # refresher may be the last. A variable that is named here is overwritten then, whatever it holds.\n"
    } else {
        ""
    };
    format!(
        "# yaml-language-server: $schema=https://raw.githubusercontent.com/tokenwheel/tokenwheel/v{version}/tokenwheel.schema.json\n\
         #\n\
         # What tokenwheel turns in the pipeline of {project} at {forge}. No secret has a place in here: a credential is\n\
         # `env:NAME`, a variable of the job. `tokenwheel reference` explains every key, `tokenwheel check --offline` says\n\
         # what cannot be kept, and `tokenwheel plan` what a run would do.\n\
         {watched}\
         version: 1\n\
         every: {every}                            # how often the schedule runs: what cannot live until the next run is due now\n",
        every = every.word(),
    )
}

/// The parts, with a blank line between them.
fn all<'a>(beginning: &Beginning, parts: impl Iterator<Item = &'a str>) -> String {
    let filled: Vec<String> = parts.map(|part| fill(beginning, part)).collect();
    filled.join("\n")
}

/// A part with what is known in the places of its `<<…>>`.
fn fill(beginning: &Beginning, part: &str) -> String {
    let mut out = String::new();
    for line in part.lines() {
        let Some((before, rest)) = line.split_once("<<") else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let (hole, after) = rest.split_once(">>").unwrap_or((rest, ""));
        // A line of which nothing is left goes.
        if let Some(filling) = filling(beginning, hole) {
            let _ = writeln!(out, "{before}{filling}{after}");
        }
    }
    out
}

fn filling(beginning: &Beginning, hole: &str) -> Option<String> {
    let (word, rest) = hole.split_once(' ').unwrap_or((hole, ""));
    Some(match word {
        "url" => beginning.url.clone(),
        "project" => beginning.project.clone(),
        "group" => beginning.project.rsplit_once('/')?.0.to_owned(),
        "name" => beginning.project.rsplit_once('/')?.1.to_owned(),
        "app" => match &beginning.app {
            Some(app) => quoted(app),
            None => "the-client-id                    # fill in: from the App's page".to_owned(),
        },
        "installation" => match beginning.installation {
            Some(number) => number.to_string(),
            None => {
                "1                       # fill in: the last part of the address of the installation's page".to_owned()
            }
        },
        "rotate" if beginning.watch && rest.is_empty() => "rotate: watch".to_owned(),
        "rotate" if beginning.watch => format!("rotate: watch                         # then: {rest}"),
        "rotate" if rest.is_empty() => return None,
        "rotate" => format!("rotate: {rest}"),
        "to" => {
            let (key, shape) = rest.split_once(' ').unwrap_or((rest, ""));
            let shape = if shape.is_empty() { String::new() } else { format!(", {shape}") };
            place(beginning, key, "", &format!("{shape}, create: {{}}"))
        }
        // Of the environment of the jobs that log in, so that no other job has it. At GitHub a job has the secrets of an
        // environment as they are when it starts, and those of a repository as they were when it was queued.
        "home" => match beginning.forge {
            Forge::GitLab => place(beginning, rest, "", ", environment_scope: tokenwheel"),
            Forge::GitHub => place(beginning, rest, ", environment: rotation", ""),
        },
        _ => return None,
    })
}

/// A place at the forge: a variable at GitLab, a secret at GitHub.
fn place(beginning: &Beginning, key: &str, environment: &str, more: &str) -> String {
    let project = &beginning.project;
    match beginning.forge {
        Forge::GitLab => format!("{{ kind: gitlab/ci-variable, project: {project}, key: {key}{more} }}"),
        Forge::GitHub => {
            format!("{{ kind: github/actions-secret, repository: {project}{environment}, name: {key}{more} }}")
        }
    }
}

fn ledger(beginning: &Beginning) -> String {
    let why = "\n# What is remembered between runs: ids, dates, what is owed. No values.\n";
    let project = &beginning.project;
    match (beginning.ledger, beginning.forge) {
        (Ledger::Forge, Forge::GitLab) => {
            format!("{why}ledger: {{ kind: gitlab/ci-variable, project: {project}, key: TOKENWHEEL_LEDGER }}\n")
        }
        (Ledger::Forge, Forge::GitHub) => {
            format!(
                "{why}ledger: {{ kind: github/actions-variable, repository: {project}, name: TOKENWHEEL_LEDGER }}\n"
            )
        }
        (Ledger::File, _) => format!(
            "{why}# A runner that is thrown away after the job loses a file.\nledger: {{ kind: file, path: tokenwheel.ledger.json }}\n"
        ),
    }
}

fn rescue(beginning: &Beginning) -> String {
    let line = if beginning.rescue.is_empty() {
        "# rescue: { recipients: [age1…] }".to_owned()
    } else {
        format!("rescue: {{ recipients: [{}] }}", beginning.rescue.join(", "))
    };
    format!(
        "\n# Each new value is sealed to these public age keys before it is spread: what a run that died could not deliver is\n\
         # then not lost. `age-keygen` makes a pair; its other half stays with its owner, and opens what is left in rescue/.\n\
         {line}\n"
    )
}

/// A text in double quotes: what JSON escapes, YAML reads.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The lines, counted from one, that only a person can fill in.
pub(super) fn to_fill_in(config: &str) -> Vec<usize> {
    let lines = config.lines().enumerate().filter(|(_, line)| line.contains("# fill in"));
    lines.map(|(number, _)| number + 1).collect()
}
