//! Seeded histories, in the manner of deterministic simulation: one seed is one history of several runs over days of
//! virtual time, in which anything may go wrong, and in which the laws hold after every step.
//!
//! The program under test is the real one, from its planner to every kind's client. Only what is handed in to it is
//! simulated: the network leads to the [sandbox](tokenwheel_sandbox), the clock is tokio's paused one, the disk is in
//! memory, and all chance comes from the seed. So a seed that breaks a law does so each time, and tells its story.
//!
//! * [`dice`]: all chance.
//! * [`estate`], [`kinds`], [`others`]: what is turned, mixed anew for each seed.
//! * [`fault`], [`wire`], [`shelf`], [`people`]: what goes wrong.
//! * [`run`]: one run of the program. [`history`]: some days of them.
//! * [`laws`]: what has to be true, and what can only be lost.
//! * [`faulty`]: the program with a check switched off.
//! * [`tally`]: many seeds, and the table of `docs/reliability.md`.

pub mod dice;
pub mod estate;
pub mod fault;
pub mod faulty;
pub mod history;
pub mod kinds;
pub mod laws;
pub mod needles;
pub mod others;
pub mod people;
pub mod run;
pub mod shelf;
pub mod stage;
pub mod tally;
pub mod wire;
