//! `/v1/tokens` ("Styra API" 2.0.0, `CreateToken` and its siblings; docs.styra.com, rotate DAS API tokens).

use serde_json::{Value, json};

use super::auth::Caller;
use super::model::{Role, TEN_YEARS, Token, duration};
use super::refusal::Refusal;
use super::{Outcome, Styra, body, only_creates};
use crate::clock::stamp;
use crate::exchange::Request;
use crate::mint::URL_SAFE;

/// What a PUT asks for; what it leaves out is none.
struct Wish {
    description: Option<String>,
    allow_path_patterns: Option<Vec<String>>,
    regenerate: bool,
    ttl: Option<String>,
}

impl Styra {
    /// Lists the tokens, without their values.
    pub(crate) fn list_tokens(&self, caller: &Caller) -> Outcome {
        self.may_read(caller)?;
        Ok(Some(self.tokens.values().map(show).collect()))
    }

    /// Shows a token, without its value.
    pub(crate) fn get_token(&self, caller: &Caller, id: &str) -> Outcome {
        self.may_read(caller)?;
        self.tokens.get(id).map(show).map(Some).ok_or(Refusal::Missing)
    }

    /// Creates or updates a token: it creates when there is none of the id, and also when its time is over.
    ///
    /// The answer has a `result` only when there is a new value. A refresher may update and not create, so it cannot
    /// bring back what died (presumed; not confirmed).
    pub(crate) fn put_token(&mut self, caller: &Caller, id: &str, request: &Request) -> Outcome {
        let wish = Wish::of(&body(request)?)?;
        let now = self.now();
        let live = self.tokens.get(id).filter(|token| token.is_live(now)).cloned();
        match live {
            Some(_) if only_creates(request) && caller.role == Role::Admin => {
                Err(Refusal::Exists("Token already exists"))
            }
            Some(old) if !only_creates(request) && caller.refreshes(id) => self.update(old, wish),
            None if caller.role == Role::Admin => self.create(id, wish),
            _ => Err(Refusal::Forbidden),
        }
    }

    /// Ends a token.
    pub(crate) fn delete_token(&mut self, caller: &Caller, id: &str) -> Outcome {
        caller.administers()?;
        let token = self.tokens.remove(id).ok_or(Refusal::Missing)?;
        self.by_value.remove(&token.value);
        if !self.delete_keeps_role {
            self.roles.remove(id);
        }
        Ok(None)
    }

    fn create(&mut self, id: &str, wish: Wish) -> Outcome {
        let now = self.now();
        let ttl = wish.ttl.unwrap_or_else(|| TEN_YEARS.to_owned());
        if let Some(dead) = self.tokens.get(id) {
            self.by_value.remove(&dead.value);
        }
        let token = Token {
            id: id.to_owned(),
            value: self.mint_value(),
            description: wish.description.unwrap_or_default(),
            expires: now + length(&ttl)?,
            ttl,
            allow_path_patterns: wish.allow_path_patterns.unwrap_or_default(),
            uses: 0,
            created_at: now,
            modified_at: now,
        };
        let result = json!(token.value);
        self.keep(token);
        Ok(Some(result))
    }

    fn update(&mut self, old: Token, wish: Wish) -> Outcome {
        let now = self.now();
        let merges = self.put_merges;
        let kept = |value: String| if merges { value } else { String::new() };
        let mut new = old.clone();
        new.description = wish.description.unwrap_or_else(|| kept(old.description));
        new.allow_path_patterns = match wish.allow_path_patterns {
            Some(patterns) => patterns,
            None if merges => old.allow_path_patterns,
            None => Vec::new(),
        };
        new.modified_at = now;
        let timed = wish.ttl.is_some();
        new.ttl = match wish.ttl {
            Some(ttl) => ttl,
            None if merges => old.ttl,
            None => TEN_YEARS.to_owned(),
        };
        let regenerates = wish.regenerate && !self.regenerate_ignored;
        // That an update without a new value moves the expiry only when it names a ttl is inferred.
        if regenerates || timed || !merges {
            new.expires = now + length(&new.ttl)?;
        }
        let mut result = None;
        if regenerates {
            self.by_value.remove(&old.value);
            new.value = self.mint_value();
            result = Some(json!(new.value));
        }
        self.keep(new);
        Ok(result)
    }

    pub(crate) fn mint_value(&mut self) -> String {
        let mark = if self.marked_values { "$" } else { "" };
        self.mint.secret(mark, URL_SAFE, 86)
    }

    pub(crate) fn keep(&mut self, token: Token) {
        self.by_value.insert(token.value.clone(), token.id.clone());
        self.tokens.insert(token.id.clone(), token);
    }

    fn may_read(&self, caller: &Caller) -> Result<(), Refusal> {
        if caller.is_refresher() && self.refresher_may_read { Ok(()) } else { caller.administers() }
    }
}

impl Wish {
    fn of(body: &Value) -> Result<Self, Refusal> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let ttl = text("ttl").filter(|ttl| !ttl.is_empty());
        if let Some(ttl) = &ttl {
            length(ttl)?;
        }
        let patterns = body.get("allow_path_patterns").and_then(Value::as_array);
        Ok(Self {
            description: text("description"),
            allow_path_patterns: patterns
                .map(|patterns| patterns.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            regenerate: body.get("regenerate").and_then(Value::as_bool).unwrap_or_default(),
            ttl,
        })
    }
}

fn length(ttl: &str) -> Result<chrono::TimeDelta, Refusal> {
    duration(ttl).ok_or(Refusal::Invalid("ttl is not a duration"))
}

fn show(token: &Token) -> Value {
    json!({
        "id": token.id,
        "description": token.description,
        "ttl": token.ttl,
        "expires": stamp(token.expires),
        "allow_path_patterns": token.allow_path_patterns,
        "uses": token.uses,
        "metadata": {
            "created_at": stamp(token.created_at),
            "created_by": "admin@example.com",
            "created_through": "access/token",
            "last_modified_at": stamp(token.modified_at),
            "last_modified_by": "admin@example.com",
            "last_modified_through": "access/token",
        },
    })
}
