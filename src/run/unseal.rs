//! `unseal`: delivers a value that a run minted and could not bring to its places.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Run;
use super::setup::Wheel;
use super::supply::Supplied;
use crate::issuer::{Inventory, Proof, Succession};
use crate::plan::{Code, Reason, Sight, Step};
use crate::report::RunReport;
use crate::rescue::Envelope;
use crate::text;
use crate::token::{Parts, TokenRecord, TokenValue};

/// What was sealed, once its token is found in the config.
#[derive(Clone)]
pub struct Sealed {
    /// The token of the config.
    pub name: String,
    value: TokenValue,
    record: TokenRecord,
    minted: DateTime<Utc>,
}

/// Why a sealed value is not delivered. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Unsealed {
    /// Its token is not in the config.
    #[error(
        "the config has no token `{0}`, for which this was sealed: was it renamed (then say `was:`), or is this the \
         config of another wheel?"
    )]
    NoToken(String),
    /// The config means another token by that name now.
    #[error("`{name}` is another token now: this was sealed for {sealed}, and the config says {now}")]
    Another {
        /// The token.
        name: String,
        /// Its subject then.
        sealed: String,
        /// Its subject now.
        now: String,
    },
    /// It is dead.
    #[error("the sealed value of `{name}` is dead: {why}; run `tokenwheel rotate`, and remove the file")]
    Dead {
        /// The token.
        name: String,
        /// What its issuer says.
        why: String,
    },
    /// There is a newer one.
    #[error("the sealed value of `{name}` is superseded: {why}; there is nothing to rescue: remove the file")]
    Superseded {
        /// The token.
        name: String,
        /// Where the newer one was seen.
        why: String,
    },
    /// Nobody could be asked.
    #[error("`{name}` could not be looked at: {why}; nothing was changed")]
    Unseen {
        /// The token.
        name: String,
        /// Why.
        why: String,
    },
}

impl Wheel {
    /// The names of a token: its own, and the one that it had before, unless that is another's now.
    pub(super) fn names_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let was = self.tokens.get(name).and_then(|token| token.spec.was.as_deref());
        std::iter::once(name).chain(was.filter(|was| !self.tokens.contains_key(*was)))
    }

    /// Puts a sealed value where its token's issuer would mint it; a refresher's becomes the login of its connection.
    pub fn unseal(&mut self, envelope: Envelope) -> Result<Sealed, Unsealed> {
        let Envelope { token: sealed_as, subject, minted, record, value, parts } = envelope;
        let found = self.tokens.keys().find(|name| self.names_of(name).any(|name| name == sealed_as)).cloned();
        let Some(name) = found else { return Err(Unsealed::NoToken(sealed_as)) };
        let Some(token) = self.tokens.get_mut(&name) else { return Err(Unsealed::NoToken(sealed_as)) };
        let now = token.issuer.subject().to_string();
        if now != subject {
            return Err(Unsealed::Another { name, sealed: subject, now });
        }
        if let Some((connection, seat)) = &token.spec.refreshes
            && let Some(credential) = self.connections.get_mut(connection).and_then(|it| it.credentials.get_mut(seat))
        {
            credential.hand(value.clone());
        }
        if let Some(own) = &mut token.own {
            own.hand(value.clone());
            token.ground.slot().switch(value.clone());
        }
        let known = token.issuer.parts();
        let parts: Parts = parts
            .into_iter()
            .filter_map(|(name, part)| Some((*known.iter().find(|known| **known == name)?, part)))
            .collect();
        let supplied = Supplied::over(&token.issuer, token.wanted.succession, value.clone(), record.expires);
        token.issuer = Arc::new(supplied.known(record.clone(), parts));
        token.wanted.create = true;
        token.wanted.watch = false;
        self.handed_over = true;
        Ok(Sealed { name, value, record, minted })
    }
}

impl Run {
    /// Delivers what was sealed, unless it is dead, or something newer stands in its places.
    pub async fn unseal(self, sealed: &Sealed) -> Result<RunReport, Unsealed> {
        if let Err(unfit) = self.is_wanted(sealed).await {
            self.end().await;
            return Err(unfit);
        }
        let mut plans = self.plan().await;
        for plan in &mut plans {
            let overlaps = self.wheel.tokens.get(&plan.name).map(|token| token.wanted.succession);
            let overlaps = overlaps == Some(Succession::Overlaps);
            // It is nobody's predecessor, and nobody's stray.
            plan.live = plan.live.take().filter(|live| overlaps && live.id != sealed.record.id);
            plan.strays.retain(|stray| stray.id != sealed.record.id);
            let sentence = format!("minted {}, and sealed", text::when(sealed.minted, self.started));
            plan.step = Step::Rotate { reason: Reason { code: Code::Interrupted, sentence } };
        }
        Ok(self.apply(plans).await)
    }

    async fn is_wanted(&self, sealed: &Sealed) -> Result<(), Unsealed> {
        let name = sealed.name.clone();
        let Some(token) = self.wheel.tokens.get(&name) else { return Err(Unsealed::NoToken(name)) };
        let seen = match self.observations.get(&name) {
            Some(Ok(seen)) => seen,
            Some(Err(why)) => return Err(Unsealed::Unseen { name, why: why.clone() }),
            None => return Err(Unsealed::NoToken(name)),
        };
        let holds = |lent: &Option<TokenValue>| lent.as_ref().is_some_and(|lent| lent.same_as(&sealed.value));
        if !seen.lent.is_empty() && seen.lent.iter().all(holds) {
            let why = format!("{} holds it already", text::list(&token.wanted.destinations));
            return Err(Unsealed::Superseded { name, why });
        }
        if let Proof::Rejected(why) = token.issuer.verify(&sealed.value).await {
            return Err(Unsealed::Dead { name, why });
        }
        let ours = sealed.value.fingerprint(&self.ledger.salt);
        let entry = self.ledger.entry(&name, &token.issuer.subject().to_string());
        if let Some(current) = entry.and_then(|entry| entry.current.as_ref())
            && current.confirmed > sealed.minted
            && current.fingerprint.as_ref().is_some_and(|fingerprint| *fingerprint != ours)
        {
            let why = format!("another one was confirmed {}", text::when(current.confirmed, self.started));
            return Err(Unsealed::Superseded { name, why });
        }
        let Inventory::Listed(records) = &seen.seen.inventory else { return Ok(()) };
        let made = sealed.record.created.unwrap_or(sealed.minted);
        for (sight, address) in seen.seen.sights.iter().zip(&token.wanted.destinations) {
            let Sight::Live { record: Some(id), .. } = sight else { continue };
            let newer =
                |record: &&TokenRecord| record.id == *id && record.created.is_some_and(|created| created > made);
            if *id != sealed.record.id && records.iter().any(|record| newer(&record)) {
                return Err(Unsealed::Superseded { name, why: format!("{address} holds a newer one") });
            }
        }
        Ok(())
    }
}
