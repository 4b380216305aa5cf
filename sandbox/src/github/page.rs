//! Pages: `per_page` and `page`, and a `Link` to the next.

use http::header::{HOST, LINK};
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::exchange::{Answer, Request};
use crate::params::Params;
use crate::target;

/// What a server of one's own has before every path.
const ENTERPRISE: &str = "/api/v3";

/// The address of the API that a request came in by.
pub(crate) fn api(request: &Request) -> String {
    let host = request.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or(&request.host);
    format!("http://{host}{}", if request.target.starts_with(ENTERPRISE) { ENTERPRISE } else { "" })
}

/// One page of `{total_count, <what>: [...]}`; `sizes` are the usual and the largest number of rows.
pub(crate) fn paged<T>(
    request: &Request,
    params: &Params,
    sizes: (u64, u64),
    rows: &[T],
    what: &str,
    show: impl Fn(&T) -> Value,
) -> Result<Answer, Refusal> {
    let size = params.number("per_page")?.unwrap_or(sizes.0).clamp(1, sizes.1);
    let page = params.number("page")?.unwrap_or(1).max(1);
    let width = usize::try_from(size).unwrap_or(usize::MAX);
    let start = usize::try_from(page - 1).unwrap_or(usize::MAX).saturating_mul(width);
    let shown: Vec<Value> = rows.iter().skip(start).take(width).map(show).collect();
    let more = start.saturating_add(width) < rows.len();
    let answer = Answer::json(200, &json!({ "total_count": rows.len(), what: shown }));
    if !more {
        return Ok(answer);
    }
    let path = target::path(&request.target);
    let path = path.strip_prefix(ENTERPRISE).unwrap_or(path);
    let next = format!("<{}{path}?per_page={size}&page={}>; rel=\"next\"", api(request), page + 1);
    Ok(answer.with(LINK, &next))
}
