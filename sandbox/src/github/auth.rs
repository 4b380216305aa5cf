//! Who is asking, what the token may do, and what it may see.

use chrono::{DateTime, Utc};
use http::header::AUTHORIZATION;

use super::GitHub;
use super::model::{Make, Repository, Token};
use super::refusal::Refusal;
use crate::exchange::{Answer, Request};

/// How many refusals of credentials within the lock's time lead to the lock.
const TOO_MANY: usize = 10;

/// A request that was let in: the number of the token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller(pub(crate) u64);

/// What an endpoint asks of a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// The permission of fine-grained tokens and apps.
    pub(crate) permission: &'static str,
    /// Whether reading it is not enough.
    pub(crate) write: bool,
    /// The scopes of classic tokens, of which one suffices.
    pub(crate) scopes: &'static [&'static str],
}

impl Need {
    fn words(self) -> String {
        format!("{}={}", self.permission, if self.write { "write" } else { "read" })
    }
}

/// The value after `Bearer ` or `token `.
pub(crate) fn presented(request: &Request) -> Option<&str> {
    let header = request.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let value = header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("token "))?;
    Some(value.trim())
}

impl GitHub {
    /// Lets a request in. After many bad credentials in a row everything is refused for a while with 403, also what
    /// is right (`authenticating-to-the-rest-api.md`).
    pub(crate) fn authenticate(&mut self, request: &Request) -> Result<Caller, Refusal> {
        let now = self.now();
        let value = presented(request).ok_or(Refusal::RequiresAuthentication)?;
        if self.bad_logins >= TOO_MANY {
            return Err(Refusal::Forbidden("Maximum number of login attempts exceeded".to_owned()));
        }
        let id = self.by_value.get(value).copied();
        let Some(token) = id.and_then(|id| self.tokens.get_mut(&id)).filter(|token| token.is_live(now)) else {
            self.bad_logins += 1;
            return Err(Refusal::BadCredentials);
        };
        self.bad_logins = 0;
        token.last_used_at = Some(now);
        Ok(Caller(token.id))
    }

    /// The token of a caller.
    pub(crate) fn token_of(&self, caller: Caller) -> Result<&Token, Refusal> {
        self.tokens.get(&caller.0).ok_or(Refusal::BadCredentials)
    }

    /// Finds a repository that the caller sees. One that was renamed leads to its number; one that is hidden is
    /// missing, for 403 would tell that it is there.
    pub(crate) fn repository(&self, caller: Caller, owner: &str, name: &str) -> Result<&Repository, Refusal> {
        let path = format!("{owner}/{name}").to_lowercase();
        if let Some(id) = self.moved.get(&path) {
            return Err(Refusal::Moved(format!("/repositories/{id}")));
        }
        let found = self.repositories.values().find(|repository| repository.full_name().to_lowercase() == path);
        let found = found.ok_or(Refusal::Missing)?;
        let token = self.token_of(caller)?;
        let sees = token.owner.as_ref().is_none_or(|owner| owner.eq_ignore_ascii_case(&found.owner))
            && token.repositories.as_ref().is_none_or(|listed| listed.contains(&found.id));
        let member = token.user.as_ref().is_none_or(|user| self.belongs(user, &found.owner));
        if found.private && !(sees && member) { Err(Refusal::Missing) } else { Ok(found) }
    }

    /// Whether the token may do this to things of that owner; repository tokens of other repositories may not.
    pub(crate) fn allow(
        &self,
        caller: Caller,
        need: Need,
        owner: &str,
        repository: Option<u64>,
    ) -> Result<(), Refusal> {
        let token = self.token_of(caller)?;
        if let Some(user) = &token.user
            && !self.belongs(user, owner)
        {
            return Err(Refusal::Missing);
        }
        if token.make == Make::Classic {
            let enough = token.scopes.iter().any(|scope| need.scopes.contains(&scope.as_str()));
            // A classic token without the scope is told that the thing is not there.
            return if enough { Ok(()) } else { Err(Refusal::Missing) };
        }
        let granted = token.permissions.get(need.permission).map(String::as_str);
        let enough = if need.write { granted == Some("write") } else { granted.is_some() };
        let here = token.owner.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(owner))
            && repository.is_none_or(|id| token.repositories.as_ref().is_none_or(|listed| listed.contains(&id)));
        if enough && here {
            return Ok(());
        }
        let whom = if token.make == Make::FineGrained { "personal access token" } else { "integration" };
        Err(Refusal::NotAccessible(whom, need.words()))
    }

    /// Whether a user administers what this owner has: it is theirs, or they are a member.
    fn belongs(&self, user: &str, owner: &str) -> bool {
        user.eq_ignore_ascii_case(owner)
            || self.members.iter().any(|(org, member)| org.eq_ignore_ascii_case(owner) && member == user)
    }

    /// The headers that say what the token is and would need.
    pub(crate) fn with_token_headers(&self, request: &Request, refusal: Option<&Refusal>, answer: Answer) -> Answer {
        let found = presented(request).and_then(|value| self.by_value.get(value)).and_then(|id| self.tokens.get(id));
        let Some(token) = found else { return answer };
        let mut answer = answer;
        if let Some(Refusal::NotAccessible(_, needed)) = refusal {
            answer = answer.with(http::HeaderName::from_static("x-accepted-github-permissions"), needed);
        }
        if token.make == Make::Classic {
            answer = answer.with(http::HeaderName::from_static("x-oauth-scopes"), &token.scopes.join(", "));
        }
        match token.expires_at.filter(|_| !token.is_installation()) {
            Some(end) => {
                let name = http::HeaderName::from_static("github-authentication-token-expiration");
                answer.with(name, &self.spelt(end))
            }
            None => answer,
        }
    }

    /// Two spellings of the expiry are in use (google/go-github issue 2649).
    fn spelt(&self, end: DateTime<Utc>) -> String {
        let format = if self.expiry_with_offset { "%Y-%m-%d %H:%M:%S +0000" } else { "%Y-%m-%d %H:%M:%S UTC" };
        end.format(format).to_string()
    }
}
