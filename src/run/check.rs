//! `check`: the config, the credentials, the rights, and every rehearsal that only looks. It changes nothing.

mod against;
mod cron;
mod pipeline;
mod workflow;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;

use super::Run;
use super::setup::{Turning, Wheel};
use crate::config::Config;
use crate::destination::{Ask, Depth};
use crate::issuer::Succession;
use crate::plan::{Plan, Step};
use crate::report::{Outcome, RunReport};
use crate::services;
use crate::text;
use crate::token::Order;
pub use against::{Difference, Grade, Side, differences};

/// Something that the config alone shows to be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The token, or the key of the config.
    pub of: String,
    /// The sentence.
    pub what: String,
}

/// What the config alone shows, without any credential.
pub fn offline(wheel: &Wheel, config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, token) in &wheel.tokens {
        let mut say = |what: String| findings.push(Finding { of: name.clone(), what });
        let (ttl, every) = (token.wanted.ttl, config.every);
        if let Some(ttl) = ttl.filter(|ttl| *ttl <= every + every / 2 && !token.wanted.watch) {
            let (ttl, every, late) = (text::span(ttl), text::span(every), text::span(config.every / 2));
            say(format!(
                "a life of {ttl} cannot be kept by a run every {every} that may be {late} late: give it a longer `ttl`, \
                 or run more often and say so in `every`"
            ));
        }
        let born = DateTime::UNIX_EPOCH;
        let due = ttl.and_then(|ttl| token.wanted.rule.due(Some(born), Some(born + ttl), Some(ttl)));
        if let Some(due) = due.filter(|due| *due <= born + every && !token.wanted.watch) {
            say(format!(
                "it would turn at every run: {} comes {} after it is made",
                token.wanted.rule,
                text::span(due - born)
            ));
        }
        let Some((connection, _)) = &token.spec.refreshes else { continue };
        let lonely = wheel.connections.get(connection).is_some_and(|linked| linked.credentials.len() < 2);
        if lonely && token.spec.accept_risk.is_none() {
            say(format!(
                "connection `{connection}` has one refresher only: were a new one lost on its way, a person would have \
                 to make the next; give the connection a `spare`, or say why not with `accept_risk`"
            ));
        }
        if lonely && config.rescue.is_none() && token.wanted.succession == Succession::Replaces && !token.wanted.watch {
            say(format!(
                "connection `{connection}` has one refresher only, and a new one ends it at once: were the new one lost on \
                 its way, nobody could log in; say to whom it is sealed first: `rescue: {{ recipients: [age1…] }}`"
            ));
        }
    }
    findings.extend(workflow::too_slow(config));
    findings
}

/// A token that dies before the schedule may come again is at risk, whatever `every:` says.
fn alone_too_long(report: &mut RunReport, gap: TimeDelta) {
    let next = report.started + gap;
    for token in report.tokens.iter_mut().filter(|token| matches!(token.outcome, Outcome::Kept)) {
        if let Some(dies) = token.dies.filter(|dies| *dies <= next) {
            let (dies, next) = (text::when(dies, report.started), text::when(next, report.started));
            token.outcome = Outcome::Refused(format!(
                "it dies {dies}, and the schedule may come no sooner than {next}: run `rotate` by hand before, and let it \
                 come more often"
            ));
            token.at_risk = true;
        }
    }
}

/// The rights that each connection needs, per kind in use.
pub fn needs(config: &Config) -> String {
    let mut needs: BTreeMap<String, BTreeSet<(String, &str)>> = BTreeMap::new();
    let parts = config
        .tokens
        .values()
        .flat_map(|token| std::iter::once(&token.issuer).chain(token.destinations.iter().map(|place| &place.part)));
    let parts = parts.map(|part| (part, false)).chain(config.ledger.iter().map(|part| (part, true)));
    for (part, keeps_ledger) in parts {
        let service = part.kind.split('/').next().unwrap_or_default();
        let only = || config.connections.iter().find(|(_, spec)| spec.service == service).map(|(name, _)| name.clone());
        let nowhere = || {
            if services::SERVICES.iter().any(|known| known.name == service) {
                format!("{service} (no connection is of this service yet)")
            } else {
                "this machine".to_owned()
            }
        };
        let name = part.connection.clone().or_else(only).unwrap_or_else(nowhere);
        let issuer = services::ISSUERS.iter().find(|kind| kind.kind == part.kind).map(|kind| kind.needs);
        let destination = services::DESTINATIONS.iter().find(|kind| kind.kind == part.kind).map(|kind| kind.needs);
        let shelf = services::SHELVES.iter().find(|kind| kind.kind == part.kind).map(|kind| kind.needs);
        let (what, needed) = if keeps_ledger {
            (format!("the ledger ({})", part.kind), shelf)
        } else {
            (part.kind.clone(), issuer.or(destination))
        };
        needs.entry(name).or_default().extend(needed.map(|needed| (what, needed)));
    }
    let mut out = String::new();
    for (connection, kinds) in needs {
        let _ = writeln!(out, "{connection}:");
        for (kind, needs) in kinds {
            let _ = writeln!(out, "  {kind}: {needs}");
        }
    }
    out
}

impl Run {
    /// Rehearses every token, looking only.
    pub async fn check(self, config: &Config) -> RunReport {
        let plans = self.plan().await;
        let mut outcomes = BTreeMap::new();
        let by_token = offline(&self.wheel, config);
        let rehearsals = join_all(plans.iter().map(|plan| self.rehearse(plan))).await;
        for (plan, mut problems) in plans.iter().zip(rehearsals) {
            problems
                .extend(by_token.iter().filter(|finding| finding.of == plan.name).map(|finding| finding.what.clone()));
            if let Step::Refuse { why } = &plan.step {
                problems.push(why.clone());
            }
            let outcome = if problems.is_empty() { Outcome::Kept } else { Outcome::Refused(problems.join("; ")) };
            outcomes.insert(plan.name.clone(), outcome);
        }
        let mut report = self.report("check", &plans, outcomes);
        let found = self.pipeline(config).await;
        let elsewhere = by_token.iter().filter(|finding| !self.wheel.tokens.contains_key(&finding.of));
        let troubles: Vec<String> =
            elsewhere.map(|finding| format!("{}: {}", finding.of, finding.what)).chain(found.troubles).collect();
        report.troubled |= !troubles.is_empty();
        report.notes.extend(troubles.into_iter().chain(found.notes));
        if let Some(gap) = found.gap {
            alone_too_long(&mut report, gap);
        }
        for (name, state) in &self.connections {
            let wide = state.alive.values().filter_map(|alive| alive.login.too_wide.as_ref());
            report.notes.extend(wide.map(|wide| format!("connection {name} has more rights than it needs: {wide}")));
        }
        if self.wheel.shelf.is_none() {
            let risk = "what is to be retired, and what an interrupted run made, is remembered nowhere";
            report.notes.push(format!("there is no `ledger:`: {risk}, and two runs at once are not kept apart"));
            report.troubled = true;
        }
        self.end().await;
        report
    }

    async fn rehearse(&self, plan: &Plan) -> Vec<String> {
        let Some(token) = self.wheel.tokens.get(&plan.name) else { return Vec::new() };
        if token.wanted.watch {
            return Vec::new();
        }
        let mut problems = Vec::new();
        let order = Order {
            now: self.started,
            until: token.wanted.ttl.map(|ttl| self.started + ttl),
            follows: plan.live.as_ref(),
        };
        if let Err(error) = token.issuer.rehearse(&order).await {
            problems.push(format!("{error:#}"));
        }
        problems.extend(self.unwilling(token).await);
        if let Some(Ok(seen)) = self.observations.get(&plan.name) {
            let exposed = seen.exposed.iter();
            problems.extend(exposed.map(|where_| format!("a refresher has no place there: {where_}")));
        }
        problems
    }

    async fn unwilling(&self, token: &Turning) -> Vec<String> {
        let shape = token.issuer.shape();
        let asked = join_all(token.destinations.iter().map(|to| {
            let shape = shape.as_ref().and_then(|shape| to.form.shape(shape));
            async move { to.rehearse(&Ask { shape: shape.as_ref(), depth: Depth::Look, last: None }).await }
        }))
        .await;
        let mut problems: Vec<String> =
            asked.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
        if token.spec.wait_for_jobs.is_some() {
            let readers = join_all(token.destinations.iter().map(|to| to.readers())).await;
            let blind = readers.into_iter().filter_map(Result::err);
            problems.extend(blind.map(|why| format!("it cannot be seen which jobs may be using it: {why:#}")));
        }
        problems
    }
}
