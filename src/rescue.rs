//! Sealed before spread: each new value is encrypted to its owners' age keys before anything else is done with it, into
//! a file that goes when all is confirmed, and, in a job, into the log, which survives the death of the machine.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::config::RescueSpec;
use crate::protocol::disk;
pub use crate::protocol::sealed::Envelope;
pub(crate) use crate::protocol::sealed::open;
use crate::protocol::sealed::{Recipients, envelope};
use crate::text;
use crate::token::Minted;

/// What an envelope is around a value: names and dates.
const ROOM: usize = 4096;

/// Where sealed values are kept until they are confirmed.
pub struct Rescue {
    folder: PathBuf,
    recipients: Recipients,
}

/// A value that was sealed.
pub struct Sealed {
    /// The armoured text, for a log.
    pub block: String,
    /// The file, or why there is none.
    pub file: anyhow::Result<PathBuf>,
}

impl Rescue {
    /// Reads the keys; a relative path starts at `base`, the folder of the config.
    pub fn new(spec: &RescueSpec, base: &Path) -> anyhow::Result<Self> {
        let folder = base.join(&spec.path).components().collect();
        Ok(Self { folder, recipients: Recipients::read(&spec.recipients)? })
    }

    /// Whether a value of that length could be kept: a file of its size is written and taken away again.
    pub fn rehearse(&self, length: usize) -> anyhow::Result<()> {
        let tried = std::fs::create_dir_all(&self.folder).and_then(|()| {
            disk::beside(&self.folder.join("rehearsal"), &vec![b' '; self.recipients.room(length + ROOM)])
        });
        tried.map(drop).with_context(|| self.unwritable())
    }

    /// Seals what was just minted. A file that cannot be written keeps nothing from being told to the log.
    pub fn seal(&self, token: &str, subject: &str, minted: &Minted, now: DateTime<Utc>) -> anyhow::Result<Sealed> {
        let sealed = self.recipients.seal(&envelope(token, subject, minted, now)?)?;
        let path = self.folder.join(name(token, now));
        let written = std::fs::create_dir_all(&self.folder).and_then(|()| disk::replace(&path, &sealed));
        let file = written.map(|()| path).with_context(|| self.unwritable());
        Ok(Sealed { block: String::from_utf8(sealed)?, file })
    }

    fn unwritable(&self) -> String {
        format!("the folder {} for sealed values cannot be written", self.folder.display())
    }

    /// The sealed values of a token that wait for somebody, the oldest first.
    pub fn waiting(&self, token: &str) -> Vec<PathBuf> {
        let start = start(token);
        let Ok(files) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let is_its = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.starts_with(&start) && path.extension().is_some_and(|extension| extension == "age")
        };
        let mut found: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).filter(is_its).collect();
        found.sort();
        found
    }

    /// Removes the sealed values of a token, once what is live is confirmed everywhere: those sealed by then.
    pub fn clear(&self, token: &str, by: DateTime<Utc>) -> anyhow::Result<()> {
        let last = self.folder.join(name(token, by));
        for path in self.waiting(token).into_iter().filter(|path| *path <= last) {
            std::fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
        }
        Ok(())
    }
}

/// The name of a file, in the order of time.
fn name(token: &str, sealed: DateTime<Utc>) -> String {
    format!("{}{}.age", start(token), sealed.format("%Y%m%dT%H%M%S%3fZ"))
}

/// The start of the names of a token's files: for people, and a digest, since `a[b]` and `a b` would look alike.
fn start(token: &str) -> String {
    let plain: String = token.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{plain}.{}.", text::hex(Sha256::digest(token).into_iter().take(4)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{TokenRecord, TokenValue};

    fn rescue(folder: &Path) -> Rescue {
        let key = age::x25519::Identity::generate().to_public().to_string();
        Rescue::new(&RescueSpec { recipients: vec![key], path: PathBuf::from("kept") }, folder).unwrap()
    }

    fn minted() -> Minted {
        Minted::new(TokenValue::new("glpat-hush-hush").unwrap(), TokenRecord::named("1"))
    }

    #[test]
    fn each_token_has_files_of_its_own_and_only_they_are_cleared() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let rescue = rescue(folder.path());
        let now: DateTime<Utc> = "2026-05-04T06:00:00Z".parse().unwrap();
        for token in ["a[b/c]", "a-b-c-", "a"] {
            let file = rescue.seal(token, "s", &minted(), now).unwrap().file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(rescue.waiting(token), [file]);
        }
        rescue.clear("a[b/c]", now - chrono::TimeDelta::milliseconds(1)).unwrap();
        assert_eq!(rescue.waiting("a[b/c]").len(), 1, "it was sealed later");
        rescue.clear("a[b/c]", now).unwrap();
        assert_eq!(["a[b/c]", "a-b-c-", "a"].map(|token| rescue.waiting(token).len()), [0, 1, 1]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named_beforehand_and_the_log_still_gets_its_block() {
        let folder = tempfile::tempdir().unwrap();
        let rescue = rescue(folder.path());
        std::fs::write(folder.path().join("kept"), "a file is in the way").unwrap();
        assert!(format!("{:#}", rescue.rehearse(40).unwrap_err()).contains(" for sealed values cannot be written: "));
        let sealed = rescue.seal("a", "s", &minted(), DateTime::UNIX_EPOCH).unwrap();
        assert!(sealed.file.is_err() && sealed.block.starts_with("-----BEGIN AGE"));
    }

    #[test]
    fn a_rehearsal_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let rescue = rescue(folder.path());
        rescue.rehearse(40).unwrap();
        assert_eq!(std::fs::read_dir(folder.path().join("kept")).unwrap().count(), 0);
    }
}
