//! `/credentials/revoke`: ends a leaked credential by its value. Whoever holds the value may ask, and nobody who logs in:
//! a request with a credential of its own is refused.

use serde_json::{Value, json};

use super::GitHub;
use super::refusal::message as fail;
use crate::exchange::{Answer, Request};
use crate::params::Params;

/// The makes of credentials that are taken; an installation's (`ghs_`) is not among them.
const TAKEN: [&str; 5] = ["ghp_", "github_pat_", "gho_", "ghu_", "ghr_"];
/// How many requests an address may send in an hour.
const AN_HOUR: usize = 60;

impl GitHub {
    /// `POST /credentials/revoke`: accepted whether or not such a credential exists.
    pub(super) fn revoke_credentials(&mut self, request: &Request) -> Answer {
        if request.headers.contains_key(http::header::AUTHORIZATION) {
            return fail(403, "This endpoint must be called without authentication");
        }
        let now = self.now();
        self.reports.retain(|at| *at + chrono::TimeDelta::hours(1) > now);
        if self.reports.len() >= AN_HOUR {
            return fail(403, "API rate limit exceeded").with(http::HeaderName::from_static("retry-after"), "3600");
        }
        self.reports.push(now);
        let values = Params::of(request).ok().and_then(|params| params.list("credentials").ok().flatten());
        let Some(values) = values.filter(|values| (1..=1000).contains(&values.len())) else {
            return Answer::json(
                422,
                &json!({
                    "message": "Validation Failed", "errors": ["credentials must be 1 to 1000 texts"],
                    "documentation_url": "https://docs.github.com/rest/credentials/revoke",
                }),
            );
        };
        for value in values.iter().filter(|value| TAKEN.iter().any(|make| value.starts_with(make))) {
            if self.revocation_lags {
                self.reported.push(value.clone());
            } else {
                self.end_credential(value);
            }
        }
        Answer::json(202, &Value::Object(serde_json::Map::new()))
    }

    /// Does what was accepted and not done yet.
    pub fn end_reported(&mut self) {
        for value in std::mem::take(&mut self.reported) {
            self.end_credential(&value);
        }
    }

    /// Ends a credential and what lives by it: a personal token takes the deploy keys with it that it made.
    fn end_credential(&mut self, value: &str) {
        if !self.end_grant_of(value) {
            self.revoke(value);
            self.deploy_keys.retain(|key| key.made_with.as_deref() != Some(value));
        }
    }
}
