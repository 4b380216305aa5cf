//! What has to be true after every run, and at the end of a history.

use tokenwheel::report::{Format, RunReport};
use tokenwheel_sandbox::Exchange;

use crate::estate::Kept;
use crate::history::Stage;

type Outcome = Result<RunReport, String>;

/// After every run: the exit level is true, and nothing leaked.
pub(crate) fn after_a_run(stage: &mut Stage, ended: Option<&Outcome>, told: &str) {
    let mut said = vec![("narration", told.to_owned())];
    match ended {
        None => {}
        Some(Err(why)) => said.push(("error", why.clone())),
        Some(Ok(report)) => {
            said.extend([Format::Text, Format::Json, Format::Markdown].map(|form| ("report", report.render(form, false))));
            if report.level().code() == 0 {
                let dead = wrong(stage).into_iter().filter(|(_, hidden)| !hidden);
                let broken: Vec<String> = dead.map(|(spot, _)| format!("exit 0 although {spot} is not live")).collect();
                stage.broken.extend(broken);
            }
        }
    }
    said.extend(stage.recall().map(|ledger| ("ledger", ledger)));
    let values = stage.bench.sandbox.values();
    for (place, text) in said {
        if values.iter().any(|value| value.len() > 8 && text.contains(value.as_str())) {
            stage.broken.push(format!("a value is in the {place}"));
        }
    }
}

/// The destinations that do not hold a live token of their subject, and whether they are hidden.
fn wrong(stage: &Stage) -> Vec<(String, bool)> {
    let sandbox = &stage.bench.sandbox;
    let spots = stage.estate.tokens.iter().flat_map(|token| token.spots.iter().map(move |spot| (token, spot)));
    spots
        .filter(|(token, spot)| !token.subject.is_live(sandbox, &spot.held(sandbox)))
        .map(|(token, spot)| (format!("{} in {}", token.name, spot.key), spot.is_hidden(sandbox)))
        .collect()
}

/// At the end: everything holds, nobody else was hurt. Whether a refresher without a spare was lost, as it has to be
/// when the answer to its own turn is lost.
pub(crate) fn at_the_end(stage: &mut Stage, last: Option<&Outcome>, struck: &[Exchange]) -> bool {
    let sandbox = stage.bench.sandbox.clone();
    let mut broken = Vec::new();
    let text = match last {
        Some(Ok(report)) => crate::common::text(report),
        Some(Err(why)) => {
            broken.push(format!("the last run did not begin: {why}"));
            why.clone()
        }
        None => "killed".to_owned(),
    };
    let level = last.and_then(|ended| ended.as_ref().ok()).map(|report| report.level().code());
    let lost = stage.estate.lonely.filter(|lonely| {
        let token = stage.estate.tokens.iter().find(|token| token.name == *lonely);
        token.is_some_and(|token| is_lost(token, stage))
    });
    if let Some(lonely) = lost {
        if !text.contains("make a new one by hand and put it") {
            broken.push(format!("{lonely} is lost, and the report does not say what to do"));
        }
        if level == Some(0) {
            broken.push(format!("{lonely} is lost, and the exit level is 0"));
        }
        if !struck.iter().any(|exchange| exchange.status.is_none() || exchange.status == Some(502)) {
            broken.push(format!("{lonely} is lost although no answer was"));
        }
    }
    for (spot, _) in wrong(stage) {
        let excused = lost.is_some_and(|lonely| spot.starts_with(lonely));
        if !excused {
            broken.push(format!("{spot} is not live"));
        }
    }
    if lost.is_none() && level != Some(0) {
        broken.push(format!("the last run ends with {level:?}"));
    }
    for token in &stage.estate.tokens {
        broken.extend(strays(stage, token, &text));
    }
    for stranger in &stage.estate.strangers {
        if !sandbox.gitlab(|gitlab| gitlab.is_live(&stranger.value)) {
            broken.push(format!("{} was ended", stranger.what));
        }
    }
    let (reuse, pipelines) = sandbox.gitlab(|gitlab| (gitlab.reuse_detections, gitlab.pipelines_triggered));
    if reuse + pipelines > 0 {
        broken.push(format!("{reuse} reuse detections, {pipelines} pipelines started"));
    }
    stage.broken.extend(broken);
    lost.is_some()
}

fn is_lost(token: &Kept, stage: &Stage) -> bool {
    let sandbox = &stage.bench.sandbox;
    token.spots.iter().all(|spot| !token.subject.is_live(sandbox, &spot.held(sandbox)))
}

/// At most one live token of ours that no destination holds, and the report says so.
fn strays(stage: &Stage, token: &Kept, text: &str) -> Vec<String> {
    let sandbox = &stage.bench.sandbox;
    let held: Vec<String> = token.spots.iter().map(|spot| spot.held(sandbox)).collect();
    let foreign = |value: &String| stage.estate.strangers.iter().any(|stranger| stranger.value == *value);
    let living = token.subject.living(sandbox);
    let strays: Vec<u64> = living
        .into_iter()
        .filter(|(_, value)| !held.contains(value) && !foreign(value))
        .map(|(id, _)| id)
        .collect();
    let mut broken = Vec::new();
    if strays.len() > 1 {
        broken.push(format!("{} has {} live strays", token.name, strays.len()));
    }
    let untold = strays.iter().filter(|id| !text.contains(&id.to_string()));
    broken.extend(untold.map(|id| format!("the live stray {id} of {} is not reported", token.name)));
    broken
}
