//! Secrets of Actions, Dependabot and Codespaces: sealed for GitHub's own key, written, and never read again.
//!
//! All that GitHub shows of a secret is when it was last written. That is the stamp: it must have moved with the write,
//! and it stays what it was until somebody writes again.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::Method;
use octocrab::models::PublicKey;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;

use super::create::{Create, Visibility};
use super::place::{Level, Place, moved, stamp};
use super::sealed::sealed;
use super::store::Store;
use super::wire::date;
use crate::connection::Means;
use crate::destination::{Address, Ask, Assurance, Destination, Given, Holding, Reader, Receipt};
use crate::http::{Answer, Retry};
use crate::token::TokenValue;

/// The most bytes that a secret holds. <https://docs.github.com/en/actions/reference/security/secrets#limits-for-secrets>
const LARGEST: usize = 48 * 1024;

/// What GitHub shows of a secret.
#[derive(Clone, Deserialize)]
struct SecretJson {
    updated_at: DateTime<Utc>,
    /// `all`, `private` or `selected`; an organisation's only.
    visibility: Option<String>,
}

/// A secret as it was seen, and whom it is shown to.
#[derive(Clone)]
struct Seen {
    secret: SecretJson,
    /// The repositories by number, where they are selected.
    selected: Option<Vec<u64>>,
}

/// A secret's place.
pub(super) struct Secret {
    place: Place,
    store: Store,
    key: String,
    create: Option<Create>,
    means: Means,
    address: Address,
    /// What was seen of it in this run.
    seen: OnceCell<Option<Seen>>,
}

impl Secret {
    pub(super) fn new(
        place: Place,
        store: Store,
        name: &str,
        create: Option<Create>,
        means: Means,
    ) -> anyhow::Result<Self> {
        let key = super::place::key(name)?;
        if let Some(create) = &create {
            create.fits(place.level)?;
        }
        place.needs(store.permission(place.level), true)?;
        let address = Address::new(format!("{} {} {key}", place.name, store.name()));
        Ok(Self { place, store, key, create, means, address, seen: OnceCell::new() })
    }

    /// Where the store's secrets are, below the place.
    fn secrets(&self) -> String {
        // An environment has only the one store, and its path does not say so.
        if self.place.level == Level::Environment {
            "secrets".to_owned()
        } else {
            format!("{}/secrets", self.store.word())
        }
    }

    /// The key that the place's secrets are sealed with.
    async fn public_key(&self, anew: bool) -> anyhow::Result<Arc<PublicKey>> {
        let path = format!("{}/{}", self.place.base, self.secrets());
        let asked = self.place.github.public_key(&path, anew).await;
        asked.with_context(|| format!("{}: the key to seal it with cannot be had", self.address))
    }

    /// Looks, once a run.
    async fn look(&self) -> anyhow::Result<Option<Seen>> {
        self.seen.get_or_try_init(|| self.read()).await.cloned()
    }

    /// Reads all there is to read. That there is none is told apart from a place that cannot be seen by the place's key,
    /// which whoever may read its secrets may have.
    async fn read(&self) -> anyhow::Result<Option<Seen>> {
        let path = format!("{}/{}", self.secrets(), self.key);
        let answer = self.place.call(Method::GET, &path, None, Retry::Read).await?;
        match answer.status.as_u16() {
            200 => {
                let secret: SecretJson = answer.json()?;
                let selected = match secret.visibility.as_deref() {
                    Some("selected") => Some(self.place.selected(&path).await?),
                    _ => None,
                };
                Ok(Some(Seen { secret, selected }))
            }
            404 => {
                self.public_key(false).await?;
                Ok(None)
            }
            _ => Err(self.place.refused(&answer).into()),
        }
    }

    fn missing(&self) -> anyhow::Error {
        anyhow::anyhow!("{} does not exist: create it by hand once, or say `create:`", self.address)
    }

    /// Writes the value, sealed with this key. An organisation's says each time whom it is shown to, or would be shown
    /// to others afterwards. <https://docs.github.com/en/rest/actions/secrets#create-or-update-an-organization-secret>
    async fn put(&self, value: &TokenValue, key: &PublicKey, before: Option<&Seen>) -> anyhow::Result<Answer> {
        let sealed = sealed(value, key, &self.means).with_context(|| format!("{} cannot be sealed", self.address))?;
        let mut body = json!({ "encrypted_value": sealed, "key_id": key.key_id });
        let create = self.create.as_ref().and_then(|create| create.visibility).map(Visibility::word);
        let visibility = before.map_or(create, |seen| seen.secret.visibility.as_deref());
        if let (Some(body), Some(visibility)) = (body.as_object_mut(), visibility) {
            body.insert("visibility".to_owned(), json!(visibility));
            if let Some(selected) = before.and_then(|seen| seen.selected.as_ref()) {
                body.insert("selected_repository_ids".to_owned(), json!(selected));
            }
        }
        let path = format!("{}/{}", self.secrets(), self.key);
        self.place.call(Method::PUT, &path, Some(body), Retry::Put).await
    }
}

#[async_trait]
impl Destination for Secret {
    fn address(&self) -> &Address {
        &self.address
    }

    /// No write of a secret changes nothing, so that both depths look.
    async fn rehearse(&self, ask: &Ask<'_>) -> anyhow::Result<()> {
        let found = self.look().await?;
        anyhow::ensure!(found.is_some() || self.create.is_some(), self.missing());
        let longest = ask.shape.map_or(0, |shape| shape.longest);
        anyhow::ensure!(
            longest <= LARGEST,
            "{} would refuse the value: secrets have at most {LARGEST} bytes, this one up to {longest}",
            self.address
        );
        // Without the key it cannot be written.
        self.public_key(false).await?;
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let before = self.look().await?;
        anyhow::ensure!(before.is_some() || self.create.is_some(), self.missing());
        let mut answer = self.put(value, &*self.public_key(false).await?, before.as_ref()).await?;
        if answer.status.as_u16() == 422 {
            // GitHub turns its keys now and then: what was sealed with the old one is refused, and nothing written.
            answer = self.put(value, &*self.public_key(true).await?, before.as_ref()).await?;
        }
        anyhow::ensure!(answer.ok(), "{} refused the value: {}", self.address, self.place.refused(&answer));
        let after = self.read().await?.ok_or_else(|| self.missing())?;
        let then = before.map(|seen| seen.secret.updated_at);
        anyhow::ensure!(
            moved(then, after.secret.updated_at, date(&answer)),
            "{} was not written: GitHub said that it was, and shows it as last written at {}",
            self.address,
            stamp(after.secret.updated_at)
        );
        Ok(Receipt { stamp: Some(stamp(after.secret.updated_at)), moved_to: None })
    }

    async fn confirm(&self, _value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        let found = self.read().await?.ok_or_else(|| self.missing())?;
        anyhow::ensure!(
            receipt.stamp == Some(stamp(found.secret.updated_at)),
            "{} was written by somebody else meanwhile",
            self.address
        );
        if let Some(before) = self.look().await? {
            anyhow::ensure!(
                before.secret.visibility == found.secret.visibility && before.selected == found.selected,
                "{} is shown to other repositories than before the write",
                self.address
            );
        }
        Ok(Assurance::Stamped)
    }

    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let Some(found) = self.look().await? else { return Ok(Holding::Nothing) };
        Ok(match last.and_then(|receipt| receipt.stamp.as_ref()) {
            Some(last) => Holding::Stamp { same: *last == stamp(found.secret.updated_at) },
            None => Holding::Unknowable("GitHub never shows a secret".to_owned()),
        })
    }

    fn gives(&self) -> Option<Given> {
        let given = || Given { name: format!("secret {}", self.key), by: self.place.giver(), protected: false };
        (self.store == Store::Actions).then(given)
    }

    fn knows_readers(&self) -> anyhow::Result<bool> {
        if self.store == Store::Actions { self.place.knows_readers() } else { Ok(false) }
    }

    async fn readers(&self) -> anyhow::Result<Vec<Reader>> {
        self.place.readers().await
    }

    fn exposure(&self) -> Option<String> {
        self.store.readers(self.place.level).map(|readers| format!("{}: {readers}", self.address))
    }
}
