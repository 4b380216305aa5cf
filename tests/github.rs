//! GitHub, through the built binary over the sandbox on loopback: every place of it, both ways to log in, and the traps.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

#[path = "wheel/stage.rs"]
#[expect(dead_code, reason = "the stage of the wheel, of which GitHub needs a part")]
mod stage;

mod github {
    mod estate;
    mod inside;
    mod logins;
    mod places;
    mod traps;
}
