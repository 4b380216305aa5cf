//! Atlassian and Vault, through the built binary over the sandbox on loopback: its example, every kind of
//! it, and the traps.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod data_center;
mod estate;
mod example;
mod oauth;
#[path = "../wheel/stage.rs"]
#[expect(dead_code, reason = "the stage of the wheel, of which this suite needs a part")]
mod stage;
mod watched;
