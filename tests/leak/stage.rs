//! An estate of every kind, a wheel over it, and a search through all that it said and kept.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokenwheel::report::Format;
use tokenwheel::rotation::Verb;
use tokenwheel::run::{Reach, Run, Wheel, Wish};

use crate::common::{Bench, force};
use crate::estate::Scenario;
use crate::estates;
use crate::needle::Needles;

/// Where the ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ledger {
    File,
    Variable,
}

impl Ledger {
    fn config(self) -> &'static str {
        match self {
            Self::File => "{ kind: file, path: ledger.json }",
            Self::Variable => "{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: TOKENWHEEL_LEDGER }",
        }
    }
}

const KEY: (&str, &str) = ("projects/acme/tokenwheel", "TOKENWHEEL_LEDGER");
/// Sealed to a key whose private half nobody has.
const RESCUE: &str = "rescue: { recipients: [age19ggd2mqpf9awyurvt3lxumuaqgph95yma3dv9rnk42n84x7jpp7spsh050] }\n";
/// A destination on disk: the one file that may hold a value.
const FILE: &str = "agent.token";

/// What each run turns.
const TURNED: &[&str] = &["agent", "das-refresher", "refresher"];

pub(crate) struct Stage {
    pub(crate) bench: Bench,
    /// What each run turns.
    turned: Vec<&'static str>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    /// Styra and GitLab, with a token that goes to a variable and a file.
    pub(crate) fn set(ledger: Ledger) -> Self {
        let mut bench = Bench::new(1);
        let estate = (estates::STYRA_DUE.found)(&mut bench);
        let config = estate.config.replace("key: DAS_TOKEN }]", "key: DAS_TOKEN }, { kind: file, path: agent.token }]");
        assert_ne!(config, estate.config);
        bench.write_config(&format!("version: 1\nevery: 12h\n{config}ledger: {}\n{RESCUE}", ledger.config()));
        std::fs::write(bench.folder.path().join(FILE), bench.held("acme/app", "DAS_TOKEN")).unwrap();
        Self { bench, turned: TURNED.to_vec(), said: Arc::default() }
    }

    /// The estate of a crash scenario, of which each run turns what that names.
    pub(crate) fn of(scenario: &Scenario, ledger: Ledger) -> Self {
        let mut bench = Bench::new(1);
        let estate = (scenario.found)(&mut bench);
        bench.write_config(&format!("version: 1\nevery: 12h\n{}ledger: {}\n{RESCUE}", estate.config, ledger.config()));
        Self { bench, turned: estate.forced.concat(), said: Arc::default() }
    }

    /// One run that turns a token, its refresher and one of a pair, and what `check` says after it.
    pub(crate) async fn turn(&self) {
        let wish = force(&self.turned);
        match self.bench.rotate_with(self.bench.job(), wish).await {
            Ok(report) => {
                let forms = [Format::Text, Format::Json, Format::Markdown, Format::Junit, Format::Openmetrics];
                self.said.lock().unwrap().extend(forms.map(|form| report.render(form, false)));
                self.said.lock().unwrap().push(report.dotenv());
            }
            Err(why) => self.said.lock().unwrap().push(why),
        }
        match self.bench.observe(self.bench.job(), Wish::default(), Reach::Reads).await {
            Ok(run) => {
                let report = run.check(&self.bench.config()).await;
                self.said.lock().unwrap().push(report.render(Format::Text, true));
            }
            Err(why) => self.said.lock().unwrap().push(why),
        }
    }

    /// A run that falls over when it tells of that verb.
    pub(crate) async fn turn_until(&self, verb: Verb) {
        let config = self.bench.config();
        let wheel = Wheel::build(&config, &self.bench.setup(self.bench.job())).unwrap();
        let mut world = self.bench.world();
        world.witness = Arc::new(move |_: &str, at: Verb, _: &str| assert_ne!(at, verb, "the narrator fell over"));
        let run = Run::observe(wheel, world, &config, force(&self.turned), Reach::Acts).await.unwrap();
        let plans = run.plan().await;
        run.apply(plans).await;
    }

    /// Searches all that was said and kept.
    pub(crate) fn search(&self, what: &str) {
        let needles = Needles::of(&self.bench.sandbox.values());
        for text in self.said.lock().unwrap().iter() {
            needles.none_in(&format!("a report after {what}"), text);
        }
        needles.none_in(&format!("the narration of {what}"), &self.bench.told.lock().unwrap().join("\n"));
        let variable = self.bench.sandbox.gitlab(|gitlab| gitlab.variable(KEY.0, KEY.1, "*"));
        if let Some(variable) = variable {
            needles.none_in(&format!("the ledger in a variable after {what}"), &variable.value);
        }
        self.search_the_disk(&needles, what);
        self.search_the_wire(what);
    }

    /// Searches one more text.
    pub(crate) fn search_in(&self, place: &str, text: &str) {
        Needles::of(&self.bench.sandbox.values()).none_in(place, text);
    }

    /// No file beside the destination holds a value, whatever its name; what is sealed shows nothing either.
    fn search_the_disk(&self, needles: &Needles, what: &str) {
        let mut files = 0;
        let mut folders = vec![self.bench.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.file_name() != Some(Path::new(FILE).as_os_str()) {
                    let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                    needles.none_in(&format!("{} after {what}", path.display()), &text);
                    files += 1;
                }
            }
        }
        assert!(files > 0);
    }

    /// A value goes to its issuer and to its destinations, in a header or a body, and never in a URL.
    fn search_the_wire(&self, what: &str) {
        let own = self.bench.sandbox.gitlab(|gitlab| gitlab.live_tokens("wheel")).into_iter().map(|token| token.value);
        let own: Vec<String> = own.collect();
        let needles = Needles::of(&self.bench.sandbox.values());
        for exchange in self.bench.sandbox.exchanges() {
            needles.none_in(&format!("a URL in {what}"), &exchange.target);
            if exchange.host == "styra" && !own.is_empty() {
                let headers = exchange.request_headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()));
                let text =
                    format!("{} {}", headers.collect::<String>(), String::from_utf8_lossy(&exchange.request_body));
                assert!(
                    !own.iter().any(|value| text.contains(value.as_str())),
                    "GitLab's refresher went to DAS: {what}"
                );
            }
        }
    }
}
