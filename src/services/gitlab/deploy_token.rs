//! `gitlab/deploy-token`: made beside the old one, with the same user name; then the old one is deleted. Whose a value is
//! only the door to the container registry tells: it refuses a wrong one before it asks for rights, and says in what it
//! gives to one with rights which deploy token it was.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, NaiveTime, SecondsFormat, TimeDelta, Utc};
use http::Method;
use http::header::AUTHORIZATION;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::GitLab;
use super::access_token::{may_rotate, number, read_ended};
use super::resource_token::config;
use super::wire::{Route, meaning};
use crate::connection::own;
use crate::http::{Answer, Call, HttpError, Retry};
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Parts, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "gitlab/deploy-token",
    about: "A deploy token of a project or a group, found by its name; its user name is kept, and is its part \
            `username`. Only the door to the container registry tells whose one is",
    succession: "overlaps",
    needs: "a personal access token with scope `api` of a Maintainer of the project, or of an Owner of the group",
    ttl: Ttl::Required,
    shortest: TimeDelta::days(2),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The name of the part that is the other half of the credential.
const USERNAME: &str = "username";

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The project: its path, or its number in quotes.
    project: Option<String>,
    /// The group: its path, or its number in quotes.
    group: Option<String>,
    /// Its name at GitLab, by which it is found. Those made here have the time after it, which GitLab does not tell.
    name: String,
    /// Its user name, without which the value is of no use; the one that the token has now, by default. It is never
    /// changed: whoever wants another takes another name too.
    username: Option<String>,
    /// Make the first one, with this, where none lives.
    create: Option<Create>,
}

/// What the first token of a name gets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// Its scopes, such as `read_registry` and `read_repository`.
    scopes: Vec<String>,
}

/// What GitLab tells: not when it was made or last used. <https://docs.gitlab.com/api/deploy_tokens/>
#[derive(Deserialize)]
struct DeployJson {
    id: u64,
    name: String,
    username: String,
    #[serde(default)]
    scopes: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
    #[serde(default)]
    revoked: bool,
    #[serde(default)]
    expired: bool,
    /// In the answer to create only.
    token: Option<TokenValue>,
}

impl DeployJson {
    fn lives(&self) -> bool {
        !self.revoked && !self.expired
    }

    /// Whether it bears that name, alone or with the time at which it was made here.
    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.made_here(name).is_some()
    }

    /// When it was made, if that was here: one whose answer was lost can be told from somebody else's by nothing else.
    fn made_here(&self, name: &str) -> Option<DateTime<Utc>> {
        let stamp = self.name.strip_prefix(name)?.strip_prefix(' ')?;
        Some(DateTime::parse_from_rfc3339(stamp).ok()?.to_utc())
    }

    fn record(&self, name: &str) -> TokenRecord {
        let (created, expires) = (self.made_here(name), self.expires_at);
        TokenRecord { created, expires, ..TokenRecord::named(self.id.to_string()) }
    }
}

/// What the door gives: a token for the registry, which is a JWT that has another one in it.
#[derive(Deserialize)]
struct DoorJson {
    token: TokenValue,
}

/// `app/services/auth/container_registry_authentication_service.rb`, `authorized_token`; not documented, and absent in
/// older versions.
#[derive(Deserialize)]
struct Pass {
    user: TokenValue,
}

#[derive(Deserialize)]
struct User {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    deploy_token_id: u64,
}

/// What a JWT says. Nobody needs its signature here: it came from the one that signs.
fn claims<T: for<'de> Deserialize<'de>>(jwt: &TokenValue) -> Option<T> {
    let text = zeroize::Zeroizing::new(URL_SAFE_NO_PAD.decode(jwt.expose().split('.').nth(1)?).ok()?);
    serde_json::from_slice(&text).ok()
}

struct DeployToken {
    gitlab: Arc<GitLab>,
    config: Config,
    base: String,
    place: String,
    subject: Subject,
    /// The user name, once it is known.
    username: Mutex<Option<String>>,
    /// The last one made in this run, which was not there yet when they were listed.
    made: Mutex<Option<TokenRecord>>,
    /// Whether the door refuses what no token has; asked once a run.
    garbage: OnceCell<bool>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = config(keys)?;
    let gitlab = own::<GitLab>(&ground.connection)?;
    let ((base, place), of) = match (&config.project, &config.group) {
        (Some(project), None) => (gitlab.place("projects", project), "project"),
        (None, Some(group)) => (gitlab.place("groups", group), "group"),
        _ => anyhow::bail!("a deploy token hangs at exactly one of `project` and `group`"),
    };
    let fits = |name: &String| name.chars().all(|mark| mark.is_ascii_alphanumeric() || "._+-".contains(mark));
    anyhow::ensure!(
        config.username.as_ref().is_none_or(|name| !name.is_empty() && fits(name)),
        "`username` has letters, digits, `.`, `_`, `+` and `-`"
    );
    let place = format!("{of} {place}");
    let subject = Subject::new(KIND.kind, &format!("{place} at {}", gitlab.host), &config.name);
    let (base, username) = (format!("{base}/deploy_tokens"), Mutex::new(config.username.clone()));
    let (made, garbage) = (Mutex::default(), OnceCell::new());
    Ok(Box::new(DeployToken { gitlab, config, base, place, subject, username, made, garbage }))
}

impl DeployToken {
    /// All of that name, dead ones too, newest first: numbers are given in order.
    async fn tokens(&self) -> anyhow::Result<Vec<DeployJson>> {
        let listing = self.gitlab.list(&Route::get(self.base.clone())).await;
        let listing = listing.with_context(|| format!("the deploy tokens of {} cannot be listed", self.place))?;
        let mut found = Vec::new();
        for item in listing.iter() {
            let token: DeployJson = serde_json::from_value(item.clone())
                .map_err(|_| anyhow::anyhow!("GitLab lists a deploy token in a form that is not known here"))?;
            if token.is_called(&self.config.name) {
                found.push(token);
            }
        }
        found.sort_by_key(|token| std::cmp::Reverse(token.id));
        Ok(found)
    }

    fn known_username(&self) -> Option<String> {
        self.username.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The user name of the config, else that of the newest one, living or not; `None` where there never was one.
    async fn username(&self) -> anyhow::Result<Option<String>> {
        if let Some(known) = self.known_username() {
            return Ok(Some(known));
        }
        let tokens = self.tokens().await?;
        let newest = tokens.iter().find(|token| token.lives()).or(tokens.first());
        Ok(newest.map(|token| self.keep_username(&token.username)))
    }

    /// Every user name that a living one of that name may have: as a rule it is one.
    async fn usernames(&self) -> anyhow::Result<Vec<String>> {
        let mut names: Vec<String> = self.username().await?.into_iter().collect();
        for token in self.tokens().await?.into_iter().filter(DeployJson::lives) {
            if !names.contains(&token.username) {
                names.push(token.username);
            }
        }
        Ok(names)
    }

    fn keep_username(&self, name: &str) -> String {
        *self.username.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
        name.to_owned()
    }

    /// What the new one takes over from the one that it follows.
    async fn follows(&self, order: &Order<'_>) -> anyhow::Result<Option<DeployJson>> {
        let Some(old) = order.follows else { return Ok(None) };
        Ok(self.tokens().await?.into_iter().find(|token| token.id.to_string() == old.id))
    }

    /// The user name of the config and that of the living one must be one: else whoever has the old one stands outside.
    fn same_username(&self, old: &DeployJson) -> anyhow::Result<()> {
        let Some(wanted) = self.config.username.as_ref().filter(|wanted| **wanted != old.username) else {
            return Ok(());
        };
        anyhow::bail!(
            "deploy token {} of {} has user name {}, and the config says {wanted}: take the first, or give the token \
             another `name` with `create:`",
            old.id,
            self.place,
            crate::text::plain(&old.username)
        )
    }

    /// Changes the credential for one of the container registry, as `docker login` does, and looks at the status only.
    ///
    /// GitLab first asks who it is (401), then whether there is a registry (404), then for rights (403).
    /// <https://docs.gitlab.com/user/packages/container_registry/authenticate_with_container_registry/>
    async fn door(&self, username: &str, value: &TokenValue) -> Result<Answer, HttpError> {
        let mut url = self.gitlab.api.clone();
        let root = url.path().trim_end_matches("api/v4/").to_owned();
        url.set_path(&format!("{root}jwt/auth"));
        url.set_query(Some("service=container_registry"));
        let both = zeroize::Zeroizing::new(format!("{username}:{}", value.expose()));
        let basic = TokenValue::new(&zeroize::Zeroizing::new(STANDARD.encode(both.as_bytes())))
            .map_err(|_| super::withheld("the credential is empty"))?;
        self.gitlab
            .http
            .send(Call::new(Method::GET, url, Retry::Read).credential(AUTHORIZATION, "Basic ", &basic))
            .await
    }

    /// Whether it is a living one of that user name.
    async fn knows(&self, username: &str, value: &TokenValue) -> Proof {
        let answer = match self.door(username, value).await {
            Ok(answer) => answer,
            Err(error) => return Proof::Inconclusive(error.to_string()),
        };
        match answer.status.as_u16() {
            401 => Proof::Rejected(
                answer.refused("GitLab knows no living deploy token of this value and user name").to_string(),
            ),
            status @ (200 | 403 | 404) => {
                let pass = || claims::<User>(&claims::<Pass>(&answer.json::<DoorJson>().ok()?.token)?.user);
                if let Some(user) = (status == 200).then(pass).flatten() {
                    return self.is_ours(user.user_info.deploy_token_id).await;
                }
                if self.refuses_garbage(username).await {
                    return Proof::Alive;
                }
                Proof::Inconclusive("GitLab answers this to garbage too".to_owned())
            }
            _ => Proof::Inconclusive(answer.refused(&meaning(&answer)).to_string()),
        }
    }

    /// Whether a deploy token of that number is one of this name and place.
    async fn is_ours(&self, id: u64) -> Proof {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(made) = made.filter(|made| made.id == id.to_string()) {
            return Proof::Identity(Box::new(made));
        }
        match self.tokens().await {
            Ok(tokens) => match tokens.iter().find(|token| token.id == id) {
                Some(token) => Proof::Identity(Box::new(token.record(&self.config.name))),
                None => Proof::Rejected(format!("it is deploy token {id}, which has another name or another place")),
            },
            Err(error) => Proof::Inconclusive(format!("{error:#}")),
        }
    }

    /// The negative control: an address that was banned for too many wrong passwords is refused whatever it sends.
    async fn refuses_garbage(&self, username: &str) -> bool {
        let ask = || async {
            let Ok(garbage) = TokenValue::new("gldt-no-token-has-this-one") else { return false };
            self.door(username, &garbage).await.is_ok_and(|answer| answer.status.as_u16() == 401)
        };
        *self.garbage.get_or_init(ask).await
    }
}

#[async_trait]
impl Issuer for DeployToken {
    fn succession(&self) -> Succession {
        Succession::Overlaps
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        Some(GitLab::shape())
    }

    /// By its prefix, before which an administrator may have put another.
    fn recognises(&self, value: &TokenValue) -> bool {
        value.expose().contains("gldt-")
    }

    fn parts(&self) -> &'static [&'static str] {
        &[USERNAME]
    }

    fn known_parts(&self) -> Parts {
        let name = self.known_username().and_then(|name| TokenValue::new(&name).ok());
        name.map(|name| (USERNAME, name)).into_iter().collect()
    }

    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave> {
        let leave = may_rotate(&self.gitlab.me().await?)?;
        match (self.follows(order).await?, &self.config.create) {
            (Some(old), _) => self.same_username(&old)?,
            (None, Some(_)) => {}
            (None, None) => anyhow::bail!("there is none whose scopes a new one could take: say `create:`"),
        }
        if leave == Leave::May && self.config.group.is_some() {
            let why = "a Maintainer may list a group's deploy tokens, and only an Owner may make one";
            return Ok(Leave::Unknown(why.to_owned()));
        }
        Ok(leave)
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        self.username().await?;
        let tokens = self.tokens().await?;
        Ok(Inventory::Listed(
            tokens.iter().filter(|token| token.lives()).map(|token| token.record(&self.config.name)).collect(),
        ))
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let old = self.follows(order).await.map_err(MintError::Refused)?;
        let scopes = match (&old, &self.config.create) {
            (Some(old), _) => &old.scopes,
            (None, Some(create)) => &create.scopes,
            (None, None) => {
                return Err(MintError::Refused(anyhow::anyhow!("there is none whose scopes a new one could take")));
            }
        };
        let name = format!("{} {}", self.config.name, order.now.to_rfc3339_opts(SecondsFormat::Secs, true));
        let mut body = json!({ "name": name, "scopes": scopes });
        let mut add =
            |key: &str, value: Value| body.as_object_mut().and_then(|body| body.insert(key.to_owned(), value));
        // Two of one user name may live: GitLab finds a deploy token by its value, and then compares the name.
        if let Some(username) = self.username().await.map_err(MintError::Refused)? {
            add("username", json!(username));
        }
        if let Some(until) = order.until {
            // Whether it keeps the time or only the date is not documented: a date is at least the day after tomorrow's.
            let soonest = (order.now + TimeDelta::days(2)).date_naive().and_time(NaiveTime::MIN).and_utc();
            add("expires_at", json!(until.max(soonest)));
        }
        let answer = self.gitlab.call(&Route::post(self.base.clone(), body), Retry::Once).await?;
        if !answer.ok() {
            return Err(MintError::from(answer.refused(&meaning(&answer))));
        }
        let made: DeployJson = answer.json()?;
        let without = || MintError::InDoubt(anyhow::anyhow!("GitLab's answer has no token in it"));
        let value = made.token.clone().ok_or_else(without)?;
        self.keep_username(&made.username);
        let record = made.record(&self.config.name);
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(record.clone());
        Ok(Minted { record, value, parts: self.known_parts() })
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        let usernames = match self.usernames().await {
            Ok(usernames) => usernames,
            Err(error) => return Proof::Inconclusive(format!("{error:#}")),
        };
        let mut proof = Proof::Inconclusive("its user name is not known".to_owned());
        for username in &usernames {
            proof = self.knows(username, value).await;
            if !matches!(proof, Proof::Rejected(_)) {
                break;
            }
        }
        proof
    }

    async fn revoke(&self, record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let route = Route::delete(format!("{}/{}", self.base, number(record)?));
        read_ended(&self.gitlab.call(&route, Retry::Put).await?)
    }
}
