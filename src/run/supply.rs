//! `supply`: a person hands over a value that no API mints; the other five verbs are done as always.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Run;
use super::setup::Wheel;
use crate::issuer::{Ended, Inventory, Issuer, Leave, MintError, Proof, Succession};
use crate::plan::Sight;
use crate::report::RunReport;
use crate::text;
use crate::token::{Minted, Order, Parts, Subject, TokenRecord, TokenValue, ValueShape};

/// What a person hands over.
#[derive(Clone)]
pub struct Supply {
    /// The token of the config.
    pub name: String,
    /// The value.
    pub value: TokenValue,
    /// When it dies, if the person says so.
    pub dies: Option<DateTime<Utc>>,
}

/// Why a value is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It is not one that a person mints.
    #[error("token `{0}` is minted by its issuer, and cannot be supplied: `rotate` makes a new one")]
    Minted(String),
    /// It goes nowhere.
    #[error("token `{0}` has no destination: there is nowhere to put the value")]
    Nowhere(String),
    /// It has another form.
    #[error(
        "this is no value for `{name}`: those of {kind} have another form; look for quotes around it, or for another \
         token's value; nothing was changed"
    )]
    Unknown {
        /// The token.
        name: String,
        /// The kind of its issuer.
        kind: String,
    },
    /// It would be dead.
    #[error("--expires: this day is past; say when the new value dies")]
    Past,
    /// It is there already.
    #[error("this is the value that {0} holds already; nothing was changed")]
    Same(String),
    /// The issuer refuses it.
    #[error("the issuer rejects this value: {0}; nothing was changed")]
    Rejected(String),
}

impl Wheel {
    /// Puts the value where the token's issuer would mint it.
    pub fn supply(&mut self, supply: Supply) -> Result<(), Unfit> {
        let Supply { name, value, dies } = supply;
        let Some(token) = self.tokens.get_mut(&name) else { return Ok(()) };
        if token.issuer.succession() != Succession::Manual {
            return Err(Unfit::Minted(name));
        }
        if token.destinations.is_empty() {
            return Err(Unfit::Nowhere(name));
        }
        if !token.issuer.recognises(&value) {
            return Err(Unfit::Unknown { name, kind: token.spec.issuer.kind.clone() });
        }
        token.issuer = Arc::new(Supplied::over(&token.issuer, Succession::Overlaps, value, dies));
        token.wanted.succession = Succession::Overlaps;
        token.wanted.create = true;
        token.wanted.watch = false;
        self.handed_over = true;
        Ok(())
    }
}

impl Run {
    /// Delivers what was supplied, unless it is there already or the issuer knows it to be dead.
    pub async fn supply(self, supply: &Supply) -> Result<RunReport, Unfit> {
        let named = match self.fit(supply).await {
            Ok(named) => named,
            Err(unfit) => {
                self.end().await;
                return Err(unfit);
            }
        };
        let mut plans = self.plan().await;
        let old = plans.iter().any(|plan| plan.live.is_some());
        let token = self.wheel.tokens.get(&supply.name);
        if let (true, Some(plan), Some(token)) = (old, plans.first_mut(), token)
            && !token.issuer.ends_tokens()
        {
            plan.notes.push("end the old one by hand once its users have the new one".to_owned());
        }
        for plan in &mut plans {
            // The only one that is listed may be the one that was handed over: it is nobody's predecessor.
            let other = |live: &TokenRecord| named.as_ref().is_some_and(|named| *named != live.id);
            if plan.live.as_ref().is_some_and(|live| !other(live) && !self.is_known(&plan.name, live)) {
                plan.live = None;
            }
        }
        Ok(self.apply(plans).await)
    }

    /// Whether a record is remembered, or was named by what a destination holds.
    fn is_known(&self, name: &str, live: &TokenRecord) -> bool {
        let Some(token) = self.wheel.tokens.get(name) else { return false };
        let entry = self.ledger.entry(name, &token.issuer.subject().to_string());
        let remembered = entry.and_then(|entry| entry.current.as_ref()).is_some_and(|current| current.id == live.id);
        let held = |sight: &Sight| matches!(sight, Sight::Live { record: Some(record), .. } if *record == live.id);
        let seen = self.observations.get(name).and_then(|seen| seen.as_ref().ok());
        remembered || seen.is_some_and(|seen| seen.seen.sights.iter().any(held))
    }

    /// What its issuer calls the value, where it says so; or why it is not taken.
    async fn fit(&self, supply: &Supply) -> Result<Option<String>, Unfit> {
        if supply.dies.is_some_and(|dies| dies <= self.started) {
            return Err(Unfit::Past);
        }
        let Some(token) = self.wheel.tokens.get(&supply.name) else { return Ok(None) };
        let Some(Ok(seen)) = self.observations.get(&supply.name) else { return Ok(None) };
        let holds = |lent: &Option<TokenValue>| lent.as_ref().is_some_and(|lent| lent.same_as(&supply.value));
        let places = token.wanted.destinations.iter().zip(&seen.lent);
        let has_it: Vec<String> = places.filter(|(_, lent)| holds(lent)).map(|(place, _)| place.clone()).collect();
        if has_it.len() == token.wanted.destinations.len() {
            return Err(Unfit::Same(text::list(&has_it)));
        }
        match token.issuer.verify(&supply.value).await {
            Proof::Rejected(why) => Err(Unfit::Rejected(why)),
            proof => Ok(proof.record().map(|record| record.id.clone())),
        }
    }
}

/// An issuer whose next token is already made.
pub(super) struct Supplied {
    inner: Arc<dyn Issuer>,
    succession: Succession,
    value: TokenValue,
    dies: Option<DateTime<Utc>>,
    /// What was minted with it.
    parts: Parts,
    /// What is known of it already.
    record: Option<TokenRecord>,
    /// What lived when it was handed over.
    follows: Mutex<Option<TokenRecord>>,
}

impl Supplied {
    pub(super) fn over(
        inner: &Arc<dyn Issuer>,
        succession: Succession,
        value: TokenValue,
        dies: Option<DateTime<Utc>>,
    ) -> Self {
        let (inner, follows) = (Arc::clone(inner), Mutex::default());
        Self { inner, succession, value, dies, parts: Parts::new(), record: None, follows }
    }

    /// What is known of it already, and what was minted with it.
    pub(super) fn known(self, record: TokenRecord, parts: Parts) -> Self {
        Self { record: Some(record), parts, ..self }
    }

    /// Which record it is, where the issuer only says that it lives: the one that is newer than what lived before.
    async fn newcomer(&self) -> Option<Box<TokenRecord>> {
        let Ok(Inventory::Listed(records)) = self.inner.inventory().await else { return None };
        let old = self.follows.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let newer =
            |record: &TokenRecord| old.as_ref().is_none_or(|old| record.id != old.id && record.created > old.created);
        let mut found = records.into_iter().filter(newer);
        match (found.next(), found.next()) {
            (Some(only), None) => Some(Box::new(only)),
            _ => None,
        }
    }

    /// What the person says of its end counts where the issuer says nothing.
    fn dated(&self, record: &TokenRecord) -> TokenRecord {
        TokenRecord { expires: record.expires.or(self.dies), ..record.clone() }
    }
}

#[async_trait]
impl Issuer for Supplied {
    fn succession(&self) -> Succession {
        self.succession
    }

    fn subject(&self) -> &Subject {
        self.inner.subject()
    }

    fn shape(&self) -> Option<ValueShape> {
        Some(self.value.shape())
    }

    fn recognises(&self, value: &TokenValue) -> bool {
        self.inner.recognises(value)
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::May)
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        self.inner.inventory().await
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let named = || format!("supplied {}", order.now.format("%Y-%m-%d %H:%M"));
        *self.follows.lock().unwrap_or_else(PoisonError::into_inner) = order.follows.cloned();
        let record = TokenRecord {
            created: Some(order.now),
            expires: self.dies.or(order.until),
            ..TokenRecord::named(self.inner.constant_id().map_or_else(named, str::to_owned))
        };
        let record = self.record.clone().unwrap_or(record);
        Ok(Minted { parts: self.parts.clone(), ..Minted::new(self.value.clone(), record) })
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        match self.inner.verify(value).await {
            Proof::Identity(record) => Proof::Identity(Box::new(self.dated(&record))),
            Proof::Matched(record) => Proof::Matched(Box::new(self.dated(&record))),
            Proof::Alive => {
                self.newcomer().await.map_or(Proof::Alive, |record| Proof::Identity(Box::new(self.dated(&record))))
            }
            proof => proof,
        }
    }

    async fn revoke(&self, record: &TokenRecord, value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        self.inner.revoke(record, value).await
    }

    fn askable(&self) -> bool {
        self.inner.askable()
    }

    fn ends_tokens(&self) -> bool {
        self.inner.ends_tokens()
    }

    fn parts(&self) -> &'static [&'static str] {
        self.inner.parts()
    }

    fn known_parts(&self) -> Parts {
        self.inner.known_parts()
    }
}
