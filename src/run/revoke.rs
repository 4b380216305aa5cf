//! `revoke`: ends a leaked token now, whatever stands.

use std::collections::BTreeMap;

use super::setup::Turning;
use super::{Run, log_out, record, release};
use crate::issuer::{Ended, Inventory};
use crate::ledger::Retiree;
use crate::plan::Sight;
use crate::report::{Outcome, Retired, RunReport};
use crate::rotation::Verb;
use crate::text;
use crate::token::{TokenRecord, TokenValue};

impl Run {
    /// The value of a record, where this run was lent it or logs in with it: some issuers end a token only by that.
    pub(super) fn value_of(&self, token: &Turning, id: &str) -> Option<TokenValue> {
        let seen = self.observations.get(&token.wanted.name).and_then(|seen| seen.as_ref().ok());
        let lent =
            seen.into_iter().flat_map(|seen| seen.seen.sights.iter().zip(&seen.lent)).find_map(|(sight, lent)| {
                let is_it = matches!(sight, Sight::Live { record: Some(record), .. } if record == id);
                lent.as_ref().filter(|_| is_it)
            });
        let state = token.spec.refreshes.as_ref().and_then(|(connection, _)| self.connections.get(connection));
        let login = state.into_iter().flat_map(|state| state.alive.values()).find_map(|alive| {
            alive.login.record.as_ref().is_some_and(|record| record.id == id).then_some(&alive.value)
        });
        lent.or(login).cloned()
    }

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
                // A token that logs in with itself is asked about with its own value, and what answered is what is ended.
                let own = || token.own.as_ref().and_then(|_| token.ground.slot().lend());
                let value = self.value_of(token, &old.id).or_else(own);
                let ended = token.issuer.revoke(&old, value.as_ref()).await;
                let told = match &ended {
                    Ok(Ended::Ended) => "ended".to_owned(),
                    Ok(Ended::NotYet { until }) => {
                        format!("works until {} at the latest", text::when(*until, self.started))
                    }
                    Err(error) => format!("not ended: {error:#}"),
                };
                self.world.witness.told(&plan.name, Verb::Retire, &format!("token {} {told}", text::plain(&old.id)));
                let after = self.started;
                let retiree = Retiree { id: old.id.clone(), after, expires: old.expires, tried: 0, ending: false };
                record::retired(&mut self.ledger, token, &retiree, &ended);
                let lingers = record::lingers(&ended);
                let failed = ended.err().map(|error| format!("{error:#}"));
                retired.push(Retired { id: old.id.clone(), failed, dies: old.expires, lingers, now: true });
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
        if let Err(why) = self.write_ledger().await {
            self.notes.push(why);
        }
        let lease = self.lease.take();
        let report = self.report("revoke", &plans, outcomes);
        release(lease, self.wheel.shelf.as_deref()).await;
        log_out(&self.wheel).await;
        report
    }
}
