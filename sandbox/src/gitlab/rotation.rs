//! Rotation: the old token dies and the new one is born in one transaction, and its value is in that answer only
//! (`app/services/personal_access_tokens/rotate_service.rb`).

use chrono::Days;

use super::GitLab;
use super::model::{Kind, Token};
use super::refusal::Refusal;
use super::tokens::Draft;
use crate::params::Params;

impl GitLab {
    /// Revokes the token and makes its successor, or does nothing at all.
    ///
    /// `role` is the caller's where the endpoint weighs it against the token's: nobody may turn a token that can do
    /// more than they can.
    pub(crate) fn rotate(&mut self, id: u64, role: Option<u8>, params: &Params) -> Result<Token, Refusal> {
        let old = self.tokens.get(&id).cloned().ok_or(Refusal::Missing(""))?;
        if old.revoked {
            return Err(Refusal::Bad("Token already revoked".to_owned()));
        }
        let human = self.users.get(&old.user_id).is_some_and(|user| user.kind == Kind::Human);
        if self.granular_enforced && human {
            return Err(Refusal::Bad(
                "Rotation of legacy personal access tokens is disabled. Use a fine-grained token instead.".to_owned(),
            ));
        }
        if role.is_some_and(|role| old.access_level.is_some_and(|level| level > role)) {
            return Err(Refusal::Bad("Not eligible to rotate tokens with permissions not held by the user".to_owned()));
        }
        let expires_at = match params.day("expires_at")? {
            None if self.require_expiry => self.now().date_naive().checked_add_days(Days::new(7)),
            asked => asked,
        };
        self.check_day(expires_at)?;

        if let Some(old) = self.tokens.get_mut(&id) {
            old.revoked = true;
        }
        Ok(self.make(Draft {
            name: old.name,
            description: old.description,
            scopes: old.scopes,
            expires_at,
            user_id: old.user_id,
            access_level: old.access_level,
            previous: Some(old.id),
        }))
    }
}
