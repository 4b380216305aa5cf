//! Writes the files: all of them or none, and never over one that is there.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{CONFIG, Draft};

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was written.
    Written,
    /// It is there already, word by word.
    Same,
    /// It is there, with what would be added to it.
    Joined,
    /// It is there and says something else: it is left alone, and the addition is told.
    Kept,
}

/// How the place of a file stands.
enum Place {
    Free,
    Same,
    Taken,
}

/// Writes what is missing below the root, and says what became of the config and of the pipeline.
pub fn write(root: &Path, draft: &Draft) -> Result<Vec<(&'static str, Fate)>, String> {
    let wanted =
        [(CONFIG, &draft.config, None), (draft.pipeline.path, &draft.pipeline.text, draft.pipeline.addition.as_ref())];
    let mut fates = Vec::new();
    let mut fresh = Vec::new();
    let mut taken = Vec::new();
    for (name, text, addition) in wanted {
        let path = root.join(name);
        fates.push(match place(&path, text).map_err(|error| format!("{name}: {error}"))? {
            Place::Same => (name, Fate::Same),
            Place::Taken if addition.is_some_and(|addition| holds(&path, addition)) => (name, Fate::Joined),
            Place::Taken if addition.is_some() => (name, Fate::Kept),
            Place::Taken => {
                taken.push(name);
                (name, Fate::Kept)
            }
            Place::Free => {
                fresh.push((name, path, text));
                (name, Fate::Written)
            }
        });
    }
    if !taken.is_empty() {
        return Err(format!(
            "{} is there already and is never overwritten: move it away, or see with --dry-run what would be written",
            taken.join(" and ")
        ));
    }
    let mut ready = Vec::new();
    for (name, path, text) in fresh {
        let file = beside(root, &path, text).map_err(|error| format!("{name}: {error}"))?;
        ready.push((name, path, file));
    }
    let mut done: Vec<PathBuf> = Vec::new();
    for (name, path, file) in ready {
        if let Err(error) = file.persist_noclobber(&path) {
            // All or none: what this very run has just put there goes again.
            for path in &done {
                let _ = std::fs::remove_file(path);
            }
            return Err(format!("{name}: {}", error.error));
        }
        done.push(path);
    }
    Ok(fates)
}

fn place(path: &Path, text: &str) -> io::Result<Place> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Place::Free),
        Err(error) => Err(error),
        Ok(_) if std::fs::read(path).is_ok_and(|held| held == text.as_bytes()) => Ok(Place::Same),
        Ok(_) => Ok(Place::Taken),
    }
}

/// Whether all that would be added to a file is in it.
fn holds(path: &Path, addition: &str) -> bool {
    let held = std::fs::read_to_string(path).unwrap_or_default();
    let lines = addition.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.into_iter().all(|wanted| held.lines().any(|line| line.trim() == wanted))
}

/// A file in the folder of its place, whole and flushed, and readable like any other of the repository.
fn beside(root: &Path, path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(root);
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(root);
    // A folder that is a link leads to other people's files.
    if !there.canonicalize()?.starts_with(root.canonicalize()?) {
        return Err(io::Error::other("its folder is a link that leads out of the repository"));
    }
    std::fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    Ok(file)
}
