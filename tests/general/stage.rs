//! The usual stage of the binary, with configs of the general kinds and files that hold tokens.

use http::Method;
use tokenwheel_sandbox::{At, Fault, What};

use crate::wheel::{Ran, Stage};

/// A stage whose next job finds these variables.
pub(crate) fn stage(environment: &[(&str, &str)]) -> Stage {
    let mut stage = Stage::set();
    stage.environment.clear();
    for (name, value) in environment {
        stage.environment.insert((*name).to_owned(), (*value).to_owned());
    }
    stage
}

/// Writes a config of these connections and tokens. `{oauth}` and `{http}` stand for the sandbox's addresses.
pub(crate) fn write(stage: &Stage, connections: &str, tokens: &str) {
    let config = format!(
        "version: 1\nevery: 12h\nconnections:\n{connections}\ntokens:\n{tokens}\nledger: {{ kind: file, path: ledger.json }}\n"
    );
    stage.write(&config.replace("{oauth}", &stage.served.oauth).replace("{http}", &stage.served.http));
}

/// `tokenwheel rotate`
pub(crate) fn rotate(stage: &Stage) -> Ran {
    stage.run(&["rotate"])
}

/// What a file of the folder holds.
pub(crate) fn held(stage: &Stage, name: &str) -> String {
    std::fs::read_to_string(stage.path(name)).unwrap_or_default().trim().to_owned()
}

/// Puts a value into a file of the folder.
pub(crate) fn put(stage: &Stage, name: &str, value: &str) {
    std::fs::write(stage.path(name), value).unwrap();
}

/// What befalls the next request of this kind.
pub(crate) fn inject(stage: &Stage, method: Method, path: &str, what: What) {
    stage.sandbox.inject(Fault { at: At::Matching { method, path: path.to_owned(), times: 1 }, what });
}

/// How many requests of this kind came in.
pub(crate) fn requests(stage: &Stage, path: &str) -> usize {
    stage.sandbox.exchanges().iter().filter(|one| one.target.contains(path)).count()
}

/// Holds that what was printed has all of these words.
#[track_caller]
pub(crate) fn says(ran: &Ran, words: &[&str]) {
    let text = ran.to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is missing:\n{text}");
    }
}
