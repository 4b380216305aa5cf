//! Who is asking, and on which paths.

use http::header::AUTHORIZATION;
use regex_lite::Regex;

use super::Styra;
use super::model::{Role, Token};
use super::refusal::Refusal;
use crate::exchange::Request;

/// A request that was let in.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The id of the token.
    pub(crate) id: String,
    /// What it may do.
    pub(crate) role: Role,
}

impl Caller {
    /// Only an administrator.
    pub(crate) fn administers(&self) -> Result<(), Refusal> {
        if self.role == Role::Admin { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    /// Whether this is a role that turns the token of this id. A refresher also turns itself.
    pub(crate) fn refreshes(&self, id: &str) -> bool {
        let of_a_system = id.starts_with("systems/");
        match self.role {
            Role::Admin => true,
            Role::WorkspaceTokenRefresher => !of_a_system || self.id == id,
            Role::SystemTokenRefresher => of_a_system || self.id == id,
            Role::None => false,
        }
    }

    /// Whether this is one of the two refresher roles.
    pub(crate) fn is_refresher(&self) -> bool {
        matches!(self.role, Role::WorkspaceTokenRefresher | Role::SystemTokenRefresher)
    }
}

impl Styra {
    /// Lets a request in: a value that is unknown, replaced or out of time is one and the same 401.
    pub(crate) fn authenticate(&mut self, request: &Request, path: &str) -> Result<Caller, Refusal> {
        let now = self.now();
        let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let value = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(Refusal::Unauthorized)?;
        let id = self.by_value.get(value.trim()).cloned().ok_or(Refusal::Unauthorized)?;
        let token = self.tokens.get_mut(&id).filter(|token| token.is_live(now)).ok_or(Refusal::Unauthorized)?;
        if !allows(token, path) {
            return Err(Refusal::Forbidden);
        }
        token.uses += 1;
        Ok(Caller { role: self.role_of(&id), id })
    }

    pub(crate) fn role_of(&self, id: &str) -> Role {
        self.roles.get(id).copied().unwrap_or(Role::None)
    }
}

/// No patterns at all is every path: the description warns of it. A pattern need not match the whole path (as Go's
/// `MatchString`; not confirmed).
fn allows(token: &Token, path: &str) -> bool {
    let matches = |pattern: &String| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(path));
    token.allow_path_patterns.is_empty() || token.allow_path_patterns.iter().any(matches)
}
