//! The program with one of its checks switched off, so that a reader sees the laws catch it. Nothing of this ships: what
//! the program is made of is wrapped here.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use tokenwheel::destination::{Address, Ask, Assurance, Destination, Given, Holding, Reader, Receipt};
use tokenwheel::issuer::{Ended, Inventory, Issuer, Leave, MintError, Proof, Succession};
use tokenwheel::plan::{Plan, Seat, Step};
use tokenwheel::rotation::Verb;
use tokenwheel::run::{Wheel, Witness, World};
use tokenwheel::shelf::{Created, Shelf};
use tokenwheel::token::{Minted, Order, Parts, Subject, TokenRecord, TokenValue, ValueShape};

/// What can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Law 1: destinations are not asked before a mint.
    Rehearsal,
    /// Law 2: a mint whose answer was lost is sent again.
    MintOnce,
    /// Law 2: no intent is written before a mint.
    Intent,
    /// Law 3: what the issuer rejects counts as alive.
    Proof,
    /// Law 4: what was delivered is not looked at again, and a refused write counts as done.
    Confirmation,
    /// Law 5: the old one ends without its overlap.
    Overlap,
    /// Law 5: whatever bears our name is retired.
    Marks,
    /// Law 6: there is no spare; the login turns itself.
    Spare,
    /// Law 7: what a destination holds is not looked at.
    Truth,
    /// Law 8: the narration shows the value.
    Silence,
    /// Law 10: without a memory, every run makes all tokens anew.
    Memory,
    /// Law 14: the lease of another run is taken although it stands.
    Lease,
}

impl Check {
    /// Each of them: the word for the command line, the law, and what is switched off.
    pub const ALL: [(Self, &'static str, u8, &'static str); 12] = [
        (Self::Rehearsal, "rehearsal", 1, "destinations are not asked before a mint"),
        (Self::MintOnce, "mint-once", 2, "a mint whose answer was lost is sent again"),
        (Self::Intent, "intent", 2, "no intent is written before a mint"),
        (Self::Proof, "proof", 3, "what the issuer rejects counts as alive"),
        (Self::Confirmation, "confirmation", 4, "a refused write counts as done, and nobody looks again"),
        (Self::Overlap, "overlap", 5, "the old one ends without its overlap"),
        (Self::Marks, "marks", 5, "whatever bears our name is retired"),
        (Self::Spare, "spare", 6, "the refresher turns itself although there is a spare"),
        (Self::Truth, "truth", 7, "what a destination holds is not looked at"),
        (Self::Silence, "silence", 8, "the narration shows the value"),
        (Self::Memory, "memory", 10, "what lives is not taken over: it is made anew"),
        (Self::Lease, "lease", 14, "the lease of another run is taken although it stands"),
    ];

    /// By its word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name, ..)| *name == word).map(|(check, ..)| *check)
    }
}

/// Breaks what a wheel is made of.
pub fn break_wheel(check: Check, wheel: &mut Wheel, world: &World) {
    for (name, token) in &mut wheel.tokens {
        let (inner, witness, name) = (Arc::clone(&token.issuer), Arc::clone(&world.witness), name.clone());
        token.issuer = Arc::new(Mint { check, inner, witness, name });
        for place in &mut token.destinations {
            place.to = Arc::new(Place { check, inner: Arc::clone(&place.to) });
        }
        if check == Check::Overlap {
            token.wanted.overlap = TimeDelta::zero();
        }
    }
    if check == Check::Spare {
        for linked in wheel.connections.values_mut() {
            linked.credentials.remove(&Seat::Spare);
        }
    }
    wheel.shelf = wheel.shelf.take().map(|inner| Arc::new(Memory { check, inner }) as Arc<dyn Shelf>);
}

/// Breaks what was planned.
pub fn break_plans(check: Check, plans: &mut [Plan]) {
    if check == Check::Memory {
        for plan in plans.iter_mut().filter(|plan| plan.step == Step::Keep) {
            let sentence = "everything is made anew".to_owned();
            plan.step =
                Step::Rotate { reason: tokenwheel::plan::Reason { code: tokenwheel::plan::Code::Owed, sentence } };
        }
    }
}

struct Mint {
    check: Check,
    inner: Arc<dyn Issuer>,
    witness: Arc<dyn Witness>,
    name: String,
}

#[async_trait]
impl Issuer for Mint {
    fn succession(&self) -> Succession {
        self.inner.succession()
    }

    fn subject(&self) -> &Subject {
        self.inner.subject()
    }

    fn shape(&self) -> Option<ValueShape> {
        self.inner.shape()
    }

    fn recognises(&self, value: &TokenValue) -> bool {
        self.inner.recognises(value)
    }

    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave> {
        self.inner.rehearse(order).await
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        self.inner.inventory().await
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let mut minted = self.inner.mint(order).await;
        if self.check == Check::MintOnce && matches!(minted, Err(MintError::InDoubt(_))) {
            minted = self.inner.mint(order).await;
        }
        if let (Check::Silence, Ok(minted)) = (self.check, &minted) {
            self.witness.told(&self.name, Verb::Mint, minted.value.expose());
        }
        minted
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        match self.inner.verify(value).await {
            Proof::Rejected(_) if self.check == Check::Proof => Proof::Alive,
            proof => proof,
        }
    }

    async fn revoke(&self, record: &TokenRecord, value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let ended = self.inner.revoke(record, value).await;
        if self.check == Check::Marks
            && let Ok(Inventory::Listed(records)) = self.inner.inventory().await
        {
            for other in records.iter().skip(1) {
                let _ = self.inner.revoke(other, None).await;
            }
        }
        ended
    }

    fn askable(&self) -> bool {
        self.inner.askable()
    }

    fn ends_tokens(&self) -> bool {
        self.inner.ends_tokens()
    }

    fn constant_id(&self) -> Option<&str> {
        self.inner.constant_id()
    }

    fn parts(&self) -> &'static [&'static str] {
        self.inner.parts()
    }

    fn known_parts(&self) -> Parts {
        self.inner.known_parts()
    }

    async fn mints_as(&self) -> Option<String> {
        self.inner.mints_as().await
    }
}

struct Place {
    check: Check,
    inner: Arc<dyn Destination>,
}

#[async_trait]
impl Destination for Place {
    fn address(&self) -> &Address {
        self.inner.address()
    }

    async fn rehearse(&self, ask: &Ask<'_>) -> anyhow::Result<()> {
        if self.check == Check::Rehearsal { Ok(()) } else { self.inner.rehearse(ask).await }
    }

    async fn deliver(&self, value: &TokenValue, last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let delivered = self.inner.deliver(value, last).await;
        if self.check == Check::Confirmation { Ok(delivered.unwrap_or_default()) } else { delivered }
    }

    async fn confirm(&self, value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        if self.check == Check::Confirmation {
            return Ok(Assurance::ReadBack);
        }
        self.inner.confirm(value, receipt).await
    }

    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding> {
        if self.check == Check::Truth {
            return Ok(Holding::Unknowable("nobody looks".to_owned()));
        }
        self.inner.holds(last).await
    }

    async fn clear_up(&self, receipt: &Receipt) -> anyhow::Result<()> {
        self.inner.clear_up(receipt).await
    }

    fn gives(&self) -> Option<Given> {
        self.inner.gives()
    }

    fn knows_readers(&self) -> anyhow::Result<bool> {
        self.inner.knows_readers()
    }

    async fn readers(&self) -> anyhow::Result<Vec<Reader>> {
        self.inner.readers().await
    }

    fn exposure(&self) -> Option<String> {
        self.inner.exposure()
    }
}

struct Memory {
    check: Check,
    inner: Arc<dyn Shelf>,
}

#[async_trait]
impl Shelf for Memory {
    fn address(&self) -> String {
        self.inner.address()
    }

    fn room(&self) -> Option<usize> {
        self.inner.room()
    }

    async fn get(&self, part: &str) -> anyhow::Result<Option<String>> {
        self.inner.get(part).await
    }

    async fn put(&self, part: &str, text: &str) -> anyhow::Result<()> {
        let without = (self.check == Check::Intent).then(|| forget_intents(text)).flatten();
        self.inner.put(part, without.as_deref().unwrap_or(text)).await
    }

    async fn create(&self, part: &str, text: &str) -> anyhow::Result<Created> {
        if self.check == Check::Lease {
            self.inner.put(part, text).await?;
            return Ok(Created::Won);
        }
        self.inner.create(part, text).await
    }

    async fn remove(&self, part: &str) -> anyhow::Result<()> {
        self.inner.remove(part).await
    }
}

/// A ledger without the intents in it; nothing for a text that is none.
fn forget_intents(text: &str) -> Option<String> {
    let mut ledger: serde_json::Value = serde_json::from_str(text).ok()?;
    for entry in ledger.get_mut("tokens")?.as_object_mut()?.values_mut() {
        entry.as_object_mut()?.remove("intents");
    }
    Some(ledger.to_string())
}
