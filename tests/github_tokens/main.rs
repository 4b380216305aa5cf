//! GitHub's own tokens and keys, and secrets that are made here, through the built binary over the sandbox on loopback.

#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;
#[cfg(test)]
mod deploy_key;
#[cfg(test)]
mod installation_token;
#[cfg(test)]
mod personal_access_token;
#[cfg(test)]
mod secret;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod time;
#[cfg(test)]
mod user_token;
