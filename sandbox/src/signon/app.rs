//! An application behind gds-sso: it asks Signon who a bearer is, and believes a good answer for five minutes.

use chrono::TimeDelta;
use http::header::WWW_AUTHENTICATE;
use serde_json::json;

use super::Signon;
use super::oauth::bearer;
use crate::exchange::{Answer, Request};
use crate::target;

/// How long gds-sso remembers the user of a token.
const REMEMBERS: TimeDelta = TimeDelta::minutes(5);

impl Signon {
    /// Everything that the application answers.
    pub(crate) fn application(&mut self, request: &Request) -> Answer {
        let Some(value) = bearer(request) else { return refused("No bearer token was provided", "invalid_request") };
        let now = self.clock.now();
        if !self.target_is_open && self.cache.get(&value).is_none_or(|until| *until <= now) {
            self.asked += 1;
            let target = self.target.clone();
            if self.bearer(&value, Some(&target)).is_none() {
                return refused("Bearer token does not appear to be valid", "invalid_token");
            }
            self.cache.insert(value, now + REMEMBERS);
        }
        match target::path(&request.target) {
            "/lookup-by-base-path" => Answer::json(200, &json!({ "/": "f3bbdec2-0e62-4520-a7fd-6ffd5d36e03a" })),
            _ => Answer::json(404, &json!({ "error": { "code": 404, "message": "not found" } })),
        }
    }
}

fn refused(message: &str, error: &str) -> Answer {
    Answer::json(401, &json!({ "message": message })).with(WWW_AUTHENTICATE, &format!("Bearer error=\"{error}\""))
}
