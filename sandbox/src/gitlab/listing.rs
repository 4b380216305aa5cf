//! The filters and orders of the token lists (`lib/api/helpers/personal_access_tokens_helpers.rb`).

use chrono::{DateTime, NaiveDate, Utc};

use super::model::Token;
use super::refusal::Refusal;
use crate::params::Params;

/// The tokens that the parameters ask for, in the order they ask for; without one, oldest first.
pub(crate) fn listed<'a>(
    tokens: impl Iterator<Item = &'a Token>,
    params: &Params,
    now: DateTime<Utc>,
) -> Result<Vec<&'a Token>, Refusal> {
    let filter = Filter::of(params)?;
    let mut found: Vec<&Token> = tokens.filter(|token| filter.takes(token, now)).collect();
    let sort = params.text("sort").unwrap_or("id_asc");
    let (by, order) = sort.rsplit_once('_').unwrap_or((sort, "asc"));
    match by {
        "id" => {}
        "created" | "created_at" => found.sort_by_key(|token| token.created_at),
        "expires" | "expires_at" => found.sort_by_key(|token| token.expires_at),
        "last_used" | "last_used_at" => found.sort_by_key(|token| token.last_used_at),
        "name" => found.sort_by_key(|token| token.name.clone()),
        _ => return Err(Refusal::Params("sort does not have a valid value".to_owned())),
    }
    if order == "desc" {
        found.reverse();
    }
    Ok(found)
}

/// From and to, both included.
struct Span<T>(Option<T>, Option<T>);

impl<T: PartialOrd> Span<T> {
    fn takes(&self, value: Option<T>) -> bool {
        if self.0.is_none() && self.1.is_none() {
            return true;
        }
        let Some(value) = value else { return false };
        self.0.as_ref().is_none_or(|from| value >= *from) && self.1.as_ref().is_none_or(|to| value <= *to)
    }
}

struct Filter {
    revoked: Option<bool>,
    live: Option<bool>,
    words: Vec<String>,
    created: Span<DateTime<Utc>>,
    used: Span<DateTime<Utc>>,
    expires: Span<NaiveDate>,
}

impl Filter {
    fn of(params: &Params) -> Result<Self, Refusal> {
        let live = match params.text("state") {
            None | Some("") => None,
            Some("active") => Some(true),
            Some("inactive") => Some(false),
            Some(_) => return Err(Refusal::Params("state does not have a valid value".to_owned())),
        };
        let search = params.text("search").unwrap_or_default().to_lowercase();
        Ok(Self {
            revoked: params.flag("revoked")?,
            live,
            words: search.split_whitespace().map(str::to_owned).collect(),
            created: Span(params.moment("created_after")?, params.moment("created_before")?),
            used: Span(params.moment("last_used_after")?, params.moment("last_used_before")?),
            expires: Span(params.day("expires_after")?, params.day("expires_before")?),
        })
    }

    /// The search is for words inside of the name, not for the name: `deploy` also finds `deploy-staging`.
    fn takes(&self, token: &Token, now: DateTime<Utc>) -> bool {
        let name = token.name.to_lowercase();
        self.revoked.is_none_or(|revoked| token.revoked == revoked)
            && self.live.is_none_or(|live| token.is_live(now) == live)
            && self.words.iter().all(|word| name.contains(word.as_str()))
            && self.created.takes(Some(token.created_at))
            && self.used.takes(token.last_used_at)
            && self.expires.takes(token.expires_at)
    }
}
