//! Carrying the plan out: ordinary tokens side by side, then those minted as one of them, then the refreshers, one
//! after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::future::join_all;

use super::place::Place;
use super::setup::Turning;
use super::{Run, log_out, order, record, release};
use crate::connection::Slot;
use crate::issuer::Ended;
use crate::plan::{self, Plan, Sight, Step};
use crate::report::{Outcome, Retired, RunReport};
use crate::rotation::{self, Confirmed, Job, Patience, Rotation, Stop, Verb};
use crate::text;
use crate::token::{Fingerprint, Order, TokenRecord, TokenValue};

/// What became of one token.
pub(super) struct Done {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    /// The confirmed successor, for the ledger.
    pub(super) confirmed: Option<Confirmed>,
    /// What it used up, for the ledger.
    pub(super) spent: Option<Fingerprint>,
    /// The outcome asks for one more look in this run.
    pub(super) look_again: bool,
}

impl Run {
    /// Carries the plan out, and writes the facts down.
    pub async fn apply(mut self, mut plans: Vec<Plan>) -> RunReport {
        self.choose_logins(&mut plans);
        let mut outcomes = BTreeMap::new();
        if let Err(why) = self.intend(&plans).await {
            let acting = plans.iter_mut().filter(|plan| plan.rotates());
            acting.for_each(|plan| plan.step = Step::Refuse { why: format!("nothing was changed: {why}") });
        }
        let refreshers = order::refreshers(&self.wheel);
        let depends = |plan: &&Plan| self.wheel.tokens.get(&plan.name).is_some_and(|token| token.spec.login.is_some());
        let ordinary: Vec<&Plan> = plans.iter().filter(|plan| !refreshers.contains(&plan.name)).collect();
        let (second, first): (Vec<&Plan>, Vec<&Plan>) = ordinary.into_iter().partition(depends);
        let last = refreshers.iter().filter_map(|name| plans.iter().find(|plan| plan.name == *name));
        let mut stages = vec![first, second];
        stages.extend(last.map(|plan| vec![plan]));
        let mut again = Vec::new();
        for stage in stages {
            self.prolong().await;
            let done = self.holding(join_all(stage.iter().map(|plan| self.carry_out(plan)))).await;
            for (done, plan) in done.into_iter().zip(&stage) {
                if done.look_again {
                    again.push(done.name.clone());
                }
                self.settle(done, plan, &mut outcomes);
            }
        }
        for name in again {
            self.heal(&name, &mut outcomes).await;
        }
        self.save_last_logins(&plans, &mut outcomes).await;
        self.retire(&plans, &mut outcomes).await;
        self.finish(plans, outcomes).await
    }

    /// Decides for every connection which refresher logs in and which one may turn.
    fn choose_logins(&mut self, plans: &mut [Plan]) {
        for (name, state) in &mut self.connections {
            let pair = state.pair(&self.wheel, name);
            if let (Some(seat), Some(linked)) = (plan::turns(&pair, plans), self.wheel.connections.get(name)) {
                state.switch(linked, seat);
            }
        }
    }

    /// Writes down what is about to be minted. Without that nothing is: a token that nobody holds could not be told
    /// from a stranger's.
    async fn intend(&mut self, plans: &[Plan]) -> Result<(), String> {
        let mut any = false;
        for plan in plans.iter().filter(|plan| plan.rotates()) {
            let Some(token) = self.wheel.tokens.get(&plan.name) else { continue };
            let seen = self.observations.get(&plan.name).and_then(|seen| seen.as_ref().ok());
            record::intend(&mut self.ledger, token, plan, seen, self.started);
            any = true;
        }
        if any { self.write_ledger().await } else { Ok(()) }
    }

    async fn carry_out(&self, plan: &Plan) -> Done {
        let done = |outcome| Done { name: plan.name.clone(), outcome, confirmed: None, spent: None, look_again: false };
        let Some(token) = self.wheel.tokens.get(&plan.name) else { return done(Outcome::Kept) };
        match &plan.step {
            Step::Rotate { .. } => self.rotate(token, plan).await,
            Step::Redeliver { from, to, .. } => done(self.redeliver(token, *from, to).await),
            step => done(Outcome::of_step(step)),
        }
    }

    fn stops(&self, token: &Turning) -> Vec<Stop> {
        let entry = self.ledger.entry(&token.wanted.name, &token.issuer.subject().to_string());
        let seen = self.observations.get(&token.wanted.name).and_then(|seen| seen.as_ref().ok());
        let stop = |(index, to): (usize, &Place)| {
            let sight = seen.and_then(|seen| seen.seen.sights.get(index));
            Stop {
                destination: Arc::clone(&to.to),
                form: to.form.clone(),
                first: to.first,
                last: entry
                    .and_then(|entry| entry.delivered.get(to.address().as_str()))
                    .map(|given| given.receipt.clone()),
                expendable: matches!(sight, Some(Sight::Wrong(_) | Sight::Empty)),
            }
        };
        token.destinations.iter().enumerate().map(stop).collect()
    }

    /// What the destinations of a token were seen to hold.
    pub(super) fn sights(&self, name: &str) -> &[Sight] {
        let seen = self.observations.get(name).and_then(|seen| seen.as_ref().ok());
        seen.map(|seen| seen.seen.sights.as_slice()).unwrap_or_default()
    }

    /// The slot of the connection that logs in with this very token, if it does so now.
    fn own_slot(&self, token: &Turning) -> Option<Slot> {
        if token.own.is_some() {
            return Some(token.ground.slot().clone());
        }
        let (connection, seat) = token.spec.refreshes.as_ref()?;
        let logged_in = self.connections.get(connection)?.login == Some(*seat);
        self.wheel.connections.get(connection).filter(|_| logged_in).map(|linked| linked.connection.slot().clone())
    }

    async fn rotate(&self, token: &Turning, plan: &Plan) -> Done {
        let name = token.wanted.name.as_str();
        let stops = self.stops(token);
        let told = |verb: Verb, detail: String| self.world.witness.told(name, verb, &detail);
        let minted = |value: &TokenValue| self.world.witness.minted(value);
        let now = self.world.clock.now();
        let safe = self.safe(token, now);
        let own_slot = self.own_slot(token);
        let alone = own_slot.is_some();
        let login = own_slot.as_ref().filter(|_| !token.issuer.askable()).and_then(Slot::lend);
        let spent = login.map(|login| login.fingerprint(&self.ledger.salt));
        let job = Job {
            issuer: token.issuer.as_ref(),
            stops: &stops,
            order: Order { now, until: token.wanted.ttl.map(|ttl| now + ttl), follows: plan.live.as_ref() },
            own_slot,
            pressing: plan.at_risk(&self.moment),
            patience: self.patience(token),
            halted: &|| self.halted(),
            told: &told,
            minted: &minted,
            rescue: safe.as_ref().map(|safe| safe as &dyn rotation::Safe),
        };
        match rotation::rotate(Rotation::of(job)).await {
            Ok(confirmed) => {
                // A server that gives no successor wants the old one kept: then nothing was used up.
                let spent = spent.filter(|spent| *spent != confirmed.value.fingerprint(&self.ledger.salt));
                let outcome = Outcome::rotated(plan, &confirmed, token);
                Done { name: name.to_owned(), outcome, confirmed: Some(confirmed), spent, look_again: false }
            }
            Err(mut stopped) => {
                if stopped.look_again && alone {
                    let places = text::list(&token.wanted.destinations);
                    stopped.next = format!(
                        "it was turned with itself, so no other credential can find it: if the next run finds it dead, make a \
                         new one by hand and put it into {places}"
                    );
                }
                if alone && !token.issuer.askable() && stopped.at == Verb::Mint && !stopped.look_again {
                    let places = text::list(&token.wanted.destinations);
                    stopped.next = format!(
                        "the next run tries again; if that is refused too, it was used up: make a new one by hand and put it into \
                         {places}"
                    );
                    stopped.in_use_may_be_dead |= self.in_doubt(token);
                }
                told(stopped.at, format!("stopped: {}", stopped.stands));
                let look_again = stopped.look_again;
                let outcome = Outcome::Stopped(stopped);
                Done { name: name.to_owned(), outcome, confirmed: None, spent: None, look_again }
            }
        }
    }

    /// How long jobs are waited for; in an emergency nobody is.
    fn patience(&self, token: &Turning) -> Option<Patience<'_>> {
        let long = token.spec.wait_for_jobs?.to_std().ok().filter(|_| !self.wish.asked.revoke_now)?;
        Some(Patience { long, own: &self.world.holder })
    }

    async fn redeliver(&self, token: &Turning, from: usize, to: &[usize]) -> Outcome {
        let lent = self.observations.get(&token.wanted.name).and_then(|seen| seen.as_ref().ok());
        let Some(value) = lent.and_then(|seen| seen.lent.get(from)).and_then(Option::as_ref) else {
            return Outcome::Kept;
        };
        let stops = self.stops(token);
        let these: Vec<(usize, &Stop)> = to.iter().filter_map(|at| Some((*at, stops.get(*at)?))).collect();
        let (held, owed) = rotation::redeliver(value, &token.issuer.known_parts(), &these).await;
        let detail = format!("{} of {} from a sibling", held.len(), these.len());
        self.world.witness.told(&token.wanted.name, Verb::Deliver, &detail);
        Outcome::Redelivered { held, owed, fingerprint: value.fingerprint(&self.ledger.salt) }
    }

    /// Takes down what became of a token, in the ledger and for the report.
    fn settle(&mut self, done: Done, plan: &Plan, outcomes: &mut BTreeMap<String, Outcome>) {
        let Some(token) = self.wheel.tokens.get(&plan.name) else { return };
        let now = self.world.clock.now();
        let mut settled = None;
        match (&done.confirmed, &done.outcome) {
            (Some(confirmed), _) => {
                settled = confirmed.everywhere().then_some(now);
                let overlap = if self.wish.asked.revoke_now { TimeDelta::zero() } else { self.overlap(&plan.name) };
                let sights = self.sights(&plan.name).to_vec();
                record::prolong(&mut self.ledger, token, &sights, now + overlap);
                record::confirmed(&mut self.ledger, token, plan, confirmed, now, overlap);
                record::spent(&mut self.ledger, token, done.spent.as_ref());
                // Whoever is minted as this token does so with its new self.
                for other in self.wheel.tokens.values() {
                    if other.spec.login.as_deref() == Some(plan.name.as_str()) {
                        other.ground.slot().switch(confirmed.value.clone());
                    }
                }
            }
            (None, Outcome::Redelivered { held, owed, fingerprint }) => {
                record::adopted(&mut self.ledger, token, plan, self.observations.get(&plan.name), now);
                let sights = self.sights(&plan.name).to_vec();
                let overlap = if self.wish.asked.revoke_now { TimeDelta::zero() } else { self.overlap(&plan.name) };
                record::prolong(&mut self.ledger, token, &sights, now + overlap);
                record::redelivered(&mut self.ledger, token, held, owed, fingerprint, &sights);
                settled = record::everywhere(held, owed, &sights).then(|| self.known_until(token, held, now));
            }
            (None, Outcome::Kept | Outcome::Watched | Outcome::Deferred) => {
                record::adopted(&mut self.ledger, token, plan, self.observations.get(&plan.name), now);
                let well = plan.settled && plan.strays.is_empty();
                settled = well.then(|| self.known_until(token, &[], now));
            }
            (None, outcome) if outcome.minted_nothing() => record::unminted(&mut self.ledger, token, self.started),
            (None, _) => {}
        }
        if let Some(by) = settled {
            self.clear_rescue(&plan.name, by);
        }
        outcomes.insert(done.name, done.outcome);
    }

    /// Whether an earlier run may have used up the value that this one has, which nobody can be asked about.
    fn in_doubt(&self, token: &Turning) -> bool {
        let entry = self.ledger.entry(&token.wanted.name, &token.issuer.subject().to_string());
        let earlier = entry.is_some_and(|entry| entry.intents.iter().any(|intent| intent.since < self.started));
        earlier && !token.issuer.askable()
    }

    /// After a lost answer: looks once more, and does at once what the next run would do. Only what was seen to exist
    /// is healed: where nothing was made yet, the lost request may still be under way, and a second one would race it.
    async fn heal(&mut self, name: &str, outcomes: &mut BTreeMap<String, Outcome>) {
        let Some(token) = self.wheel.tokens.get(name).filter(|token| token.issuer.askable()) else { return };
        token.ground.forget();
        let entry = self.ledger.entry(name, &token.issuer.subject().to_string());
        let look = super::observe::one(token, &self.connections, entry, &self.ledger.salt, self.started).await;
        let Ok(look) = look else { return };
        let plan = plan::plan(&token.wanted, entry, &look.seen, &self.moment, None);
        self.observations.insert(name.to_owned(), Ok(look));
        let repair = matches!(&plan.step, Step::Rotate { reason } if reason.code.is_repair());
        if !repair {
            return;
        }
        // Its answer was lost, so we never held it, and nobody can have been given it.
        record::mark_strays(&mut self.ledger, token, &plan, self.started);
        let done = self.carry_out(&plan).await;
        if done.confirmed.is_some() {
            self.settle(done, &plan, outcomes);
        } else {
            // What is in doubt stays in doubt: the intent stands for the next run.
            outcomes.insert(done.name, done.outcome);
        }
    }

    /// The last live login of a connection waits while it turns the other one of its pair. When that came to nothing,
    /// and it would be dead before the next run, it turns itself: nobody else is left to do it.
    async fn save_last_logins(&mut self, plans: &[Plan], outcomes: &mut BTreeMap<String, Outcome>) {
        let moment = self.moment;
        for plan in plans.iter().filter(|plan| plan.step == Step::Defer && plan.at_risk(&moment)) {
            let Some(token) = self.wheel.tokens.get(&plan.name) else { continue };
            let Some((connection, _)) = &token.spec.refreshes else { continue };
            let alone = self.connections.get(connection).is_some_and(|state| state.alive.len() == 1);
            let seats = self.wheel.pair(connection).seats;
            let turned = seats.values().any(|seat| outcomes.get(seat).is_some_and(Outcome::is_rotated));
            let Some(Ok(seen)) = self.observations.get(&plan.name) else { continue };
            let entry = self.ledger.entry(&plan.name, &token.issuer.subject().to_string());
            let own = plan::plan(&token.wanted, entry, &seen.seen, &self.moment, None);
            if !alone || turned || !own.rotates() || self.own_slot(token).is_none() {
                continue;
            }
            if self.intend(std::slice::from_ref(&own)).await.is_err() {
                continue;
            }
            let done = self.carry_out(&own).await;
            self.settle(done, &own, outcomes);
        }
    }

    /// Ends the marked predecessors whose overlap is over, where a successor was confirmed or seen everywhere.
    async fn retire(&mut self, plans: &[Plan], outcomes: &mut BTreeMap<String, Outcome>) {
        let now = self.world.clock.now();
        let mut due = Vec::new();
        for plan in plans {
            let Some(token) = self.wheel.tokens.get(&plan.name) else { continue };
            let fresh = match outcomes.get(&plan.name) {
                Some(Outcome::Rotated { everywhere, .. }) => *everywhere,
                Some(Outcome::Redelivered { held, owed, .. }) => {
                    record::everywhere(held, owed, self.sights(&plan.name))
                }
                _ => false,
            };
            let retirees = if fresh { record::marked(&self.ledger, token, now) } else { plan.retire.clone() };
            due.extend(retirees.into_iter().map(|retiree| (plan.name.clone(), token, retiree)));
        }
        let run = &*self;
        let ended = join_all(due.iter().map(|(name, token, retiree)| async move {
            let record = TokenRecord { expires: retiree.expires, ..TokenRecord::named(&retiree.id) };
            let value = run.value_of(token, &retiree.id);
            (name, token, retiree, token.issuer.revoke(&record, value.as_ref()).await)
        }))
        .await;
        let mut retired: BTreeMap<String, Vec<Retired>> = BTreeMap::new();
        for (name, token, retiree, ended) in ended {
            let told = match &ended {
                Ok(Ended::Ended) => "ended".to_owned(),
                Ok(Ended::NotYet { until }) => format!("works until {} at the latest", text::when(*until, now)),
                Err(error) => format!("not ended: {error:#}"),
            };
            self.world.witness.told(name, Verb::Retire, &format!("token {} {told}", text::plain(&retiree.id)));
            record::retired(&mut self.ledger, token, retiree, &ended);
            let lingers = record::lingers(&ended);
            let failed = ended.err().map(|error| format!("{error:#}"));
            let (id, dies, now) = (retiree.id.clone(), retiree.expires, self.wish.asked.revoke_now);
            let one = Retired { id, failed, dies, lingers, now };
            retired.entry((*name).clone()).or_default().push(one);
        }
        for (name, retired) in retired {
            if let Some(outcome) = outcomes.remove(&name) {
                outcomes.insert(name, outcome.and_retired(retired));
            }
        }
    }

    async fn finish(mut self, plans: Vec<Plan>, outcomes: BTreeMap<String, Outcome>) -> RunReport {
        record::forget_removed(&mut self.ledger, &self.wheel);
        for (name, token) in &self.wheel.tokens {
            if let Some(Ok(seen)) = self.observations.get(name) {
                record::forget_ended(&mut self.ledger, token, &seen.seen.inventory);
            }
        }
        if let Err(why) = self.write_ledger().await {
            let next = "the next run finds out by itself what stands, at the cost of one mint per token at most";
            self.notes.push(format!("{why}; {next}"));
            self.troubled = true;
        }
        let lease = self.lease.take();
        let report = self.report("rotate", &plans, outcomes);
        release(lease, self.wheel.shelf.as_deref()).await;
        log_out(&self.wheel).await;
        report
    }
}
