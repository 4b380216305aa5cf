//! What GitHub says in headers, and what its refusals mean.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::http::Answer;
use crate::text;

/// What is said of a login that a job was handed by GitHub itself.
/// <https://docs.github.com/en/actions/concepts/security/github_token>
pub(super) const OF_A_JOB: &str = "this is the GITHUB_TOKEN of a job, which can write no secrets, variables, \
                                   environments or webhooks whatever its `permissions:` say; log in with a GitHub App \
                                   (`app:`, `installation:`, and its key as `token:`) or with a fine-grained token";

/// A name as part of a path: the environment `prod/eu` becomes `prod%2Feu`.
pub(super) fn segment(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name)?.to_str().ok()
}

/// Whether a refusal is about how many requests there were.
pub(super) fn is_a_limit(answer: &Answer) -> bool {
    header(answer, "x-ratelimit-remaining") == Some("0") || answer.headers.contains_key("retry-after")
}

/// What a refusal means, from the headers that say it. The text of the body is never repeated.
/// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>
pub(super) fn meaning(answer: &Answer, may_be_a_job_s: bool) -> String {
    let meant = match answer.status.as_u16() {
        401 => "GitHub does not know this credential: it has expired, was revoked, or never was".to_owned(),
        403 if header(answer, "x-ratelimit-remaining") == Some("0") => {
            "the login has used up its requests of this hour".to_owned()
        }
        403 if answer.headers.contains_key("retry-after") => "GitHub wants fewer requests at once".to_owned(),
        403 if answer.headers.contains_key("x-github-sso") => {
            "the organisation demands single sign-on: authorise the token for it on its page".to_owned()
        }
        403 => "the login may not do this".to_owned(),
        404 => "there is no such thing, or the login may not see it".to_owned(),
        409 => "it stands in the way of something that is there".to_owned(),
        400 | 422 => "GitHub refuses it as invalid".to_owned(),
        410 => "GitHub no longer does this".to_owned(),
        500.. => "GitHub failed".to_owned(),
        _ => "an answer that is not expected here".to_owned(),
    };
    let needed = header(answer, "x-accepted-github-permissions").filter(|words| !words.trim().is_empty());
    match needed {
        Some(needed) if matches!(answer.status.as_u16(), 403 | 404) => {
            let needed = text::plain(needed);
            let hint = if may_be_a_job_s { format!("; if {OF_A_JOB}") } else { String::new() };
            format!("{meant}; it takes the permission {needed}{hint}")
        }
        _ => meant,
    }
}

/// How long GitHub asks to be left alone, where it says so with 403.
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>
pub(super) fn pause(answer: &Answer) -> Option<Duration> {
    let seconds = header(answer, "retry-after").filter(|_| answer.status.as_u16() == 403)?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// When the credential of an answer expires, which is told in a header, in one of two spellings; absent means never, or
/// another kind of token. <https://github.com/google/go-github/issues/2649>
pub(super) fn expiry(answer: &Answer) -> Option<DateTime<Utc>> {
    let said = header(answer, "github-authentication-token-expiration")?.trim();
    let said = said.strip_suffix(" UTC").map_or_else(|| said.to_owned(), |time| format!("{time} +0000"));
    DateTime::parse_from_str(&said, "%Y-%m-%d %H:%M:%S %z").ok().map(|at| at.to_utc())
}

/// The server's own clock.
pub(super) fn date(answer: &Answer) -> Option<i64> {
    DateTime::parse_from_rfc2822(header(answer, "date")?).ok().map(|date| date.timestamp())
}

/// The scopes of a classic token; other tokens do not say what they may do.
pub(super) fn scopes(answer: &Answer) -> Vec<String> {
    let said = header(answer, "x-oauth-scopes").unwrap_or_default();
    said.split(',').map(|scope| text::plain(scope.trim())).filter(|scope| !scope.is_empty()).collect()
}

/// The scopes that nothing here could need.
pub(super) fn too_wide(scopes: &[String]) -> Option<String> {
    const USEFUL: &[&str] = &[
        "repo",
        "public_repo",
        "admin:org",
        "read:org",
        "admin:repo_hook",
        "write:repo_hook",
        "read:repo_hook",
        "admin:org_hook",
        "read:user",
    ];
    let wide: Vec<String> = scopes.iter().filter(|scope| !USEFUL.contains(&scope.as_str())).cloned().collect();
    (!wide.is_empty()).then(|| format!("scope {}", text::list(&wide)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(segment("prod/eu"), "prod%2Feu");
        assert_eq!(segment("DEPLOY_TOKEN"), "DEPLOY_TOKEN");
    }

    #[test]
    fn only_scopes_that_nothing_needs_are_too_wide() {
        let scopes = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(too_wide(&scopes("repo admin:org")), None);
        assert_eq!(too_wide(&scopes("repo delete_repo")).as_deref(), Some("scope delete_repo"));
    }
}
