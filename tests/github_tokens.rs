//! GitHub's own tokens and keys, and secrets that are made here, through the built binary over the sandbox on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

#[cfg(test)]
#[path = "github_tokens"]
mod github_tokens {
    mod deploy_key;
    mod installation_token;
    mod personal_access_token;
    mod secret;
    mod stage;
    mod user_token;
}
