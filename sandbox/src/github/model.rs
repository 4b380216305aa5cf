//! The rows of GitHub's tables, as far as tokens, secrets, variables and webhooks need them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

/// A repository.
#[derive(Clone, Debug)]
pub struct Repository {
    /// The number; a rename keeps it.
    pub id: u64,
    /// The login of the user or organisation it belongs to.
    pub owner: String,
    /// The name, without the owner.
    pub name: String,
    /// Whether only members see it.
    pub private: bool,
    /// Its environments.
    pub environments: Vec<String>,
}

impl Repository {
    /// Owner and name.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// How a token came to be, which decides what it may do and how it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// A classic personal access token, `ghp_`: scopes, on everything its user sees.
    Classic,
    /// A fine-grained personal access token, `github_pat_`: permissions, on repositories of one owner.
    FineGrained,
    /// The user token of a GitHub App, `ghu_`: the app's permissions, as its user.
    User,
    /// The installation token of a GitHub App, `ghs_`: permissions, as nobody.
    Installation,
    /// The `GITHUB_TOKEN` of a job, `ghs_`: an installation token of GitHub's own app, for one repository, whose
    /// permissions know no secrets, variables, environments or webhooks.
    Job,
}

/// A token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The number.
    pub id: u64,
    /// The secret itself.
    pub value: String,
    /// How it came to be.
    pub make: Make,
    /// The login of its user; none for installations.
    pub user: Option<String>,
    /// The number of the app that it belongs to.
    pub app: Option<u64>,
    /// What a classic one may do.
    pub scopes: Vec<String>,
    /// What all others may do: permission, and `read` or `write`.
    pub permissions: BTreeMap<String, String>,
    /// The login of the one owner it is for; none: whatever its user sees.
    pub owner: Option<String>,
    /// The repositories it is for, by number; none: all of its owner.
    pub repositories: Option<Vec<u64>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it dies; none: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether somebody ended it.
    pub revoked: bool,
    /// When it was last used.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Token {
    /// Whether it still works.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        !self.revoked && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it belongs to an installation, and so is called an integration in refusals.
    pub fn is_installation(&self) -> bool {
        matches!(self.make, Make::Installation | Make::Job)
    }
}

/// Which of GitHub's stores a secret is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Store {
    /// For workflows.
    Actions,
    /// For runs that Dependabot starts.
    Dependabot,
    /// For codespaces.
    Codespaces,
}

impl Store {
    /// The word in its paths.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Actions => "actions",
            Self::Dependabot => "dependabot",
            Self::Codespaces => "codespaces",
        }
    }
}

/// Whose secrets, variables or webhooks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A repository's, by number.
    Repository(u64),
    /// An environment's of a repository.
    Environment(u64, String),
    /// An organisation's, by login.
    Organization(String),
}

/// Who sees a secret or variable of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visibility {
    /// `all`, `private` or `selected`.
    pub word: String,
    /// The repositories by number, where they are selected.
    pub selected: Vec<u64>,
}

/// A secret. The service itself never shows the value again.
#[derive(Clone, Debug)]
pub struct Secret {
    /// The name, in capitals.
    pub name: String,
    /// What came out of the sealed box.
    pub value: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last written.
    pub updated_at: DateTime<Utc>,
    /// Who sees it, for one of an organisation.
    pub visibility: Option<Visibility>,
    /// How often it was written.
    pub writes: usize,
}

/// A variable: a secret in plain text.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The name, in capitals.
    pub name: String,
    /// The value.
    pub value: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last written.
    pub updated_at: DateTime<Utc>,
    /// Who sees it, for one of an organisation.
    pub visibility: Option<Visibility>,
}

/// A webhook.
#[derive(Clone, Debug)]
pub struct Hook {
    /// The number.
    pub id: u64,
    /// Where events go.
    pub url: String,
    /// `json` or `form`.
    pub content_type: String,
    /// `0`: certificates are verified.
    pub insecure_ssl: String,
    /// What deliveries are signed with.
    pub secret: Option<String>,
    /// Which events are sent.
    pub events: Vec<String>,
    /// Whether any are sent.
    pub active: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// The secrets that the receiver takes; none: it takes anything.
    pub receiver_takes: Option<Vec<String>>,
    /// What was sent, oldest first.
    pub deliveries: Vec<Delivery>,
}

/// One delivery of a webhook.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The number.
    pub id: u64,
    /// The event.
    pub event: String,
    /// When it was sent.
    pub delivered_at: DateTime<Utc>,
    /// What the receiver answered.
    pub status_code: u16,
    /// How many more listings leave it out.
    pub(crate) hidden: usize,
}
