//! `file`: a file of its own for one value, or for the ledger. Written whole or not at all, readable by its owner.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::destination::{Address, Ask, Assurance, Depth, Destination, DestinationKind, Holding, Receipt, Site};
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
    Ok(site.folder.join(config.path).components().collect())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a new file beside the old one, flushes it to the disk, and puts it in its place. `tempfile` makes it 0600.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let told = || format!("{} cannot be written", path.display());
    let mut file = tempfile::NamedTempFile::new_in(folder(path)).with_context(told)?;
    fill(&mut file, text.as_bytes()).with_context(told)?;
    file.persist(path).map_err(|error| error.error).with_context(told)?;
    sync_folder(path);
    Ok(())
}

/// Writes and flushes. Through the file itself, whose errors do not name it: the temporary name is nobody's concern.
fn fill(file: &mut tempfile::NamedTempFile, bytes: &[u8]) -> std::io::Result<()> {
    let file = file.as_file_mut();
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the new name itself durable. Not every file system can, and the content already is.
fn sync_folder(path: &Path) {
    if let Ok(folder) = std::fs::File::open(folder(path)) {
        let _ = folder.sync_all();
    }
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

struct ValueFile {
    path: PathBuf,
    address: Address,
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
        read(&self.path)?;
        if ask.depth == Depth::Try {
            // A file of the same size beside it: a full disk or a read-only folder shows itself now.
            let room = ask.shape.map_or(256, |shape| shape.longest);
            let told = || format!("{} cannot be written", self.address);
            let mut file = tempfile::NamedTempFile::new_in(folder).with_context(told)?;
            fill(&mut file, &vec![b' '; room]).with_context(told)?;
        }
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        replace(&self.path, value.expose())?;
        Ok(Receipt::default())
    }

    async fn confirm(&self, value: &TokenValue, _receipt: &Receipt) -> anyhow::Result<Assurance> {
        let held = read(&self.path)?;
        anyhow::ensure!(held.as_deref() == Some(value.expose()), "{} holds something else", self.address);
        Ok(Assurance::ReadBack)
    }

    async fn holds(&self, _last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let held = read(&self.path)?.and_then(|text| TokenValue::new(&text).ok());
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
        read(&self.part(part))
    }

    async fn put(&self, part: &str, text: &str) -> anyhow::Result<()> {
        replace(&self.part(part), text)
    }

    async fn create(&self, part: &str, text: &str) -> anyhow::Result<Created> {
        let path = self.part(part);
        let told = || format!("{} cannot be written", path.display());
        let mut file = tempfile::NamedTempFile::new_in(folder(&path)).with_context(told)?;
        fill(&mut file, text.as_bytes()).with_context(told)?;
        match file.persist_noclobber(&path) {
            Ok(_) => Ok(Created::Won),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(Created::Taken),
            Err(error) => Err(error.error).with_context(told),
        }
    }

    async fn remove(&self, part: &str) -> anyhow::Result<()> {
        let path = self.part(part);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed", path.display()))
            }
            _ => Ok(()),
        }
    }
}
