//! What has to be true after every run, and at the end of a history.

use tokenwheel::report::{Format, RunReport};
use tokenwheel_sandbox::Exchange;

use crate::estate::Wrong;
use crate::history::{Memory, Stage};

type Outcome = Result<RunReport, String>;

/// After every run: the exit level is true, and nothing leaked.
pub(crate) fn after_a_run(stage: &mut Stage, ended: Option<&Outcome>, told: &str) {
    let sandbox = stage.bench.sandbox.clone();
    let mut said = vec![("narration", told.to_owned())];
    match ended {
        None => {}
        Some(Err(why)) => said.push(("error", why.clone())),
        Some(Ok(report)) => {
            said.extend(
                [Format::Text, Format::Json, Format::Markdown].map(|form| ("report", report.render(form, false))),
            );
            if report.level().code() == 0 {
                let remembers = !matches!(stage.memory, Memory::Lost | Memory::Old);
                let seen = |wrong: &Wrong| !wrong.hidden && !stage.estate.beyond_knowing(wrong.token, remembers);
                let dead: Vec<Wrong> = stage.estate.wrong(&sandbox).into_iter().filter(seen).collect();
                stage.broken.extend(dead.iter().map(|wrong| format!("exit 0 although {} is not live", wrong.key)));
            }
        }
    }
    said.extend(stage.recall().map(|ledger| ("ledger", ledger)));
    let values = sandbox.values();
    for (place, text) in said {
        if values.iter().any(|value| value.len() > 8 && text.contains(value.as_str())) {
            stage.broken.push(format!("a value is in the {place}"));
        }
    }
}

/// While a dead run's lease stands, no other run begins.
pub(crate) fn gives_way(second: Option<&Outcome>) -> Option<String> {
    let refused = matches!(second, Some(Err(why)) if why.contains("another run"));
    (!refused).then(|| "a second run began although the lease of the first one stood".to_owned())
}

/// One of a pair never turns itself: the other one lives in every history that is played here.
pub(crate) fn no_one_of_a_pair_turned_itself(stage: &mut Stage) {
    let is_pair = stage.estate.tokens.iter().any(|token| token.name == "spare");
    let itself = |exchange: &Exchange| {
        exchange.method == http::Method::POST && exchange.target.ends_with("/personal_access_tokens/self/rotate")
    };
    if is_pair && stage.exchanges.iter().any(itself) {
        stage.broken.push("one of a pair turned itself".to_owned());
    }
}

/// How many tokens the runs after the struck one made: one for each subject is the most that a crash may cost.
pub(crate) fn minted(stage: &mut Stage, after: &[Exchange]) -> usize {
    let made = stage
        .estate
        .tokens
        .iter()
        .filter(|token| !token.subject.is_ephemeral())
        .map(|token| (token.name, after.iter().filter(|exchange| token.subject.is_made_by(exchange)).count()));
    let made: Vec<(&str, usize)> = made.collect();
    let many = made.iter().filter(|(_, count)| *count > 1);
    stage.broken.extend(many.map(|(name, count)| format!("{name} was made {count} times after the crash")));
    made.iter().map(|(_, count)| count).sum()
}

/// At the end: everything holds, nobody else was hurt. Whether a token that has no second credential was lost, as it
/// has to be when the answer to its own turn is lost.
pub(crate) fn at_the_end(stage: &mut Stage, last: Option<&Outcome>, struck: &[Exchange]) -> bool {
    let sandbox = stage.bench.sandbox.clone();
    let mut broken = stage.estate.harm(&sandbox);
    let text = match last {
        Some(Ok(report)) => crate::common::text(report),
        Some(Err(why)) => {
            broken.push(format!("the last run did not begin: {why}"));
            why.clone()
        }
        None => "killed".to_owned(),
    };
    let level = last.and_then(|ended| ended.as_ref().ok()).map(|report| report.level().code());
    let wrong = stage.estate.wrong(&sandbox);
    let lost = stage.estate.lonely.filter(|lonely| wrong.iter().any(|wrong| wrong.token == *lonely));
    let remembers = !matches!(stage.memory, Memory::Lost | Memory::Old);
    if let Some(lonely) = lost.filter(|lonely| !stage.estate.beyond_knowing(lonely, remembers)) {
        let keys = wrong.iter().filter(|wrong| wrong.token == lonely).all(|wrong| text.contains(wrong.key));
        if !text.contains("make a new one") || !keys {
            broken.push(format!("{lonely} is lost, and the report does not say what to do"));
        }
        if level == Some(0) {
            broken.push(format!("{lonely} is lost, and the exit level is 0"));
        }
        if !struck.iter().any(|exchange| exchange.status.is_none() || exchange.status == Some(502)) {
            broken.push(format!("{lonely} is lost although no answer was"));
        }
    } else if level != Some(0) && lost.is_none() {
        broken.push(format!("the last run ends with {level:?}"));
    }
    let knowable = |token: &str| lost != Some(token) && !stage.estate.beyond_knowing(token, remembers);
    let others = wrong.iter().filter(|wrong| knowable(wrong.token));
    broken.extend(others.map(|wrong| format!("{} in {} is not live", wrong.token, wrong.key)));
    // What was lost with its only credential can be seen by nobody.
    for token in stage.estate.tokens.iter().filter(|token| knowable(token.name)) {
        let strays = stage.estate.strays(&sandbox, token);
        // With its memory the wheel retires them; without, it reports what it cannot tell from a stranger's.
        let most = usize::from(matches!(stage.memory, Memory::Lost | Memory::Old));
        if strays.len() > most {
            broken.push(format!("{} has {} live strays", token.name, strays.len()));
        }
        let untold = strays.iter().filter(|id| !text.contains(&id.to_string()));
        broken.extend(untold.map(|id| format!("the live stray {id} of {} is not reported", token.name)));
    }
    stage.broken.extend(broken);
    lost.is_some()
}
