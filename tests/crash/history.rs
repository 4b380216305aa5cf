//! One history: a wheel that has turned before, a run that is struck, and the runs after it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use http::Method;
use tokenwheel::config::Config;
use tokenwheel::demo::Mounted;
use tokenwheel::http::{Broken, Transport};
use tokenwheel::report::RunReport;
use tokenwheel::run::{Reach, Run, Setup, Wheel, Wish};
use tokenwheel_sandbox::{At, Exchange, Fault, Sandbox, What};
use tokio::sync::Notify;

use crate::common::{Bench, force};
use crate::estate::{Estate, Scenario};
use crate::laws;

/// What happens at the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strike {
    KilledBefore,
    KilledAfter,
    AnswerLost,
    BadGateway,
    ServerError,
    /// No request in particular: a destination refuses every write of this run. The number is the destination's.
    PlaceRefuses,
}

impl Strike {
    /// Those that strike one request.
    pub(crate) const ALL: [Self; 5] =
        [Self::KilledBefore, Self::KilledAfter, Self::AnswerLost, Self::BadGateway, Self::ServerError];

    fn what(self) -> What {
        match self {
            Self::KilledBefore => What::KillBefore,
            Self::KilledAfter => What::KillAfter,
            Self::AnswerLost => What::DropAfter,
            Self::BadGateway => What::FailAfter(502),
            Self::ServerError => What::Refuse(500),
            Self::PlaceRefuses => What::Refuse(403),
        }
    }
}

/// What the runs after it remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    /// The ledger in a file, as the struck run left it.
    File,
    /// The ledger in a GitLab variable, as the struck run left it.
    Variable,
    /// None: it was lost with the machine.
    Lost,
    /// One from before the last turn: a backup of a week ago.
    Old,
}

impl Memory {
    pub(crate) const ALL: [Self; 4] = [Self::File, Self::Variable, Self::Lost, Self::Old];
}

/// What the first job after it was started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// The variables as they are.
    Fresh,
    /// The variables as they were before the struck run.
    Stale,
}

impl Job {
    pub(crate) const ALL: [Self; 2] = [Self::Fresh, Self::Stale];
}

/// The name of a history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    pub(crate) scenario: &'static str,
    /// The request that is struck, from one; nought for none.
    pub(crate) at: usize,
    pub(crate) strike: Strike,
    pub(crate) memory: Memory,
    pub(crate) job: Job,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, at, strike, memory, job } = self;
        f.write_str(&format!("{scenario}/{at}/{strike:?}/{memory:?}/{job:?}"))
    }
}

/// What came of a history.
pub(crate) struct Ended {
    /// What is wrong with it.
    pub(crate) broken: Vec<String>,
    /// The requests of the struck run, and whether they only read.
    pub(crate) reads: Vec<bool>,
    /// Everything that went over the wire.
    pub(crate) exchanges: Vec<Exchange>,
    /// What was narrated and reported.
    pub(crate) story: String,
    /// How many tokens the runs after the struck one made.
    pub(crate) minted: usize,
    /// Whether a refresher without a spare was lost, as it must be.
    pub(crate) lonely_lost: bool,
}

/// A wheel and the machine that it runs on.
pub(crate) struct Stage {
    pub(crate) bench: Bench,
    pub(crate) estate: Estate,
    pub(crate) story: String,
    pub(crate) broken: Vec<String>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) memory: Memory,
    config: Config,
}

/// A wheel that has turned before, from which every history of a scenario and a memory begins.
pub(crate) struct Past {
    stage: Stage,
    sandbox: Sandbox,
    ledger: Option<String>,
    backup: Option<String>,
    story: String,
}

const LEDGER: (&str, &str) = ("projects/acme/tokenwheel", "TOKENWHEEL_LEDGER");

impl Past {
    /// Turns the wheel before anything goes wrong, up to the morning on which what the scenario names is due again.
    pub(crate) async fn of(scenario: &Scenario, memory: Memory) -> Self {
        let mut stage = Stage::set(scenario, memory);
        let mut backup = None;
        if memory == Memory::Old {
            stage.turn(None, Wish::default()).await;
            backup = stage.recall();
        }
        stage.bench.sandbox.advance(TimeDelta::days(1));
        for names in stage.estate.forced {
            stage.turn(None, force(names)).await;
        }
        stage.bench.sandbox.advance(TimeDelta::days(6));
        stage.gather();
        assert!(stage.broken.is_empty(), "{:#?}{}", stage.broken, stage.story);
        let (sandbox, ledger) = (stage.bench.sandbox.clone(), stage.kept());
        let story = std::mem::take(&mut stage.story);
        Self { stage, sandbox, ledger, backup, story }
    }

    /// What went over the wire before.
    pub(crate) fn exchanges(&mut self) -> Vec<Exchange> {
        std::mem::take(&mut self.stage.exchanges)
    }

    /// How many tokens are put off to the run after the one that is struck.
    pub(crate) fn deferred(&self) -> usize {
        self.stage.estate.deferred
    }

    /// How many destinations there are.
    pub(crate) fn places(&self) -> usize {
        self.stage.estate.spots().count()
    }

    /// Plays one history from here; `None` when its stale job would be no staler than a fresh one, so that it is another
    /// one's twin.
    pub(crate) async fn play(&mut self, name: Name) -> Option<Ended> {
        let Self { stage, sandbox, ledger, backup, story } = self;
        stage.bench.sandbox = sandbox.fork();
        stage.remember(ledger.as_deref());
        stage.end_leases();
        stage.story.clone_from(story);
        stage.broken.clear();

        let before = stage.bench.job();
        if let Some(at) = stage.place_of(name) {
            stage.bench.sandbox.inject(Fault { at, what: name.strike.what() });
        }
        let ended = stage.turn(None, Wish::default()).await;
        stage.bench.sandbox.clear_faults();
        if ended.is_none() && name.memory == Memory::File && stage.lease().exists() {
            let second = stage.turn(None, Wish::default()).await;
            stage.broken.extend(laws::gives_way(second.as_ref()));
        }
        let struck = stage.gather();
        if name.strike == Strike::PlaceRefuses {
            let hurt = stage.estate.wrong(&stage.bench.sandbox);
            // What is made at every run had died by itself in the days without one.
            let hurt = hurt.iter().filter(|wrong| !stage.estate.is_ephemeral(wrong.token));
            stage.broken.extend(hurt.map(|wrong| format!("{} was not rehearsed, and is dead", wrong.key)));
        }
        if name.job == Job::Stale && before == stage.bench.job() {
            return None;
        }
        match name.memory {
            Memory::File | Memory::Variable => {}
            Memory::Lost => stage.remember(None),
            Memory::Old => stage.remember(backup.as_deref()),
        }

        // Past the lease, and up to one whole interval later.
        stage.bench.sandbox.advance(TimeDelta::hours([1, 5, 12][name.at % 3]));
        stage.turn((name.job == Job::Stale).then_some(before), Wish::default()).await;
        stage.bench.sandbox.advance(TimeDelta::hours(12));
        let last = stage.turn(None, Wish::default()).await;
        let after = stage.gather();
        let minted = laws::minted(stage, &after);
        laws::no_one_of_a_pair_turned_itself(stage);
        let lonely_lost = laws::at_the_end(stage, last.as_ref(), &struck);
        let reads = struck.iter().map(|exchange| exchange.method == Method::GET).collect();
        let (broken, story) = (std::mem::take(&mut stage.broken), std::mem::take(&mut stage.story));
        Some(Ended { broken, reads, exchanges: std::mem::take(&mut stage.exchanges), story, minted, lonely_lost })
    }
}

impl Stage {
    fn set(scenario: &Scenario, memory: Memory) -> Self {
        let mut bench = Bench::new(1);
        // A ledger is synced to the disk each time, and here are thousands of runs: in memory that costs nothing.
        if let Ok(folder) = tempfile::tempdir_in("/dev/shm") {
            bench.folder = folder;
        }
        let estate = (scenario.found)(&mut bench);
        let ledger = match memory {
            Memory::Variable => "{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: TOKENWHEEL_LEDGER }",
            _ => "{ kind: file, path: ledger.json }",
        };
        bench.write_config(&format!("version: 1\nevery: 12h\n{}ledger: {ledger}\n", estate.config));
        let config = bench.config();
        Self { config, bench, estate, story: String::new(), broken: Vec::new(), exchanges: Vec::new(), memory }
    }

    /// One run, to its end or to its death; checked by the laws that hold after every run.
    async fn turn(&mut self, job: Option<BTreeMap<String, String>>, wish: Wish) -> Option<Result<RunReport, String>> {
        let job = job.unwrap_or_else(|| self.bench.job());
        let death = Arc::new(Death::default());
        let hook = Arc::clone(&death);
        self.bench.sandbox.on_kill(Box::new(move || hook.strike()));
        self.bench.told.lock().unwrap().clear();
        let ended = tokio::select! {
            biased;
            () = death.struck.notified() => None,
            report = rotate(&self.bench, &self.config, job, wish, &death) => Some(report),
        };
        let told = self.bench.told.lock().unwrap().join("\n  ");
        let text = match &ended {
            None => "killed".to_owned(),
            Some(Err(why)) => why.clone(),
            Some(Ok(report)) => crate::common::text(report),
        };
        let now = self.bench.sandbox.now();
        let chapter = format!("\n--- run of {now}\n  {told}\n{text}");
        self.story.push_str(&chapter);
        laws::after_a_run(self, ended.as_ref(), &told);
        ended
    }

    /// Where the fault of this name strikes.
    fn place_of(&self, name: Name) -> Option<At> {
        if name.strike == Strike::PlaceRefuses {
            let spot = self.estate.spots().nth(name.at - 1)?;
            let path = format!("/variables/{}", spot.key);
            return Some(At::Matching { method: Method::PUT, path, times: usize::MAX });
        }
        (name.at > 0).then_some(At::Nth(name.at))
    }

    /// Keeps what went over the wire, and lets the count begin anew.
    fn gather(&mut self) -> Vec<Exchange> {
        let exchanges = self.bench.sandbox.exchanges();
        self.bench.sandbox.forget_exchanges();
        self.exchanges.extend(exchanges.iter().cloned());
        exchanges
    }

    /// The ledger as it stands.
    pub(crate) fn recall(&self) -> Option<String> {
        if self.memory == Memory::Variable {
            return self.bench.sandbox.gitlab(|gitlab| gitlab.variable(LEDGER.0, LEDGER.1, "*")).map(|held| held.value);
        }
        self.kept()
    }

    /// The ledger on disk.
    fn kept(&self) -> Option<String> {
        std::fs::read_to_string(self.ledger()).ok()
    }

    fn lease(&self) -> PathBuf {
        self.bench.folder.path().join("ledger.json.lease")
    }

    fn ledger(&self) -> PathBuf {
        self.bench.folder.path().join("ledger.json")
    }

    /// Removes what the last history left beside the ledger.
    fn end_leases(&self) {
        for part in ["lease", "steal"] {
            let _ = std::fs::remove_file(self.bench.folder.path().join(format!("ledger.json.{part}")));
        }
    }

    /// Puts that ledger on disk, or none; the lease of a dead run stays until it ends by itself.
    fn remember(&self, ledger: Option<&str>) {
        match ledger {
            Some(text) => std::fs::write(self.ledger(), text).unwrap(),
            None => drop(std::fs::remove_file(self.ledger())),
        }
    }
}

/// The death of a process: from then on nothing it sends goes out.
#[derive(Default)]
struct Death {
    struck: Notify,
    dead: AtomicBool,
}

impl Death {
    fn strike(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.struck.notify_one();
    }
}

/// A transport that dies with its process.
struct Mortal {
    mounted: Mounted,
    death: Arc<Death>,
}

#[async_trait]
impl Transport for Mortal {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        if self.death.dead.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        self.mounted.send(request).await
    }
}

async fn rotate(
    bench: &Bench,
    config: &Config,
    job: BTreeMap<String, String>,
    wish: Wish,
    death: &Arc<Death>,
) -> Result<RunReport, String> {
    let (sandbox, death) = (bench.sandbox.clone(), Arc::clone(death));
    let setup = Setup {
        environment: Arc::new(move |name| job.get(name).cloned()),
        carrier: Arc::new(move |_: Option<&str>| {
            let mortal = Mortal { mounted: Mounted(sandbox.clone()), death: Arc::clone(&death) };
            Ok(Arc::new(mortal) as Arc<dyn Transport>)
        }),
        random: bench.world().random,
        offline: false,
    };
    let wheel = Wheel::build(config, &setup).map_err(|problems| problems.to_string())?;
    let run = Run::observe(wheel, bench.world(), config, wish, Reach::Acts).await.map_err(|why| why.to_string())?;
    let plans = run.plan().await;
    Ok(run.apply(plans).await)
}
