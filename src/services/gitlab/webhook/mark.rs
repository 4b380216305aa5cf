//! The mark of a webhook that takes another's place and is not confirmed yet.
//!
//! GitLab shows no secret, so two webhooks that differ in nothing else could not be told apart after a run that died
//! between making the new one and deleting the old one. The mark stands at the end of the description from the first
//! moment, and goes when the old one is gone.

const OPENS: &str = "[tokenwheel ";
const STANDS: &str = " stands in for webhook ";

/// What the end of a description says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The description before it.
    pub(super) before: String,
    /// The number of the webhook whose place it takes.
    pub(super) of: u64,
    /// Tells the attempts apart.
    pub(super) nonce: String,
}

impl Mark {
    pub(super) fn new(of: u64, nonce: &str) -> Self {
        Self { before: String::new(), of, nonce: nonce.to_owned() }
    }

    /// Reads one.
    pub(super) fn of(description: &str) -> Option<Self> {
        let (before, mark) = description.strip_suffix(']')?.rsplit_once(OPENS)?;
        let (nonce, of) = mark.split_once(STANDS)?;
        let before = before.strip_suffix(' ').unwrap_or(before).to_owned();
        Some(Self { before, of: of.parse().ok()?, nonce: nonce.to_owned() })
    }

    /// A description with this mark at its end.
    pub(super) fn after(&self, description: &str) -> String {
        let space = if description.is_empty() { "" } else { " " };
        format!("{description}{space}{OPENS}{}{STANDS}{}]", self.nonce, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for before in ["", "ours", "ends with a space ", "[in brackets]"] {
            let mark = Mark { before: before.to_owned(), of: 41, nonce: "0a1b".to_owned() };
            assert_eq!(Mark::of(&mark.after(before)), Some(mark));
        }
    }

    #[test]
    fn what_others_write_is_no_mark() {
        for text in ["", "ours", "[tokenwheel]", "[tokenwheel 1 stands in for webhook x]", "[tokenwheel 1] ours"] {
            assert_eq!(Mark::of(text), None, "{text}");
        }
    }
}
