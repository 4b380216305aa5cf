//! Values that nobody can be asked about: to ask a rotating refresh token is to use it up, and a secret that was made
//! here has no issuer. Fingerprints decide, and whether the places that share it hold the same.

use super::setup::Turning;
use crate::ledger::{Current, Entry};
use crate::plan::Sight;
use crate::token::{Salt, TokenValue};

/// Finds the value that a token logs in with. What a destination holds was written after the environment was read, so
/// it counts; else the ledger tells whether the environment holds the one before the last turn. That must not be tried:
/// a server that is shown a spent one may end all that followed.
pub(super) async fn find_own(token: &Turning, entry: Option<&Entry>, salt: &Salt) -> Result<(), String> {
    let Some(own) = &token.own else { return Ok(()) };
    let mut held = Vec::new();
    for to in token.destinations.iter().filter(|to| to.form.has_value()) {
        held.extend(to.lends().await.filter(|value| token.issuer.recognises(value)));
    }
    let current = entry.and_then(|entry| entry.current.as_ref()).and_then(|current| current.fingerprint.as_ref());
    let spent = entry.and_then(|entry| entry.spent.as_ref());
    let is_current = |value: &&TokenValue| current.is_some_and(|known| *known == value.fingerprint(salt));
    let is_spent = |value: &&TokenValue| spent.is_some_and(|known| *known == value.fingerprint(salt));
    let cut_off = entry.is_some_and(|entry| !entry.intents.is_empty());
    // A run that was cut off may have delivered its successor.
    let successor = held.iter().find(|value| !is_current(value) && !is_spent(value));
    let known = held.iter().find(is_current);
    let choice = if cut_off { successor.or(known) } else { known.or(successor) };
    if let Some(value) = choice {
        let others = held.iter().any(|other| !other.same_as(value) && !is_current(&other) && !is_spent(&other));
        if others && known.is_none() {
            return Err(
                "its places hold different values, and nobody remembers which came last: put the right one into \
                        all of them by hand"
                    .to_owned(),
            );
        }
        token.ground.slot().switch(value.clone());
        return Ok(());
    }
    let source = &own.source;
    let value = own.value.as_ref().map_err(|why| format!("it rotates itself, and {why}"))?;
    if is_spent(&value) || !held.is_empty() {
        return Err(format!(
            "what {source} holds was exchanged by an earlier run, and must not be tried again: this job was started \
             before that run ended, or the new one never came there; start a new job, and if it says the same, put a \
             new one there by hand"
        ));
    }
    token.ground.slot().switch(value.clone());
    Ok(())
}

/// What a place that holds such a value was seen to hold.
pub(super) fn sight(
    value: TokenValue,
    current: Option<&Current>,
    is_current: Option<bool>,
    entry: Option<&Entry>,
) -> (Sight, Option<TokenValue>) {
    let cut_off = entry.is_some_and(|entry| !entry.intents.is_empty());
    let sight = match (is_current, current) {
        (Some(true) | None, _) if cut_off => {
            Sight::Unknowable("the run before may have used it up, and its answer was lost".to_owned())
        }
        (Some(true), Some(current)) => Sight::Live { record: Some(current.id.clone()), lent: true },
        // Another one than was confirmed: ours only if a run of ours was cut off after its delivery.
        (Some(false), _) if !cut_off => {
            Sight::Unknowable("it holds another value than the one delivered last".to_owned())
        }
        _ => Sight::Live { record: None, lent: true },
    };
    (sight, Some(value))
}

/// The places of one token share one value: where they differ, at least one of them is wrong.
pub(super) fn compare(addresses: &[String], sights: &mut [Sight], lent: &[Option<TokenValue>]) {
    let known = sights.iter().position(|sight| matches!(sight, Sight::Live { record: Some(_), .. }));
    let first = lent.iter().position(Option::is_some);
    let Some(reference) = known.or(first) else { return };
    let (Some(Some(right)), Some(address)) = (lent.get(reference), addresses.get(reference)) else { return };
    for (sight, value) in sights.iter_mut().zip(lent) {
        if value.as_ref().is_some_and(|value| !value.same_as(right)) {
            *sight = Sight::Wrong(format!("it holds another value than {address}"));
        }
    }
}
