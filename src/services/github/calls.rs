//! How GitHub is asked: with which credential, how fast, and what happens when it refuses that.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, HeaderName};
use octocrab::models::PublicKey;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::{date, pause};
use super::{GitHub, lock, withheld};
use crate::http::{Answer, Call, HttpError, Retry};
use crate::token::TokenValue;

const VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
/// The longest that a request waits because GitHub wants fewer.
const PATIENCE: Duration = Duration::from_mins(1);

impl GitHub {
    /// Sends a request with the credential of the slot, or with the session that it was exchanged for. The path is below
    /// the API's address, its query included.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        retry: Retry,
    ) -> Result<Answer, HttpError> {
        let value = self.slot.lend().ok_or_else(|| withheld("no credential is at hand"))?;
        if self.is_dead(&value) {
            return Err(withheld("the credential was refused before in this run and is not used again"));
        }
        if value.expose().starts_with("ghr_") {
            return Err(withheld("a refresh token opens nothing but the way to its successor"));
        }
        if method != Method::GET {
            self.writes.turn().await;
        }
        let app = self.app_of(&value);
        let (mut waited, mut fresh) = (Duration::ZERO, false);
        loop {
            let bearer = match app {
                // Nothing of the request itself has been sent: whatever became of the session, that is not in doubt.
                Some(app) => self.session(app, &value).await.map_err(|error| withheld(&error.to_string()))?,
                None => value.clone(),
            };
            let answer = self.call_as(&bearer, method.clone(), path, body.clone(), retry).await?;
            if answer.status.as_u16() == 401 {
                // What is refused as unknown has done nothing. A session may have died of a long wait.
                if app.is_some() && !fresh {
                    fresh = true;
                    self.drop_session(&bearer).await;
                    continue;
                }
                *lock(&self.dead) = Some(value);
                return Ok(answer);
            }
            // `http` waits at 429; GitHub says the same with 403 as well, and has done nothing then.
            let wait = pause(&answer).filter(|wait| retry != Retry::Once && waited + *wait <= PATIENCE);
            let Some(wait) = wait else { return Ok(answer) };
            tokio::time::sleep(wait).await;
            waited += wait.max(Duration::from_secs(1));
        }
    }

    /// The same with another credential.
    pub(super) async fn call_as(
        &self,
        value: &TokenValue,
        method: Method,
        path: &str,
        body: Option<Value>,
        retry: Retry,
    ) -> Result<Answer, HttpError> {
        let call = self.prepared(method, path, body, retry)?;
        self.heard(self.http.send(call.credential(AUTHORIZATION, "Bearer ", value)).await)
    }

    /// The same without any.
    pub(super) async fn call_as_nobody(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        retry: Retry,
    ) -> Result<Answer, HttpError> {
        self.heard(self.http.send(self.prepared(method, path, body, retry)?).await)
    }

    /// Every answer tells the time by GitHub's clock.
    fn heard(&self, answer: Result<Answer, HttpError>) -> Result<Answer, HttpError> {
        if let Some(now) = answer.as_ref().ok().and_then(date) {
            *lock(&self.clock) = Some(now);
        }
        answer
    }

    fn prepared(&self, method: Method, path: &str, body: Option<Value>, retry: Retry) -> Result<Call, HttpError> {
        let url = self.at.api.join(path).map_err(|_| withheld("the path is not one"))?;
        let call = Call::new(method, url, retry)
            .header(ACCEPT, "application/vnd.github+json")
            // The older of the two versions that are spoken: it is what Enterprise Server knows too.
            .header(VERSION, "2022-11-28");
        Ok(if let Some(body) = body { call.json(&body) } else { call })
    }

    /// All pages of a plain list.
    pub(super) async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, HttpError> {
        let mut all = Vec::new();
        for page in 1..=1000 {
            let path = format!("{path}?per_page=100&page={page}");
            let answer = self.call(Method::GET, &path, None, Retry::Read).await?;
            if !answer.ok() {
                return Err(self.refused(&answer));
            }
            let rows = answer.json::<Vec<T>>()?;
            let last = rows.len() < 100;
            all.extend(rows);
            if last {
                break;
            }
        }
        Ok(all)
    }

    /// The public key of a place, asked for once a run; `anew` when GitHub has turned it since.
    pub(super) async fn public_key(&self, place: &str, anew: bool) -> anyhow::Result<Arc<PublicKey>> {
        let key = {
            let mut keys = lock(&self.keys);
            if anew {
                keys.remove(place);
            }
            Arc::clone(keys.entry(place.to_owned()).or_default())
        };
        let ask = || async {
            let answer = self.call(Method::GET, &format!("{place}/public-key"), None, Retry::Read).await?;
            anyhow::ensure!(answer.ok(), self.refused(&answer));
            Ok(Arc::new(answer.json::<PublicKey>()?))
        };
        key.get_or_try_init(ask).await.map(Arc::clone)
    }
}
