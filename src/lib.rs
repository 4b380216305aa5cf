//! tokenwheel rotates API tokens: with a narrowly scoped **refresher** it mints fresh short-lived tokens, delivers
//! them to every place that uses them, proves that they work there, retires the old ones, and turns its own refresher
//! before that expires.
//!
//! A one-page tour, in the order in which a run goes:
//!
//! * [`config`] reads `tokenwheel.yml` into what is wanted, and refuses secrets.
//! * [`services`] is the catalogue: each kind of [`issuer`] and [`destination`] is one file there.
//! * [`run`] observes: it logs in over each [`connection`], reads the [`ledger`] from its [`shelf`], lists what lives,
//!   and looks at what every destination holds.
//! * [`plan`] decides, without any I/O, what is to be done and why.
//! * [`rotation`] does it, in six verbs that are six types: rehearse → mint → verify → deliver → confirm → retire.
//! * [`report`] says what stands.
//!
//! Everything that goes over the network goes through [`http`]; every value is a [`token::TokenValue`].
//!
//! There is no `unsafe`, no panic on purpose, and no print outside [`report`]. Time, randomness and the transport are
//! handed in, so that a whole run can be simulated.

pub mod cli;
pub mod config;
pub mod connection;
pub mod demo;
pub mod destination;
pub mod http;
pub mod init;
pub mod issuer;
pub mod ledger;
pub mod plan;
mod protocol;
pub mod reference;
pub mod report;
pub mod rescue;
pub mod rotation;
pub mod run;
pub mod runner;
pub mod services;
pub mod shelf;
pub mod text;
pub mod token;
