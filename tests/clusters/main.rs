//! Clusters and GOV.UK Signon, through the built binary: Secrets, restarts, Jobs, and what each of them says that is not so.

#[cfg(test)]
mod api_token;
#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod patience;
#[cfg(test)]
mod runbooks;
#[cfg(test)]
mod secret;
#[cfg(test)]
mod stage;
#[cfg(test)]
#[path = "../wheel/stage.rs"]
#[expect(dead_code, reason = "it serves another suite too")]
mod wheel;
