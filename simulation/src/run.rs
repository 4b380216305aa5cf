//! One run of the real program, to its end or to its death.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use chrono::{DateTime, TimeDelta, Utc};
use tokenwheel::http::Transport;
use tokenwheel::report::{Format, RunReport};
use tokenwheel::rotation::Verb;
use tokenwheel::run::{Clock, Random, Reach, Run, Setup, Wheel, Wish, World};

use crate::shelf::Disk;
use crate::stage::{Running, Stage, Time, Weather, lock};
use crate::wire::Wire;

/// A job that is to be run.
#[derive(Clone, Default)]
pub struct Job {
    /// Its number in the history.
    pub number: usize,
    /// What it was queued with; nothing for the variables as they are when it starts.
    pub queued: Option<BTreeMap<String, String>>,
    /// What goes wrong.
    pub weather: Weather,
    /// How far the clock of its machine is wrong.
    pub skew: TimeDelta,
    /// The disk of its scheduler.
    pub disk: usize,
    /// What was asked of it.
    pub wish: Wish,
}

/// What came of it.
pub enum Ended {
    /// It died.
    Died,
    /// It did not begin, and said why.
    NotBegun(String),
    /// It came to its end.
    Done(Box<RunReport>),
}

/// A run, and what came of it.
pub struct Outcome {
    /// The run.
    pub run: Arc<Running>,
    /// What came of it.
    pub ended: Ended,
    /// When it began.
    pub started: DateTime<Utc>,
}

impl Outcome {
    /// Whether it came to its end, and nothing disturbed it.
    pub fn is_clean(&self) -> bool {
        matches!(self.ended, Ended::Done(_)) && self.run.struck.load(Ordering::Relaxed) == 0
    }
}

/// A clock that is wrong by as much.
struct Skewed(Time, TimeDelta);

impl Clock for Skewed {
    fn now(&self) -> DateTime<Utc> {
        self.0.now() + self.1
    }
}

/// Dies when its run does, and after so many polls.
struct Mortal<F> {
    inner: Pin<Box<F>>,
    run: Arc<Running>,
    left: Option<usize>,
}

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(left) = self.left.as_mut() {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => self.run.dead.store(true, Ordering::Relaxed),
            }
        }
        if self.run.is_dead() {
            return Poll::Ready(None);
        }
        match self.inner.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.run.is_dead() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// `tokenwheel rotate`
pub async fn rotate(stage: &Arc<Stage>, job: Job) -> Outcome {
    let run = Arc::new(Running {
        number: job.number,
        weather: job.weather.clone(),
        dead: AtomicBool::new(false),
        stop: Arc::default(),
        requests: AtomicUsize::new(0),
        struck: AtomicUsize::new(0),
        told: std::sync::Mutex::default(),
    });
    let started = stage.now();
    stage.tell(|| describe(&job));
    let left = job.weather.polls;
    let inner = Box::pin(go(Arc::clone(stage), Arc::clone(&run), job));
    let ended = match (Mortal { inner, run: Arc::clone(&run), left }).await {
        None => {
            if left.is_some() {
                stage.tried("killed between two awaits");
            }
            Ended::Died
        }
        Some(Err(why)) => Ended::NotBegun(why),
        Some(Ok(report)) => Ended::Done(Box::new(report)),
    };
    stage.now();
    stage.tell(|| {
        let number = run.number;
        match &ended {
            Ended::Died => format!("run {number} is dead"),
            Ended::NotBegun(why) => format!("run {number} did not begin: {why}"),
            Ended::Done(report) => {
                let text = report.render(Format::Text, false);
                format!("run {number} ends with {}:\n{text}", report.level().code())
            }
        }
    });
    stage.after_a_run(&run, &ended);
    Outcome { run, ended, started }
}

fn describe(job: &Job) -> String {
    let weather = &job.weather;
    let mut text = format!("run {} begins", job.number);
    if job.disk > 0 {
        text.push_str(", of another scheduler");
    }
    if job.queued.is_some() {
        text.push_str(", with the environment of an earlier time");
    }
    if let Some((at, fault)) = weather.strike {
        _ = write!(text, "; request {at}: {fault}");
    }
    if weather.storm > 0 {
        _ = write!(text, "; {} in a thousand requests are struck", weather.storm);
    }
    if let Some(polls) = weather.polls {
        _ = write!(text, "; it dies after {polls} polls");
    }
    if weather.disk_full {
        text.push_str("; the disk is full");
    }
    if !job.skew.is_zero() {
        _ = write!(text, "; its clock is wrong by {} s", job.skew.num_seconds());
    }
    text
}

async fn go(stage: Arc<Stage>, run: Arc<Running>, job: Job) -> Result<RunReport, String> {
    let environment = job.queued.unwrap_or_else(|| stage.estate.job());
    let setup = Setup {
        environment: Arc::new(move |name| environment.get(name).cloned()),
        random: random(&stage),
        carrier: {
            let (stage, run) = (Arc::clone(&stage), Arc::clone(&run));
            Arc::new(move |_: Option<&str>| {
                let wire = Wire { stage: Arc::clone(&stage), run: Arc::clone(&run) };
                Ok(Arc::new(wire) as Arc<dyn Transport>)
            })
        },
        offline: false,
    };
    let mut wheel = Wheel::build(&stage.config, &setup).map_err(|problems| problems.to_string())?;
    if !stage.estate.ledger_in_variable || job.disk > 0 {
        wheel.shelf = Some(Arc::new(Disk { stage: Arc::clone(&stage), number: job.disk, run: Arc::clone(&run) }));
        wheel.shelf_connection = None;
    }
    let told = Arc::clone(&run);
    let teller = Arc::clone(&stage);
    let world = World {
        clock: Arc::new(Skewed(stage.time, job.skew)),
        random: random(&stage),
        holder: format!("run {}", run.number),
        witness: Arc::new(move |token: &str, verb: Verb, detail: &str| {
            teller.tell(|| format!("  run {} says: {token}: {verb}: {detail}", told.number));
            lock(&told.told).push(format!("{token}: {verb}: {detail}"));
        }),
        stop: Arc::clone(&run.stop),
    };
    if let Some(check) = stage.without {
        crate::faulty::break_wheel(check, &mut wheel, &world);
    }
    let observed = Run::observe(wheel, world, &stage.config, job.wish, Reach::Acts).await;
    let observed = observed.map_err(|why| why.to_string())?;
    let mut plans = observed.plan().await;
    if let Some(check) = stage.without {
        crate::faulty::break_plans(check, &mut plans);
    }
    Ok(observed.apply(plans).await)
}

fn random(stage: &Arc<Stage>) -> Random {
    let stage = Arc::clone(stage);
    Arc::new(move |buffer: &mut [u8]| stage.dice(|dice| dice.fill(buffer)))
}
