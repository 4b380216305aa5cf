//! `signon/api-token`: made in the cluster beside the old one, written into its Secret by Signon itself, and read there.
//!
//! Signon lists no token over HTTP, so the issuer is blind. What makes a lost answer harmless is the name of the Job that
//! mints: it stays the same until the Secret has changed, so the next run finds the Job that was made, and makes no second.

mod wire;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::TimeDelta;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::{KEY, Signon, parameterized};
use crate::connection::own;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::protocol::cluster::{Ended as JobEnded, Made, NewJob, SecretJson, is_name};
use crate::text;
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};
use wire::{App, Target};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "signon/api-token",
    about: "The token of an API user of GOV.UK Signon for one application, which may go on taking an ended one for five \
            minutes. Signon lists no tokens over HTTP",
    succession: "overlaps",
    needs: "in Signon's namespace a Role with `get` on its two CronJobs, `create` and `get` on Jobs, and `get` on the \
            Secrets `signon-token-USER-APPLICATION` and `signon-app-APPLICATION` by name. Who may create Jobs there may \
            run anything as Signon's image: keep this account for this",
    ttl: Ttl::Optional,
    shortest: TimeDelta::days(1),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// What Signon grants by default: two years. <https://github.com/alphagov/signon/blob/main/app/models/api_user.rb>
const LIFE: TimeDelta = TimeDelta::days(730);
/// How often the name of a Job is tried whose predecessors failed.
const TRIES: u32 = 5;

/// What the Job that mints runs, in Signon's own words. Nothing is printed; making it is the last that is done, so that a
/// failure before it makes nothing. The Secret gets the token that lives longest, so a shorter one is refused.
const CREATE: &str = "\
email, name, life = ARGV
user = ApiUser.find_by!(email: email)
abort 'this API user is suspended' if user.suspended?
application = Doorkeeper::Application.find_by!(name: name)
dies = Integer(life).seconds.from_now
live = user.authorisations.select { |one| one.application_id == application.id && one.revoked_at.nil? }
abort 'a live token outlives the new one' if live.any? { |one| one.expires_in.nil? || one.expires_at >= dies }
user.grant_application_signin_permission(application)
user.authorisations.create!(application_id: application.id, expires_in: Integer(life))
";

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The e-mail address of the API user.
    user: String,
    /// Its name in Signon, of which the name of the Secret is made.
    name: Option<String>,
    /// The name of the application that the token is for.
    application: String,
    /// The name of the Secret that Signon writes it into; `signon-token-NAME-APPLICATION` by default.
    secret: Option<String>,
    /// Where a new token is tried at the application itself, beside a value that no token has. Choose a call that reads.
    try_at: Option<Try>,
    /// Make the first one where none lives.
    #[expect(dead_code, reason = "that it is there is all that counts, and the planner sees to that")]
    create: Option<Create>,
}

/// A call of the application.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Try {
    /// Its address, without a query.
    url: String,
    /// `GET` by default, or `POST` for a call that reads all the same.
    #[serde(default)]
    method: Method,
    /// What is sent, as JSON.
    #[schemars(extend("additionalProperties" = true))]
    body: Option<Value>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    #[default]
    Get,
    Post,
}

/// Nothing more is needed for the first one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {}

struct ApiToken {
    signon: Arc<Signon>,
    config: Config,
    target: Option<Target>,
    /// The Secret that Signon writes the token into.
    secret: String,
    /// The Secret with the application's client.
    app_secret: String,
    subject: Subject,
    /// The application's client, read once a run.
    app: OnceCell<App>,
    /// What was made in this run: only that is tried at the application.
    made: Mutex<Option<TokenValue>>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    let signon = own::<Signon>(&ground.connection)?;
    let secret = match (&config.secret, &config.name) {
        (Some(secret), _) => secret.clone(),
        (None, Some(name)) => parameterized(&format!("signon-token-{name}-{}", config.application))?,
        (None, None) => anyhow::bail!("it lacks the key `name`, the API user's name in Signon, or `secret`"),
    };
    anyhow::ensure!(is_name(&secret), "`secret` is not a name that a cluster allows: {secret:?}");
    let app_secret = parameterized(&format!("signon-app-{}", config.application))?;
    let target = config.try_at.as_ref().map(|call| Target::new(call, &signon)).transpose()?;
    let place = format!("{} for {}", config.user, config.application);
    let subject = Subject::new(KIND.kind, &signon.inner.host, &place);
    let (app, made) = (OnceCell::new(), Mutex::default());
    Ok(Box::new(ApiToken { signon, config, target, secret, app_secret, subject, app, made }))
}

fn held(secret: &SecretJson) -> Option<TokenValue> {
    secret.value(KEY)
}

impl ApiToken {
    /// The name of the Job that makes the successor of what the Secret has now.
    fn job(&self, before: Option<&SecretJson>, attempt: u32) -> String {
        let mut hash = Sha256::new();
        hash.update(self.subject.to_string());
        let own = text::hex(hash.finalize().into_iter().take(5));
        let version = before.map_or("0", |secret| secret.metadata.version.as_str());
        let again = if attempt == 0 { String::new() } else { format!("-{attempt}") };
        format!("tokenwheel-mint-{own}-{version}{again}")
    }

    /// Makes the token, or finds that an earlier run has made it.
    async fn run(&self, command: &[&str], before: Option<&SecretJson>) -> Result<(), MintError> {
        let inner = self.signon.inner.as_ref();
        let namespace = &inner.namespace;
        let from = inner.cluster.cron_job(self.signon.lent(), namespace, &inner.mint_from).await;
        let from = from.map_err(MintError::Refused)?;
        for attempt in 0..TRIES {
            let name = self.job(before, attempt);
            let order = NewJob { namespace, name: &name, from: &from, command: Some(command.to_vec()) };
            let made = inner.cluster.make_job(self.signon.lent(), &order).await?;
            let ended = inner.cluster.wait_for_job(self.signon.lent(), namespace, &name).await;
            match (ended.map_err(MintError::InDoubt)?.0, made == Made::New) {
                (JobEnded::Complete, _) => return Ok(()),
                // An earlier one of that name: nothing of it can be waited for any more.
                (JobEnded::Failed, false) => {}
                // The pod may have been killed after its work was done.
                (JobEnded::Failed, true) => {
                    return Err(MintError::InDoubt(anyhow::anyhow!(
                        "Job {namespace}/{name} failed, most likely before it made a token: `kubectl -n {namespace} \
                         logs job/{name}` says why; is there such a user and application, and does no live token \
                         outlive the ttl?"
                    )));
                }
                (JobEnded::NotYet, _) => {
                    let what = "has not ended in time; the next run looks at it again";
                    return Err(MintError::InDoubt(anyhow::anyhow!("Job {namespace}/{name} {what}")));
                }
            }
        }
        let what = "Jobs have failed one after the other; delete them, or wait for the hour after which they go";
        Err(MintError::Refused(anyhow::anyhow!("{TRIES} {what}")))
    }

    /// The client of the application, by which Signon is asked about its tokens.
    async fn app(&self) -> anyhow::Result<&App> {
        let read = || async {
            let told = || format!("the application's client in Secret {}", self.app_secret);
            let secret = self.signon.secret(&self.app_secret).await.with_context(told)?;
            let value = |key: &str| secret.as_ref().and_then(|secret| secret.value(key));
            let app = value("oauth_id").zip(value("oauth_secret")).map(|(id, secret)| App { id, secret });
            app.ok_or_else(|| anyhow::anyhow!("Secret {} with the application's client is missing", self.app_secret))
        };
        self.app.get_or_try_init(read).await
    }

    /// Asks Signon, as the application and as the bearer, who a value is.
    async fn asked(&self, value: &TokenValue) -> anyhow::Result<Result<TokenRecord, String>> {
        let app = self.app().await?;
        let who = self.signon.who(value, app).await?;
        let Some(record) = self.signon.introspect(value, app).await? else {
            let app = &self.config.application;
            return Ok(Err(format!("Signon knows no such token for {app}: it has expired, was revoked, or never was")));
        };
        Ok(match who {
            Some(email) if email.eq_ignore_ascii_case(&self.config.user) => Ok(record),
            Some(_) => Err("it is the token of another API user".to_owned()),
            None => Err(format!("it lives, but its user may not sign in to {}", self.config.application)),
        })
    }
}

#[async_trait]
impl Issuer for ApiToken {
    fn succession(&self) -> Succession {
        Succession::Overlaps
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Doorkeeper's: 43 letters of URL-safe base64, or 64 hexadecimal digits before its version 5.
    fn shape(&self) -> Option<ValueShape> {
        Some(ValueShape { shortest: 43, longest: 64, marks: "-_".to_owned() })
    }

    fn recognises(&self, value: &TokenValue) -> bool {
        let shape = value.shape();
        [43, 64].contains(&shape.longest) && shape.marks.chars().all(|mark| "-_".contains(mark))
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        let inner = self.signon.inner.as_ref();
        for name in [&inner.mint_from, &inner.sync_from] {
            inner.cluster.cron_job(self.signon.lent(), &inner.namespace, name).await?;
        }
        self.app().await?;
        self.signon.secret(&self.secret).await.with_context(|| format!("Secret {}", self.secret))?;
        Ok(Leave::Unknown("whether it may make Jobs shows only when it does".to_owned()))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        Ok(Inventory::Blind { why: "Signon lists no tokens over HTTP".to_owned(), id: None })
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let before = self.signon.secret(&self.secret).await.map_err(|error| MintError::Refused(error.into()))?;
        let life = order.until.map_or(LIFE, |until| until - order.now).num_seconds().to_string();
        let Config { user, application, .. } = &self.config;
        self.run(&["rails", "runner", CREATE, user, application, &life], before.as_ref()).await?;
        let old = before.as_ref().and_then(held);
        let is_new =
            |secret: &SecretJson| held(secret).is_some_and(|new| old.as_ref().is_none_or(|old| !old.same_as(&new)));
        let secret = self.signon.sync(&self.secret, is_new).await;
        let secret = secret.context("a token was made, and is not in its Secret yet").map_err(MintError::InDoubt)?;
        let Some(value) = secret.filter(is_new).as_ref().and_then(held) else {
            return Err(MintError::InDoubt(anyhow::anyhow!(
                "a token was made, and Signon's sync wrote no new one into Secret {}: is the name right, and does no \
                 other token outlive it?",
                self.secret
            )));
        };
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(value.clone());
        let record = match self.asked(&value).await {
            Ok(Ok(record)) => record,
            // What is wrong with it is found out and said by `verify`.
            _ => TokenRecord { expires: order.until, ..TokenRecord::named(order.now.timestamp().to_string()) },
        };
        Ok(Minted::new(value, record))
    }

    /// Asks Signon as the bearer, for this application, and as the application. What was just made is also tried at the
    /// application itself, beside garbage: only once Signon has said whose it is.
    async fn verify(&self, value: &TokenValue) -> Proof {
        let record = match self.asked(value).await {
            Ok(Ok(record)) => record,
            Ok(Err(why)) => return Proof::Rejected(why),
            Err(error) => return Proof::Inconclusive(format!("{error:#}")),
        };
        let is_made = |made: &Option<TokenValue>| made.as_ref().is_some_and(|made| made.same_as(value));
        let made = is_made(&self.made.lock().unwrap_or_else(PoisonError::into_inner));
        match self.target.as_ref().filter(|_| made) {
            Some(target) => target.tried(value).await.unwrap_or_else(|| Proof::Identity(Box::new(record))),
            None => Proof::Identity(Box::new(record)),
        }
    }

    /// Signon answers 200 to anything, so it is asked afterwards; and applications believe what they heard for five
    /// minutes. Without the value, a Job of Signon's image ends it by its date, and another finds out whether it has.
    async fn revoke(&self, record: &TokenRecord, value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        match value {
            Some(value) => self.signon.revoke(value, self.app().await?).await,
            None => self.end(record).await,
        }
    }
}
