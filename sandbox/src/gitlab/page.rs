//! Offset pagination, as every list of the API has it (`doc/api/rest/_index.md`).

use http::HeaderName;
use http::header::LINK;
use serde_json::Value;

use super::places::origin;
use super::refusal::Refusal;
use crate::exchange::{Answer, Request};
use crate::params::Params;
use crate::target;

/// Beyond this many rows GitLab does not count, and leaves the totals out.
const COUNTED: usize = 10_000;

/// Cuts one page out of a list; `show` prints its rows.
pub(crate) fn paged<T>(
    request: &Request,
    params: &Params,
    rows: &[T],
    show: impl Fn(&T) -> Value,
) -> Result<Answer, Refusal> {
    let size = params.number("per_page")?.unwrap_or(20).clamp(1, 100);
    let page = params.number("page")?.unwrap_or(1).max(1);
    let width = usize::try_from(size).unwrap_or(100);
    let start = usize::try_from(page - 1).unwrap_or(usize::MAX).saturating_mul(width);
    let pages = rows.len().div_ceil(width).max(1);
    let last = u64::try_from(pages).unwrap_or(u64::MAX);
    let shown: Vec<Value> = rows.iter().skip(start).take(width).map(show).collect();

    let next = if page < last { (page + 1).to_string() } else { String::new() };
    let previous = if page > 1 { (page - 1).to_string() } else { String::new() };
    let mut links = Vec::new();
    for (rel, to) in [("prev", previous.as_str()), ("next", next.as_str()), ("first", "1")] {
        if !to.is_empty() {
            links.push(link(request, to, size, rel));
        }
    }
    let mut answer = Answer::json(200, &Value::Array(shown))
        .with(HeaderName::from_static("x-next-page"), &next)
        .with(HeaderName::from_static("x-page"), &page.to_string())
        .with(HeaderName::from_static("x-per-page"), &size.to_string())
        .with(HeaderName::from_static("x-prev-page"), &previous);
    if rows.len() <= COUNTED {
        links.push(link(request, &pages.to_string(), size, "last"));
        answer = answer
            .with(HeaderName::from_static("x-total"), &rows.len().to_string())
            .with(HeaderName::from_static("x-total-pages"), &pages.to_string());
    }
    Ok(answer.with(LINK, &links.join(", ")))
}

fn link(request: &Request, page: &str, size: u64, rel: &str) -> String {
    let kept = target::pairs(target::query(&request.target).as_bytes());
    let kept = kept.iter().filter(|(name, _)| name != "page" && name != "per_page");
    let query: Vec<String> =
        kept.map(|(name, value)| format!("{}={}&", target::encode(name), target::encode(value))).collect();
    let query = query.concat();
    let path = target::path(&request.target);
    format!("<{}{path}?{query}page={page}&per_page={size}>; rel=\"{rel}\"", origin(request))
}
