//! The stores that GitHub keeps secrets in, and what differs between them.

use super::place::Level;

/// One of GitHub's three stores.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    Actions,
    Dependabot,
    Codespaces,
}

impl Store {
    /// The word in its paths.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Actions => "actions",
            Self::Dependabot => "dependabot",
            Self::Codespaces => "codespaces",
        }
    }

    /// What a secret of it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Actions => "secret",
            Self::Dependabot => "Dependabot secret",
            Self::Codespaces => "Codespaces secret",
        }
    }

    /// The permission that writes it.
    /// <https://docs.github.com/en/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens>
    pub(super) const fn permission(self, level: Level) -> &'static str {
        match (self, level) {
            (_, Level::Environment) => "environments",
            (Self::Actions, Level::Repository) => "secrets",
            (Self::Actions, Level::Organization) => "organization_secrets",
            (Self::Dependabot, Level::Repository) => "dependabot_secrets",
            (Self::Dependabot, Level::Organization) => "organization_dependabot_secrets",
            (Self::Codespaces, Level::Repository) => "codespaces_secrets",
            (Self::Codespaces, Level::Organization) => "organization_codespaces_secrets",
        }
    }

    /// Who could read a refresher that is kept there.
    pub(super) const fn readers(self, level: Level) -> Option<&'static str> {
        match (self, level) {
            // Who may use an environment is its own business: branch rules and reviewers.
            (Self::Actions, Level::Environment) => None,
            (Self::Actions, _) => Some("a job of any branch can read it: keep it in an environment with a branch rule"),
            (Self::Dependabot, _) => Some("every job that Dependabot starts can read it"),
            (Self::Codespaces, _) => Some("everybody with a codespace there can read it"),
        }
    }
}
