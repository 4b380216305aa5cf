//! `POST /credentials/revoke`: ends a credential by its value, for whoever holds it and logs in as nobody.
//! <https://docs.github.com/en/rest/credentials/revoke>

use http::Method;
use serde_json::json;

use super::GitHub;
use crate::http::Retry;
use crate::issuer::Ended;
use crate::token::TokenValue;

/// What the route takes; an installation's token is not among it.
const TAKEN: [&str; 5] = ["ghp_", "github_pat_", "gho_", "ghu_", "ghr_"];

/// Reports a value as leaked, which ends it for good; its owner is told by GitHub.
pub(super) async fn report(github: &GitHub, value: &TokenValue) -> anyhow::Result<Ended> {
    anyhow::ensure!(
        TAKEN.iter().any(|make| value.expose().starts_with(make)),
        "GitHub ends only what begins with {} in this way",
        TAKEN.join(", ")
    );
    let body = json!({ "credentials": [value.expose()] });
    let answer = github.call_as_nobody(Method::POST, "credentials/revoke", Some(body), Retry::Put).await?;
    match answer.status.as_u16() {
        // Accepted, known or not: whether it is done is another question.
        202 => {}
        403 | 429 => return Err(answer.refused("GitHub takes sixty such reports an hour from one address").into()),
        404 => return Err(answer.refused("this server takes no such reports: end it by hand").into()),
        _ => return Err(github.refused(&answer).into()),
    }
    Ok(Ended::Ended)
}
