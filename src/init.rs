//! `init`: writes the first `tokenwheel.yml` and the pipeline of one repository, and says what a person makes by hand.
//!
//! Everything is handed in: what `cli` found of the repository ([`Facts`]), what the flags say ([`Wishes`]), and a
//! [`Person`] where somebody sits there. A [`Beginning`] is what all of these settle, [`draft`] makes texts of it, and
//! [`files`] writes them, all or none, over nothing that is there.

mod beginning;
mod cron;
pub mod files;
mod forge;
mod pipeline;
mod questions;
mod remote;
mod starts;
mod steps;
mod text;

use std::path::Path;

use crate::config;
use crate::run::{self, Setup, Wheel};

pub use beginning::{Beginning, Facts, Ledger, Wishes};
pub use forge::Forge;
pub use pipeline::Pipeline;
pub use questions::{Person, settle};
pub use remote::Remote;
pub use starts::{STARTS, Start};

/// What the config is called.
pub const CONFIG: &str = "tokenwheel.yml";

/// What is to be written, and what is to be told.
pub struct Draft {
    /// The text of `tokenwheel.yml`.
    pub config: String,
    /// The pipeline of the forge.
    pub pipeline: Pipeline,
    /// What a person makes by hand, and what comes then.
    pub steps: String,
}

/// The texts of a beginning. What does not load, or cannot be kept, is not handed out.
pub fn draft(beginning: &Beginning, setup: &Setup) -> Result<Draft, String> {
    let written = text::config(beginning);
    let unsound = |why: String| {
        format!("what would be written is no sound config:\n{why}\nbegin with other tokens, or write it by hand")
    };
    let config = config::parse(Path::new(CONFIG), &written).map_err(|problems| unsound(problems.to_string()))?;
    let wheel = Wheel::build(&config, setup).map_err(|problems| unsound(problems.to_string()))?;
    let findings = run::offline(&wheel, &config);
    if !findings.is_empty() {
        let lines: Vec<String> = findings.iter().map(|found| format!("{}: {}", found.of, found.what)).collect();
        return Err(unsound(lines.join("\n")));
    }
    let pipeline = pipeline::of(beginning);
    let steps = steps::tell(beginning, &written, &run::needs(&config));
    Ok(Draft { config: written, pipeline, steps })
}
