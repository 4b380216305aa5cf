//! Listings, by cursor: at most a hundred a page, and fewer where the sandbox says so.

use serde_json::{Value, json};

use super::Outcome;
use super::refusal::Refusal;
use crate::exchange::Answer;
use crate::params::Params;

/// One page of a listing.
pub(crate) fn paged(name: &str, all: Vec<Value>, params: &Params) -> Outcome {
    let size = params.inner("page", "size").and_then(|size| size.parse().ok()).unwrap_or(100_usize).clamp(1, 100);
    let from: usize = match params.inner("page", "after") {
        Some(cursor) => {
            cursor.strip_prefix("after-").and_then(|at| at.parse().ok()).ok_or(Refusal::Invalid("page[after]"))?
        }
        None => 0,
    };
    let more = all.len() > from + size;
    let page: Vec<Value> = all.into_iter().skip(from).take(size).collect();
    let cursor = more.then(|| format!("after-{}", from + size));
    let meta = json!({ "has_more": more, "after_cursor": cursor, "before_cursor": null });
    Ok(Answer::json(200, &json!({ name: page, "meta": meta, "links": { "next": null, "prev": null } })))
}
