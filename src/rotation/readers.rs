//! Consumers first: where the new token kills the old one at once, the jobs that may be using the old one are waited for.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Rehearsed, Rotation, Stopped, Verb};
use crate::destination::Reader;
use crate::text;

/// How often it is looked whether they have ended.
const EVERY: Duration = Duration::from_secs(30);

/// How soon it is noticed that the run was asked to stop: who cancels a job waits for ten seconds, and then kills it.
const NAP: Duration = Duration::from_secs(1);

/// How long they are waited for.
pub struct Patience<'a> {
    /// At most.
    pub long: Duration,
    /// The address of the job that this run is, which would wait for itself.
    pub own: &'a str,
}

impl<'a> Rotation<'a, Rehearsed> {
    /// Waits until no job may be using the old token. A dead one is used by nobody, and one that dies before the next run
    /// takes them with it in any case: then nobody is waited for.
    pub async fn wait(self) -> Result<Rotation<'a, Rehearsed>, Stopped> {
        let job = &self.job;
        let Some(patience) = job.patience.as_ref().filter(|_| !job.pressing) else { return Ok(self) };
        let mut waited = Duration::ZERO;
        loop {
            if let Some(why) = (job.halted)() {
                return Err(Stopped::halted(why));
            }
            let asked = join_all(job.stops.iter().map(|stop| stop.destination.readers())).await;
            let mut readers: Vec<Reader> = Vec::new();
            for found in asked {
                let found = found.map_err(|why| Stopped::unseen(&why))?;
                let others = found.into_iter().filter(|reader| reader.url.as_deref() != Some(patience.own));
                for reader in others {
                    // Two destinations of one project have the same jobs.
                    if !readers.contains(&reader) {
                        readers.push(reader);
                    }
                }
            }
            let Some(first) = readers.first() else { return Ok(self) };
            if waited >= patience.long {
                return Err(Stopped::in_use(&first.what, readers.len(), patience.long));
            }
            if waited.is_zero() {
                (job.told)(Verb::Rehearse, format!("waits for {}", these(&first.what, readers.len())));
            }
            let until = patience.long.min(waited + EVERY);
            while waited < until && (job.halted)().is_none() {
                let pause = NAP.min(until.saturating_sub(waited));
                tokio::time::sleep(pause).await;
                waited += pause;
            }
        }
    }
}

/// `job 7 (deploy) of acme/app`, `3 jobs, among them job 7 (deploy) of acme/app`
pub(super) fn these(first: &str, all: usize) -> String {
    if all == 1 { first.to_owned() } else { format!("{}, among them {first}", text::count(all, "job")) }
}
