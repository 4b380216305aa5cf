//! Where webhooks hang, the calls that are made there, and which one is meant.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::super::GitLab;
use super::super::wire::{Route, meaning, segment};
use super::address::base;
use super::desk::Desk;
use super::hook::Hook;
use crate::http::{Answer, Cause, HttpError, Retry};

/// How the config names the webhook: all that it says must fit.
pub(super) struct Wanted {
    pub(super) id: Option<u64>,
    pub(super) url: Option<String>,
    pub(super) name: Option<String>,
}

impl Wanted {
    fn fits(&self, hook: &Hook) -> bool {
        self.id.is_none_or(|id| id == hook.id())
            && self.url.as_ref().is_none_or(|url| url == base(hook.url()))
            && self.name.as_ref().is_none_or(|name| name == hook.text("name"))
    }
}

/// The webhooks of one project or group, and the one of them that is meant.
pub(super) struct Place {
    gitlab: Arc<GitLab>,
    base: String,
    wanted: Wanted,
    /// For people.
    pub(super) name: String,
}

impl Place {
    pub(super) fn new(
        gitlab: Arc<GitLab>,
        project: Option<&str>,
        group: Option<&str>,
        wanted: Wanted,
    ) -> anyhow::Result<Self> {
        let (path, owner) = match (project, group) {
            (Some(project), None) => gitlab.place("projects", project),
            (None, Some(group)) => {
                let (path, name) = gitlab.place("groups", group);
                (path, format!("group {name}"))
            }
            _ => anyhow::bail!("a webhook hangs at exactly one of `project` and `group`"),
        };
        let named = [
            wanted.id.map(|id| id.to_string()),
            wanted.name.as_ref().map(|name| format!("\"{name}\"")),
            wanted.url.clone(),
        ];
        let named: Vec<String> = named.into_iter().flatten().collect();
        anyhow::ensure!(!named.is_empty(), "a webhook is named by at least one of `url`, `name` and `id`");
        if let Some(url) = &wanted.url {
            anyhow::ensure!(
                base(url) == url && !url.contains('@'),
                "`url` is the address up to its `?`, without a user name: what follows may be secret"
            );
        }
        let name = format!("{} {owner} webhook {}", gitlab.host, named.join(" "));
        Ok(Self { gitlab, base: format!("{path}/hooks"), wanted, name })
    }

    /// Whether the config knows it by its number, which it loses when it is made anew.
    pub(super) fn by_number(&self) -> bool {
        self.wanted.id.is_some()
    }

    /// What was written in this run.
    pub(super) fn desk(&self) -> &Desk {
        &self.gitlab.webhooks
    }

    fn path(&self, id: u64) -> String {
        format!("{}/{id}", self.base)
    }

    /// All webhooks here; listed once a run unless `fresh`.
    pub(super) async fn all(&self, fresh: bool) -> anyhow::Result<Vec<Hook>> {
        let route = Route::get(self.base.clone());
        let rows = if fresh { self.gitlab.pages(&route).await.map(Arc::new) } else { self.gitlab.list(&route).await };
        let rows = rows.with_context(|| format!("{} cannot be looked at", self.name))?;
        let hooks = rows.iter().map(|row| serde_json::from_value(row.clone()));
        hooks.collect::<Result<_, _>>().map_err(|_| anyhow::anyhow!("{}: GitLab lists what is no webhook", self.name))
    }

    /// The one that is meant. Those that were to take its place in a run that died are not counted.
    pub(super) fn choose(&self, all: &[Hook]) -> anyhow::Result<Hook> {
        let fitting: Vec<&Hook> = all.iter().filter(|hook| self.wanted.fits(hook)).collect();
        let there = |id: u64| fitting.iter().any(|hook| hook.id() == id);
        let standing: Vec<&&Hook> =
            fitting.iter().filter(|hook| !hook.mark().is_some_and(|mark| there(mark.of))).collect();
        match standing.as_slice() {
            [one] => Ok((**one).clone()),
            [] => anyhow::bail!("{} does not exist: create it by hand once", self.name),
            several => {
                let numbers: Vec<String> = several.iter().map(|hook| hook.id().to_string()).collect();
                let numbers = crate::text::list(&numbers);
                anyhow::bail!("{} is several, with the numbers {numbers}: name one by `name` or `id` too", self.name)
            }
        }
    }

    /// Whether the config means this one too.
    pub(super) fn fits(&self, hook: &Hook) -> bool {
        self.wanted.fits(hook)
    }

    /// Those that were to take its place.
    pub(super) fn stand_ins<'a>(&self, all: &'a [Hook], of: &Hook) -> Vec<&'a Hook> {
        let marked = |hook: &&Hook| hook.mark().is_some_and(|mark| mark.of == of.id());
        all.iter().filter(|hook| self.wanted.fits(hook)).filter(marked).collect()
    }

    /// Whether one is still there.
    pub(super) async fn stands(&self, id: u64) -> anyhow::Result<bool> {
        let answer = self.gitlab.call(&Route::get(self.path(id)), Retry::Read).await?;
        Ok(answer.status.as_u16() != 404)
    }

    /// One, as it is now.
    pub(super) async fn get(&self, id: u64) -> anyhow::Result<Hook> {
        let answer = self.gitlab.call(&Route::get(self.path(id)), Retry::Read).await?;
        anyhow::ensure!(answer.ok(), "{} cannot be looked at: {}", self.name, answer.refused(&meaning(&answer)));
        Ok(answer.json()?)
    }

    /// Changes some fields. A new address is never among them unless its tokens are, too.
    pub(super) async fn put(&self, id: u64, fields: &Map<String, Value>) -> anyhow::Result<()> {
        let mut fields = fields.clone();
        let route = Route::put(self.path(id), Value::Object(fields.clone()));
        let mut answer = self.gitlab.call(&route, Retry::Put).await?;
        if wants_the_address(&answer) {
            // Older versions want the address named; the same address is no change, and takes nothing away.
            fields.insert("url".to_owned(), json!(self.get(id).await?.url()));
            answer = self.gitlab.call(&Route::put(self.path(id), Value::Object(fields)), Retry::Put).await?;
        }
        self.done(&answer)
    }

    /// Writes a setting as it is. One that asks for the address has let us in; it may hold a secret, and none is written
    /// back to try something out.
    pub(super) async fn try_out(&self, id: u64, setting: &str, as_it_is: bool) -> anyhow::Result<()> {
        let route = Route::put(self.path(id), json!({ setting: as_it_is }));
        let answer = self.gitlab.call(&route, Retry::Put).await?;
        if wants_the_address(&answer) { Ok(()) } else { self.done(&answer) }
    }

    /// Changes one entry of `custom_headers` or `url_variables`. 204.
    pub(super) async fn put_in(&self, id: u64, list: &str, key: &str, value: &str) -> anyhow::Result<()> {
        let path = format!("{}/{list}/{}", self.path(id), segment(key));
        self.done(&self.gitlab.call(&Route::put(path, json!({ "value": value })), Retry::Put).await?)
    }

    /// Makes one. Sent once: a second one would be another webhook.
    pub(super) async fn post(&self, fields: Map<String, Value>) -> Result<Hook, HttpError> {
        let answer = self.gitlab.call(&Route::post(self.base.clone(), Value::Object(fields)), Retry::Once).await?;
        if !answer.ok() {
            return Err(answer.refused(&refusal(&answer)));
        }
        let made: Hook = answer.json()?;
        if made.id() == 0 {
            // A status alone proves nothing.
            let cause = Cause::NoAnswer(format!("HTTP {} without a webhook in it", answer.status.as_u16()));
            return Err(HttpError::before(&self.name, cause));
        }
        Ok(made)
    }

    /// Ends one; that it is gone already is well.
    pub(super) async fn delete(&self, id: u64) -> anyhow::Result<()> {
        let answer = self.gitlab.call(&Route::delete(self.path(id)), Retry::Put).await?;
        if answer.status.as_u16() == 404 { Ok(()) } else { self.done(&answer) }
    }

    /// Asks for a delivery of that event, once.
    /// <https://docs.gitlab.com/api/project_webhooks/#trigger-a-test-project-webhook>
    pub(super) async fn play(&self, id: u64, event: &str) -> Result<Answer, HttpError> {
        let path = format!("{}/test/{}", self.path(id), segment(event));
        self.gitlab.call(&Route::call(path), Retry::Once).await
    }

    /// What the receiver answered to the last delivery.
    /// <https://docs.gitlab.com/api/project_webhooks/#list-all-events-for-a-project-webhook>
    pub(super) async fn last_answer(&self, id: u64) -> Option<String> {
        let route = Route::get(format!("{}/events", self.path(id))).query("per_page", "1");
        let answer = self.gitlab.call(&route, Retry::Read).await.ok()?;
        let status = answer.word("/0/response_status")?;
        Some(crate::text::plain(&status)).filter(|status| status.chars().all(|c| c.is_ascii_alphanumeric() || c == ' '))
    }

    fn done(&self, answer: &Answer) -> anyhow::Result<()> {
        anyhow::ensure!(answer.ok(), "{} cannot be written: {}", self.name, answer.refused(&refusal(answer)));
        Ok(())
    }
}

/// Whether this is an older version, which checks first who asks and then whether the address is named.
fn wants_the_address(answer: &Answer) -> bool {
    answer.status.as_u16() == 400 && answer.word("/error").is_some_and(|error| error == "url is missing")
}

/// What a refusal to write means here. GitLab's own words never hold a value, and are not repeated all the same.
fn refusal(answer: &Answer) -> String {
    let field = |name: &str| answer.word(&format!("/message/{name}/0"));
    let text = match (answer.status.as_u16(), answer.word("/error").as_deref()) {
        (400, Some("No parameters provided")) => {
            "GitLab ignores what was sent: it is too old for it, or has the feature `webhook_signing_token` off"
        }
        (422, Some("Invalid url given")) => "GitLab does not take this address, or a variable of it is missing",
        (422, Some("Illegal key or value")) => "GitLab does not take this key or value; the value may be too long",
        (422, Some("Custom headers validation failed")) => "GitLab does not take a custom header of it",
        (422, _) if field("base").is_some_and(|why| why.contains("Maximum number")) => {
            "there are as many webhooks as GitLab allows here: delete one that nobody needs"
        }
        (422, _) if field("url_variables").is_some() => {
            "GitLab does not take the value of a masked part of it; older versions take at most 100 characters"
        }
        (422, _) if field("signing_token").is_some() => "a signing token is `whsec_` and 32 bytes in base64",
        _ => return meaning(answer),
    };
    text.to_owned()
}
