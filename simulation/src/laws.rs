//! What has to be true, after every request that acts, after every run, and at the end.

use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use tokenwheel::issuer::Succession;
use tokenwheel::report::{Format, Outcome, RunReport};

use crate::estate::{Spot, Token};
use crate::run::Ended;
use crate::stage::{Running, Stage, lock};

/// Whose act it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A request of that run.
    Wheel(usize),
    /// A token died on its day.
    Time,
    /// A person, or another program.
    Others,
}

/// Since when somebody who reads a place has had a dead token, and by whom.
#[derive(Clone, Copy, Debug)]
struct Dead {
    since: DateTime<Utc>,
    by: By,
}

/// A value that a place held before.
struct Left {
    value: String,
    at: DateTime<Utc>,
}

/// A place under watch.
struct Watched {
    token: usize,
    spot: Spot,
    held: String,
    dead: Option<Dead>,
    left: Vec<Left>,
}

/// What every destination holds, and which strangers live.
#[derive(Default)]
pub struct Watch {
    places: Vec<Watched>,
    ended: Vec<&'static str>,
    /// What people took out of a place.
    thrown: Vec<String>,
    alarms: usize,
}

impl Watch {
    /// Begins to watch.
    pub fn over(tokens: &[Token]) -> Self {
        let places = tokens.iter().enumerate().flat_map(|(at, token)| token.spots.iter().map(move |spot| (at, spot)));
        let places = places.map(|(token, spot)| Watched {
            token,
            spot: spot.clone(),
            held: String::new(),
            dead: None,
            left: Vec::new(),
        });
        Self { places: places.collect(), ..Self::default() }
    }
}

/// How far two machines' clocks may be apart, by which an overlap may be shorter.
const SKEW: TimeDelta = TimeDelta::minutes(9);

const AGED: &str = "died of age while runs were missed, struck or refused";
const BY_OTHERS: &str = "ended, or written over, by somebody else";
const FORGOTTEN: &str = "without the memory, its own stray looks like another wheel's";
const ITSELF: &str = "turned with itself, and the answer, or the run, was lost";

impl Stage {
    /// Looks at every place and every stranger, right after somebody did something.
    pub fn look(&self, by: By) {
        let now = self.time.now();
        if by == By::Time {
            self.excuse_what_turned_itself();
        }
        let mut wrong = Vec::new();
        let mut watch = lock(&self.watch);
        let mut thrown = Vec::new();
        for place in &mut watch.places {
            let Some(token) = self.estate.tokens.get(place.token) else { continue };
            let before = place.held.clone();
            self.look_at(token, place, by, now, &mut wrong);
            if by == By::Others && place.held != before {
                thrown.push(before);
            }
        }
        watch.thrown.extend(thrown);
        for stranger in &self.estate.strangers {
            let lives = self.estate.sandbox.gitlab(|gitlab| gitlab.is_live(&stranger.value));
            if !lives && !watch.ended.contains(&stranger.what) {
                watch.ended.push(stranger.what);
                if stranger.taken_over_without_memory && lock(&self.book).forgot > 0 {
                    self.fact("the only one of its name, taken over without a memory");
                    continue;
                }
                wrong.push(format!("{} was ended", stranger.what));
            }
        }
        let alarms = self.estate.alarms();
        let tried_again = self.is_tried_again();
        if alarms > watch.alarms {
            watch.alarms = alarms;
            if tried_again {
                self.fact("exchanges of what may be spent, where nothing is left to lose");
            } else {
                wrong.push("a spent credential was used again, or a pipeline was started".to_owned());
            }
        }
        drop(watch);
        for what in wrong {
            self.broken(what);
        }
    }

    fn look_at(&self, token: &Token, place: &mut Watched, by: By, now: DateTime<Utc>, wrong: &mut Vec<String>) {
        let (sandbox, name, key) = (&self.estate.sandbox, &token.name, &place.spot.key);
        let held = place.spot.held(sandbox);
        let lives = (token.live)(sandbox, &held);
        let overlaps = token.succession == Succession::Overlaps;
        if held != place.held {
            let before = std::mem::replace(&mut place.held, held);
            if overlaps && place.dead.is_none() && matches!(by, By::Wheel(_)) && !before.is_empty() {
                place.left.push(Left { value: before, at: now });
            }
            if !lives && by == By::Others {
                self.lose(token, &place.spot, BY_OTHERS);
            }
            if !lives && place.dead.is_none() && matches!(by, By::Wheel(_)) {
                wrong.push(format!("{name}: a dead value was put into {key}"));
            }
        }
        // Whoever read it before the turn may use it until the overlap is over.
        let overlap = token.overlap;
        place.left.retain(|left| {
            let over = now >= left.at + overlap - SKEW;
            let alive = over || (token.live)(sandbox, &left.value);
            if !alive && matches!(by, By::Wheel(_)) {
                let minutes = (now - left.at).num_minutes();
                wrong.push(format!("{name}: what {key} held {minutes} minutes ago was ended within the overlap"));
            }
            !over && alive
        });
        match (place.dead, lives) {
            (None, false) => {
                place.dead = Some(Dead { since: now, by });
                self.tell(|| format!("  {name} in {key} is dead, by {by:?}"));
                if overlaps && matches!(by, By::Wheel(_)) {
                    wrong.push(format!("{name} overlaps, and {key} holds a dead token"));
                }
                match by {
                    By::Time => self.lose(token, &place.spot, AGED),
                    By::Others => self.lose(token, &place.spot, BY_OTHERS),
                    By::Wheel(_) => {}
                }
            }
            (Some(dead), true) => {
                place.dead = None;
                self.tell(|| format!("  {name} in {key} lives again"));
                match (dead.by, by) {
                    (By::Wheel(_), By::Wheel(_)) if dead.by == by => self.lasted(token, now - dead.since, true),
                    (By::Wheel(_), _) => self.lasted(token, now - dead.since, false),
                    _ => {}
                }
                lock(&self.book).lost.remove(&(name.clone(), place.spot.name()));
            }
            _ => {}
        }
    }

    /// Whether a token that exchanges itself was lost with its answer: to try once more is the only way to learn it, and
    /// what it could end has no holder.
    fn is_tried_again(&self) -> bool {
        let book = lock(&self.book);
        let mut alone = self.estate.tokens.iter().filter(|token| token.unasked && token.alone);
        alone.any(|token| book.lost.iter().any(|((name, _), why)| *name == token.name && *why == ITSELF))
    }

    fn lose(&self, token: &Token, spot: &Spot, why: &'static str) {
        lock(&self.book).lost.entry((token.name.clone(), spot.name())).or_insert(why);
    }

    /// Takes down how long a consumer had no live token.
    fn lasted(&self, token: &Token, time: TimeDelta, same: bool) {
        let key = match (token.succession, same) {
            (Succession::Overlaps, _) => "overlaps",
            (_, true) => "replaces, delivered by the run that turned it",
            (_, false) => "replaces, that run struck, and those after it until one was not",
        };
        let mut book = lock(&self.book);
        let longest = book.outages.entry(key).or_default();
        *longest = (*longest).max(time.num_seconds());
    }

    /// Whether a place can be in no better state, and why: what can only be lost, and what hangs on it.
    fn excuse(&self, token: &Token, spot: &Spot) -> Option<&'static str> {
        let lost = lock(&self.book).lost.clone();
        if let Some(why) = lost.get(&(token.name.clone(), spot.name())) {
            return Some(why);
        }
        let gone = |name: &str| lost.keys().any(|(lost, _)| lost == name);
        let of = |connection: &str| {
            let mut seats = self.estate.tokens.iter().filter(|other| other.seat_of == Some(connection)).peekable();
            seats.peek().is_some() && seats.all(|seat| gone(&seat.name))
        };
        // All places are at GitLab.
        if of("gitlab") || token.connection.is_some_and(of) {
            return Some("hangs on a connection whose every credential is lost");
        }
        let lender = token.minted_as.filter(|lender| gone(lender));
        lender.map(|_| "is minted as a token that is lost")
    }

    /// After every run: nothing leaked, and what it says is true.
    pub fn after_a_run(&self, run: &Running, ended: &Ended) {
        let mut said: Vec<(&str, String)> = vec![("narration", lock(&run.told).join("\n"))];
        match ended {
            Ended::Died => {}
            Ended::NotBegun(why) => said.push(("error", why.clone())),
            Ended::Done(report) => {
                let forms = [Format::Text, Format::Json, Format::Markdown];
                said.extend(forms.map(|form| ("report", report.render(form, false))));
            }
        }
        for disk in &self.disks {
            said.extend(lock(disk).texts.values().map(|text| ("ledger", text.clone())));
        }
        lock(&self.needles).learn(&self.estate.sandbox.values());
        for (place, text) in said {
            if self.leaks(&text) {
                self.broken(format!("a value is in the {place}"));
            }
        }
        if run.struck.load(Ordering::Relaxed) > 0 || run.is_dead() {
            lock(&self.book).struck.insert(run.number);
        }
        self.excuse_what_turned_itself();
        if let Ended::Done(report) = ended
            && report.level().code() == 0
        {
            self.no_place_is_dead("exit 0", |place, token| !place.spot.hidden && !token.unasked);
        }
    }

    /// A token that nothing but itself could turn is lost with its answer, when its run was struck.
    fn excuse_what_turned_itself(&self) {
        let watch = lock(&self.watch);
        let dead = |token: &Token| {
            let mut places = watch.places.iter().filter(|place| place.dead.is_some());
            places.any(|place| self.estate.tokens.get(place.token).is_some_and(|other| other.name == token.name))
        };
        for place in &watch.places {
            let Some(token) = self.estate.tokens.get(place.token) else { continue };
            let Some(Dead { by: By::Wheel(run), .. }) = place.dead else { continue };
            // Where the other one of a pair is dead too, this one was the last login.
            let mut seats = self.estate.tokens.iter().filter(|other| other.seat_of == token.seat_of);
            let last = token.seat_of.is_some() && seats.all(dead);
            if (token.alone || last) && lock(&self.book).struck.contains(&run) {
                self.lose(token, &place.spot, ITSELF);
                lock(&self.book).gone.insert(token.name.clone());
            }
        }
    }

    fn no_place_is_dead(&self, what: &str, judged: impl Fn(&Watched, &Token) -> bool) {
        let mut wrong = Vec::new();
        for place in &lock(&self.watch).places {
            let Some(token) = self.estate.tokens.get(place.token) else { continue };
            if place.dead.is_some() && judged(place, token) {
                wrong.push(format!("{what}, and {} in {} is dead", token.name, place.spot.key));
            }
        }
        for what in wrong {
            self.broken(what);
        }
    }

    /// After a run that nothing disturbed: nobody is without a live token, and nothing dies before the run after the
    /// next one is sure.
    pub fn after_a_clean_run(&self, started: DateTime<Utc>) {
        self.no_place_is_dead("nothing disturbed this run", |place, token| {
            self.excuse(token, &place.spot).is_none() && token.succession != Succession::Manual
        });
        let mut wrong = Vec::new();
        for place in &lock(&self.watch).places {
            let Some(token) = self.estate.tokens.get(place.token) else { continue };
            // One of a pair waits for the next run, whatever its age: a run turns one of them.
            if token.seat_of.is_some() && !token.alone {
                continue;
            }
            self.estate.sandbox.set_now(started + TimeDelta::hours(18));
            // Who lost the memory of when it dies is told so in each report.
            let unknown = token.undated && lock(&self.book).forgot > 0;
            let judged = place.dead.is_none() && token.succession != Succession::Ephemeral && !unknown;
            if judged && self.excuse(token, &place.spot).is_none() && !(token.live)(&self.estate.sandbox, &place.held) {
                wrong.push(format!("{} in {} dies before the next run is sure", token.name, place.spot.key));
            }
        }
        self.now();
        for what in wrong {
            self.broken(what);
        }
    }

    /// Without its memory a wheel cannot tell a stray of its own from another wheel's, or from a person's: it refuses,
    /// and a person ends what is too many.
    pub fn excuse_what_it_forgot(&self, report: &RunReport) {
        let forgot = lock(&self.book).forgot > 0;
        let by_hand = lock(&self.book).by_hand.clone();
        for told in report.tokens.iter().filter(|told| forgot || by_hand.contains(&told.name)) {
            let Outcome::Refused(why) = &told.outcome else { continue };
            if !why.contains("another wheel") && !why.contains("nothing says which") {
                continue;
            }
            let Some(token) = self.estate.tokens.iter().find(|token| token.name == told.name) else { continue };
            for spot in &token.spots {
                self.lose(token, spot, FORGOTTEN);
            }
        }
    }

    /// What a person mended is no longer excused.
    pub fn is_mended(&self) {
        let watch = lock(&self.watch);
        let dead = |name: &str, spot: &str| {
            let is_it = |place: &Watched| {
                self.estate.tokens.get(place.token).is_some_and(|token| token.name == name) && place.spot.name() == spot
            };
            watch.places.iter().any(|place| place.dead.is_some() && is_it(place))
        };
        lock(&self.book).lost.retain(|(name, spot), _| dead(name, spot));
    }

    /// After two runs that nothing disturbed: all is well, or what can only be lost is named.
    pub fn converged(&self, report: &RunReport) {
        let text = report.render(Format::Text, false);
        let (mut excused, mut dead) = (0, Vec::new());
        for place in &lock(&self.watch).places {
            let Some(token) = self.estate.tokens.get(place.token) else { continue };
            let Some(why) = self.excuse(token, &place.spot) else { continue };
            excused += 1;
            if place.dead.is_some() && !place.spot.hidden {
                dead.push((token.name.clone(), place.spot.key.clone(), token.unasked, why));
            }
        }
        if excused == 0 && report.level().code() != 0 {
            self.broken(format!("two undisturbed runs, and exit {}: {text}", report.level().code()));
        }
        for (name, key, unasked, why) in dead {
            self.fact("tokens lost as they must be");
            self.tell(|| format!("  {name} in {key} is lost: {why}"));
            // With the memory went the only one who could tell.
            if unasked && lock(&self.book).forgot > 0 {
                continue;
            }
            if report.level().code() == 0 {
                self.broken(format!("{name} is lost, and the exit level is 0"));
            }
            if !text.contains(&key) && !text.contains(&name) {
                self.broken(format!("{name} is lost, and the report does not name it"));
            }
        }
    }

    /// At the very end, past every overlap.
    pub fn at_the_end(&self, report: &RunReport) {
        let text = report.render(Format::Text, false);
        let (forgot, ledger, now) = (lock(&self.book).forgot, self.ledger(), self.now());
        for token in &self.estate.tokens {
            // What is marked is no stray: it has its successor, and its day.
            let marked = ledger.as_ref().and_then(|ledger| ledger.pointer(&format!("/tokens/{}/retire", token.name)));
            let marked: Vec<&str> = marked
                .and_then(serde_json::Value::as_array)
                .into_iter()
                .flatten()
                .filter(|old| {
                    let after = old.get("after").and_then(serde_json::Value::as_str);
                    after.and_then(|day| day.parse::<DateTime<Utc>>().ok()) > Some(now - SKEW)
                })
                .filter_map(|old| old.get("id").and_then(serde_json::Value::as_str))
                .collect();
            // What a person took out of its place is that person's.
            let thrown = |value: &String| lock(&self.watch).thrown.contains(value);
            let strays = self.estate.strays(token).into_iter().filter(|(_, value)| !thrown(value)).map(|(id, _)| id);
            let strays: Vec<String> = strays.filter(|id| !marked.contains(&id.as_str())).collect();
            let gone = lock(&self.book).gone.contains(&token.name);
            if !strays.is_empty() {
                self.fact("live strays left");
                self.tell(|| format!("  strays of {}: {}", token.name, strays.join(", ")));
            }
            // With the memory goes the mark of a predecessor, and what the last mint was meant to be.
            if strays.len() > 2 * forgot + usize::from(gone) {
                self.broken(format!("{} has {} live strays", token.name, strays.len()));
            }
            for id in strays.iter().filter(|id| !gone && !text.contains(id.as_str())) {
                self.broken(format!("the live stray {id} of {} is not reported", token.name));
            }
        }
    }
}
