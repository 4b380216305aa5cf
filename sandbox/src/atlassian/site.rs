//! A Cloud site, and the gateway before it: who am I, and a list that anybody may read
//! (developer.atlassian.com/cloud/jira/platform/rest/v3, /cloud/confluence/rest/v1).

use http::HeaderName;
use serde_json::{Value, json};

use super::{Atlassian, LOGIN_REASON, Outcome, Refusal, named};
use crate::exchange::{Answer, Request};

impl Atlassian {
    pub(super) fn myself(&mut self, request: &Request, gateway: bool) -> Outcome {
        match self.caller(request, gateway, &["read:jira-user", "read:user:jira"]) {
            Ok(account) => Ok(named(Answer::json(200, &self.person(&account)), &account)),
            Err(Refusal::Unauthorized) if self.false_200 => Ok(self.falsely(Self::person)),
            Err(refusal) => Err(refusal),
        }
    }

    pub(super) fn wiki_myself(&mut self, request: &Request, gateway: bool) -> Outcome {
        match self.caller(request, gateway, &["read:confluence-user", "read:content-details:confluence"]) {
            Ok(account) => Ok(named(Answer::json(200, &self.known(&account)), &account)),
            Err(Refusal::Unauthorized) if self.anonymous_confluence => Ok(Answer::json(200, &anonymous())),
            Err(Refusal::Unauthorized) if self.false_200 => Ok(self.falsely(Self::known)),
            Err(refusal) => Err(refusal),
        }
    }

    /// Anybody may ask: a dead credential sees what nobody sees, which is nothing.
    pub(super) fn projects(&mut self, request: &Request) -> Answer {
        if let Ok(account) = self.caller(request, false, &[]) {
            return named(Answer::json(200, &json!([{ "id": "10000", "key": "APP", "name": "App" }])), &account);
        }
        Answer::json(200, &json!([])).with(HeaderName::from_static(LOGIN_REASON), "AUTHENTICATED_FAILED")
    }

    /// 200 with somebody in the body, to a credential that was refused: only the header says so.
    pub(super) fn falsely(&self, show: impl Fn(&Self, &str) -> Value) -> Answer {
        let somebody = self.accounts.keys().next().cloned().unwrap_or_default();
        let answer = Answer::json(200, &show(self, &somebody));
        answer.with(HeaderName::from_static(LOGIN_REASON), "AUTHENTICATED_FAILED")
    }

    fn person(&self, id: &str) -> Value {
        let Some(account) = self.accounts.get(id) else { return json!({}) };
        json!({
            "self": format!("https://acme.atlassian.net/rest/api/3/user?accountId={id}"), "accountId": id,
            "accountType": "atlassian", "emailAddress": account.email, "displayName": account.name, "active": true,
            "timeZone": "Europe/London", "locale": "en_GB",
        })
    }

    fn known(&self, id: &str) -> Value {
        let Some(account) = self.accounts.get(id) else { return json!({}) };
        json!({
            "type": "known", "accountId": id, "accountType": "atlassian", "email": account.email,
            "publicName": account.name, "displayName": account.name,
        })
    }
}

pub(super) fn anonymous() -> Value {
    json!({ "type": "anonymous", "displayName": "Anonymous" })
}
