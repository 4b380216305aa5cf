//! The admin API of an organisation: it lists and revokes, and makes nothing. The route that revokes every token of an
//! organisation at once is not here, and must never be.

use chrono::{DateTime, Utc};
use http::Method;
use http::header::AUTHORIZATION;
use serde::Deserialize;

use super::{Atlassian, Door, encoded, ends_late, login, meaning};
use crate::connection::{Login, LoginError};
use crate::http::{HttpError, Retry};
use crate::issuer::Ended;
use crate::token::{TokenRecord, TokenValue};

/// <https://developer.atlassian.com/cloud/admin/api-access/rest/api-group-api-key/>
#[derive(Deserialize)]
struct Page {
    data: Vec<Listed>,
    #[serde(default)]
    links: Links,
}

#[derive(Default, Deserialize)]
struct Links {
    next: Option<String>,
}

/// An admin API key, or an API token as its account's list shows it.
/// <https://developer.atlassian.com/cloud/admin/user-management/rest/api-group-api-tokens/>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    id: String,
    pub(super) label: String,
    created_at: Option<DateTime<Utc>>,
    #[serde(alias = "expiry")]
    expires_at: Option<DateTime<Utc>>,
    #[serde(alias = "lastAccess")]
    last_active_at: Option<DateTime<Utc>>,
}

impl Listed {
    fn record(self) -> TokenRecord {
        TokenRecord {
            created: self.created_at,
            expires: self.expires_at,
            last_used: self.last_active_at,
            ..TokenRecord::named(self.id)
        }
    }
}

/// The most pages that are read: an organisation with more keys has another trouble.
const PAGES: usize = 50;

/// Those of one label, newest first.
pub(super) fn labelled(all: Vec<Listed>, label: &str) -> Vec<TokenRecord> {
    let mut records: Vec<TokenRecord> = all.into_iter().filter(|one| one.label == label).map(Listed::record).collect();
    records.sort_by_key(|record| std::cmp::Reverse(record.created));
    records
}

impl Atlassian {
    /// The id of the organisation, for the kinds that need one.
    pub(super) fn org(&self) -> anyhow::Result<&str> {
        match &self.door {
            Door::Organisation(org) => Ok(org),
            _ => anyhow::bail!("this kind needs a connection to an organisation's admin API: one with `org`"),
        }
    }

    fn keys(org: &str) -> String {
        format!("admin/api-access/v1/orgs/{}/api-keys", encoded(org))
    }

    /// Whether a key is one of this organisation: it may list, or lacks the scope for it, where garbage is unknown.
    pub(super) async fn is_key(&self, org: &str, value: &TokenValue) -> Result<bool, String> {
        let call = self.call(Method::GET, &format!("{}?pageSize=1", Self::keys(org)), Retry::Read);
        let answer = self.http.send(call.credential(AUTHORIZATION, "Bearer ", value)).await;
        let answer = answer.map_err(|error| error.to_string())?;
        match answer.status.as_u16() {
            200 if answer.json::<Page>().is_ok() => Ok(true),
            401 => Ok(false),
            403 if self.refuses_garbage(org).await => Ok(true),
            _ => Err(answer.unclear(meaning(&answer)).to_string()),
        }
    }

    /// The negative control: only where garbage is refused as unknown does a refusal for rights prove life.
    async fn refuses_garbage(&self, org: &str) -> bool {
        let ask = || async {
            let Ok(garbage) = TokenValue::new("tokenwheel-control-no-key-has-this-value") else { return false };
            let call = self.call(Method::GET, &format!("{}?pageSize=1", Self::keys(org)), Retry::Read);
            let answer = self.http.send(call.credential(AUTHORIZATION, "Bearer ", &garbage)).await;
            answer.is_ok_and(|answer| answer.status.as_u16() == 401)
        };
        *self.garbage.get_or_init(ask).await
    }

    /// An admin key, as a login.
    pub(super) async fn administers(&self, org: &str, value: &TokenValue) -> Result<Login, LoginError> {
        match self.is_key(org, value).await {
            Ok(true) => Ok(login(None, vec![format!("an admin key of organisation {org}")])),
            Ok(false) => Err(LoginError::Dead(
                "the admin API knows no such key: it has expired, was revoked, or never was; only a person can make \
                 another, at https://admin.atlassian.com"
                    .to_owned(),
            )),
            Err(why) => Err(LoginError::Unreachable(why)),
        }
    }

    /// The keys of the organisation.
    pub(super) async fn all_keys(&self, org: &str) -> Result<Vec<Listed>, HttpError> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let more = cursor.map(|cursor| format!("?cursor={}", encoded(&cursor))).unwrap_or_default();
            let answer = self.send(self.call(Method::GET, &format!("{}{more}", Self::keys(org)), Retry::Read)).await?;
            if !answer.ok() {
                return Err(answer.refused(meaning(&answer)));
            }
            let page: Page = answer.json()?;
            all.extend(page.data);
            cursor = page.links.next.as_deref().and_then(next);
            if cursor.is_none() {
                return Ok(all);
            }
        }
        Ok(all)
    }

    /// The API tokens of one managed account.
    pub(super) async fn tokens_of(&self, account: &str) -> Result<Vec<Listed>, HttpError> {
        let path = format!("users/{}/manage/api-tokens", encoded(account));
        let answer = self.send(self.call(Method::GET, &path, Retry::Read)).await?;
        if answer.ok() { answer.json() } else { Err(answer.refused(meaning(&answer))) }
    }

    pub(super) async fn revoke_key(&self, org: &str, record: &TokenRecord) -> anyhow::Result<Ended> {
        let path = format!("{}/revoke/{}", Self::keys(org), encoded(&record.id));
        self.revoked(Method::PATCH, &path).await
    }

    pub(super) async fn revoke_token(&self, account: &str, record: &TokenRecord) -> anyhow::Result<Ended> {
        let path = format!("users/{}/manage/api-tokens/{}", encoded(account), encoded(&record.id));
        self.revoked(Method::DELETE, &path).await
    }

    async fn revoked(&self, method: Method, path: &str) -> anyhow::Result<Ended> {
        let answer = self.send(self.call(method, path, Retry::Put)).await?;
        match answer.status.as_u16() {
            200..=299 => ends_late(&answer),
            // Ended before, and asked about again only when its lag is over.
            404 => Ok(Ended::Ended),
            _ => Err(answer.refused(meaning(&answer)).into()),
        }
    }
}

/// The cursor of the next page. Whether a link is a cursor or an address is told by no page; an address is never
/// followed, for it could lead elsewhere: only its cursor is taken.
fn next(link: &str) -> Option<String> {
    let cursor = match url::Url::parse(link) {
        Ok(url) => url.query_pairs().find(|(name, _)| name == "cursor").map(|(_, cursor)| cursor.into_owned()),
        Err(_) => Some(link.to_owned()),
    };
    cursor.filter(|cursor| !cursor.is_empty())
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn a_link_is_a_cursor_or_an_address_that_has_one() {
        assert_eq!(next("abc=").as_deref(), Some("abc="));
        assert_eq!(next("https://elsewhere.example/x?pageSize=2&cursor=a%3Db").as_deref(), Some("a=b"));
        assert_eq!(next("https://elsewhere.example/x"), None);
        assert_eq!(next(""), None);
    }
}
