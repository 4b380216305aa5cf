//! The tokens of service accounts (`doc/api/service_accounts.md`): of top-level groups only, for their Owners.

use super::GitLab;
use super::auth::Caller;
use super::listing::listed;
use super::model::{Kind, Place};
use super::page::paged;
use super::places::OWNER;
use super::refusal::Refusal;
use super::route::{Outcome, number};
use crate::exchange::{Answer, Request};
use crate::params::Params;

impl GitLab {
    /// Everything under `service_accounts/:user_id/personal_access_tokens`.
    pub(crate) fn service_account(
        &mut self,
        request: &Request,
        caller: Caller,
        place: Place,
        account: &str,
        rest: &[&str],
        params: &Params,
    ) -> Outcome {
        let top_level = self.path_of(place).is_some_and(|path| !path.contains('/'));
        let project = matches!(place, Place::Project(_));
        // The pages give 401 and 403 for this; 403 is what `authorize!` answers elsewhere (inferred).
        if caller.bot || !self.has_role(caller, place, OWNER) || !(top_level || project) {
            return Err(Refusal::Forbidden);
        }
        let account = number(account)?;
        if self.users.get(&account).is_none_or(|user| user.kind != Kind::ServiceAccount(place)) {
            return Err(Refusal::Missing("User"));
        }

        match (request.method.as_str(), rest) {
            ("GET", []) if !project => {
                let found = listed(self.tokens_of(account), params, self.now())?;
                paged(request, params, &found, |token| self.show(token))
            }
            ("POST", []) => {
                let draft = self.draft(params, account, &Self::user_scopes())?;
                let token = self.make(draft);
                Ok(Answer::json(201, &self.show_new(&token)))
            }
            ("POST", [id, "rotate"]) if !project => {
                let id = self.account_token(account, id)?;
                let token = self.rotate(id, None, params)?;
                Ok(Answer::json(200, &self.show_new(&token)))
            }
            ("DELETE", [id]) if !project => {
                let id = self.account_token(account, id)?;
                Ok(self.revoke_now(id))
            }
            _ => Err(Refusal::Missing("")),
        }
    }

    fn account_token(&self, account: u64, id: &str) -> Result<u64, Refusal> {
        let id = number(id)?;
        let token = self.tokens.get(&id).filter(|token| token.user_id == account);
        token.map(|token| token.id).ok_or(Refusal::Missing("Personal Access Token"))
    }
}
