//! The contract of a shelf: a place that keeps the ledger, and the lease beside it.
//!
//! A shelf keeps a few named texts. All that the lease needs of it is that [`Shelf::create`] lets exactly one of two
//! callers win.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::destination::Site;

/// Whether a text was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was not there before, and is now.
    Won,
    /// It is there already, and was left alone.
    Taken,
}

/// A place for a few small texts. `part` is empty for the main one, and a short upper-case word for others.
#[async_trait]
pub trait Shelf: Send + Sync {
    /// Where it is, for people.
    fn address(&self) -> String;

    /// The most bytes that one text may have.
    fn room(&self) -> Option<usize>;

    /// Reads a text; `None` when there is none.
    async fn get(&self, part: &str) -> anyhow::Result<Option<String>>;

    /// Writes a text, whole or not at all.
    async fn put(&self, part: &str, text: &str) -> anyhow::Result<()>;

    /// Writes a text if there is none; of two callers one wins.
    async fn create(&self, part: &str, text: &str) -> anyhow::Result<Created>;

    /// Removes a text. That there is none is well.
    async fn remove(&self, part: &str) -> anyhow::Result<()>;
}

/// One kind of shelf, as the catalogue lists it.
pub struct ShelfKind {
    /// Its name: that of the destination whose place it shares.
    pub kind: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// The narrowest rights that work, for the reference and `check --needs`.
    pub needs: &'static str,
    /// The JSON schema of its own keys.
    pub schema: fn() -> Value,
    /// Makes a shelf from its own keys.
    pub build: fn(Value, &Site) -> anyhow::Result<Arc<dyn Shelf>>,
}
