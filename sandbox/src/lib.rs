//! Stateful, deterministic fakes of the services that tokenwheel turns tokens at.
//!
//! A test, the demo and the benchmarks mount [`Sandbox`] straight under their transport: [`Sandbox::call`] takes a
//! request and gives the answer the real service would give, latency and faults included, without a socket. With the
//! feature `serve` the same sandbox listens on loopback; with `openapi` every exchange can be held against the
//! service's own description ([`violations`]).
//!
//! Each fake is a folder that implements `service::Service`: it knows requests, answers and its own tables, and nothing
//! of faults, latency or other services. What a fake does is what the facts about the real service say; where they leave
//! a question open, the fake has a switch, and the tests run both ways.
//!
//! A new service is a folder, a field and a line of `services` in `sandbox.rs`, a listener in `serve.rs`, and a
//! description in `openapi/description.rs`.

pub mod atlassian;
mod clock;
mod exchange;
mod fault;
pub mod github;
pub mod gitlab;
pub mod http_api;
pub mod kubernetes;
mod mint;
pub mod oauth;
#[cfg(feature = "openapi")]
mod openapi;
mod params;
mod sandbox;
#[cfg(feature = "serve")]
mod serve;
mod service;
pub mod signon;
pub mod styra;
mod target;
pub mod vault;
pub mod zendesk;

pub use exchange::{Answer, Exchange, Lost, Request};
pub use fault::{At, Fault, What};
#[cfg(feature = "openapi")]
pub use openapi::violations;
pub use sandbox::Sandbox;
#[cfg(feature = "serve")]
pub use serve::Served;
