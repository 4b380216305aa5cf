//! Looking at all tokens together: which refresher of a pair turns, and the limit of a run.

use std::collections::{BTreeMap, BTreeSet};

use super::reasons::Code;
use super::{Plan, Step};

/// Which seat of a connection a refresher has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seat {
    /// The one that the connection logs in with by default.
    Primary,
    /// The other one.
    Spare,
}

impl Seat {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Primary => "refresher",
            Self::Spare => "spare",
        }
    }
}

/// The refreshers of one connection, and which of them are alive.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    /// The names of the tokens that refresh this connection.
    pub seats: BTreeMap<Seat, String>,
    /// The credentials that answered in this run.
    pub alive: BTreeSet<Seat>,
}

/// Decides which seat logs in, and holds back the other plans: a run never turns the credential it logged in with
/// while the other one lives, and turns one of a pair at the most.
///
/// Returns the seat that is to be logged in with from now on; `None` when none is alive.
pub fn turns(pair: &Pair, plans: &mut [Plan]) -> Option<Seat> {
    let first_alive = pair.alive.first().copied()?;
    if pair.alive.len() < 2 {
        // One credential: the other one, if there is one, is healed by it; itself it turns only when alone in its
        // config, or when nothing else is left before it dies.
        if pair.seats.len() > 1 {
            let other_turns = rotating(pair, plans, other(first_alive));
            if other_turns && let Some(plan) = plan_of(pair, plans, first_alive).filter(|plan| plan.rotates()) {
                plan.step = Step::Defer;
            }
        }
        return Some(first_alive);
    }
    let urgency = |seat: Seat, plans: &[Plan]| {
        let name = pair.seats.get(&seat)?;
        let plan = plans.iter().find(|plan| plan.name == *name).filter(|plan| plan.rotates())?;
        Some(plan.dies)
    };
    let turning = match (urgency(Seat::Primary, plans), urgency(Seat::Spare, plans)) {
        (Some(primary), Some(spare)) if spare.is_some() && (primary.is_none() || spare < primary) => Some(Seat::Spare),
        (Some(_), _) => Some(Seat::Primary),
        (None, Some(_)) => Some(Seat::Spare),
        (None, None) => None,
    };
    let Some(turning) = turning else { return Some(Seat::Primary) };
    let login = other(turning);
    if let Some(plan) = plan_of(pair, plans, login).filter(|plan| plan.rotates()) {
        plan.step = Step::Defer;
    }
    Some(login)
}

fn other(seat: Seat) -> Seat {
    match seat {
        Seat::Primary => Seat::Spare,
        Seat::Spare => Seat::Primary,
    }
}

fn plan_of<'a>(pair: &Pair, plans: &'a mut [Plan], seat: Seat) -> Option<&'a mut Plan> {
    let name = pair.seats.get(&seat)?;
    plans.iter_mut().find(|plan| plan.name == *name)
}

fn rotating(pair: &Pair, plans: &[Plan], seat: Seat) -> bool {
    pair.seats.get(&seat).is_some_and(|name| plans.iter().any(|plan| plan.name == *name && plan.rotates()))
}

/// Puts the plans in the order in which they are carried out, the most urgent first, and defers what is beyond the
/// limit. Refreshers are exempt, and what is minted at every run.
pub fn limit(plans: &mut [Plan], most: usize, refreshers: &BTreeSet<String>) {
    plans.sort_by_key(|plan| {
        // What has no live token comes first, what never dies last.
        let lives = plan.live.is_some();
        (lives, plan.dies.is_none(), plan.dies, plan.name.clone())
    });
    let mut rotations = 0;
    let exempt = |plan: &Plan| {
        refreshers.contains(&plan.name)
            || matches!(&plan.step, Step::Rotate { reason } if reason.code == Code::MintedAtEveryRun)
    };
    for plan in plans.iter_mut().filter(|plan| plan.rotates() && !exempt(plan)) {
        rotations += 1;
        if rotations > most {
            plan.step = Step::Defer;
        }
    }
}
