//! `init`: what it writes, what it says, what it never touches, and what it asks.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails there")]

mod combinations;
mod folders;
mod questions;
mod refusals;
mod stage;
mod stranger;
mod terminal;
mod texts;
#[path = "../docs/yaml.rs"]
mod yaml;
