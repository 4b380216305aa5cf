//! `gitlab/pipeline-trigger-token`: made beside the old one, which is deleted afterwards. Its use starts a pipeline,
//! so it is matched against what GitLab shows to its creator, and never used.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitLab;
use super::access_token::{number, read_ended};
use super::resource_token::config;
use super::wire::{Route, meaning};
use crate::connection::own;
use crate::http::Retry;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "gitlab/pipeline-trigger-token",
    about: "A pipeline trigger token, found by its description; proven without use, for GitLab shows it whole to its \
            maker",
    succession: "overlaps",
    needs: "a token with scope `api` of a Maintainer of the project: the refresher's own user, or another token of this \
            config as `login:`, with whose rights the pipelines then run",
    ttl: Ttl::Optional,
    shortest: TimeDelta::days(1),
    rotates_itself: false,
    lends_login: true,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The project: its path, or its number in quotes.
    project: String,
    /// Its description at GitLab, by which it is found.
    description: String,
    /// Make the first one where none lives.
    #[expect(dead_code, reason = "that it is there is all that counts, and the planner sees to that")]
    create: Option<Create>,
}

/// Nothing more is needed for the first one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {}

/// <https://docs.gitlab.com/api/pipeline_triggers/>
#[derive(Deserialize)]
struct TriggerJson {
    id: u64,
    description: String,
    /// All of it for its creator, four characters for everyone else.
    token: String,
    created_at: Option<DateTime<Utc>>,
    last_used: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    owner: Option<Owner>,
}

#[derive(Deserialize)]
struct Owner {
    username: String,
}

impl TriggerJson {
    fn record(&self) -> TokenRecord {
        let shown = if self.token.len() > 4 { TokenValue::new(&self.token).ok() } else { None };
        TokenRecord {
            created: self.created_at,
            expires: self.expires_at,
            last_used: self.last_used,
            acts_as: self.owner.as_ref().map(|owner| format!("@{}", owner.username)),
            shown,
            ..TokenRecord::named(self.id.to_string())
        }
    }
}

struct PipelineTriggerToken {
    gitlab: Arc<GitLab>,
    config: Config,
    base: String,
    place: String,
    subject: Subject,
    /// The last one made in this run.
    made: Mutex<Option<u64>>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = config(keys)?;
    let gitlab = own::<GitLab>(&ground.connection)?;
    let (project, place) = gitlab.place("projects", &config.project);
    let subject = Subject::new(KIND.kind, &format!("{place} at {}", gitlab.host), &config.description);
    let base = format!("{project}/triggers");
    Ok(Box::new(PipelineTriggerToken { gitlab, config, base, place, subject, made: Mutex::default() }))
}

impl PipelineTriggerToken {
    async fn triggers(&self) -> anyhow::Result<Vec<TriggerJson>> {
        let listing = self.gitlab.list(&Route::get(self.base.clone())).await;
        let listing = listing.with_context(|| format!("the triggers of {} cannot be listed", self.place))?;
        let mut found = Vec::new();
        for item in listing.iter() {
            let trigger: TriggerJson = serde_json::from_value(item.clone())
                .map_err(|_| anyhow::anyhow!("GitLab lists a trigger in a form that is not known here"))?;
            if trigger.description == self.config.description {
                found.push(trigger);
            }
        }
        found.sort_by_key(|trigger| std::cmp::Reverse((trigger.created_at, trigger.id)));
        Ok(found)
    }

    /// The record that GitLab shows this value for.
    async fn shown(&self, value: &TokenValue) -> anyhow::Result<Option<TokenRecord>> {
        let made = *self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = made {
            let answer = self.gitlab.call(&Route::get(format!("{}/{id}", self.base)), Retry::Read).await?;
            anyhow::ensure!(answer.ok(), answer.refused(&meaning(&answer)));
            let record = answer.json::<TriggerJson>()?.record();
            if record.shown.as_ref().is_some_and(|shown| shown.same_as(value)) {
                return Ok(Some(record));
            }
        }
        let mut records = self.triggers().await?.into_iter().map(|trigger| trigger.record());
        Ok(records.find(|record| record.shown.as_ref().is_some_and(|shown| shown.same_as(value))))
    }
}

#[async_trait]
impl Issuer for PipelineTriggerToken {
    fn succession(&self) -> Succession {
        Succession::Overlaps
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        Some(GitLab::shape())
    }

    /// A value is only compared here with what GitLab shows, and sent nowhere.
    fn recognises(&self, _value: &TokenValue) -> bool {
        true
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        let me = self.gitlab.me().await?;
        let may = me.granular || me.scopes.iter().any(|scope| scope == "api");
        anyhow::ensure!(may, "token {} needs scope api to make a trigger", me.name);
        Ok(Leave::May)
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let records = self.triggers().await?.iter().map(TriggerJson::record).collect();
        Ok(Inventory::Listed(records))
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let mut body = json!({ "description": self.config.description });
        if let (Some(until), Some(body)) = (order.until, body.as_object_mut()) {
            body.insert("expires_at".to_owned(), json!(until));
        }
        let route = Route::post(self.base.clone(), body);
        let answer = self.gitlab.call(&route, Retry::Once).await?;
        if !answer.ok() {
            return Err(MintError::from(answer.refused(&meaning(&answer))));
        }
        let trigger: TriggerJson = answer.json()?;
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(trigger.id);
        let record = trigger.record();
        let value = record.shown.clone();
        let value =
            value.ok_or_else(|| MintError::InDoubt(anyhow::anyhow!("GitLab's answer has no whole token in it")))?;
        Ok(Minted::new(value, record))
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        match self.shown(value).await {
            Ok(Some(record)) => Proof::Matched(Box::new(record)),
            // What a stranger made is shown to us by four characters only: it may be one of those.
            Ok(None) => match self.triggers().await {
                Ok(all) if all.iter().all(|trigger| trigger.token.len() > 4) => {
                    Proof::Rejected("GitLab shows no trigger with this value".to_owned())
                }
                _ => Proof::Inconclusive("GitLab shows this trigger's value to its creator only".to_owned()),
            },
            Err(error) => Proof::Inconclusive(format!("{error:#}")),
        }
    }

    async fn revoke(&self, record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let route = Route::delete(format!("{}/{}", self.base, number(record)?));
        read_ended(&self.gitlab.call(&route, Retry::Put).await?)
    }

    async fn mints_as(&self) -> Option<String> {
        self.gitlab.username().await.map(|name| format!("@{name}"))
    }
}
