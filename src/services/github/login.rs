//! Who a token belongs to, as far as GitHub says.

use http::Method;

use super::GitHub;
use super::wire::{expiry, meaning, scopes, too_wide};
use crate::connection::{Login, LoginError};
use crate::http::{Answer, HttpError, Retry};
use crate::token::{TokenRecord, TokenValue};

impl GitHub {
    /// Who a personal or user token belongs to. <https://docs.github.com/en/rest/users/users#get-the-authenticated-user>
    pub(super) async fn identify_user(&self, value: &TokenValue) -> Result<Login, LoginError> {
        let answer = self.call_as(value, Method::GET, "user", None, Retry::Read).await.map_err(unreachable)?;
        if !answer.ok() {
            return Err(not_let_in(&answer, &meaning(&answer, false)));
        }
        let who = answer.word("/login").ok_or_else(|| {
            LoginError::Unreachable(answer.unclear("the answer does not say whose token it is").to_string())
        })?;
        let scopes = scopes(&answer);
        let record = TokenRecord { expires: expiry(&answer), ..TokenRecord::named(String::new()) };
        Ok(Login {
            who: Some(format!("@{who}")),
            record: Some(record).filter(|record| record.expires.is_some()),
            too_wide: too_wide(&scopes),
            rights: scopes,
        })
    }

    /// An installation token that somebody else minted says only which repositories it reaches.
    /// <https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation>
    pub(super) async fn identify_installation(&self, value: &TokenValue) -> Result<Login, LoginError> {
        let path = "installation/repositories?per_page=1";
        let answer = self.call_as(value, Method::GET, path, None, Retry::Read).await.map_err(unreachable)?;
        if !answer.ok() {
            return Err(not_let_in(&answer, &meaning(&answer, true)));
        }
        Ok(Login {
            who: Some("an installation of a GitHub App".to_owned()),
            record: None,
            rights: Vec::new(),
            too_wide: None,
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(super) fn unreachable(error: HttpError) -> LoginError {
    LoginError::Unreachable(error.to_string())
}

/// Only 401 says that a credential is dead: 403 is also a rate limit, a lock, or single sign-on.
pub(super) fn not_let_in(answer: &Answer, meaning: &str) -> LoginError {
    let text = answer.refused(meaning).to_string();
    if answer.status.as_u16() == 401 { LoginError::Dead(text) } else { LoginError::Unreachable(text) }
}
