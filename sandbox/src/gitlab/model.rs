//! The rows of GitLab's tables, as far as tokens and variables need them.

use chrono::{DateTime, NaiveDate, Utc};

/// What can have members, tokens and variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A project, by number.
    Project(u64),
    /// A group, by number.
    Group(u64),
    /// The whole instance.
    Instance,
}

impl Place {
    /// The word that GitLab uses for it in answers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Project(_) => "project",
            Self::Group(_) => "group",
            Self::Instance => "instance",
        }
    }

    /// Its number; nought for the instance.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Project(id) | Self::Group(id) => id,
            Self::Instance => 0,
        }
    }
}

/// Who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person.
    Human,
    /// The bot behind the tokens of one project or group.
    Bot(Place),
    /// A service account of a group or project.
    ServiceAccount(Place),
}

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// The number.
    pub id: u64,
    /// The name in URLs.
    pub username: String,
    /// The name for people.
    pub name: String,
    /// Whether they administer the instance.
    pub admin: bool,
    /// Person, bot or service account.
    pub kind: Kind,
}

/// A personal, project, group or service-account token: GitLab keeps them in one table.
#[derive(Clone, Debug)]
pub struct Token {
    /// The number; a rotation gives a new one.
    pub id: u64,
    /// The secret itself.
    pub value: String,
    /// The name; a rotation keeps it.
    pub name: String,
    /// The description.
    pub description: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Whose it is; for a project or group token, its bot.
    pub user_id: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The day at whose first moment (UTC) it dies; none: never.
    pub expires_at: Option<NaiveDate>,
    /// Whether somebody ended it.
    pub revoked: bool,
    /// When it was last used.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The role of a project or group token; none for a personal one.
    pub access_level: Option<u8>,
    /// The token that a rotation replaced by this one.
    pub previous: Option<u64>,
}

impl Token {
    /// Whether its day has come: a token expires at 00:00 UTC of the date, not at its end
    /// (`doc/user/profile/personal_access_tokens.md`).
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|day| day <= now.date_naive())
    }

    /// Whether it still works.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        !self.revoked && !self.is_expired(now)
    }
}

/// A pipeline trigger token.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// The number.
    pub id: u64,
    /// The project whose pipelines it starts.
    pub project: u64,
    /// The secret itself.
    pub value: String,
    /// What it is for.
    pub description: String,
    /// As whom its pipelines run.
    pub owner: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its description last changed.
    pub updated_at: DateTime<Utc>,
    /// When it last started a pipeline.
    pub last_used: Option<DateTime<Utc>>,
    /// When it dies; none: never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A CI/CD variable of a project, a group or the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "these are the columns of the table")]
pub struct Variable {
    /// The name.
    pub key: String,
    /// The value, also when the API hides it.
    pub value: String,
    /// The environments it is for; `*` for all.
    pub environment_scope: String,
    /// Whether job logs mask it.
    pub masked: bool,
    /// Whether its value can never be read again.
    pub hidden: bool,
    /// Whether only protected branches and tags get it.
    pub protected: bool,
    /// Whether it is not expanded.
    pub raw: bool,
    /// `env_var` or `file`.
    pub variable_type: String,
    /// What it is for.
    pub description: Option<String>,
}

impl Default for Variable {
    fn default() -> Self {
        Self {
            key: String::new(),
            value: String::new(),
            environment_scope: "*".to_owned(),
            masked: false,
            hidden: false,
            protected: false,
            raw: false,
            variable_type: "env_var".to_owned(),
            description: None,
        }
    }
}

/// What seeding a secret gives: enough to find it, and enough to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeded {
    /// The number.
    pub id: u64,
    /// The secret.
    pub value: String,
}
