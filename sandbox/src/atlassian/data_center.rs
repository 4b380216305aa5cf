//! A Data Center: personal access tokens, and who am I (confluence.atlassian.com/enterprise,
//! using personal access tokens; Jira 8.14, Confluence 7.9).

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderName, Method};
use serde_json::{Value, json};

use super::model::Pat;
use super::site::anonymous;
use super::{Atlassian, Outcome, Refusal};
use crate::exchange::{Answer, Request};

impl Atlassian {
    pub(super) fn jira_user(&mut self, request: &Request) -> Outcome {
        match self.user(request) {
            Ok(account) => Ok(self.greeted(&account, &self.jira_person(&account))),
            Err(Refusal::Unauthorized) if self.false_200 => Ok(self.falsely(Self::jira_person)),
            Err(refusal) => Err(refusal),
        }
    }

    pub(super) fn confluence_user(&mut self, request: &Request) -> Outcome {
        match self.user(request) {
            Ok(account) => Ok(self.greeted(&account, &self.confluence_person(&account))),
            Err(Refusal::Unauthorized) if self.anonymous_confluence => Ok(Answer::json(200, &anonymous())),
            Err(Refusal::Unauthorized) if self.false_200 => Ok(self.falsely(Self::confluence_person)),
            Err(refusal) => Err(refusal),
        }
    }

    pub(super) fn pat(&mut self, request: &Request, method: &Method, id: Option<&str>) -> Outcome {
        let account = self.user(request)?;
        match (method, id) {
            (&Method::GET, None) => {
                let now = self.now();
                let own = self.pats.values().filter(|pat| pat.account == account && pat.is_live(now));
                Ok(Answer::json(200, &own.map(|pat| show(pat, None)).collect()))
            }
            (&Method::POST, None) => self.make_pat(&account, request),
            (&Method::DELETE, Some(id)) => {
                let id: u64 = id.parse().map_err(|_| Refusal::Missing)?;
                self.pats.get(&id).filter(|pat| pat.account == account).ok_or(Refusal::Missing)?;
                self.pats.remove(&id);
                Ok(Answer::empty(204))
            }
            _ => Err(Refusal::Missing),
        }
    }

    fn make_pat(&mut self, account: &str, request: &Request) -> Outcome {
        let body: Value = serde_json::from_slice(&request.body).map_err(|_| Refusal::Invalid("Invalid request"))?;
        let name = body.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or(Refusal::Invalid("Name is required"))?.to_owned();
        let now = self.now();
        let live = self.pats.values().filter(|pat| pat.account == account && pat.is_live(now)).count();
        if live >= self.pat_limit {
            return Err(Refusal::Invalid("The maximum number of tokens has been reached"));
        }
        let days = body.get("expirationDuration").and_then(Value::as_i64);
        if days.is_some_and(|days| !(1..=365).contains(&days)) {
            return Err(Refusal::Invalid("Invalid expiration duration"));
        }
        let expires = days.map(|days| now + TimeDelta::days(days));
        let value = self.pat_value();
        let id = self.next_id();
        let pat = Pat { id, account: account.to_owned(), name, value, created: now, expires, last_used: None };
        let shown = show(&pat, Some(&pat.value));
        self.pats.insert(id, pat);
        Ok(Answer::json(self.created_status, &shown))
    }

    fn greeted(&self, account: &str, body: &Value) -> Answer {
        let username = self.accounts.get(account).map(|account| account.username.clone()).unwrap_or_default();
        Answer::json(200, body).with(HeaderName::from_static("x-ausername"), &username)
    }

    fn jira_person(&self, id: &str) -> Value {
        let Some(account) = self.accounts.get(id) else { return json!({}) };
        json!({
            "key": format!("JIRAUSER-{id}"), "name": account.username, "emailAddress": account.email,
            "displayName": account.name, "active": true, "timeZone": "Europe/London",
        })
    }

    fn confluence_person(&self, id: &str) -> Value {
        let Some(account) = self.accounts.get(id) else { return json!({}) };
        json!({
            "type": "known", "username": account.username, "userKey": format!("key-{id}"),
            "displayName": account.name,
        })
    }
}

fn show(pat: &Pat, value: Option<&str>) -> Value {
    let mut shown = json!({
        "id": pat.id, "name": pat.name, "createdAt": java(pat.created), "expiringAt": pat.expires.map(java),
        "lastAccessedAt": pat.last_used.map(java),
    });
    if let (Some(value), Some(shown)) = (value, shown.as_object_mut()) {
        shown.insert("rawToken".to_owned(), json!(value));
    }
    shown
}

/// A time as Java writes it: the zone without a colon.
fn java(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}
