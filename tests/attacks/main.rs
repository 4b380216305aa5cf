//! What docs/threat-model.md promises, tried by those whom it names: the author of a config, a server that answers as it
//! likes, a reader of logs. The built binary, over the sandbox on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod answers;
mod hosts;
mod process;
#[path = "../wheel/stage.rs"]
#[expect(dead_code, reason = "the stage of the wheel, of which this suite needs a part")]
mod stage;
