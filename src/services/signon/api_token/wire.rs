//! What Signon and the application are asked over HTTP, and how a token is ended.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method as Verb;
use http::header::{AUTHORIZATION, DATE};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::super::Signon;
use super::{ApiToken, Method, Try};
use crate::http::{Answer, Call, Http, HttpError, Retry, address};
use crate::issuer::{Ended, Proof};
use crate::protocol::cluster::{Ended as JobEnded, NewJob};
use crate::protocol::oauth::Introspected;
use crate::token::{TokenRecord, TokenValue};

/// How long an application believes that a token is good.
/// <https://github.com/alphagov/gds-sso/blob/main/lib/gds-sso/bearer_token.rb>
const REMEMBERED: TimeDelta = TimeDelta::minutes(5);
/// A value that no token has.
const GARBAGE: &str = "tokenwheel-control-no-token-has-this-value";

/// Whether a token that was made at that second has ended, and is believed by no application any more.
const HAS_ENDED: &str = "\
email, name, made = ARGV
user = ApiUser.find_by!(email: email)
application = Doorkeeper::Application.find_by!(name: name)
ours = user.authorisations.select { |one| one.application_id == application.id && one.created_at.to_i == Integer(made) }
abort 'it lives, or may still be believed' unless ours.all? { |one| (one.revoked_at || one.expires_at) < 5.minutes.ago }
";

/// Ends it.
const END: &str = "\
email, name, made = ARGV
user = ApiUser.find_by!(email: email)
application = Doorkeeper::Application.find_by!(name: name)
ours = user.authorisations.select { |one| one.application_id == application.id && one.created_at.to_i == Integer(made) }
ours.select { |one| one.revoked_at.nil? }.each(&:revoke)
";

/// The client of an application.
pub(super) struct App {
    /// Its public name.
    pub(super) id: TokenValue,
    /// Its secret.
    pub(super) secret: TokenValue,
}

#[derive(Deserialize)]
struct UserJson {
    user: User,
}

/// <https://github.com/alphagov/signon/blob/main/docs/oauth.md>
#[derive(Deserialize)]
struct User {
    email: String,
}

fn meaning(answer: &Answer) -> &'static str {
    match answer.status.as_u16() {
        401 => "Signon does not know the application's client, or its secret",
        403 => "the token is not one of this application, so its client may not end it",
        404 => "there is no such endpoint: is the address Signon's?",
        500.. => "Signon failed",
        _ => "an answer that is not expected here",
    }
}

impl Signon {
    /// Who the bearer is to that application; none where Signon knows it not, or it may not sign in there.
    pub(super) async fn who(&self, value: &TokenValue, app: &App) -> Result<Option<String>, HttpError> {
        let mut url = self.url("user.json");
        url.query_pairs_mut().append_pair("client_id", app.id.expose());
        let call = Call::new(Verb::GET, url, Retry::Read).credential(AUTHORIZATION, "Bearer ", value);
        let answer = self.inner.http.send(call).await?;
        match answer.status.as_u16() {
            200 => Ok(Some(answer.json::<UserJson>()?.user.email)),
            401 => Ok(None),
            _ => Err(answer.refused(meaning(&answer))),
        }
    }

    async fn post(&self, path: &str, value: &TokenValue, app: &App, retry: Retry) -> Result<Answer, HttpError> {
        let call = Call::new(Verb::POST, self.url(path), retry)
            .basic(app.id.expose(), &app.secret)
            .form(&[("token", value.expose())]);
        let answer = self.inner.http.send(call).await?;
        if answer.ok() { Ok(answer) } else { Err(answer.refused(meaning(&answer))) }
    }

    /// When a token of that application was made and when it dies; none where it does not live.
    pub(super) async fn introspect(&self, value: &TokenValue, app: &App) -> Result<Option<TokenRecord>, HttpError> {
        let answer = self.post("oauth/introspect", value, app, Retry::Read).await?;
        let found: Introspected = answer.json()?;
        let time = |seconds: Option<i64>| seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        Ok(found.active.then(|| TokenRecord {
            created: time(found.iat),
            expires: time(found.exp),
            ..TokenRecord::named(found.iat.unwrap_or_default().to_string())
        }))
    }

    /// Ends a token by its value.
    pub(super) async fn revoke(&self, value: &TokenValue, app: &App) -> anyhow::Result<Ended> {
        let answer = self.post("oauth/revoke", value, app, Retry::Put).await?;
        let lives = self.introspect(value, app).await?.is_some();
        anyhow::ensure!(
            !lives,
            "Signon said that it ended the token, and the token lives: revoke it at {}",
            self.pages()
        );
        Ok(remembered(&answer))
    }

    /// Where a person revokes tokens.
    pub(super) fn pages(&self) -> Url {
        self.url("api_users")
    }
}

/// Until when an application may still believe it, by Signon's clock.
fn remembered(answer: &Answer) -> Ended {
    let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
    let now: Option<DateTime<Utc>> =
        date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
    // A server without a clock says nothing of the five minutes; that the token has ended it has said.
    now.map_or(Ended::Ended, |now| Ended::NotYet { until: now + REMEMBERED })
}

impl ApiToken {
    /// Ends a token by the second at which it was made, in the cluster.
    pub(super) async fn end(&self, record: &TokenRecord) -> anyhow::Result<Ended> {
        let pages = self.signon.pages();
        let made: i64 = record.id.parse().ok().filter(|made| *made > 0).ok_or_else(|| {
            anyhow::anyhow!("neither its value nor the time at which it was made is known here: revoke it at {pages}")
        })?;
        let made = made.to_string();
        let command = |code| vec!["rails", "runner", code, &self.config.user, &self.config.application, made.as_str()];
        if self.succeeds(command(HAS_ENDED)).await?.0 {
            return Ok(Ended::Ended);
        }
        let (ended, now) = self.succeeds(command(END)).await?;
        anyhow::ensure!(ended, "the Job that was to end it failed: revoke it at {pages}");
        Ok(now.map_or(Ended::Ended, |now| Ended::NotYet { until: now + REMEMBERED }))
    }

    /// Runs a command in a pod of Signon's, and says whether it went well, and the cluster's time.
    async fn succeeds(&self, command: Vec<&str>) -> anyhow::Result<(bool, Option<DateTime<Utc>>)> {
        let inner = self.signon.inner.as_ref();
        let namespace = &inner.namespace;
        let from = inner.cluster.cron_job(self.signon.lent(), namespace, &inner.mint_from).await?;
        let mut bytes = [0; 6];
        (inner.means.random)(&mut bytes);
        let name = format!("tokenwheel-end-{}", crate::text::hex(bytes));
        let order = NewJob { namespace, name: &name, from: &from, command: Some(command) };
        inner.cluster.make_job(self.signon.lent(), &order).await?;
        match inner.cluster.wait_for_job(self.signon.lent(), namespace, &name).await? {
            (JobEnded::Complete, now) => Ok((true, now)),
            (JobEnded::Failed, now) => Ok((false, now)),
            (JobEnded::NotYet, _) => anyhow::bail!("Job {namespace}/{name} has not ended in time"),
        }
    }
}

/// The call of an application at which a new token is tried.
pub(super) struct Target {
    http: Arc<Http>,
    url: Url,
    verb: Verb,
    body: Option<Value>,
}

impl Target {
    pub(super) fn new(call: &Try, signon: &Signon) -> anyhow::Result<Self> {
        let url = address(&call.url).map_err(|why| anyhow::anyhow!("`try_at`: {why}"))?;
        let verb = if call.method == Method::Post { Verb::POST } else { Verb::GET };
        Ok(Self { http: (signon.inner.means.door)(None)?, url, verb, body: call.body.clone() })
    }

    async fn status(&self, value: &TokenValue) -> Result<u16, HttpError> {
        let call = Call::new(self.verb.clone(), self.url.clone(), Retry::Read);
        let call = call.credential(AUTHORIZATION, "Bearer ", value);
        let call = if let Some(body) = &self.body { call.json(body) } else { call };
        Ok(self.http.send(call).await?.status.as_u16())
    }

    /// What is wrong with a new token at the application; none where it takes the token and refuses garbage.
    pub(super) async fn tried(&self, value: &TokenValue) -> Option<Proof> {
        let Ok(garbage) = TokenValue::new(GARBAGE) else { return None };
        let url = &self.url;
        match (self.status(value).await, self.status(&garbage).await) {
            (Ok(401), _) => Some(Proof::Rejected(format!("Signon knows it, and the application refuses it at {url}"))),
            (Err(error), _) | (_, Err(error)) => Some(Proof::Inconclusive(error.to_string())),
            (Ok(500..), _) => Some(Proof::Inconclusive(format!("the application failed at {url}"))),
            (Ok(_), Ok(401)) => None,
            (Ok(_), Ok(_)) => Some(Proof::Inconclusive(format!("the application takes garbage too at {url}"))),
        }
    }
}
