//! CI/CD variables of projects, groups and the instance (`lib/api/ci/variables.rb`, `lib/api/group_variables.rb`,
//! `lib/api/admin/ci/variables.rb`). There is no version and no condition: the last write wins.

use serde_json::{Value, json};

use super::GitLab;
use super::auth::Caller;
use super::masking;
use super::model::{Place, Variable};
use super::page::paged;
use super::places::{MAINTAINER, OWNER};
use super::refusal::Refusal;
use super::route::Outcome;
use super::tokens::put;
use crate::exchange::{Answer, Request};
use crate::params::{Invalid, Params};

impl GitLab {
    /// Everything under `variables` of one place, for a caller who may.
    pub(crate) fn variables(&mut self, request: &Request, place: Place, rest: &[&str], params: &Params) -> Outcome {
        match (request.method.as_str(), rest) {
            ("GET", []) => paged(request, params, self.kept(place), |variable| show(place, variable)),
            ("GET", [key]) => {
                let at = self.find(place, key, params)?;
                let variable = self.kept(place).get(at).ok_or(missing(place))?;
                Ok(Answer::json(200, &show(place, variable)))
            }
            ("POST", []) => self.create_variable(place, params),
            ("PUT", [key]) => self.update_variable(place, key, params),
            ("DELETE", [key]) => {
                let at = self.find(place, key, params)?;
                self.variables.entry(place).or_default().remove(at);
                Ok(Answer::empty(204))
            }
            _ => Err(Refusal::Missing("")),
        }
    }

    /// Variables are for Maintainers of a project and Owners of a group.
    pub(crate) fn may_keep_variables(&self, caller: Caller, place: Place) -> Result<(), Refusal> {
        let role = if matches!(place, Place::Group(_)) { OWNER } else { MAINTAINER };
        if self.has_role(caller, place, role) { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    /// The variables of a place, in the order they were made.
    pub(crate) fn kept(&self, place: Place) -> &[Variable] {
        self.variables.get(&place).map(Vec::as_slice).unwrap_or_default()
    }

    fn create_variable(&mut self, place: Place, params: &Params) -> Outcome {
        let absent: Vec<String> = ["key", "value"]
            .iter()
            .filter(|field| !params.has(field))
            .map(|field| format!("{field} is missing"))
            .collect();
        if !absent.is_empty() {
            return Err(Refusal::Params(absent.join(", ")));
        }
        let mut variable = Variable { key: params.text("key").unwrap_or_default().to_owned(), ..Variable::default() };
        change(&mut variable, place, params)?;
        // Only the creation can hide, and what is hidden is masked; the instance knows no hidden variables.
        if place != Place::Instance && params.flag("masked_and_hidden")? == Some(true) {
            variable.hidden = true;
            variable.masked = true;
        }
        masking::check(&variable)?;
        self.check_taken(place, &variable, None)?;
        self.note_secret(&variable);
        let answer = Answer::json(201, &show(place, &variable));
        self.variables.entry(place).or_default().push(variable);
        Ok(answer)
    }

    /// Only what was sent is changed. An environment scope that is sent moves the variable there.
    fn update_variable(&mut self, place: Place, key: &str, params: &Params) -> Outcome {
        let sloppy = matches!(place, Place::Group(_)) && self.group_put_is_sloppy && !params.has("filter");
        let at = if sloppy {
            // Any one of those with the key: the database says which. Here it is the first.
            self.kept(place).iter().position(|variable| variable.key == key).ok_or(missing(place))?
        } else {
            self.find(place, key, params)?
        };
        let old = self.kept(place).get(at).cloned().ok_or(missing(place))?;
        let mut new = old.clone();
        change(&mut new, place, params)?;
        if old.hidden && old.masked != new.masked {
            let why = "The visibility setting cannot be changed for masked and hidden variables.";
            return Err(Refusal::Broken("base", why.to_owned()));
        }
        masking::check(&new)?;
        self.check_taken(place, &new, Some(at))?;
        self.note_secret(&new);
        let answer = Answer::json(200, &show(place, &new));
        if let Some(slot) = self.variables.entry(place).or_default().get_mut(at) {
            *slot = new;
        }
        Ok(answer)
    }

    /// Which variable is meant: refused when several are, and no filter says which
    /// (`lib/api/helpers/variables_helpers.rb`).
    fn find(&self, place: Place, key: &str, params: &Params) -> Result<usize, Refusal> {
        let scope = params.inner("filter", "environment_scope");
        let mut found = self
            .kept(place)
            .iter()
            .enumerate()
            .filter(|(_, variable)| {
                variable.key == key && scope.is_none_or(|scope| variable.environment_scope == scope)
            })
            .map(|(at, _)| at);
        match (found.next(), found.next()) {
            (None, _) => Err(missing(place)),
            (Some(at), None) => Ok(at),
            (Some(_), Some(_)) => Err(Refusal::Ambiguous),
        }
    }

    fn check_taken(&self, place: Place, variable: &Variable, except: Option<usize>) -> Result<(), Refusal> {
        let taken = self.kept(place).iter().enumerate().any(|(at, other)| {
            Some(at) != except && other.key == variable.key && other.environment_scope == variable.environment_scope
        });
        if taken { Err(Refusal::Broken("key", format!("({}) has already been taken", variable.key))) } else { Ok(()) }
    }

    /// What is masked is a secret, also when no issuer here minted it.
    pub(crate) fn note_secret(&mut self, variable: &Variable) {
        if variable.masked || variable.hidden {
            self.mint.remember(&variable.value);
        }
    }
}

/// Takes over what was sent; what is not declared for the call (`hidden`, `filter`) is ignored, as Grape does.
fn change(variable: &mut Variable, place: Place, params: &Params) -> Result<(), Refusal> {
    if params.has("value") {
        variable.value = text(params, "value")?.unwrap_or_default();
    }
    if let Some(masked) = params.flag("masked")? {
        variable.masked = masked;
    }
    if let Some(protected) = params.flag("protected")? {
        variable.protected = protected;
    }
    if let Some(raw) = params.flag("raw")? {
        variable.raw = raw;
    }
    if let Some(kind) = params.text("variable_type") {
        if !["env_var", "file"].contains(&kind) {
            return Err(Refusal::Params("variable_type does not have a valid value".to_owned()));
        }
        kind.clone_into(&mut variable.variable_type);
    }
    if params.has("description") {
        variable.description = text(params, "description")?;
    }
    if place != Place::Instance
        && let Some(scope) = params.text("environment_scope")
    {
        scope.clone_into(&mut variable.environment_scope);
    }
    Ok(())
}

/// A text that may be null; numbers and the like become text, as Grape coerces them.
fn text(params: &Params, name: &str) -> Result<Option<String>, Refusal> {
    match params.tree().get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(plain @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(plain.to_string())),
        Some(_) => Err(Invalid(name.to_owned()).into()),
    }
}

fn missing(place: Place) -> Refusal {
    Refusal::Missing(match place {
        Place::Project(_) => "Variable",
        Place::Group(_) => "GroupVariable",
        Place::Instance => "InstanceVariable",
    })
}

fn show(place: Place, variable: &Variable) -> Value {
    let mut shown = json!({
        "variable_type": variable.variable_type,
        "key": variable.key,
        "value": if variable.hidden { Value::Null } else { json!(variable.value) },
        "hidden": variable.hidden,
        "protected": variable.protected,
        "masked": variable.masked,
        "raw": variable.raw,
        "description": variable.description,
    });
    if place != Place::Instance {
        put(&mut shown, "environment_scope", json!(variable.environment_scope));
    }
    shown
}
