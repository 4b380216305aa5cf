//! Variables of Actions: like secrets, but in plain text. There is no PUT: POST makes one, PATCH changes it.

use http::Method;
use serde_json::{Value, json};

use super::auth::{Caller, Need};
use super::model::{Place, Variable};
use super::refusal::Refusal;
use super::secrets::{LARGEST, checked};
use super::{GitHub, Outcome, moment, page};
use crate::exchange::{Answer, Request};
use crate::params::Params;

impl GitHub {
    /// Everything under `…/variables`.
    pub(super) fn variables(
        &mut self,
        request: &Request,
        caller: Caller,
        place: &Place,
        rest: &[&str],
        params: &Params,
    ) -> Outcome {
        let write = !matches!(request.method, Method::GET);
        self.may_keep(caller, need(place, write), place)?;
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let kept: Vec<Variable> =
                    self.variables.get(place).into_iter().flat_map(|of| of.values().cloned()).collect();
                page::paged(request, params, (10, 30), &kept, "variables", |variable| show(variable, place))
            }
            ("POST", []) => self.create_variable(place, params),
            ("GET", [name]) => Ok(Answer::json(200, &show(self.kept_variable(place, name)?, place))),
            ("PATCH", [name]) => self.patch_variable(place, name, params),
            ("DELETE", [name]) => {
                let of = self.variables.get_mut(place);
                of.and_then(|of| of.remove(&name.to_uppercase())).ok_or(Refusal::Missing)?;
                Ok(Answer::empty(204))
            }
            ("GET", [name, "repositories"]) => {
                let visibility = self.kept_variable(place, name)?.visibility.as_ref();
                if visibility.is_none_or(|visibility| visibility.word != "selected") {
                    return Err(Refusal::Conflict("visibility is not selected"));
                }
                let selected = self.selection(visibility);
                page::paged(request, params, (30, 100), &selected, "repositories", |repository| {
                    self.minimal(repository)
                })
            }
            _ => Err(Refusal::Missing),
        }
    }

    fn kept_variable(&self, place: &Place, name: &str) -> Result<&Variable, Refusal> {
        self.variables.get(place).and_then(|of| of.get(&name.to_uppercase())).ok_or(Refusal::Missing)
    }

    fn create_variable(&mut self, place: &Place, params: &Params) -> Outcome {
        let (Some(name), Some(value)) = (params.text("name"), params.text("value")) else {
            return Err(Refusal::Invalid("name and value are required".to_owned()));
        };
        let name = checked(name)?;
        let value = fits(value)?;
        if !self.variable_posts_overwrite && self.kept_variable(place, &name).is_ok() {
            return Err(Refusal::Conflict("Already exists - Variable already exists"));
        }
        let visibility = match place {
            Place::Organization(_) => Some(self.visibility(params, None, true)?),
            _ => None,
        };
        let now = self.now();
        self.mint.remember(&value);
        let variable = Variable { name: name.clone(), value, created_at: now, updated_at: now, visibility };
        self.variables.entry(place.clone()).or_default().insert(name, variable);
        Ok(Answer::json(201, &json!({})))
    }

    /// What is left out stays as it is: the description requires nothing of it.
    fn patch_variable(&mut self, place: &Place, name: &str, params: &Params) -> Outcome {
        let mut variable = self.kept_variable(place, name)?.clone();
        let old_name = variable.name.clone();
        if let Some(name) = params.text("name") {
            variable.name = checked(name)?;
            if variable.name != old_name && self.kept_variable(place, &variable.name).is_ok() {
                return Err(Refusal::Conflict("Already exists - Variable already exists"));
            }
        }
        if let Some(value) = params.text("value") {
            variable.value = fits(value)?;
            self.mint.remember(&variable.value);
        }
        if matches!(place, Place::Organization(_)) {
            variable.visibility = Some(self.visibility(params, variable.visibility.as_ref(), false)?);
        }
        if !self.variable_writes_ignored {
            variable.updated_at = self.now();
            let of = self.variables.entry(place.clone()).or_default();
            of.remove(&old_name);
            of.insert(variable.name.clone(), variable);
        }
        Ok(Answer::empty(204))
    }
}

fn fits(value: &str) -> Result<String, Refusal> {
    if value.len() > LARGEST { Err(Refusal::Invalid("value is too large".to_owned())) } else { Ok(value.to_owned()) }
}

/// Environment variables need the permission for environments, not the one for variables.
fn need(place: &Place, write: bool) -> Need {
    let (permission, scopes): (_, &[&str]) = match place {
        Place::Repository(_) => ("actions_variables", &["repo"]),
        Place::Environment(..) => ("environments", &["repo"]),
        Place::Organization(_) => ("organization_actions_variables", &["admin:org"]),
    };
    Need { permission, write, scopes }
}

fn show(variable: &Variable, place: &Place) -> Value {
    let mut shown = json!({
        "name": variable.name,
        "value": variable.value,
        "created_at": moment(variable.created_at),
        "updated_at": moment(variable.updated_at),
    });
    if let (Some(visibility), Place::Organization(login)) = (&variable.visibility, place) {
        let path = format!("/orgs/{login}/actions/variables/{}/repositories", variable.name);
        super::show_visibility(&mut shown, visibility, &path);
    }
    shown
}
