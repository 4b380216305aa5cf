//! The built binary in a scrubbed environment, over the sandbox on loopback. Everything that it prints is a snapshot.

mod bad_config;
mod stage;
