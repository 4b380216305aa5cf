//! Reading and writing the ledger on a shelf, split over several texts where one is too small.
//!
//! A split ledger is written parts first, under names that the last write did not use, and its head last. Whoever is
//! killed in between leaves the old head with its old parts.

use serde::{Deserialize, Serialize};

use super::{Ledger, VERSION};
use crate::shelf::Shelf;

/// Why the ledger is of no use.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Its place cannot be read or written.
    #[error("the ledger at {address} cannot be {verb}: {cause:#}")]
    Place {
        /// The shelf.
        address: String,
        /// `read` or `written`.
        verb: &'static str,
        /// Why.
        cause: anyhow::Error,
    },
    /// It was written by a later version.
    #[error("the ledger at {address} was written by a later tokenwheel (form {form}, not {VERSION}): use that one")]
    Later {
        /// The shelf.
        address: String,
        /// Its form.
        form: u32,
    },
    /// It is there and makes no sense.
    #[error(
        "the ledger at {address} {what}; if it is damaged, move it away: without one, tokens that prove alive are taken \
         over, and the worst is one extra mint per token"
    )]
    Damaged {
        /// The shelf.
        address: String,
        /// What is wrong.
        what: String,
    },
}

/// The head of a ledger that is kept in several parts.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
    /// Which of two sets of part names is in force.
    set: char,
    parts: usize,
}

/// Reads the ledger; `None` when there is none yet.
pub async fn read(shelf: &dyn Shelf) -> Result<Option<Ledger>, LedgerError> {
    let place = |cause| LedgerError::Place { address: shelf.address(), verb: "read", cause };
    let damaged = |what: String| LedgerError::Damaged { address: shelf.address(), what };
    let Some(text) = shelf.get("").await.map_err(place)? else { return Ok(None) };
    let whole = match serde_json::from_str::<Head>(&text) {
        Err(_) => text,
        Ok(head) => {
            let mut whole = String::new();
            for number in 1..=head.parts {
                let name = part(head.set, number);
                let text = shelf.get(&name).await.map_err(place)?;
                whole.push_str(&text.ok_or_else(|| damaged(format!("lacks its part {number} of {}", head.parts)))?);
            }
            whole
        }
    };
    let version: Version = serde_json::from_str(&whole).map_err(|_| damaged("is not a ledger".to_owned()))?;
    if version.version > VERSION {
        return Err(LedgerError::Later { address: shelf.address(), form: version.version });
    }
    serde_json::from_str(&whole).map(Some).map_err(|error| {
        damaged(format!("is no ledger of form {VERSION} (line {}, column {})", error.line(), error.column()))
    })
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Writes the ledger, whole or not at all.
pub async fn write(shelf: &dyn Shelf, ledger: &Ledger) -> Result<(), LedgerError> {
    let place = |cause| LedgerError::Place { address: shelf.address(), verb: "written", cause };
    let text = serde_json::to_string(ledger).map_err(|error| place(error.into()))?;
    let Some(room) = shelf.room().filter(|room| text.len() > *room) else {
        return shelf.put("", &text).await.map_err(place);
    };
    let old: Option<Head> = shelf.get("").await.map_err(place)?.and_then(|head| serde_json::from_str(&head).ok());
    let set = if old.is_some_and(|head| head.set == 'A') { 'B' } else { 'A' };
    let pieces = pieces(&text, room);
    for (number, piece) in pieces.iter().enumerate() {
        shelf.put(&part(set, number + 1), piece).await.map_err(place)?;
    }
    let head = Head { version: VERSION, set, parts: pieces.len() };
    let head = serde_json::to_string(&head).map_err(|error| place(error.into()))?;
    shelf.put("", &head).await.map_err(place)
}

fn part(set: char, number: usize) -> String {
    format!("{set}{number}")
}

/// Cuts a text into pieces of at most `room` bytes, between characters.
fn pieces(text: &str, room: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > room {
        let (piece, left) = rest.split_at(rest.floor_char_boundary(room.max(4)));
        pieces.push(piece);
        rest = left;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_the_whole_text_and_fit() {
        let text = "aäöü€".repeat(100);
        let cut = pieces(&text, 17);
        assert_eq!(cut.concat(), text);
        assert!(cut.iter().all(|piece| piece.len() <= 17));
    }
}
