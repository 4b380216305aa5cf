//! Zendesk through the built binary: webhooks, app settings, the client's own secret, access tokens, and the tokens of
//! the old kind.

#[cfg(test)]
mod api_token;
#[cfg(test)]
mod app_setting;
#[cfg(test)]
mod client_secret;
#[cfg(test)]
mod oauth_token;
#[cfg(test)]
mod runbook;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod webhook;
#[cfg(test)]
#[path = "../wheel/stage.rs"]
#[expect(dead_code, reason = "it serves another suite too")]
mod wheel;
