//! What docs/threat-model.md promises, tried by those whom it names: the author of a config, a server that answers as it
//! likes, a reader of logs. The built binary, over the sandbox on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]
#![allow(dead_code, reason = "the stage is that of another suite, of which this one uses a part")]

mod answers;
mod hosts;
mod process;
#[path = "../wheel/stage.rs"]
mod stage;
