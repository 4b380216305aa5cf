//! What is written cannot drift from what is: examples load, what is generated is current, links and names lead
//! somewhere.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails there")]

mod examples;
mod generated;
mod gitlab;
mod laws;
mod links;
mod page;
mod yaml;
