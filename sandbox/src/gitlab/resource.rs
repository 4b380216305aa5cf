//! `/projects/:id/access_tokens` and the same of groups (`lib/api/resource_access_tokens.rb`,
//! `doc/api/project_access_tokens.md`). Each token belongs to a bot of its own, which is a member with the token's role.

use super::GitLab;
use super::auth::Caller;
use super::listing::listed;
use super::model::{Kind, Place, Token};
use super::page::paged;
use super::places::{MAINTAINER, OWNER};
use super::refusal::Refusal;
use super::route::{Outcome, number};
use crate::exchange::{Answer, Request};
use crate::params::Params;

impl GitLab {
    /// Everything under `access_tokens` of a project or group.
    pub(crate) fn resource(
        &mut self,
        request: &Request,
        caller: Caller,
        place: Place,
        rest: &[&str],
        params: &Params,
    ) -> Outcome {
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                self.may_see_tokens(caller, place)?;
                let found = listed(self.tokens_at(place).into_iter(), params, self.now())?;
                paged(request, params, &found, |token| self.show(token))
            }
            ("GET", [id]) => {
                self.may_see_tokens(caller, place)?;
                let token = self.resource_token(place, number(id)?)?;
                Ok(Answer::json(200, &self.show(token)))
            }
            ("POST", []) => self.create_resource_token(caller, place, params),
            ("POST", ["self", "rotate"]) => self.rotate_itself(caller, place, params),
            ("POST", [id, "rotate"]) => self.rotate_resource_token(caller, place, number(id)?, params),
            ("DELETE", [id]) => {
                let id = self.resource_token(place, number(id)?)?.id;
                if !self.manages_tokens(caller, place) {
                    return Err(Refusal::Bad(format!("user {} cannot delete the token", caller.user)));
                }
                Ok(self.revoke_now(id))
            }
            _ => Err(Refusal::Missing("")),
        }
    }

    fn create_resource_token(&mut self, caller: Caller, place: Place, params: &Params) -> Outcome {
        let level = match params.number("access_level")? {
            None => MAINTAINER,
            Some(level) => u8::try_from(level)
                .ok()
                .filter(|level| [10, 15, 20, 30, 40, 50].contains(level))
                .ok_or_else(|| Refusal::Params("access_level does not have a valid value".to_owned()))?,
        };
        let mut draft = self.draft(params, 0, &Self::bot_scopes())?;
        if !self.manages_tokens(caller, place) {
            let why = format!("User does not have permission to create {} access token", place.word());
            return Err(Refusal::Bad(why));
        }
        if !self.has_role(caller, place, level) {
            return Err(Refusal::Bad(format!("Could not provision owner access to {} access token", place.word())));
        }
        draft.user_id = self.add_bot(place, &draft.name, level);
        draft.access_level = Some(level);
        let token = self.make(draft);
        Ok(Answer::json(201, &self.show_new(&token)))
    }

    /// A token that may not be managed by the caller does not exist for them, unless they administer the instance.
    fn rotate_resource_token(&mut self, caller: Caller, place: Place, id: u64, params: &Params) -> Outcome {
        let managed = self.manages_tokens(caller, place);
        let Some(id) = self.resource_token(place, id).ok().filter(|_| managed).map(|token| token.id) else {
            return Err(if caller.admin { Refusal::Missing("") } else { Refusal::Unauthorized });
        };
        let role = if caller.admin { OWNER } else { self.role(caller.user, place) };
        let token = self.rotate(id, Some(role), params)?;
        Ok(Answer::json(200, &self.show_new(&token)))
    }

    fn rotate_itself(&mut self, caller: Caller, place: Place, params: &Params) -> Outcome {
        if !caller.bot {
            return Err(Refusal::NotAllowed("405 Method Not Allowed"));
        }
        self.resource_token(place, caller.token).map_err(|_| Refusal::Unauthorized)?;
        let token = self.rotate(caller.token, None, params)?;
        Ok(Answer::json(200, &self.show_new(&token)))
    }

    fn resource_token(&self, place: Place, id: u64) -> Result<&Token, Refusal> {
        let missing = match place {
            Place::Project(_) => "project Access Token",
            _ => "group Access Token",
        };
        let token = self.tokens.get(&id).filter(|token| self.place_of(token) == Some(place));
        token.ok_or(Refusal::Missing(missing))
    }

    fn may_see_tokens(&self, caller: Caller, place: Place) -> Result<(), Refusal> {
        if self.has_role(caller, place, role_for(place)) { Ok(()) } else { Err(Refusal::Unauthorized) }
    }

    /// A project or group token may not manage tokens, whatever its role (gitlab#434416).
    fn manages_tokens(&self, caller: Caller, place: Place) -> bool {
        !caller.bot && self.has_role(caller, place, role_for(place))
    }

    /// Makes the bot of one project or group token.
    pub(crate) fn add_bot(&mut self, place: Place, name: &str, level: u8) -> u64 {
        let letters = self.mint.letters(crate::mint::HEX, 32);
        let username = format!("{}_{}_bot_{letters}", place.word(), place.number());
        let bot = self.enrol(&username, name, false, Kind::Bot(place));
        self.members.insert((place, bot), level);
        self.bots.entry(place).or_default().push(bot);
        bot
    }
}

/// Tokens are managed by Maintainers of a project and by Owners of a group.
fn role_for(place: Place) -> u8 {
    match place {
        Place::Group(_) => OWNER,
        _ => MAINTAINER,
    }
}
