//! Who is asking, whether the token may ask it, and what GitLab does to the family of one that was revoked.

use http::Method;
use http::header::AUTHORIZATION;

use super::GitLab;
use super::model::{Kind, Token};
use super::refusal::Refusal;
use crate::exchange::Request;

/// A request that was let in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// The token that authenticates.
    pub(crate) token: u64,
    /// Its user.
    pub(crate) user: u64,
    /// Whether the user administers the instance.
    pub(crate) admin: bool,
    /// Whether the user is the bot of a project or group token.
    pub(crate) bot: bool,
}

/// The scopes of which one suffices; none: any token will do.
type Scopes = &'static [&'static str];

const ANY: Scopes = &[];
const READ: Scopes = &["api", "read_api"];
const WRITE: Scopes = &["api"];
const READ_RUNNER: Scopes = &["api", "read_api", "manage_runner"];
const MANAGE_RUNNER: Scopes = &["api", "manage_runner"];
const WHO_AM_I: Scopes = &["api", "read_api", "read_user"];
const TURN_ITSELF: Scopes = &["api", "self_rotate"];

impl GitLab {
    /// The token that a request presents, whatever its state.
    pub(crate) fn presented(&self, request: &Request) -> Option<&Token> {
        let private = request.headers.get("private-token").and_then(|value| value.to_str().ok());
        let bearer = || request.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ");
        let value = private.or_else(bearer)?;
        self.by_value.get(value.trim()).and_then(|id| self.tokens.get(id))
    }

    /// Lets a request in, or says why not: expired before revoked before scope
    /// (`app/services/access_token_validation_service.rb`), so that an expired token never costs its family anything.
    pub(crate) fn authenticate(&mut self, request: &Request, parts: &[&str]) -> Result<Caller, Refusal> {
        let now = self.now();
        let token = self.presented(request).ok_or(Refusal::Unauthorized)?;
        let (id, user_id) = (token.id, token.user_id);
        if token.is_expired(now) {
            return Err(Refusal::Expired);
        }
        if token.revoked {
            if rotates(parts) {
                self.kill_descendants(id);
            }
            return Err(Refusal::Revoked);
        }
        let enough = needed(&request.method, parts);
        if !enough.is_empty() && !token.scopes.iter().any(|scope| enough.contains(&scope.as_str())) {
            return Err(Refusal::Scope(enough));
        }
        let user = self.users.get(&user_id).ok_or(Refusal::Unauthorized)?;
        let caller = Caller { token: id, user: user.id, admin: user.admin, bot: matches!(user.kind, Kind::Bot(_)) };
        if let Some(token) = self.tokens.get_mut(&id) {
            token.last_used_at = Some(now);
        }
        Ok(caller)
    }

    /// Automatic reuse detection: whoever rotates with a revoked token may have stolen it, so everything that came out
    /// of it dies, through any number of rotations. What it came out of lives on
    /// (`app/services/personal_access_tokens/revoke_token_family_service.rb`).
    fn kill_descendants(&mut self, ancestor: u64) {
        self.reuse_detections += 1;
        let now = self.now();
        let mut family = vec![ancestor];
        // A child is always younger than its parent: one pass in the order of numbers meets the whole family.
        for (id, token) in &mut self.tokens {
            if token.previous.is_some_and(|parent| family.contains(&parent)) {
                token.revoked |= token.is_live(now);
                family.push(*id);
            }
        }
    }
}

/// Whether this is one of the paths on which a revoked token costs its family: they end in
/// `access_tokens/<number or self>/rotate`.
fn rotates(parts: &[&str]) -> bool {
    let [.., tokens, which, "rotate"] = parts else { return false };
    let one = *which == "self" || (!which.is_empty() && which.bytes().all(|byte| byte.is_ascii_digit()));
    one && tokens.ends_with("access_tokens")
}

fn needed(method: &Method, parts: &[&str]) -> Scopes {
    match (method.as_str(), parts) {
        ("GET", ["personal_access_tokens", "self"] | ["personal_access_tokens", "self", "associations"])
        | ("DELETE", ["personal_access_tokens", "self"]) => ANY,
        ("POST", ["personal_access_tokens", "self", "rotate"] | [_, _, "access_tokens", "self", "rotate"]) => {
            TURN_ITSELF
        }
        ("GET", ["runners", _]) => READ_RUNNER,
        (_, ["runners", _, ..]) => MANAGE_RUNNER,
        ("GET", ["user"]) => WHO_AM_I,
        ("GET" | "HEAD", _) => READ,
        _ => WRITE,
    }
}
