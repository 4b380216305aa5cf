//! A destination of a token, and the form in which it gets what was minted.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use chrono::TimeDelta;

use crate::destination::{Destination, Holding, Receipt};
use crate::token::{Form, Parts, TokenValue};

/// A destination, and the form in which it gets what was minted.
pub struct Place {
    /// Where it goes.
    pub to: Arc<dyn Destination>,
    /// In which form.
    pub form: Form,
    /// Whether it is given it before the others.
    pub first: bool,
}

impl Deref for Place {
    type Target = dyn Destination;

    fn deref(&self) -> &Self::Target {
        self.to.as_ref()
    }
}

impl Place {
    /// What it holds, without the form.
    pub(super) async fn look(&self, last: Option<&Receipt>) -> anyhow::Result<Held> {
        Ok(match self.to.holds(last).await? {
            Holding::Lent(text) if self.form.has_value() => {
                self.form.take_off(&text).map_or(Held::Misshapen, |value| Held::Known(Holding::Lent(value)))
            }
            Holding::Lent(_) => {
                let parts: Vec<String> = self.form.parts().iter().map(|part| format!("`{part}`")).collect();
                let what = format!("it holds only {} of the token, which proves nothing", crate::text::list(&parts));
                Held::Known(Holding::Unknowable(what))
            }
            other => Held::Known(other),
        })
    }

    /// The value that it lends, if it does.
    pub(super) async fn lends(&self) -> Option<TokenValue> {
        match self.look(None).await {
            Ok(Held::Known(Holding::Lent(value))) => Some(value),
            _ => None,
        }
    }
}

/// What a place holds.
pub(super) enum Held {
    /// This.
    Known(Holding),
    /// A text that has not the form of the config.
    Misshapen,
}

/// The places that need what only a mint gives, so that no sibling can lend it to them.
pub(super) fn only_minted(places: &[Place], known: &Parts) -> BTreeSet<usize> {
    let lacking = |place: &Place| place.form.parts().iter().any(|part| !known.contains_key(part));
    places.iter().enumerate().filter(|(_, place)| lacking(place)).map(|(index, _)| index).collect()
}

/// The longest that it is waited for jobs: a lease, which is renewed before each stage of a run, outlasts it.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(20);

/// Whether waiting for jobs can be kept, and does something.
pub(super) fn may_wait(wait: TimeDelta, replaces: bool, destinations: &[Place]) -> Result<(), String> {
    if !replaces {
        return Err("does nothing here: the old one lives on beside the new one, for its `overlap`".to_owned());
    }
    if wait > LONGEST_WAIT {
        return Err(format!("is {} at most", crate::text::span(LONGEST_WAIT)));
    }
    let mut any = false;
    for place in destinations {
        any |= place.knows_readers().map_err(|why| format!("cannot be kept: {why:#}"))?;
    }
    let who =
        "`gitlab/ci-variable` of a project, `github/actions-secret` and `github/actions-variable` of a repository";
    if any { Ok(()) } else { Err(format!("does nothing here: only these know their jobs: {who}")) }
}
