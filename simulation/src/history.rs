//! One seed, one history: some days of a wheel's life, all that goes wrong in them, and the quiet days after.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokenwheel::config;
use tokio::time::sleep;

use crate::dice::Dice;
use crate::estate::{Estate, Founding, LEDGER, WHEEL};
use crate::fault::{Counts, Fault};
use crate::faulty::Check;
use crate::kinds;
use crate::laws::{By, Watch};
use crate::run::{Ended, Job, Outcome, rotate};
use crate::stage::{Book, Refusal, Stage, Time, Weather, lock};

/// What is played.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Only estates of this part.
    pub part: Option<String>,
    /// The check that is switched off.
    pub without: Option<Check>,
    /// Whether somebody reads the story.
    pub told: bool,
}

/// What came of a history.
#[derive(Default)]
pub struct Played {
    /// Laws that were broken.
    pub broken: Vec<String>,
    /// The story, if it was asked for.
    pub story: String,
    /// How often what was tried.
    pub faults: Counts,
    /// What else was counted.
    pub facts: Counts,
    /// The longest times without a live token, in seconds, by succession.
    pub outages: BTreeMap<&'static str, i64>,
}

/// Plays the history of one seed.
pub fn play(seed: u64, choice: &Choice) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    match runtime {
        Ok(runtime) => runtime.block_on(story(seed, choice)),
        Err(error) => Played { broken: vec![format!("no runtime: {error}")], ..Played::default() },
    }
}

/// A Monday morning.
fn monday() -> DateTime<Utc> {
    "2026-05-04T06:00:00Z".parse().unwrap_or_default()
}

async fn story(seed: u64, choice: &Choice) -> Played {
    let mut dice = Dice::of(seed);
    let estate = found(seed, &mut dice, choice);
    let text = estate.text();
    let config = match config::parse(Path::new("tokenwheel.yml"), &text) {
        Ok(config) => config,
        Err(problems) => return Played { broken: vec![format!("{problems}\n{text}")], ..Played::default() },
    };
    let watch = Watch::over(&estate.tokens);
    let book = Book {
        story: choice.told.then(|| format!("seed {seed}: {}\n{text}\n", estate.parts.join(", "))),
        ..Book::default()
    };
    let stage = Arc::new(Stage {
        estate,
        config,
        time: Time::begin(monday()),
        dice: Mutex::new(dice),
        refusals: Mutex::default(),
        disks: Default::default(),
        book: Mutex::new(book),
        watch: Mutex::new(watch),
        needles: Mutex::default(),
        without: choice.without,
    });
    stage.look(By::Others);
    lock(&stage.book).lost.clear();
    let mut history = History { stage: Arc::clone(&stage), runs: 0, queued: None };
    history.live().await;
    let mut book = lock(&stage.book);
    Played {
        broken: std::mem::take(&mut book.broken),
        story: book.story.take().unwrap_or_default(),
        faults: std::mem::take(&mut book.faults),
        facts: std::mem::take(&mut book.facts),
        outages: std::mem::take(&mut book.outages),
    }
}

/// A mixture of parts.
fn found(seed: u64, dice: &mut Dice, choice: &Choice) -> Estate {
    let mut estate = Estate::empty(seed, monday());
    estate.ledger_in_variable = dice.chance(250);
    let mut to = Founding { estate: &mut estate, dice };
    kinds::strangers(&mut to);
    let all: Vec<kinds::Part> = kinds::PARTS.iter().chain(crate::others::PARTS).copied().collect();
    let mut left: Vec<kinds::Part> = all.clone();
    let count = match to.dice.below(10) {
        0..6 => 1,
        6..9 => 2,
        _ => 3,
    };
    let mut parts: Vec<kinds::Part> = Vec::new();
    if let Some(name) = &choice.part {
        parts.extend(all.iter().filter(|(part, _)| part == name));
    }
    while parts.len() < count && !left.is_empty() {
        let at = to.dice.index(left.len());
        parts.push(left.swap_remove(at));
    }
    kinds::refreshers(&mut to);
    for (name, part) in parts {
        if !to.estate.parts.contains(&name) {
            to.estate.parts.push(name);
            part(&mut to);
        }
    }
    estate
}

struct History {
    stage: Arc<Stage>,
    runs: usize,
    queued: Option<BTreeMap<String, String>>,
}

impl History {
    async fn live(&mut self) {
        let days = self.stage.dice(|dice| dice.between(3, 9));
        self.take_over().await;
        for _ in 0..days {
            self.next_slot().await;
            self.something_happens();
            self.slot().await;
            if !lock(&self.stage.book).broken.is_empty() {
                return;
            }
        }
        lock(&self.stage.refusals).clear();
        self.stage.tell(|| "the quiet days begin".to_owned());
        self.next_slot().await;
        self.clean().await;
        self.next_slot().await;
        let outcome = self.clean().await;
        if let Ended::Done(report) = &outcome.ended {
            self.stage.converged(report);
        }
        if self.mend() {
            self.next_slot().await;
            self.clean().await;
            self.next_slot().await;
            let outcome = self.clean().await;
            if let Ended::Done(report) = &outcome.ended {
                self.stage.converged(report);
            }
        }
        for _ in 0..2 {
            self.next_slot().await;
            let outcome = self.clean().await;
            if let Ended::Done(report) = &outcome.ended {
                self.stage.at_the_end(report);
            }
        }
    }

    /// The first run. What nobody says the death of is taken over by force, as the report asks.
    async fn take_over(&mut self) {
        let mut job = self.job(Weather::default());
        let tokens = self.stage.estate.tokens.iter();
        let undated: Vec<String> = tokens.filter(|token| token.undated).map(|token| token.name.clone()).collect();
        if !undated.is_empty() {
            let reason = Some("nobody says when they die".to_owned());
            job.wish.asked = tokenwheel::plan::Asked { force: true, revoke_now: false, reason };
            job.wish.only = undated;
            self.run(job).await;
            job = self.job(Weather::default());
        }
        self.run(job).await;
    }

    /// Half a day passes, more or less.
    async fn next_slot(&self) {
        let minutes = self.stage.dice(|dice| dice.between(690, 750));
        sleep(Duration::from_secs(minutes * 60)).await;
        self.stage.now();
        self.stage.look(By::Time);
    }

    fn job(&mut self, weather: Weather) -> Job {
        self.runs += 1;
        let skew = self.stage.dice(|dice| if dice.chance(300) { dice.span(0, 480) - 240 } else { 0 });
        if skew != 0 {
            self.stage.tried("the machine's clock is wrong by up to 4 minutes");
        }
        Job { number: self.runs, weather, skew: TimeDelta::seconds(skew), ..Job::default() }
    }

    /// A run in fair weather.
    async fn clean(&mut self) -> Outcome {
        let job = self.job(Weather::default());
        let mut outcome = self.run(job).await;
        // Whoever died while taking an ended lease over has left a mark, which costs one run.
        if matches!(&outcome.ended, Ended::NotBegun(why) if why.contains("another run")) {
            self.stage.fact("runs that gave way to one that had died while it took the lease");
            sleep(Duration::from_mins(40)).await;
            let job = self.job(Weather::default());
            outcome = self.run(job).await;
        }
        if !outcome.is_clean() {
            let what = match &outcome.ended {
                Ended::NotBegun(why) => format!("a run in fair weather did not begin: {why}"),
                _ => "a run in fair weather was disturbed".to_owned(),
            };
            self.stage.broken(what);
        }
        outcome
    }

    async fn run(&mut self, job: Job) -> Outcome {
        let fair = self.stage.is_fair() && job.queued.is_none() && job.weather.is_fair();
        let outcome = rotate(&self.stage, job).await;
        self.stage.fact("runs");
        if let (true, Ended::Done(report)) = (fair && outcome.is_clean(), &outcome.ended) {
            self.stage.excuse_what_it_forgot(report);
            self.stage.after_a_clean_run(outcome.started);
        }
        outcome
    }

    fn weather(&self) -> Weather {
        self.stage.dice(|dice| {
            let mut weather = Weather::default();
            match dice.below(100) {
                0..30 => {}
                30..65 => {
                    let at = dice.index(40) + 1;
                    weather.strike = dice.pick(&Fault::ALL).map(|fault| (at, *fault));
                }
                65..80 => weather.storm = [20, 60, 150, 400].get(dice.index(4)).copied().unwrap_or(20),
                80..92 => weather.polls = Some(dice.index(160)),
                92..96 => weather.stop = Some(dice.index(30) + 1),
                _ => weather.disk_full = true,
            }
            weather
        })
    }

    /// What the schedule brings.
    async fn slot(&mut self) {
        if self.stage.dice(|dice| dice.chance(80)) {
            self.stage.tried("a run of the schedule is missed");
            self.stage.tell(|| "the schedule misses a run".to_owned());
            return;
        }
        let weather = self.weather();
        if weather.disk_full {
            self.stage.tried("the disk of the ledger is full");
        }
        let mut job = self.job(weather);
        let now = self.stage.estate.job();
        if self.stage.dice(|dice| dice.chance(120))
            && let Some(queued) = self.queued.take()
            && queued != now
        {
            self.stage.tried("a job that was queued before the last run");
            job.queued = Some(queued);
        }
        self.queued = Some(now);
        if self.stage.dice(|dice| dice.chance(70)) {
            self.two_at_once(job).await;
        } else {
            self.run(job).await;
        }
        if self.stage.dice(|dice| dice.chance(100)) {
            // Past what may still be under way, and often before the lease of a dead run ends.
            let minutes = self.stage.dice(|dice| dice.between(5, 60));
            sleep(Duration::from_secs(minutes * 60)).await;
            self.stage.tell(|| "a person starts one more run".to_owned());
            let weather = self.weather();
            let job = self.job(weather);
            self.run(job).await;
        }
        // What is under way for a minute or two is over before anything else begins.
        sleep(Duration::from_mins(3)).await;
    }

    /// Two runs of one scheduler, which the lease tells apart.
    async fn two_at_once(&mut self, first: Job) {
        self.stage.tried("two runs at once");
        let weather = self.weather();
        let mut second = self.job(weather);
        second.queued.clone_from(&first.queued);
        let wait = self.stage.dice(|dice| dice.between(0, 4000));
        let stage = Arc::clone(&self.stage);
        let late = async {
            sleep(Duration::from_millis(wait)).await;
            rotate(&stage, second).await
        };
        futures_util::future::join(rotate(&self.stage, first), late).await;
        self.stage.fact("runs");
        self.stage.fact("runs");
    }

    /// Between two runs: people, other programs, disks.
    fn something_happens(&self) {
        let stage = Arc::clone(&self.stage);
        let roll = stage.dice(|dice| dice.below(1000));
        match roll {
            0..100 => self.a_place_refuses(),
            100..150 => self.memory_is_hurt(),
            150..190 => crate::people::end_a_token(&stage),
            190..250 => crate::people::edit_a_variable(&stage),
            _ => {}
        }
        stage.look(By::Others);
    }

    fn a_place_refuses(&self) {
        let spots: Vec<_> = self.stage.estate.tokens.iter().flat_map(|token| &token.spots).collect();
        let refusal = self.stage.dice(|dice| {
            let until = self.stage.time.now() + TimeDelta::hours(dice.span(2, 60));
            let status = [403, 500, 503].get(dice.index(3)).copied().unwrap_or(503);
            if dice.chance(250) {
                let host = ["gitlab", "styra", "zendesk"].get(dice.index(3)).copied().unwrap_or("gitlab");
                return Some(Refusal { until, host: host.to_owned(), path: String::new(), writes: false, status: 503 });
            }
            let spot = dice.pick(&spots)?;
            let host = if spot.is_at_github() { "github" } else { "gitlab" };
            let path = if spot.is_at_github() { "/secrets/" } else { "/variables/" };
            let path = format!("{path}{}", spot.key);
            Some(Refusal { until, host: host.to_owned(), path, writes: dice.chance(700), status })
        });
        if let Some(refusal) = refusal {
            self.stage.tell(|| {
                let Refusal { until, host, path, status, .. } = &refusal;
                format!("{host}{path} refuses with {status} until {}", until.format("%m-%d %H:%M"))
            });
            lock(&self.stage.refusals).push(refusal);
        }
    }

    /// The ledger is lost, or an old one comes back, or it is damaged and a person moves it away.
    fn memory_is_hurt(&self) {
        let stage = &self.stage;
        let Some(disk) = stage.disks.first() else { return };
        let gitlab = &stage.estate.sandbox;
        let held = if stage.estate.ledger_in_variable {
            gitlab.gitlab(|gitlab| gitlab.variable(WHEEL, LEDGER, "*")).map(|held| held.value)
        } else {
            lock(disk).texts.get("").cloned()
        };
        let Some(held) = held else { return };
        let old = {
            let mut disk = lock(disk);
            if stage.estate.ledger_in_variable {
                disk.past.push(held);
            }
            let at = stage.dice(|dice| dice.index(disk.past.len()));
            disk.past.get(at).cloned()
        };
        let (what, text) = if stage.dice(|dice| dice.chance(500)) {
            ("the ledger is lost", None)
        } else {
            ("an old ledger comes back", old)
        };
        stage.tried(what);
        stage.tell(|| what.to_owned());
        lock(&stage.book).forgot += 1;
        let spot = crate::estate::Spot::variable(WHEEL, LEDGER);
        match (stage.estate.ledger_in_variable, text) {
            (true, Some(text)) => {
                if let Some(old) = gitlab.gitlab(|gitlab| gitlab.variable(WHEEL, LEDGER, "*")) {
                    let back = tokenwheel_sandbox::gitlab::Variable { value: text, ..old };
                    gitlab.gitlab(|gitlab| gitlab.add_variable(WHEEL, back));
                }
            }
            (true, None) => crate::estate::remove(gitlab, &spot),
            (false, Some(text)) => {
                lock(disk).texts.insert(String::new(), text);
            }
            (false, None) => {
                lock(disk).texts.remove("");
            }
        }
    }

    /// A person does what the reports ask for: makes a new one of what is lost, and puts it into its places.
    fn mend(&self) -> bool {
        let lost: Vec<(String, String)> = lock(&self.stage.book).lost.keys().cloned().collect();
        let sandbox = &self.stage.estate.sandbox;
        for token in &self.stage.estate.tokens {
            let here = |spot: &&crate::estate::Spot| lost.contains(&(token.name.clone(), spot.name()));
            if !token.spots.iter().any(|spot| here(&spot)) {
                continue;
            }
            // Whoever ends what is too many ends what no place holds.
            for (id, value) in self.stage.estate.strays(token) {
                self.stage.tell(|| format!("a person ends the stray {id} of {}", token.name));
                (token.end)(sandbox, &value);
            }
            // Where another place has a live one, that is put here too.
            let lent = token.spots.iter().map(|spot| spot.held(sandbox)).find(|value| (token.live)(sandbox, value));
            let whole = lent.is_none();
            let Some(value) = lent.or_else(|| (token.make)(sandbox)) else { continue };
            self.stage.tell(|| format!("a person puts a live {} into its places", token.name));
            lock(&self.stage.book).by_hand.insert(token.name.clone());
            let these = token.spots.iter().filter(|spot| whole || !(token.live)(sandbox, &spot.held(sandbox)));
            these.for_each(|spot| self.stage.estate.keep(spot, &value));
        }
        self.stage.look(By::Others);
        self.stage.is_mended();
        !lost.is_empty()
    }
}
