//! Makes secret values, the same ones for the same seed, and remembers every one of them for the leak tests.

use sha2::{Digest, Sha256};

/// The letters of a GitLab personal access token, of which each value has twenty.
pub(crate) const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Hexadecimal digits.
pub(crate) const HEX: &[u8] = b"0123456789abcdef";

/// A stream of values that depends on nothing but the seed, the service's name and how many were made before.
#[derive(Clone, Debug)]
pub(crate) struct Mint {
    seed: u64,
    label: &'static str,
    made: u64,
    secrets: Vec<String>,
}

impl Mint {
    /// The mint of one service.
    pub(crate) fn new(seed: u64, label: &'static str) -> Self {
        Self { seed, label, made: 0, secrets: Vec::new() }
    }

    /// Makes a new secret: the prefix and `length` letters.
    pub(crate) fn secret(&mut self, prefix: &str, alphabet: &[u8], length: usize) -> String {
        let value = format!("{prefix}{}", self.letters(alphabet, length));
        self.remember(&value);
        value
    }

    /// Makes letters that are no secret, such as those in the user name of a bot.
    pub(crate) fn letters(&mut self, alphabet: &[u8], length: usize) -> String {
        self.made += 1;
        (0_u64..)
            .flat_map(|block| self.block(block))
            .filter_map(|byte| alphabet.get(usize::from(byte) % alphabet.len().max(1)))
            .map(|letter| char::from(*letter))
            .take(length)
            .collect()
    }

    /// Counts a value that came from outside among the secrets.
    pub(crate) fn remember(&mut self, value: &str) {
        if !value.is_empty() {
            self.secrets.push(value.to_owned());
        }
    }

    /// Every secret so far, in order, each once.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut seen = std::collections::HashSet::new();
        self.secrets.iter().filter(|secret| seen.insert(secret.as_str())).cloned().collect()
    }

    fn block(&self, block: u64) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.label.as_bytes());
        hash.update(self.made.to_be_bytes());
        hash.update(block.to_be_bytes());
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_another_and_of_its_alphabet() {
        let mut mint = Mint::new(1, "test");
        let values: Vec<String> = (0..500).map(|_| mint.secret("", HEX, 40)).collect();
        assert!(values.iter().all(|value| value.len() == 40 && value.bytes().all(|letter| HEX.contains(&letter))));
        assert_eq!(values.iter().collect::<std::collections::HashSet<_>>().len(), 500);
        assert_eq!(mint.secrets(), values);
    }

    #[test]
    fn two_services_of_one_seed_share_no_value() {
        let mut one = Mint::new(1, "one");
        let mut two = Mint::new(1, "two");
        assert_ne!(one.secret("", URL_SAFE, 20), two.secret("", URL_SAFE, 20));
    }

    #[test]
    fn a_value_given_twice_counts_once_and_an_empty_one_never() {
        let mut mint = Mint::new(1, "test");
        for value in ["given", "", "given"] {
            mint.remember(value);
        }
        assert_eq!(mint.secrets(), ["given"]);
    }
}
