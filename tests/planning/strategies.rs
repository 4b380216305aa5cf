//! Inputs for the planner: every one that can be thought of, also those that no service gives.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use tokenwheel::destination::Receipt;
use tokenwheel::issuer::{Inventory, Succession};
use tokenwheel::ledger::{Current, Delivered, Entry, Intent, Retiree};
use tokenwheel::plan::{Asked, Moment, Rule, Seen, Sight, Wanted};
use tokenwheel::token::TokenRecord;

use super::table::{Case, fingerprint, now};

/// The places that a token of these strategies can go to.
const PLACES: usize = 3;

fn id() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["1", "2", "3", "4"]).prop_map(str::to_owned)
}

/// Mostly days around now, and now and then the ends of time.
fn time() -> impl Strategy<Value = DateTime<Utc>> {
    prop_oneof![
        20 => (-60_000_i64..60_000).prop_map(|minutes| now() + TimeDelta::minutes(minutes)),
        1 => Just("0001-01-01T00:00:00Z".parse().unwrap()),
        1 => Just("9999-12-31T00:00:00Z".parse().unwrap()),
    ]
}

fn length() -> impl Strategy<Value = TimeDelta> {
    (1_i64..100_000).prop_map(TimeDelta::minutes)
}

/// A record in a form that can be shown, as [`TokenRecord`] cannot: it may hold a value.
type Record = (String, Option<DateTime<Utc>>, Option<DateTime<Utc>>);

#[derive(Clone, Debug)]
enum Lives {
    Listed(Vec<Record>),
    Blind(Option<String>),
}

impl Lives {
    fn inventory(self) -> Inventory {
        let record = |(id, created, expires): Record| TokenRecord { created, expires, ..TokenRecord::named(id) };
        match self {
            Self::Listed(records) => Inventory::Listed(records.into_iter().map(record).collect()),
            Self::Blind(id) => Inventory::Blind { why: "not allowed".to_owned(), id },
        }
    }
}

/// As the run sees them: newest first, each once, none that has expired.
fn listed() -> impl Strategy<Value = Lives> {
    vec((id(), option::of(time()), option::of(time())), 0..4).prop_map(|mut records| {
        let mut seen = BTreeSet::new();
        records.retain(|(id, _, dies)| seen.insert(id.clone()) && dies.is_none_or(|dies| dies > now()));
        records.sort_by_key(|(_, created, _)| std::cmp::Reverse(*created));
        Lives::Listed(records)
    })
}

fn lives() -> impl Strategy<Value = Lives> {
    prop_oneof![4 => listed(), 1 => option::of(id()).prop_map(Lives::Blind)]
}

fn sight() -> impl Strategy<Value = Sight> {
    prop_oneof![
        (option::of(id()), any::<bool>()).prop_map(|(record, lent)| Sight::Live { record, lent }),
        Just(Sight::Wrong("it is dead".to_owned())),
        Just(Sight::Empty),
        Just(Sight::Unknowable("it is hidden".to_owned())),
        Just(Sight::Unseen("it was not reached".to_owned())),
        any::<bool>().prop_map(|same| Sight::Stamped { same }),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        (1_i32..100)
            .prop_flat_map(|of| (Just(of), of + 1..=100))
            .prop_map(|(of, parts)| Rule::AfterShare { of, parts }),
        length().prop_map(Rule::AfterAge),
        length().prop_map(Rule::Before),
    ]
}

fn succession() -> impl Strategy<Value = Succession> {
    use Succession::{Ephemeral, Manual, Overlaps, Replaces};
    prop::sample::select(vec![Overlaps, Overlaps, Replaces, Replaces, Ephemeral, Manual])
}

prop_compose! {
    fn wanted()(
        succession in succession(), rule in rule(), overlap in length(), ttl in option::of(length()),
        order in prop::sample::select(vec!["same", "other"]), create: bool, watch in prop::bool::weighted(0.1),
        places in prop_oneof![9 => 1..=PLACES, 1 => Just(0)],
        only_minted in prop_oneof![4 => Just(BTreeSet::new()), 1 => btree_set(0..PLACES, 0..3)],
    ) -> Wanted {
        let destinations = (0..places).map(|place| format!("place {place}")).collect();
        let (name, order) = ("agent".to_owned(), order.to_owned());
        let subject = format!("a token \"{name}\"");
        Wanted { subject, name, succession, rule, overlap, ttl, order, create, watch, destinations, only_minted }
    }
}

prop_compose! {
    fn current()(id in id(), created in option::of(time()), expires in option::of(time()), confirmed in time()) -> Current {
        Current { fingerprint: Some(fingerprint(&id)), id, created, expires, confirmed }
    }
}

prop_compose! {
    fn retiree()(id in id(), after in time()) -> Retiree {
        Retiree { id, after, expires: None, tried: 0, ending: false }
    }
}

prop_compose! {
    fn intent()(since in time(), lived in btree_map(id(), option::of(time()), 0..4)) -> Intent {
        Intent { since, until: None, lived }
    }
}

prop_compose! {
    fn entry()(
        order in prop::sample::select(vec!["same", "other", ""]), current in option::of(current()),
        given in vec(option::of(id()), PLACES), owed in btree_set(0..PLACES, 0..3),
        intents in prop_oneof![2 => Just(Vec::new()), 1 => vec(intent(), 1..3)], retire in vec(retiree(), 0..3),
    ) -> Entry {
        let given = given.into_iter().enumerate().filter_map(|(place, id)| Some((place, id?)));
        let delivered: BTreeMap<String, Delivered> = given
            .map(|(place, id)| {
                (format!("place {place}"), Delivered { fingerprint: fingerprint(&id), receipt: Receipt::default() })
            })
            .collect();
        Entry {
            subject: "agent".to_owned(), order: order.to_owned(), current, delivered, retire,
            owed: owed.into_iter().map(|place| format!("place {place}")).collect(),
            intents, spent: None,
        }
    }
}

prop_compose! {
    fn moment()(every in 1_i64..10_000, slack in 0_i64..5_000, remembered in option::of(0_i64..20_000)) -> Moment {
        Moment {
            now: now(),
            next_run: now() + TimeDelta::minutes(every),
            slack: TimeDelta::minutes(slack),
            remembered: remembered.map(|ago| now() - TimeDelta::minutes(ago)),
        }
    }
}

/// Anything at all.
pub(crate) fn any_case() -> impl Strategy<Value = Case> {
    let asked = option::weighted(0.3, any::<(bool, bool)>());
    (wanted(), option::weighted(0.8, entry()), lives(), vec(sight(), PLACES), moment(), asked).prop_map(
        |(wanted, entry, lives, mut sights, moment, asked)| {
            sights.truncate(wanted.destinations.len());
            let asked = asked.map(|(force, revoke_now)| Asked { force, revoke_now, reason: None });
            Case { wanted, entry, seen: Seen { inventory: lives.inventory(), sights, proved: None }, moment, asked }
        },
    )
}
