//! Sessions: access tokens of an hour, for which a client's secret is exchanged.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Zendesk, meaning, withheld};
use crate::http::{Answer, Call, HttpError, Retry};
use crate::protocol::oauth::{self, Granted};
use crate::token::{TokenRecord, TokenValue};

/// How long a session lives, in seconds: longer than a run, for what is not ended dies by itself.
const LIFE: i64 = 3600;

/// The calls of one run, with some scopes.
#[derive(Clone)]
pub(super) struct Session {
    /// The secret that it was opened with.
    of: TokenValue,
    /// The client whose secret that is.
    pub(super) client: String,
    /// What it may do.
    pub(super) scope: String,
    /// The access token.
    pub(super) token: TokenValue,
    /// The access token's number and its client's, where Zendesk told them.
    id: Option<u64>,
    pub(super) client_number: Option<u64>,
    /// Whom it acts as.
    pub(super) user: Option<u64>,
    /// Whether the secret is still proved by it.
    proves: bool,
}

/// Why there is no session.
#[derive(Clone, Debug)]
pub(super) enum Why {
    /// Zendesk says that the secret is of none of these clients.
    Dead(String),
    /// It cannot be said.
    Unclear(String),
}

/// <https://developer.zendesk.com/api-reference/ticketing/oauth/oauth_tokens/>
#[derive(Deserialize)]
pub(super) struct TokenJson {
    pub(super) id: u64,
    pub(super) client_id: Option<u64>,
    pub(super) user_id: Option<u64>,
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    pub(super) created_at: Option<DateTime<Utc>>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) used_at: Option<DateTime<Utc>>,
}

impl TokenJson {
    pub(super) fn record(&self) -> TokenRecord {
        TokenRecord {
            created: self.created_at,
            expires: self.expires_at,
            last_used: self.used_at,
            acts_as: self.user_id.map(|id| format!("user {id}")),
            ..TokenRecord::named(self.id.to_string())
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    token: TokenJson,
}

/// What Zendesk says of an access token that is shown to it.
pub(super) enum Who {
    /// This one.
    Is(Box<TokenJson>),
    /// It lives, for garbage is answered otherwise, and it may not ask.
    Hidden,
    /// It is none.
    Nobody(String),
}

/// A grant that was refused.
pub(super) struct Refused {
    pub(super) error: HttpError,
    /// Whether Zendesk does not know the client, or not by this secret.
    pub(super) unknown: bool,
}

/// Whether both are the same scopes, in whatever order.
pub(super) fn same_scopes<'a>(one: impl Iterator<Item = &'a str>, other: &str) -> bool {
    one.collect::<BTreeSet<_>>() == other.split_whitespace().collect::<BTreeSet<_>>()
}

impl Zendesk {
    /// Exchanges a client's secret for an access token of so many seconds.
    /// <https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/>
    pub(super) async fn exchange(
        &self,
        client: &str,
        secret: &TokenValue,
        scope: &str,
        seconds: i64,
        retry: Retry,
    ) -> Result<Granted, Refused> {
        let body = json!({
            "grant_type": "client_credentials", "client_id": client, "client_secret": secret.expose(),
            "scope": scope, "expires_in": seconds,
        });
        let known = |error: HttpError| Refused { error, unknown: false };
        let call = Call::new(Method::POST, self.url("oauth/tokens", &[]), retry).json(&body);
        let answer = self.http.send(call).await.map_err(known)?;
        // The description says 201, and Zendesk's own command line wants 200.
        if answer.ok() {
            return answer.json().map_err(known);
        }
        let unknown = is_unknown(&answer);
        let meaning = if unknown {
            format!("Zendesk knows no confidential OAuth client {client} with this secret")
        } else {
            oauth::meaning(&answer)
        };
        Err(Refused { error: answer.refused(&meaning), unknown })
    }

    /// Asks who an access token is, with itself.
    pub(super) async fn who(&self, token: &TokenValue) -> Result<Who, HttpError> {
        let path = "api/v2/oauth/tokens/current.json";
        let answer = self.call_as(token, Method::GET, path, &[], None, Retry::Read).await?;
        match answer.status.as_u16() {
            200 => Ok(Who::Is(Box::new(answer.json::<Envelope>()?.token))),
            // That a token of narrow scopes may ask is not confirmed.
            403 => Ok(Who::Hidden),
            401 => Ok(Who::Nobody(answer.refused(meaning(&answer)).to_string())),
            _ => Err(answer.refused(meaning(&answer))),
        }
    }

    /// The session of these scopes, opened with the credential of the slot where there is none yet.
    pub(super) async fn session(&self, scope: &str) -> Result<Session, HttpError> {
        let secret = self.slot.lend().ok_or_else(|| withheld("no credential is at hand"))?;
        let _one_opens = self.opening.lock().await;
        if let Some(session) = self.find(&secret, scope) {
            return Ok(session);
        }
        // Whose secret it is was found out when the run logged in.
        let clients = self.client_of(&secret).map_or_else(|| self.clients.clone(), |client| vec![client]);
        let opened = self.open(&secret, scope, &clients).await;
        opened.map_err(|(Why::Dead(why) | Why::Unclear(why))| withheld(&why))
    }

    /// Proves that a secret is of one of these clients, by a session that it opened since the last doubt.
    pub(super) async fn prove(&self, secret: &TokenValue, scope: &str, clients: &[String]) -> Result<Session, Why> {
        let _one_opens = self.opening.lock().await;
        if let Some(session) = self.find(secret, scope).filter(|found| found.proves && clients.contains(&found.client))
        {
            return Ok(session);
        }
        self.open(secret, scope, clients).await
    }

    async fn open(&self, secret: &TokenValue, scope: &str, clients: &[String]) -> Result<Session, Why> {
        let unclear = |error: HttpError| Why::Unclear(error.to_string());
        let mut unknown = String::new();
        for client in clients {
            // Asked twice it opens two sessions, of which the lost one dies within the hour.
            let granted = match self.exchange(client, secret, scope, LIFE, Retry::Read).await {
                Ok(granted) => granted,
                Err(refused) if refused.unknown => {
                    unknown =
                        if unknown.is_empty() { refused.error.to_string() } else { format!("{unknown}, nor {client}") };
                    continue;
                }
                Err(refused) => return Err(unclear(refused.error)),
            };
            let less = |granted: &str| {
                Why::Unclear(format!("Zendesk granted {client} the scopes {granted:?} where {scope:?} was asked for"))
            };
            if let Some(granted) = granted.scope.as_deref().filter(|granted| !same_scopes(granted.split(' '), scope)) {
                return Err(less(&crate::text::plain(granted)));
            }
            let found = match self.who(&granted.access_token).await.map_err(unclear)? {
                Who::Is(found) if !same_scopes(found.scopes.iter().map(String::as_str), scope) => {
                    return Err(less(&crate::text::plain(&found.scopes.join(" "))));
                }
                Who::Is(found) => Some(found),
                Who::Hidden => None,
                Who::Nobody(why) => return Err(Why::Unclear(why)),
            };
            let session = Session {
                of: secret.clone(),
                client: client.clone(),
                scope: scope.to_owned(),
                token: granted.access_token,
                id: found.as_ref().map(|found| found.id),
                client_number: found.as_ref().and_then(|found| found.client_id),
                user: found.as_ref().and_then(|found| found.user_id),
                proves: true,
            };
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(session.clone());
            return Ok(session);
        }
        Err(Why::Dead(unknown))
    }

    /// The newest session of this secret and these scopes.
    fn find(&self, secret: &TokenValue, scope: &str) -> Option<Session> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter().rev().find(|session| session.scope == scope && session.of.same_as(secret)).cloned()
    }

    fn client_of(&self, secret: &TokenValue) -> Option<String> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter().find(|session| session.of.same_as(secret)).map(|session| session.client.clone())
    }

    /// What an access token of this account looks like: like those of the sessions.
    pub(super) fn access_token(&self) -> Option<TokenValue> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.first().map(|session| session.token.clone())
    }

    pub(super) fn drop_session(&self, dead: &Session) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| !session.token.same_as(&dead.token));
    }

    /// From now on a session says nothing of its secret. What it may do it may do all the same: Zendesk ends a client's
    /// secret and not what was granted for it.
    pub(super) fn doubt_sessions(&self) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter_mut().for_each(|session| session.proves = false);
    }

    /// Ends them, as far as they may end themselves; those that may not die within the hour.
    pub(super) async fn end_sessions(&self) {
        let sessions = std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        for session in sessions {
            let Some(id) = session.id else { continue };
            let path = format!("api/v2/oauth/tokens/{id}");
            match self.call_as(&session.token, Method::DELETE, &path, &[], None, Retry::Put).await {
                Ok(answer) if answer.ok() => {}
                Ok(answer) => log::debug!("a session was not ended: HTTP {}", answer.status.as_u16()),
                Err(error) => log::debug!("a session was not ended: {error}"),
            }
        }
    }
}

/// RFC 6749 lets a server answer 400 or 401 to a client that it does not know.
fn is_unknown(answer: &Answer) -> bool {
    let error = answer.word("/error");
    match answer.status.as_u16() {
        400 => matches!(error.as_deref(), Some("invalid_client" | "unauthorized_client")),
        401 => error.is_some(),
        _ => false,
    }
}
