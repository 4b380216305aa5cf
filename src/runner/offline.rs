//! What a job is told of a check without any credential.

use std::path::Path;

use super::commands::trimmed;
use super::{Home, Runner, SUMMARY, append};
use crate::report::{self, Format, Level, OfflineReport};
use crate::run::Grade;

/// The forms in which such a report is kept.
const KEPT: [(&str, Format); 2] = [("report.md", Format::Markdown), ("report.json", Format::Json)];

impl Runner {
    /// Tells the job what a check without any credential came to, beside the result on stdout: a line for what sends
    /// something elsewhere, the page of the step, its outputs, and the folder for reports.
    pub fn finish_offline(&self, report: &OfflineReport, folder: Option<&Path>) -> Level {
        for finding in &report.findings {
            self.annotate(report.level(), &finding.of, &finding.what);
        }
        let differences = report.against.iter().flat_map(|against| &against.differences);
        for difference in differences.filter(|difference| difference.grade <= Grade::Place).take(super::ANNOTATIONS) {
            let what = format!("{}: {}", difference.grade.heading(), difference.what);
            self.annotate(Level::Later, &difference.of, &what);
        }
        let kept = [self.page(report), self.facts(report), folder.map_or(Ok(()), |folder| keep(report, folder))];
        kept.into_iter().filter_map(Result::err).fold(report.level(), |level, why| {
            report::narrate(&why);
            level.worse(Level::Later)
        })
    }

    fn page(&self, report: &OfflineReport) -> Result<(), String> {
        let Home::GitHub { summary: Some(path), .. } = &self.home else { return Ok(()) };
        let text = report.render(Format::Markdown);
        append(path, trimmed(&text, SUMMARY)).map_err(|error| format!("the summary of this step: {error}"))
    }

    fn facts(&self, report: &OfflineReport) -> Result<(), String> {
        let Home::GitHub { outputs: Some(path), .. } = &self.home else { return Ok(()) };
        let lines = format!("exit-code={}\nsummary={}\n", report.level().code(), report.summary());
        append(path, &lines).map_err(|error| format!("the outputs of this step: {error}"))
    }
}

fn keep(report: &OfflineReport, folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder)
        .and_then(|()| KEPT.iter().try_for_each(|(name, form)| std::fs::write(folder.join(name), report.render(*form))))
        .map_err(|error| format!("the report could not be kept in {}: {error}", folder.display()))
}
