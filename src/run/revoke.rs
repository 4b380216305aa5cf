//! `revoke`: ends a leaked token now, whatever stands.

use std::collections::BTreeMap;

use super::{Run, record, release};
use crate::issuer::Inventory;
use crate::ledger::{self, Retiree};
use crate::report::{Outcome, Retired, RunReport};
use crate::rotation::Verb;
use crate::text;
use crate::token::TokenRecord;

impl Run {
    /// Ends every live record of the tokens that the wish names, and says what no longer works.
    pub async fn revoke(mut self) -> RunReport {
        let mut plans = self.plan().await;
        // Whoever is needed to end the others is ended last.
        let refreshers = self.wheel.refreshers();
        plans.sort_by_key(|plan| refreshers.contains(&plan.name));
        let mut outcomes = BTreeMap::new();
        let reason = self.wish.asked.reason.as_deref().unwrap_or_default();
        self.notes.push(format!("asked by hand: {}", text::plain(reason)));
        for plan in &mut plans {
            let Some(token) = self.wheel.tokens.get(&plan.name) else { continue };
            let listed = match self.observations.get(&plan.name) {
                Some(Ok(seen)) => match &seen.seen.inventory {
                    Inventory::Listed(records) => records.clone(),
                    Inventory::Blind { .. } => {
                        plan.live.clone().into_iter().filter(|live| !live.id.is_empty()).collect()
                    }
                },
                _ => Vec::new(),
            };
            if listed.is_empty() {
                outcomes.insert(plan.name.clone(), Outcome::Refused("no live token of this name is known".to_owned()));
                continue;
            }
            let mut retired = Vec::new();
            for old in listed {
                let ended = token.issuer.revoke(&old).await;
                let told = ended.as_ref().map_or_else(|error| format!("not ended: {error:#}"), |_| "ended".to_owned());
                (self.world.tell)(&plan.name, Verb::Retire, &format!("token {} {told}", text::plain(&old.id)));
                let after = self.started;
                let retiree = Retiree { id: old.id.clone(), after, expires: old.expires, tried: 0 };
                record::retired(&mut self.ledger, token, &retiree, &ended);
                let failed = ended.err().map(|error| format!("{error:#}"));
                retired.push(Retired { id: old.id.clone(), failed, dies: old.expires, now: true });
            }
            let ended = retired.iter().all(|old| old.failed.is_none());
            if ended {
                let places = text::list(&token.wanted.destinations);
                plan.notes.push(format!(
                    "what is in {places} no longer works: `rotate` puts a new one there, or says why not"
                ));
                plan.live = None::<TokenRecord>;
            }
            outcomes.insert(plan.name.clone(), Outcome::Retired(retired));
        }
        self.ledger.written = self.world.clock.now();
        if let Some(shelf) = &self.wheel.shelf
            && let Err(error) = ledger::write(shelf.as_ref(), &self.ledger).await
        {
            self.notes.push(error.to_string());
        }
        let lease = self.lease.take();
        let report = self.report("revoke", &plans, outcomes);
        release(lease, self.wheel.shelf.as_deref()).await;
        report
    }
}
