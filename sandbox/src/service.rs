//! What every fake is: something that acts on one request at a time.

use serde_json::json;

use crate::exchange::{Answer, Request};
use crate::fault;

/// A fake of one service.
pub(crate) trait Service: Send {
    /// The first label of its host's name.
    fn label(&self) -> &'static str;

    /// Acts on one request, wholly, at once.
    fn act(&mut self, request: &Request) -> Answer;

    /// Every secret value it ever minted or was given.
    fn values(&self) -> Vec<String>;

    /// How it says, without acting, that it will not act. Gateway errors come from the proxy before it.
    fn refuse(&self, status: u16, retry_after: Option<u64>) -> Answer {
        let answer = match status {
            502..=504 => fault::page(status),
            _ => Answer::json(status, &json!({ "message": format!("{status} {}", fault::reason(status)) })),
        };
        match retry_after {
            Some(seconds) => answer.with(http::header::RETRY_AFTER, &seconds.to_string()),
            None => answer,
        }
    }
}
