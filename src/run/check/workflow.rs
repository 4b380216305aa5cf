//! The workflows of the repository that the config is in, as far as they are scheduled and run tokenwheel.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Finding;
use super::cron::{Cron, longest_gap};
use super::pipeline;
use crate::config::{self, Config};

/// Where GitHub looks for workflows.
const FOLDER: &str = ".github/workflows";

/// That the workflows which turn this wheel come too seldom. What cannot be read is left to those who check workflows.
pub(super) fn too_slow(config: &Config) -> Option<Finding> {
    let mut crons = Vec::new();
    let mut files = Vec::new();
    for path in workflows(config.folder()) {
        let Some(workflow) = read(&path).filter(turns_a_wheel) else { continue };
        let found: Vec<Cron> = scheduled(&workflow).iter().filter_map(|cron| Cron::parse(cron)).collect();
        if !found.is_empty() {
            files.extend(path.file_name().map(|name| format!("{FOLDER}/{}", name.to_string_lossy())));
            crons.extend(found);
        }
    }
    let gap = longest_gap(&crons).filter(|gap| pipeline::is_too_slow(*gap, config.every))?;
    let what = pipeline::too_slow(&crate::text::list(&files), gap, config.every);
    Some(Finding { of: "every".to_owned(), what })
}

/// Whether a workflow's file is in the repository that the config is in.
pub(super) fn is_here(config: &Config, file: &str) -> bool {
    let name = Path::new(file).file_name();
    workflows(config.folder()).iter().any(|path| path.file_name() == name)
}

/// The environments that the jobs of a workflow name, in the repository that the config is in.
pub(super) fn environments(config: &Config, file: &str) -> Vec<String> {
    let name = Path::new(file).file_name();
    let path = workflows(config.folder()).into_iter().find(|path| path.file_name() == name);
    let Some(workflow) = path.and_then(|path| read(&path)) else { return Vec::new() };
    let named = jobs(&workflow).filter(|job| runs_it(job)).filter_map(|job| {
        let environment = job.get("environment")?;
        environment.as_str().or_else(|| environment.get("name")?.as_str()).map(str::to_owned)
    });
    // What an expression gives is not known here.
    named.filter(|name| !name.contains("${{")).collect()
}

/// The workflows of the nearest folder above that has some.
fn workflows(folder: &Path) -> Vec<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(folder) = folder.canonicalize() else { return Vec::new() };
    // Not beyond the repository.
    let inside = folder.ancestors().position(|above| above.join(".git").exists()).unwrap_or_default();
    let root = folder.ancestors().take(inside + 1).map(|above| above.join(FOLDER)).find(|folder| folder.is_dir());
    let entries = root.and_then(|root| std::fs::read_dir(root).ok()).into_iter().flatten().flatten();
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_yaml).collect();
    found.sort();
    found
}

fn read(path: &Path) -> Option<Value> {
    config::yaml(&std::fs::read_to_string(path).ok()?)
}

fn scheduled(workflow: &Value) -> Vec<String> {
    let entries = workflow.pointer("/on/schedule").and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(|entry| entry.get("cron")?.as_str().map(str::to_owned)).collect()
}

fn jobs(workflow: &Value) -> impl Iterator<Item = &Value> {
    workflow.get("jobs").and_then(Value::as_object).into_iter().flat_map(|jobs| jobs.values())
}

fn turns_a_wheel(workflow: &Value) -> bool {
    jobs(workflow).any(runs_it)
}

/// Whether a job rotates: by the action, by the image, or by the command. One that only checks or plans does not.
fn runs_it(job: &Value) -> bool {
    let mut texts = Vec::new();
    collect("", job, &mut texts);
    let by_name = |(key, text): &(String, &str)| {
        matches!(key.as_str(), "uses" | "image" | "container") && text.contains("tokenwheel")
    };
    let command = |(_, text): &(String, &str)| text.contains("tokenwheel rotate");
    let only_looks = |(key, text): &(String, &str)| {
        matches!(key.as_str(), "command" | "args" | "run")
            && ["check", "plan", "status"].iter().any(|word| text.contains(word))
    };
    let rotates = texts.iter().any(|(_, text)| text.contains("rotate"));
    texts.iter().any(command) || (texts.iter().any(by_name) && (rotates || !texts.iter().any(only_looks)))
}

/// Every text in a job, with the key that it stands under.
fn collect<'v>(key: &str, value: &'v Value, texts: &mut Vec<(String, &'v str)>) {
    match value {
        Value::String(text) => texts.push((key.to_owned(), text)),
        Value::Array(items) => items.iter().for_each(|item| collect(key, item, texts)),
        Value::Object(object) => object.iter().for_each(|(key, value)| collect(key, value, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(text: &str) -> Value {
        config::yaml(text).unwrap()
    }

    #[test]
    fn a_job_that_rotates_is_told_from_one_that_looks() {
        for text in [
            "steps: [{ uses: 'tokenwheel/tokenwheel@v1' }]",
            "steps: [{ uses: 'tokenwheel/tokenwheel@v1', with: { command: rotate } }]",
            "steps: [{ uses: 'actions/checkout@v5' }, { run: 'tokenwheel rotate --only deploy' }]",
            "container: ghcr.io/tokenwheel/tokenwheel:1\nsteps: [{ run: 'x check' }, { run: 'x rotate' }]",
        ] {
            assert!(runs_it(&job(text)), "{text}");
        }
        for text in [
            "steps: [{ uses: 'tokenwheel/tokenwheel@v1', with: { command: check } }]",
            "steps: [{ run: 'tokenwheel check --offline' }]",
            "steps: [{ run: 'rotate the logs' }]",
            "steps: [{ uses: 'actions/checkout@v5' }]",
        ] {
            assert!(!runs_it(&job(text)), "{text}");
        }
    }
}
