//! Who a credential is. A status proves nothing here: lists that anybody may read answer 200 and nothing to a dead one,
//! "who am I" can answer 200 with a header that says that the login failed, and a Confluence that is open to all calls
//! it anonymous. Only an account in the body, under a header that does not deny it, is an identity.
//! <https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/#anonymous-operations>

use schemars::JsonSchema;
use serde::Deserialize;

use super::{encoded, meaning};
use crate::http::Answer;
use crate::text;

/// What answers "who am I".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Product {
    /// Jira.
    #[default]
    Jira,
    /// Confluence.
    Confluence,
}

impl Product {
    /// "Who am I" at a site of the Cloud.
    pub(super) const fn site(self) -> &'static str {
        match self {
            // https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-myself/
            Self::Jira => "rest/api/3/myself",
            // https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-users/
            Self::Confluence => "wiki/rest/api/user/current",
        }
    }

    /// The same through the gateway, where tokens with scopes work.
    pub(super) fn gateway(self, cloud: &str) -> String {
        let word = match self {
            Self::Jira => "jira",
            Self::Confluence => "confluence",
        };
        format!("ex/{word}/{}/{}", encoded(cloud), self.site())
    }

    /// The same at a Data Center.
    pub(super) const fn data_center(self) -> &'static str {
        match self {
            // https://docs.atlassian.com/software/jira/docs/api/REST/latest/#api/2/myself
            Self::Jira => "rest/api/2/myself",
            // https://docs.atlassian.com/ConfluenceServer/rest/latest/#api/user-getCurrent
            Self::Confluence => "rest/api/user/current",
        }
    }
}

/// What "who am I" said.
pub(super) enum Who {
    /// This account: its id in the Cloud, its user name at a Data Center.
    Is(String),
    /// The credential is dead, or unknown.
    Refused(String),
    /// Nothing can be said.
    Unclear(String),
}

/// Reads the answer to "who am I".
pub(super) fn who(answer: &Answer, product: Product, cloud: bool) -> Who {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    match header("x-seraph-loginreason") {
        // Too many failures: it may live, and a person has to log in once.
        Some("AUTHENTICATION_DENIED") => {
            return Who::Unclear(unclear(answer, "the login is blocked until a person solves a CAPTCHA"));
        }
        // Sometimes there are several, one of which says so.
        Some(reason) if reason.contains("AUTHENTICATED_FAILED") || reason == "OUT" => {
            return Who::Refused(
                answer.refused("the header X-Seraph-Loginreason says that the login failed").to_string(),
            );
        }
        _ => {}
    }
    match answer.status.as_u16() {
        200 => {}
        // A live token without the scope gets a 401 too. What it says then is not documented.
        401 if answer.word("/message").is_some_and(|said| said.contains("scope")) => {
            return Who::Unclear(unclear(answer, "it has not the scope that \"who am I\" needs"));
        }
        401 => return Who::Refused(answer.refused(meaning(answer)).to_string()),
        _ => return Who::Unclear(unclear(answer, meaning(answer))),
    }
    if answer.word("/type").is_some_and(|kind| kind == "anonymous") {
        return Who::Refused(answer.refused("it answers as to somebody anonymous").to_string());
    }
    let id = match (cloud, product) {
        (true, _) => "/accountId",
        (false, Product::Jira) => "/name",
        (false, Product::Confluence) => "/username",
    };
    let Some(id) = answer.word(id).filter(|id| !id.is_empty()) else {
        return Who::Unclear(unclear(answer, "the answer names no account"));
    };
    // No page promises this header any more; where it is sent, it must not name another one.
    if cloud && header("x-aaccountid").is_some_and(|other| other != id) {
        return Who::Unclear(unclear(answer, "the header x-aaccountid names another account than the body"));
    }
    Who::Is(text::plain(&id))
}

fn unclear(answer: &Answer, why: &str) -> String {
    answer.unclear(why).to_string()
}
