//! What the sandbox promises, told as stories: one file for each thing it fakes or can do.

mod common;

mod atlassian;
mod credentials;
mod faults;
mod github;
mod github_issuers;
mod hooks;
mod http_api;
mod kubernetes;
mod listing;
mod oauth;
mod resource_tokens;
mod shapes;
mod signon;
mod styra;
mod throttle;
mod tokens;
mod triggers;
mod variables;
mod vault;
mod world;
mod zendesk;

#[cfg(feature = "openapi")]
mod openapi;
#[cfg(feature = "serve")]
mod served;
