//! A destination of a token, and the form in which it gets what was minted.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

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
