//! `gitlab/agent-token`: the credential of an agent for Kubernetes. An agent has two slots, and its tokens do not end by
//! themselves; over the REST API nobody can be asked who one is.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitLab;
use super::access_token::{may_rotate, number, read_ended};
use super::resource_token::config;
use super::wire::{Route, meaning};
use crate::connection::own;
use crate::http::Retry;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::text;
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "gitlab/agent-token",
    about: "A token of an agent for Kubernetes, found by its name; an agent has two at most, and they never expire: say \
            when it turns with `rotate: { after: 30d }`. GitLab tells nobody whose a value is",
    succession: "overlaps",
    needs: "a personal access token with scope `api` of a Maintainer of the agent's project",
    ttl: Ttl::Optional,
    shortest: TimeDelta::days(1),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// How many tokens an agent may have when another is made. <https://docs.gitlab.com/api/cluster_agents/>
const SLOTS: usize = 2;

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The project in which the agent is registered: its path, or its number in quotes.
    project: String,
    /// The agent's number.
    agent: u64,
    /// The token's name at GitLab, by which it is found.
    name: String,
    /// Make the first one where none lives.
    #[expect(dead_code, reason = "that it is there is all that counts, and the planner sees to that")]
    create: Option<Create>,
}

/// Nothing more is needed for the first one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {}

/// The list has live ones only, and does not say when one was used; the answer for a single one does.
/// <https://docs.gitlab.com/api/cluster_agents/#list-tokens-for-an-agent>
#[derive(Deserialize)]
struct AgentJson {
    id: u64,
    name: String,
    status: Option<String>,
    created_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    /// In the answer to create only.
    token: Option<TokenValue>,
}

impl AgentJson {
    fn record(&self) -> TokenRecord {
        TokenRecord {
            created: self.created_at,
            last_used: self.last_used_at,
            ..TokenRecord::named(self.id.to_string())
        }
    }
}

struct AgentToken {
    gitlab: Arc<GitLab>,
    config: Config,
    base: String,
    place: String,
    subject: Subject,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = config(keys)?;
    let gitlab = own::<GitLab>(&ground.connection)?;
    let (project, place) = gitlab.place("projects", &config.project);
    let place = format!("agent {} of {place}", config.agent);
    let subject = Subject::new(KIND.kind, &format!("{place} at {}", gitlab.host), &config.name);
    let base = format!("{project}/cluster_agents/{}/tokens", config.agent);
    Ok(Box::new(AgentToken { gitlab, config, base, place, subject }))
}

impl AgentToken {
    /// All live ones of the agent, whatever their names, newest first.
    async fn tokens(&self) -> anyhow::Result<Vec<AgentJson>> {
        let listing = self.gitlab.list(&Route::get(self.base.clone())).await;
        let listing = listing.with_context(|| format!("the tokens of {} cannot be listed", self.place))?;
        let mut found = Vec::new();
        for item in listing.iter() {
            let token: AgentJson = serde_json::from_value(item.clone())
                .map_err(|_| anyhow::anyhow!("GitLab lists an agent's token in a form that is not known here"))?;
            if token.status.as_deref() != Some("revoked") {
                found.push(token);
            }
        }
        found.sort_by_key(|token| std::cmp::Reverse((token.created_at, token.id)));
        Ok(found)
    }

    /// When one was last used; the list does not say.
    async fn used(&self, token: &AgentJson) -> anyhow::Result<Option<DateTime<Utc>>> {
        let answer = self.gitlab.call(&Route::get(format!("{}/{}", self.base, token.id)), Retry::Read).await?;
        anyhow::ensure!(answer.ok(), answer.refused(&meaning(&answer)));
        Ok(answer.json::<AgentJson>()?.last_used_at)
    }

    /// Why there is no room, and which one stands in the way. That is the one that is not followed, if it is also the
    /// one that was used less recently; else the two signs disagree, and a person has to look.
    async fn full(&self, tokens: &[AgentJson], order: &Order<'_>) -> String {
        let follows = order.follows.map(|follows| follows.id.clone()).unwrap_or_default();
        let (mut all, mut last) = (Vec::new(), None);
        let mut others = Vec::new();
        for token in tokens {
            let used = self.used(token).await;
            let of_use = match &used {
                Ok(Some(used)) => format!("last used {}", text::when(*used, order.now)),
                Ok(None) => "never used".to_owned(),
                Err(_) => "of unknown use".to_owned(),
            };
            let made = token.created_at.map(|made| format!("made {}, ", text::when(made, order.now)));
            let name = text::plain(&token.name);
            let told = format!("{} `{name}` ({}{of_use})", token.id, made.unwrap_or_default());
            if token.id.to_string() == follows {
                last = used.ok();
            } else {
                others.push((told.clone(), used.ok()));
            }
            all.push(told);
        }
        let what = match others.as_slice() {
            [(other, Some(used))] if last.is_some_and(|last| *used <= last) => {
                let live = text::plain(&follows);
                format!("end token {other} at GitLab, or wait for the end of its overlap; {live} is the live one")
            }
            _ => format!("end the one that no agent uses at GitLab: {}", all.join(" or ")),
        };
        format!("{} has {} tokens, and GitLab makes no more than {SLOTS}: {what}", self.place, tokens.len())
    }
}

#[async_trait]
impl Issuer for AgentToken {
    fn succession(&self) -> Succession {
        Succession::Overlaps
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        Some(GitLab::shape())
    }

    /// By its prefix, before which an administrator may have put another. It is sent nowhere.
    fn recognises(&self, value: &TokenValue) -> bool {
        value.expose().contains("glagent-")
    }

    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave> {
        anyhow::ensure!(
            order.until.is_none(),
            "an agent's token never expires, so no `ttl` can be kept: take it out, and say `rotate: {{ after: … }}`"
        );
        let leave = may_rotate(&self.gitlab.me().await?)?;
        let tokens = self.tokens().await?;
        anyhow::ensure!(tokens.len() < SLOTS, self.full(&tokens, order).await);
        if leave == Leave::May {
            let why = "a Developer may list the agent's tokens, and only a Maintainer may make one";
            return Ok(Leave::Unknown(why.to_owned()));
        }
        Ok(leave)
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let tokens = self.tokens().await?;
        let ours = tokens.iter().filter(|token| token.name == self.config.name);
        Ok(Inventory::Listed(ours.map(AgentJson::record).collect()))
    }

    async fn mint(&self, _order: &Order<'_>) -> Result<Minted, MintError> {
        let route = Route::post(self.base.clone(), json!({ "name": self.config.name }));
        let answer = self.gitlab.call(&route, Retry::Once).await?;
        if !answer.ok() {
            return Err(MintError::from(answer.refused(&meaning(&answer))));
        }
        let made: AgentJson = answer.json()?;
        let without = || MintError::InDoubt(anyhow::anyhow!("GitLab's answer has no token in it"));
        let value = made.token.clone().ok_or_else(without)?;
        Ok(Minted::new(value, made.record()))
    }

    /// The server that agents connect to speaks another protocol, and to connect is to use it.
    async fn verify(&self, _value: &TokenValue) -> Proof {
        Proof::Inconclusive("nobody but an agent can ask GitLab with an agent's token".to_owned())
    }

    async fn revoke(&self, record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let route = Route::delete(format!("{}/{}", self.base, number(record)?));
        read_ended(&self.gitlab.call(&route, Retry::Put).await?)
    }
}
