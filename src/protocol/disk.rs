//! Files that are written whole or not at all, and that only their owner may read.

use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// The folder that a file is in.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a new file beside the old one, flushes it to the disk, and puts it in its place. `tempfile` makes it 0600.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    beside(path, bytes)?.persist(path).map_err(|error| error.error)?;
    sync_folder(path);
    Ok(())
}

/// A file beside that one, written and flushed. Its errors do not name it: a temporary name is nobody's concern.
pub(crate) fn beside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let nameless = |error: io::Error| {
        let inner = error.get_ref().and_then(|outer| outer.source()).map(ToString::to_string);
        inner.map_or(error, io::Error::other)
    };
    let mut file = NamedTempFile::new_in(folder(path)).map_err(nameless)?;
    file.as_file_mut().write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Makes the new name itself durable. Not every file system can, and the content already is.
fn sync_folder(path: &Path) {
    if let Ok(folder) = std::fs::File::open(folder(path)) {
        let _ = folder.sync_all();
    }
}

/// What a file holds; `None` where there is none.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
