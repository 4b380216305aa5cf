//! `check --offline`: without any credential, for merge requests.

use std::path::Path;

use super::commands::{Fatal, Output, fatal, load};
use super::machine::setup;
use crate::config;
use crate::report::{self, Against, Level, NotRead, OfflineReport};
use crate::run::{self, Side, Wheel};

pub(super) fn check(path: &Path, out: &Output, base: Option<&Path>) -> Result<Level, Fatal> {
    let config = load(path)?;
    let wheel = Wheel::build(&config, &setup(true)).map_err(|problems| fatal(&problems.to_string()))?;
    let after = Side { config: &config, wheel: &wheel };
    let report = OfflineReport {
        tokens: wheel.tokens.len(),
        connections: wheel.connections.len(),
        findings: run::offline(&wheel, &config),
        against: base.map(|base| against(base, after)),
    };
    report::print(&report.render(out.form));
    Ok(out.runner.finish_offline(&report, out.folder.as_deref()))
}

/// Compares with the config that would be replaced. Whatever is wrong with that one is told, and stops nothing: the new
/// one may be what mends it.
fn against(base: &Path, after: Side<'_>) -> Against {
    let file = base.display().to_string();
    if !base.exists() {
        return Against { file, not_read: Some(NotRead::Missing), differences: run::differences(None, after) };
    }
    let unsound =
        |why: String| Against { file: file.clone(), not_read: Some(NotRead::Unsound(why)), differences: Vec::new() };
    let config = match config::load(base) {
        Ok(config) => config,
        Err(problems) => return unsound(problems.to_string()),
    };
    let wheel = match Wheel::build(&config, &setup(true)) {
        Ok(wheel) => wheel,
        Err(problems) => return unsound(problems.to_string()),
    };
    let before = Side { config: &config, wheel: &wheel };
    let differences = run::differences(Some(before), after);
    Against { file, not_read: None, differences }
}
