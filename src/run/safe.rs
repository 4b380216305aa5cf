//! Sealing new values, and taking the sealed ones away again.

use chrono::{DateTime, Utc};

use super::Run;
use super::setup::Turning;
use crate::issuer::Succession;
use crate::rescue::Rescue;
use crate::rotation::{Safe, Verb};
use crate::token::Minted;

/// The rescue, for one token.
pub(super) struct ForToken<'a> {
    run: &'a Run,
    rescue: &'a Rescue,
    token: &'a Turning,
    now: DateTime<Utc>,
}

impl Run {
    /// Where a new value of this token is kept. One that is minted at every run and dies by itself needs no rescue, and
    /// one that was handed over still is with whom it came from.
    pub(super) fn safe<'a>(&'a self, token: &'a Turning, now: DateTime<Utc>) -> Option<ForToken<'a>> {
        let rescue = self.wheel.rescue.as_ref()?;
        let lasts = token.wanted.succession != Succession::Ephemeral && !self.wheel.handed_over;
        lasts.then_some(ForToken { run: self, rescue, token, now })
    }

    /// Takes away the sealed values of a token that is confirmed everywhere.
    pub(super) fn clear_rescue(&mut self, name: &str) {
        if let Some(Err(why)) = self.wheel.rescue.as_ref().map(|rescue| rescue.clear(name)) {
            self.notes.push(format!("the rescue: {why:#}; it is not needed any more: remove it"));
        }
    }

    /// What is to be said of the sealed values that wait.
    pub(super) fn waiting(&self, name: &str) -> Vec<String> {
        let files = self.wheel.rescue.as_ref().map(|rescue| rescue.waiting(name)).unwrap_or_default();
        let told = |file: &std::path::PathBuf| {
            let file = file.display();
            format!(
                "a new value of it is sealed in {file}: whoever holds the age identity delivers it with `tokenwheel unseal {file}`"
            )
        };
        files.iter().map(told).collect()
    }
}

impl Safe for ForToken<'_> {
    fn rehearse(&self, length: usize) -> anyhow::Result<()> {
        self.rescue.rehearse(length)
    }

    fn seal(&self, minted: &Minted) {
        let name = &self.token.wanted.name;
        let witness = &self.run.world.witness;
        match self.rescue.seal(name, &self.token.issuer.subject().to_string(), minted, self.now) {
            Ok(sealed) => {
                witness.sealed(name, &sealed.block);
                if let Err(why) = sealed.file {
                    witness.told(name, Verb::Mint, &format!("sealed, but not into a file: {why:#}"));
                }
            }
            Err(why) => witness.told(name, Verb::Mint, &format!("not sealed: {why:#}")),
        }
    }
}
