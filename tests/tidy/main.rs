//! The house is in order: who may import whom, how long files are, what may not be written at all. Each failure says
//! what to do about it.

mod catalogue;
mod crates;
mod imports;
mod reach;
mod sizes;
mod source;
mod words;

/// Fails with every finding at once, and with what to do about them.
pub(crate) fn none(findings: &[String], what_to_do: &str) {
    assert!(findings.is_empty(), "\n{}\n\n{what_to_do}\n", findings.join("\n"));
}
