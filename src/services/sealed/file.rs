//! `sealed/file`: a file that holds the value encrypted to the age keys of people or systems outside, in place of a mail
//! with the value in it. Nobody here can open it, and the value itself never touches the disk.

use std::path::PathBuf;

use anyhow::Context as _;
use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::destination::{Address, Ask, Assurance, Depth, Destination, DestinationKind, Holding, Receipt, Site};
use crate::protocol::disk;
use crate::protocol::sealed::Recipients;
use crate::text;
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "sealed/file",
    about: "A file that only the holders of some age keys can open, for people and systems outside",
    confirms: "by a digest of what was written; nobody here can open it",
    needs: "write access to its folder, and the public age keys of those who are to read it",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The file, such as `outbox/partner.age`; a relative path starts at the folder of the config.
    path: PathBuf,
    /// The public age keys (`age1…`) of everyone who is to open it: any one of their private keys suffices.
    #[schemars(length(min = 1))]
    recipients: Vec<String>,
}

struct SealedFile {
    path: PathBuf,
    recipients: Recipients,
    address: Address,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let config: Config = serde_json::from_value(keys)?;
    let recipients = Recipients::read(&config.recipients)?;
    // `./a` and `a` are one place.
    let path: PathBuf = site.means.folder.join(config.path).components().collect();
    let address = Address::new(format!("sealed file {}", path.display()));
    Ok(Box::new(SealedFile { path, recipients, address }))
}

fn digest(bytes: &[u8]) -> String {
    text::hex(Sha256::digest(bytes))
}

impl SealedFile {
    /// The digest of what is there; `None` where nothing is.
    fn seen(&self) -> anyhow::Result<Option<String>> {
        match std::fs::read(&self.path) {
            Ok(bytes) => Ok(Some(digest(&bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", self.address)),
        }
    }
}

#[async_trait]
impl Destination for SealedFile {
    fn address(&self) -> &Address {
        &self.address
    }

    async fn rehearse(&self, ask: &Ask<'_>) -> anyhow::Result<()> {
        anyhow::ensure!(disk::folder(&self.path).is_dir(), "{}: its folder does not exist", self.address);
        anyhow::ensure!(!self.path.is_dir(), "{} is a folder", self.address);
        self.seen()?;
        if ask.depth == Depth::Try {
            // A file of about that size beside it: a full disk or a read-only folder shows itself now.
            let value = ask.shape.map_or(256, |shape| shape.longest);
            disk::beside(&self.path, &vec![b' '; self.recipients.room(value)])
                .with_context(|| format!("{} cannot be written", self.address))?;
        }
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let sealed = self.recipients.seal_value(value);
        let sealed = sealed.with_context(|| format!("the value for {} cannot be encrypted", self.address))?;
        disk::replace(&self.path, &sealed).with_context(|| format!("{} cannot be written", self.address))?;
        Ok(Receipt { stamp: Some(digest(&sealed)), moved_to: None })
    }

    async fn confirm(&self, _value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        anyhow::ensure!(
            receipt.stamp.is_some() && self.seen()? == receipt.stamp,
            "{} holds something else than was just written",
            self.address
        );
        Ok(Assurance::Stamped)
    }

    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let given = last.and_then(|last| last.stamp.as_ref());
        Ok(match (self.seen()?, given) {
            (None, _) => Holding::Nothing,
            (Some(now), Some(given)) => Holding::Stamp { same: now == *given },
            (Some(_), None) => Holding::Unknowable("it is encrypted for others".to_owned()),
        })
    }
}
