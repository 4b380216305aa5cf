//! The language of the tables. A row is a case: what is wanted | what the ledger knows | what lives at the issuer |
//! what each destination holds | what was asked → what is done. All times count from now; the next run comes in 12 h
//! and may be 6 h late.
//!
//! * wanted: `replaces ttl=30d`, `overlaps before=8d create`, `… watch`, `… order=other`
//! * ledger: `-`, or words: `7` (confirmed last), `7:-20d..+10d` (with its dates), `order=x`, `owes=1`, `gave=0`,
//!   `intent=-1d lived=7:-20d..`, `retire=6@-1d`, `week` (a week old), `empty` (of this token nothing was ever confirmed)
//! * lives: `-`, `blind`, `blind=NAME`, or records, newest first: `8:-1d..+29d 7:-20d..+10d`; `7:?..+10d` has no birth,
//!   `7:-20d..` no death
//! * held, by place: `7` (and lends it), `7!` (lends nothing), `live` (of no known record), `wrong`, `empty`, `hidden`
//!   (never to be seen), `unseen` (not reached this time), `stamp`, `restamp`

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use chrono::{DateTime, TimeDelta, Utc};
use tokenwheel::destination::Receipt;
use tokenwheel::issuer::{Inventory, Succession};
use tokenwheel::ledger::{Current, Delivered, Entry, Intent, Retiree};
use tokenwheel::plan::{Asked, Moment, Plan, Rule, Seen, Sight, Step, Wanted, plan};
use tokenwheel::token::{Fingerprint, Salt, TokenRecord, TokenValue};

/// The time of planning: a Monday morning.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-05-04T06:00:00Z".parse().unwrap()
}

/// `-20d`, `+10d`, `+7h`, `+30min`.
pub(crate) fn span(text: &str) -> TimeDelta {
    let (sign, rest) = text.split_at(1);
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
    let (number, unit) = rest.split_at(digits);
    let number: i64 = number.parse().unwrap();
    let length = match unit {
        "d" => TimeDelta::days(number),
        "h" => TimeDelta::hours(number),
        "min" => TimeDelta::minutes(number),
        _ => panic!("{text} is no span"),
    };
    if sign == "-" { -length } else { length }
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    now() + span(text)
}

pub(crate) fn moment() -> Moment {
    let remembered = Some(at("-12h"));
    Moment { now: now(), next_run: at("+12h"), slack: TimeDelta::hours(6), remembered }
}

/// The fingerprint of a value of which nothing is known but its name.
pub(crate) fn fingerprint(of: &str) -> Fingerprint {
    TokenValue::new(&format!("value of {of}")).unwrap().fingerprint(&Salt::new([7; 16]))
}

/// `7:-20d..+10d`
pub(crate) fn record(text: &str) -> TokenRecord {
    let (id, dates) = text.split_once(':').unwrap_or((text, "-20d..+10d"));
    let (born, dies) = dates.split_once("..").unwrap();
    let created = (born != "?").then(|| at(born));
    let expires = (!dies.is_empty()).then(|| at(dies));
    TokenRecord { created, expires, ..TokenRecord::named(id) }
}

fn wanted(text: &str, places: usize) -> Wanted {
    let mut wanted = Wanted {
        subject: "a token \"bot\" of acme".to_owned(),
        name: "agent".to_owned(),
        succession: Succession::Replaces,
        rule: Rule::default(),
        overlap: TimeDelta::zero(),
        ttl: Some(TimeDelta::days(30)),
        order: "same".to_owned(),
        create: false,
        watch: false,
        destinations: (0..places).map(|place| format!("place {place}")).collect(),
        only_minted: BTreeSet::new(),
    };
    for word in text.split_whitespace() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("replaces", _) => wanted.succession = Succession::Replaces,
            ("overlaps", _) => wanted.succession = Succession::Overlaps,
            ("ephemeral", _) => wanted.succession = Succession::Ephemeral,
            ("manual", _) => wanted.succession = Succession::Manual,
            ("create", _) => wanted.create = true,
            ("watch", _) => wanted.watch = true,
            ("order", order) => order.clone_into(&mut wanted.order),
            ("ttl", "none") => wanted.ttl = None,
            ("ttl", ttl) => wanted.ttl = Some(span(&format!("+{ttl}"))),
            ("before", rest) => wanted.rule = Rule::Before(span(&format!("+{rest}"))),
            ("after", age) => wanted.rule = Rule::AfterAge(span(&format!("+{age}"))),
            _ => panic!("{word} is nothing that can be wanted"),
        }
    }
    wanted
}

fn ledger(text: &str) -> (Option<Entry>, Moment) {
    let mut moment = moment();
    if text == "-" {
        moment.remembered = None;
        return (None, moment);
    }
    let mut entry = Entry { subject: "agent".to_owned(), order: "same".to_owned(), ..Entry::default() };
    let mut given = Vec::new();
    for word in text.split_whitespace() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("empty", _) => {}
            ("week", _) => moment.remembered = Some(at("-7d")),
            ("order", order) => order.clone_into(&mut entry.order),
            ("owes", place) => drop(entry.owed.insert(format!("place {place}"))),
            ("gave", place) => given.push(format!("place {place}")),
            ("intent", since) => entry.intents.push(Intent { since: at(since), until: None, lived: [].into() }),
            ("lived", records) => {
                // Of what lived before a run, the date is remembered as the issuer told it.
                let lived = records.split(',').map(record).map(|record| (record.id, record.created));
                entry.intents.last_mut().unwrap().lived = lived.collect();
            }
            ("retire" | "ending", what) => {
                let (id, after) = what.split_once('@').unwrap();
                entry.retire.push(Retiree {
                    id: id.to_owned(),
                    after: at(after),
                    expires: None,
                    tried: 0,
                    ending: word.starts_with("ending"),
                });
            }
            _ => {
                let record = record(word);
                entry.current = Some(Current {
                    created: record.created,
                    expires: record.expires.filter(|_| word.contains(':')),
                    fingerprint: Some(fingerprint(&record.id)),
                    confirmed: record.created.unwrap_or(now()),
                    id: record.id,
                });
            }
        }
    }
    let current = entry.current.as_ref().map(|current| fingerprint(&current.id));
    entry.delivered = given
        .into_iter()
        .map(|place| {
            let fingerprint = current.clone().unwrap_or_else(|| fingerprint("nobody"));
            (place, Delivered { fingerprint, receipt: Receipt::default() })
        })
        .collect();
    (Some(entry), moment)
}

fn inventory(text: &str) -> Inventory {
    let why = "the refresher may not read".to_owned();
    match text.split_once('=').unwrap_or((text, "")) {
        ("-", _) => Inventory::Listed(Vec::new()),
        ("blind", "") => Inventory::Blind { why, id: None },
        ("blind", id) => Inventory::Blind { why, id: Some(id.to_owned()) },
        _ => Inventory::Listed(text.split_whitespace().map(record).collect()),
    }
}

fn sight(text: &str) -> Sight {
    match text {
        "wrong" => Sight::Wrong("it is dead".to_owned()),
        "empty" => Sight::Empty,
        "hidden" => Sight::Unknowable("it is hidden".to_owned()),
        "unseen" => Sight::Unseen("it was not reached".to_owned()),
        "stamp" => Sight::Stamped { same: true },
        "restamp" => Sight::Stamped { same: false },
        "live" => Sight::Live { record: None, lent: true },
        id => Sight::Live { record: Some(id.trim_end_matches('!').to_owned()), lent: !id.ends_with('!') },
    }
}

/// A row, made ready.
pub(crate) struct Case {
    pub(crate) wanted: Wanted,
    pub(crate) entry: Option<Entry>,
    pub(crate) seen: Seen,
    pub(crate) moment: Moment,
    pub(crate) asked: Option<Asked>,
}

/// Records have no `Debug`, for they may hold a value.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.seen.inventory {
            Inventory::Blind { id, .. } => writeln!(f, "blind {id:?}")?,
            Inventory::Listed(records) => {
                for TokenRecord { id, created, expires, .. } in records {
                    writeln!(f, "lives {id}: {created:?}..{expires:?}")?;
                }
            }
        }
        let Self { wanted, entry, seen, moment, asked } = self;
        write!(f, "{wanted:?}\n{entry:?}\n{:?}\n{moment:?}\n{asked:?}", seen.sights)
    }
}

impl Case {
    /// Reads a row, without its last column.
    pub(crate) fn of(row: &[&str]) -> Self {
        let [want, know, lives, held, ask] = row else { panic!("a row has six columns: {row:?}") };
        let sights: Vec<Sight> = held.split_whitespace().map(sight).collect();
        let wanted = wanted(want, sights.len());
        let (entry, moment) = ledger(know);
        let asked = Asked { force: *ask == "force", reason: Some("a test asks".to_owned()), ..Asked::default() };
        let asked = (!ask.is_empty()).then_some(asked);
        Self { wanted, entry, seen: Seen { inventory: inventory(lives), sights, proved: None }, moment, asked }
    }

    pub(crate) fn plan(&self) -> Plan {
        plan(&self.wanted, self.entry.as_ref(), &self.seen, &self.moment, self.asked.as_ref())
    }
}

/// The plan of one row, without its last column.
pub(crate) fn planned(row: &[&str]) -> Plan {
    Case::of(row).plan()
}

/// A step in few words: its reason by its code.
pub(crate) fn told(step: &Step) -> String {
    match step {
        Step::Keep => "keep".to_owned(),
        Step::Watch => "watch".to_owned(),
        Step::Defer => "defer".to_owned(),
        Step::Redeliver { from, to, .. } => format!("redeliver {from} to {to:?}"),
        Step::Refuse { why } => format!("refuse: {why}"),
        Step::Rotate { reason } => {
            let code = serde_json::to_value(reason).unwrap();
            format!("rotate: {}", code["code"].as_str().unwrap())
        }
    }
}

/// Holds every row against what is planned. A refusal need only begin as the row says.
pub(crate) fn holds(table: &str) {
    holds_by(table, |plan| told(&plan.step));
}

/// The same, looking at something else than the step.
pub(crate) fn holds_by(table: &str, look: impl Fn(&Plan) -> String) {
    let mut wrong = String::new();
    let rows = table.lines().map(str::trim).filter(|line| !line.is_empty());
    for line in rows {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let (expected, row) = columns.split_last().unwrap();
        let found = look(&planned(row));
        let fits = if expected.starts_with("refuse") { found.starts_with(expected) } else { found == *expected };
        if !fits {
            writeln!(wrong, "{line}\n    is {found}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
