//! `file`: a file of its own for one value, or for the ledger. Written whole or not at all, readable by its owner.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::destination::{Address, Ask, Assurance, Depth, Destination, DestinationKind, Holding, Receipt, Site};
use crate::protocol::disk::{beside, folder, read, replace};
use crate::shelf::{Created, Shelf, ShelfKind};
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "file",
    about: "A file of its own, readable by its owner only",
    confirms: "read back",
    needs: "write access to its folder",
    schema: || schema_for!(Config).to_value(),
    build: |keys, site| {
        let path = path(keys, site)?;
        Ok(Box::new(ValueFile { address: Address::new(format!("file {}", path.display())), path }))
    },
};

pub(crate) const SHELF: ShelfKind = ShelfKind {
    kind: "file",
    about: "A file, with the lease in a second one beside it",
    needs: "write access to its folder",
    schema: || schema_for!(Config).to_value(),
    build: |keys, site| Ok(Arc::new(FileShelf { path: path(keys, site)? })),
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Its path; a relative one starts at the folder of the config.
    path: PathBuf,
}

fn path(keys: Value, site: &Site) -> anyhow::Result<PathBuf> {
    let config: Config = serde_json::from_value(keys)?;
    // `./a` and `a` are one place.
    Ok(site.means.folder.join(config.path).components().collect())
}

struct ValueFile {
    path: PathBuf,
    address: Address,
}

impl ValueFile {
    fn cannot(&self, be: &str) -> String {
        format!("{} cannot be {be}", self.address)
    }

    fn read(&self) -> anyhow::Result<Option<String>> {
        read(&self.path).with_context(|| self.cannot("read"))
    }
}

#[async_trait]
impl Destination for ValueFile {
    fn address(&self) -> &Address {
        &self.address
    }

    async fn rehearse(&self, ask: &Ask<'_>) -> anyhow::Result<()> {
        let folder = folder(&self.path);
        anyhow::ensure!(folder.is_dir(), "{}: its folder does not exist", self.address);
        anyhow::ensure!(!self.path.is_dir(), "{} is a folder", self.address);
        self.read()?;
        if ask.depth == Depth::Try {
            // A file of the same size beside it: a full disk or a read-only folder shows itself now.
            let room = ask.shape.map_or(256, |shape| shape.longest);
            beside(&self.path, &vec![b' '; room]).with_context(|| self.cannot("written"))?;
        }
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        replace(&self.path, value.expose().as_bytes()).with_context(|| self.cannot("written"))?;
        Ok(Receipt::default())
    }

    async fn confirm(&self, value: &TokenValue, _receipt: &Receipt) -> anyhow::Result<Assurance> {
        let held = self.read()?;
        anyhow::ensure!(held.as_deref() == Some(value.expose()), "{} holds something else", self.address);
        Ok(Assurance::ReadBack)
    }

    async fn holds(&self, _last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let held = self.read()?.and_then(|text| TokenValue::of_lines(&text).ok());
        Ok(held.map_or(Holding::Nothing, Holding::Lent))
    }
}

struct FileShelf {
    path: PathBuf,
}

impl FileShelf {
    fn part(&self, part: &str) -> PathBuf {
        if part.is_empty() {
            return self.path.clone();
        }
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", part.to_lowercase()));
        self.path.with_file_name(name)
    }
}

#[async_trait]
impl Shelf for FileShelf {
    fn address(&self) -> String {
        format!("file {}", self.path.display())
    }

    fn room(&self) -> Option<usize> {
        None
    }

    async fn get(&self, part: &str) -> anyhow::Result<Option<String>> {
        Ok(read(&self.part(part))?)
    }

    async fn put(&self, part: &str, text: &str) -> anyhow::Result<()> {
        Ok(replace(&self.part(part), text.as_bytes())?)
    }

    async fn create(&self, part: &str, text: &str) -> anyhow::Result<Created> {
        let path = self.part(part);
        match beside(&path, text.as_bytes())?.persist_noclobber(&path) {
            Ok(_) => Ok(Created::Won),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(Created::Taken),
            Err(error) => Err(error.error.into()),
        }
    }

    async fn remove(&self, part: &str) -> anyhow::Result<()> {
        match std::fs::remove_file(self.part(part)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
