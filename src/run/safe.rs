//! Sealing new values, and taking the sealed ones away again.

use chrono::{DateTime, Utc};

use super::Run;
use super::setup::Turning;
use crate::issuer::Succession;
use crate::plan::Sight;
use crate::rescue::Rescue;
use crate::rotation::{Held, Safe, Verb};
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

    /// Takes away the sealed values of a token that were sealed by then, for it is confirmed everywhere.
    pub(super) fn clear_rescue(&mut self, name: &str, by: DateTime<Utc>) {
        let Some(rescue) = &self.wheel.rescue else { return };
        for name in self.wheel.names_of(name) {
            if let Err(why) = rescue.clear(name, by) {
                self.notes.push(format!("the rescue: {why:#}; it is not needed any more: remove it"));
            }
        }
    }

    /// Up to when what was sealed is known to be of no use to a token that nothing was minted for, and that seems to be
    /// well: what lives may be the very thing that was sealed. Where the issuer itself says of every destination that it
    /// holds a live one, until now; else only memory tells, as far as it goes.
    pub(super) fn known_until(&self, token: &Turning, held: &[Held], now: DateTime<Utc>) -> DateTime<Utc> {
        let lives = |(index, sight): (usize, &Sight)| {
            matches!(sight, Sight::Live { .. }) || held.iter().any(|held| held.index == index)
        };
        let proved = token.issuer.askable() && self.sights(&token.wanted.name).iter().enumerate().all(lives);
        if proved { now } else { self.moment.remembered.unwrap_or(DateTime::UNIX_EPOCH) }
    }

    /// What is to be said of the sealed values that wait.
    pub(super) fn waiting(&self, name: &str) -> Vec<String> {
        let rescue = self.wheel.rescue.iter();
        let files = rescue.flat_map(|rescue| self.wheel.names_of(name).flat_map(|name| rescue.waiting(name)));
        let told = |file: std::path::PathBuf| {
            let file = file.display();
            format!(
                "a new value of it is sealed in {file}: whoever holds the age identity delivers it with `tokenwheel unseal {file}`"
            )
        };
        files.map(told).collect()
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
                witness.sealed(name, &sealed.block, sealed.file.is_ok());
                if let Err(why) = sealed.file {
                    witness.told(name, Verb::Mint, &format!("sealed, but not into a file: {why:#}"));
                }
            }
            Err(why) => witness.told(name, Verb::Mint, &format!("not sealed: {why:#}")),
        }
    }
}
