//! `/personal_access_tokens` and the calls that make a token for a user (`lib/api/personal_access_tokens.rb`,
//! `doc/api/personal_access_tokens.md`, `doc/api/user_tokens.md`).

use serde_json::json;

use super::GitLab;
use super::auth::Caller;
use super::listing::listed;
use super::model::Token;
use super::page::paged;
use super::refusal::Refusal;
use super::route::{Outcome, number};
use super::tokens::OWN_SCOPES;
use crate::exchange::{Answer, Request};
use crate::params::Params;

impl GitLab {
    /// Everything under `/personal_access_tokens`.
    pub(crate) fn personal(&mut self, request: &Request, caller: Caller, rest: &[&str], params: &Params) -> Outcome {
        match (request.method.as_str(), rest) {
            ("GET", []) => self.list_personal(request, caller, params),
            ("GET", ["self"]) => {
                let token = self.tokens.get(&caller.token).ok_or(Refusal::Unauthorized)?;
                Ok(Answer::json(200, &self.show(token)))
            }
            ("GET", ["self", "associations"]) => Ok(Answer::json(200, &json!({ "groups": [], "projects": [] }))),
            ("DELETE", ["self"]) => Ok(self.revoke_now(caller.token)),
            ("POST", ["self", "rotate"]) => self.rotate_personal(caller.token, params),
            ("GET", [id]) => {
                let token = self.personal_token(caller, number(id)?)?;
                Ok(Answer::json(200, &self.show(token)))
            }
            ("POST", [id, "rotate"]) => {
                let id = self.personal_token(caller, number(id)?)?.id;
                self.rotate_personal(id, params)
            }
            ("DELETE", [id]) => {
                let token = self.tokens.get(&number(id)?).ok_or(Refusal::Missing(""))?;
                if !caller.admin && token.user_id != caller.user {
                    // The revoke service fails without a reason (bad_request!(nil)).
                    return Err(Refusal::Bad(String::new()));
                }
                let id = token.id;
                Ok(self.revoke_now(id))
            }
            _ => Err(Refusal::Missing("")),
        }
    }

    /// A token that a user makes for themselves: so narrow that it can do little but turn itself.
    pub(crate) fn create_own_token(&mut self, caller: Caller, params: &Params) -> Outcome {
        let draft = self.draft(params, caller.user, &[OWN_SCOPES])?;
        let token = self.make(draft);
        Ok(Answer::json(201, &self.show_new(&token)))
    }

    /// A token that an administrator makes for anybody.
    pub(crate) fn create_token_for(&mut self, caller: Caller, user: &str, params: &Params) -> Outcome {
        if !caller.admin {
            return Err(Refusal::Forbidden);
        }
        let user = number(user)?;
        if !self.users.contains_key(&user) {
            return Err(Refusal::Missing("User"));
        }
        let draft = self.draft(params, user, &Self::user_scopes())?;
        let token = self.make(draft);
        Ok(Answer::json(201, &self.show_new(&token)))
    }

    /// Ends a token. Ending one twice is no error.
    pub(crate) fn revoke_now(&mut self, id: u64) -> Answer {
        self.revoke(id);
        Answer::empty(204)
    }

    fn list_personal(&self, request: &Request, caller: Caller, params: &Params) -> Outcome {
        let whose = match params.number("user_id")? {
            Some(user) if caller.admin && !self.users.contains_key(&user) => return Err(Refusal::Missing("")),
            Some(user) if !caller.admin && user != caller.user => return Err(Refusal::Unauthorized),
            Some(user) => Some(user),
            None if caller.admin => None,
            None => Some(caller.user),
        };
        let found = match whose {
            Some(user) => listed(self.tokens_of(user), params, self.now())?,
            None => listed(self.tokens.values(), params, self.now())?,
        };
        paged(request, params, &found, |token| self.show(token))
    }

    /// Only an administrator learns that a token does not exist.
    fn personal_token(&self, caller: Caller, id: u64) -> Result<&Token, Refusal> {
        let token = self.tokens.get(&id).filter(|token| caller.admin || token.user_id == caller.user);
        token.ok_or(if caller.admin { Refusal::Missing("") } else { Refusal::Unauthorized })
    }

    fn rotate_personal(&mut self, id: u64, params: &Params) -> Outcome {
        let bot = self.tokens.get(&id).is_some_and(|token| self.place_of(token).is_some());
        if bot && !self.personal_rotate_takes_bots {
            return Err(Refusal::NotAllowed("405 Method Not Allowed"));
        }
        let token = self.rotate(id, None, params)?;
        Ok(Answer::json(200, &self.show_new(&token)))
    }
}
