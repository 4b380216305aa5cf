//! What a job is told of a check without any credential.

use std::path::Path;

use super::Runner;
use crate::report::{self, Format, Level, OfflineReport};
use crate::run::Grade;

/// The forms in which such a report is kept.
const KEPT: [(&str, Format); 2] = [("report.md", Format::Markdown), ("report.json", Format::Json)];

impl Runner {
    /// Tells the job what a check without any credential came to, beside the result on stdout: a line for what sends
    /// something elsewhere, the page of the step, its outputs, and the folder for reports.
    pub fn finish_offline(&self, report: &OfflineReport, folder: Option<&Path>) -> Level {
        for finding in &report.findings {
            self.annotate(report.level(), Some(&finding.of), &finding.what);
        }
        let differences = report.against.iter().flat_map(|against| &against.differences);
        for difference in differences.filter(|difference| difference.grade <= Grade::Place).take(super::ANNOTATIONS) {
            let what = format!("{}: {}", difference.grade.heading(), difference.what);
            self.annotate(Level::Later, Some(&difference.of), &what);
        }
        let facts = [("exit-code", report.level().code().to_string()), ("summary", report.summary())];
        let page = report.render(Format::Markdown);
        let kept = [self.summarise(&page), self.put_out(&facts), folder.map_or(Ok(()), |folder| keep(report, folder))];
        kept.into_iter().filter_map(Result::err).fold(report.level(), |level, why| {
            report::narrate(&why);
            level.worse(Level::Later)
        })
    }
}

fn keep(report: &OfflineReport, folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder)
        .and_then(|()| KEPT.iter().try_for_each(|(name, form)| std::fs::write(folder.join(name), report.render(*form))))
        .map_err(|error| format!("the report could not be kept in {}: {error}", folder.display()))
}
