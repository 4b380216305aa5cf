//! The built binary in a scrubbed environment, over the sandbox on loopback. Everything that it prints is a snapshot.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod against;
mod bad_config;
mod bad_credentials;
mod bad_network;
mod bad_places;
mod commands;
mod demo;
mod holder;
mod proxy;
mod rescue;
mod runner;
mod signals;
mod stage;
mod styra_das;
mod supply;
mod tls;
mod workflow;
