//! Test deliveries: they set off at the receiver whatever the event sets off, so the config must ask for them.

use std::time::Duration;

use super::super::wire::meaning;
use super::hook::Hook;
use super::place::Place;
use crate::destination::Assurance;
use crate::http::{Answer, Cause};

/// Has a delivery of that event sent, and says what became of it.
pub(super) async fn play(place: &Place, hook: &Hook, event: &str) -> anyhow::Result<Assurance> {
    let name = &place.name;
    let mut answer = place.play(hook.id(), event).await;
    if answer.as_ref().is_err_and(|error| error.cause == Cause::TooManyRequests) {
        // Five a minute for all webhooks of a place together; a refused one was not sent.
        tokio::time::sleep(Duration::from_secs(61)).await;
        answer = place.play(hook.id(), event).await;
    }
    match answer {
        Ok(answer) if answer.ok() => Ok(Assurance::Stamped),
        Ok(answer) if nothing_to_play(&answer) => Ok(Assurance::Unseen(format!(
            "no test delivery: GitLab has nothing to play {event} with; name another one with `event`"
        ))),
        Ok(answer) if answer.status.as_u16() == 422 => {
            let beside = if hook.mark().is_some() { "; the old one stands beside it" } else { "" };
            let said = place.last_answer(hook.id()).await;
            let said = said.map(|status| format!(" (its last answer was {status})")).unwrap_or_default();
            anyhow::bail!("{name}: the receiver did not take a test delivery{said}{beside}")
        }
        Ok(answer) => Ok(Assurance::Unseen(format!("no test delivery: {}", answer.refused(&meaning(&answer))))),
        Err(error) => Ok(Assurance::Unseen(format!("no test delivery: {error}"))),
    }
}

/// Whether the event was not played because there is no commit, no issue, no note to play it with.
fn nothing_to_play(answer: &Answer) -> bool {
    let said = answer.word("/message").unwrap_or_default();
    answer.status.as_u16() == 422 && (said.starts_with("Ensure the ") || said.starts_with("Testing not available"))
}
