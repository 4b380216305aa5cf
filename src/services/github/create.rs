//! Secrets and variables that do not exist yet.

use schemars::JsonSchema;
use serde::Deserialize;

use super::place::Level;

/// What a secret or variable that does not exist yet is created with.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    /// For an organisation, who sees it: `all` its repositories, or its `private` ones. One for selected repositories is
    /// made by hand once.
    pub(super) visibility: Option<Visibility>,
}

/// Who sees a new secret or variable of an organisation.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Visibility {
    /// Every repository.
    All,
    /// Every private and internal repository.
    Private,
}

impl Visibility {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Private => "private",
        }
    }
}

impl Create {
    /// An organisation's needs to say who sees it, and nothing else has anything to say.
    pub(super) fn fits(&self, level: Level) -> anyhow::Result<()> {
        match (level, self.visibility) {
            (Level::Organization, None) => {
                anyhow::bail!("`create:` of an organisation says who sees it: `visibility: private` or `all`")
            }
            (Level::Repository | Level::Environment, Some(_)) => {
                anyhow::bail!("`visibility` is for organisations: leave it out of `create:`")
            }
            _ => Ok(()),
        }
    }
}
