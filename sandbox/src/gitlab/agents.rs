//! Agents for Kubernetes and their tokens (`lib/api/clusters/agent_tokens.rb`,
//! `app/services/clusters/agent_tokens/create_service.rb`): two live ones at most, and no way to ask who one is.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::GitLab;
use super::auth::Caller;
use super::model::{Place, Seeded};
use super::page::paged;
use super::places::{DEVELOPER, MAINTAINER};
use super::refusal::Refusal;
use super::route::{Outcome, number};
use super::tokens::put;
use crate::clock::stamp;
use crate::exchange::{Answer, Request};
use crate::mint::URL_SAFE;
use crate::params::Params;

/// How many live tokens an agent may have when another is made; older agents may have more.
const SLOTS: usize = 2;

/// The agents of a GitLab, with their tokens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agents {
    last: u64,
    /// The project of each.
    projects: BTreeMap<u64, u64>,
    tokens: BTreeMap<u64, AgentToken>,
}

/// A token of an agent. It never expires by itself.
#[derive(Clone, Debug)]
pub struct AgentToken {
    /// The number.
    pub id: u64,
    /// Whose it is.
    pub agent: u64,
    /// What it is called; several may have one name.
    pub name: String,
    /// The secret itself.
    pub value: String,
    /// Whether somebody ended it.
    pub revoked: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When an agent last connected with it.
    pub last_used_at: Option<DateTime<Utc>>,
    created_by: u64,
}

impl GitLab {
    /// Adds an agent to a project.
    pub fn add_agent(&mut self, path: &str) -> u64 {
        let project = self.add_project(path);
        self.agents.last += 1;
        let id = 700 + self.agents.last;
        self.agents.projects.insert(id, project);
        id
    }

    /// Adds a token to an agent, whatever it has already.
    pub fn add_agent_token(&mut self, agent: u64, name: &str, created: DateTime<Utc>) -> Seeded {
        let token = self.make_agent_token(agent, name, 0);
        if let Some(token) = self.agents.tokens.get_mut(&token.id) {
            token.created_at = created;
        }
        Seeded { id: token.id, value: token.value }
    }

    /// The live tokens of an agent, oldest first.
    pub fn agent_tokens(&self, agent: u64) -> Vec<AgentToken> {
        self.agents.tokens.values().filter(|token| token.agent == agent && !token.revoked).cloned().collect()
    }

    /// Ends a token of an agent.
    pub fn revoke_agent_token(&mut self, id: u64) {
        if let Some(token) = self.agents.tokens.get_mut(&id) {
            token.revoked = true;
        }
    }

    /// An agent connects with that value; says whether it was let in.
    pub fn agent_connects(&mut self, value: &str) -> bool {
        let now = self.now();
        let found = self.agents.tokens.values_mut().find(|token| token.value == value && !token.revoked);
        found.map(|token| token.last_used_at = Some(now)).is_some()
    }

    /// Whether an agent's token of this value works now.
    pub(crate) fn agent_token_lives(&self, value: &str) -> bool {
        self.agents.tokens.values().any(|token| token.value == value && !token.revoked)
    }

    /// Everything under `cluster_agents/:agent_id/tokens`: read by Developers, made and ended by Maintainers.
    pub(crate) fn cluster_agent_tokens(
        &mut self,
        request: &Request,
        caller: Caller,
        place: Place,
        (agent, rest): (&str, &[&str]),
        params: &Params,
    ) -> Outcome {
        let agent = number(agent)?;
        let known = self.agents.projects.get(&agent).is_some_and(|project| Place::Project(*project) == place);
        if !known || !self.has_role(caller, place, DEVELOPER) {
            return Err(Refusal::Missing(""));
        }
        let changes = request.method != http::Method::GET;
        if changes && !self.has_role(caller, place, MAINTAINER) {
            return Err(Refusal::Forbidden);
        }
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let mut live = self.agent_tokens(agent);
                live.sort_by_key(|token| std::cmp::Reverse(token.last_used_at));
                paged(request, params, &live, show)
            }
            ("GET", [id]) => {
                let token = self.agent_token(agent, id)?;
                if token.revoked {
                    return Err(Refusal::Missing(""));
                }
                let mut shown = show(token);
                put(&mut shown, "last_used_at", json!(token.last_used_at.map(stamp)));
                Ok(Answer::json(200, &shown))
            }
            ("POST", []) => {
                let name = params.text("name").filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| Refusal::Params("name is missing".to_owned()))?;
                if self.agent_tokens(agent).len() >= SLOTS {
                    return Err(Refusal::Bad("An agent can have only two active tokens at a time".to_owned()));
                }
                let token = self.make_agent_token(agent, name, caller.user);
                let mut shown = show(&token);
                put(&mut shown, "last_used_at", Value::Null);
                put(&mut shown, "token", json!(token.value));
                Ok(Answer::json(201, &shown))
            }
            // That it had ended before is well.
            ("DELETE", [id]) => {
                let id = self.agent_token(agent, id)?.id;
                self.revoke_agent_token(id);
                Ok(Answer::empty(204))
            }
            _ => Err(Refusal::Missing("")),
        }
    }

    fn make_agent_token(&mut self, agent: u64, name: &str, created_by: u64) -> AgentToken {
        self.agents.last += 1;
        let id = 80_000 + self.agents.last;
        let token = AgentToken {
            id,
            agent,
            name: name.to_owned(),
            value: self.mint.secret("glagent-", URL_SAFE, 50),
            revoked: false,
            created_at: self.now(),
            last_used_at: None,
            created_by,
        };
        self.agents.tokens.insert(id, token.clone());
        token
    }

    fn agent_token(&self, agent: u64, id: &str) -> Result<&AgentToken, Refusal> {
        let token = self.agents.tokens.get(&number(id)?).filter(|token| token.agent == agent);
        token.ok_or(Refusal::Missing(""))
    }
}

/// `lib/api/entities/clusters/agent_token_basic.rb`: the list does not say when one was used.
fn show(token: &AgentToken) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "description": null,
        "agent_id": token.agent,
        "status": if token.revoked { "revoked" } else { "active" },
        "created_at": stamp(token.created_at),
        "created_by_user_id": token.created_by,
    })
}
