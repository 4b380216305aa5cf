//! What people and other programs do between two runs.

use std::sync::Arc;

use crate::estate::{Spot, Token, put, remove};
use crate::stage::{Stage, lock};

/// Somebody ends a token at its issuer.
pub fn end_a_token(stage: &Arc<Stage>) {
    let Some(token) = stage.dice(|dice| dice.pick(&stage.estate.tokens).cloned()) else { return };
    let Some(value) = token.spots.first().map(|spot| spot.held(&stage.estate.sandbox)) else { return };
    // Where a person has put a stranger's token, that one is not ours to lose.
    if stage.estate.strangers.iter().any(|stranger| stranger.value == value) {
        return;
    }
    stage.tried("a token is ended by somebody else");
    stage.tell(|| format!("somebody ends {}", token.name));
    (token.end)(&stage.estate.sandbox, &value);
}

/// Somebody edits a variable: puts a value of earlier back, or another token, or removes it.
pub fn edit_a_variable(stage: &Arc<Stage>) {
    let spots: Vec<(&Token, &Spot)> =
        stage.estate.tokens.iter().flat_map(|token| token.spots.iter().map(move |spot| (token, spot))).collect();
    let Some((token, spot)) = stage.dice(|dice| dice.pick(&spots).copied()) else { return };
    // What nobody can read or be asked about cannot be told from what was delivered.
    if spot.hidden || token.unasked || token.minted_as.is_some() {
        return;
    }
    let sandbox = &stage.estate.sandbox;
    let now = spot.held(sandbox);
    let known: Vec<String> = lock(&stage.needles).values().map(str::to_owned).collect();
    let old: Vec<String> = sandbox.gitlab(|gitlab| {
        // Whoever replaces a login by another one's has changed who logs in.
        let strangers = stage.estate.strangers.iter().filter(|_| token.seat_of.is_none() && !token.alone);
        let strangers = strangers.map(|stranger| stranger.value.clone());
        let dead = known.into_iter().filter(|value| !gitlab.is_live(value));
        dead.chain(strangers).filter(|value| *value != now && value.starts_with(now.get(..6).unwrap_or("?"))).collect()
    });
    // A live one of this very token is handed over with that.
    let old: Vec<String> = old.into_iter().filter(|value| !(token.live)(sandbox, value)).collect();
    let roll = stage.dice(|dice| dice.below(10));
    // Without the variable of its only login a wheel does not begin at all.
    let login = token.seat_of.is_some() && (token.alone || !lock(&stage.book).lost.is_empty());
    if roll < 2 && !login {
        stage.tried("a variable is removed by a person");
        stage.tell(|| format!("somebody removes {}", spot.key));
        remove(sandbox, spot);
    } else if let Some(value) = stage.dice(|dice| dice.pick(&old).cloned()) {
        stage.tried("a variable is given another token by a person");
        stage.tell(|| format!("somebody puts another token into {}", spot.key));
        put(sandbox, spot, &value);
    }
}
