//! Holds every request and every answer against the service's own description.
//!
//! This keeps both sides honest: the client sends nothing that the real service does not declare, and the fake answers
//! nothing that the real one would not.

mod coerce;
mod description;
mod schema;

use std::collections::HashMap;

use serde_json::Value;

use crate::exchange::Exchange;
use crate::params;
use crate::target;
use description::{Declared, Description, Operation};

/// Statuses that the descriptions do not declare everywhere, although the services answer them everywhere.
const GENERAL: &[u16] = &[
    301, // a project that moved (GitLab 16.7)
    400, // Styra declares none, and answers one to a ttl that is no duration
    401, // a dead or unknown token; the variables of the subset do not declare it
    403, // too few rights or scopes
    404, // Styra declares it for reads only; GitLab for whatever the caller may not see
    405, // a moved project that is written to; a token of the wrong kind
    409, // several variables of one name: missing in the official document
    415, // a body whose type is not said
    429, // any rate limit
];

/// What in these exchanges the services' descriptions do not allow; empty when all is well.
///
/// What a fault put in the place of an answer is not looked at: only what the service itself did.
pub fn violations(exchanges: &[Exchange]) -> Vec<String> {
    let mut judge = Judge { descriptions: Description::all(), validators: HashMap::new() };
    exchanges.iter().flat_map(|exchange| judge.exchange(exchange)).collect()
}

struct Judge {
    descriptions: Vec<Description>,
    /// Compiled schemas; the key is the operation and which of its schemas it is.
    validators: HashMap<String, jsonschema::Validator>,
}

impl Judge {
    fn exchange(&mut self, exchange: &Exchange) -> Vec<String> {
        let Exchange { number, method, host, target, .. } = exchange;
        let label = format!("#{number} {method} {host}{target}");
        let path = target::path(target);
        let descriptions = std::mem::take(&mut self.descriptions);
        let found = match descriptions.iter().find(|description| description.is_of(host)) {
            None => Err("no description of this service".to_owned()),
            Some(description) => description.operation(method, path),
        };
        let complaints = match found {
            Err(complaint) => vec![complaint],
            Ok(operation) => {
                let mut complaints = self.request(&operation, exchange);
                complaints.extend(self.answer(&operation, exchange));
                complaints
            }
        };
        self.descriptions = descriptions;
        complaints.into_iter().map(|complaint| format!("{label}: {complaint}")).collect()
    }

    fn request(&mut self, operation: &Operation<'_>, exchange: &Exchange) -> Vec<String> {
        let mut complaints = Vec::new();
        for (name, text, schema) in &operation.path_values {
            complaints.extend(self.check(operation, &format!("path {name}"), schema, &coerce::text(text, schema)));
        }
        let sent = target::pairs(target::query(&exchange.target).as_bytes());
        for (name, text) in &sent {
            match operation.query(name) {
                None => complaints.push(format!("query parameter {name} is not declared")),
                Some(schema) => {
                    let value = coerce::text(text, &schema);
                    complaints.extend(self.check(operation, &format!("query {name}"), &schema, &value));
                }
            }
        }
        for name in operation.required_query() {
            if !sent.iter().any(|(sent, _)| sent == name) {
                complaints.push(format!("query parameter {name} is missing"));
            }
        }
        complaints.extend(self.request_body(operation, exchange));
        complaints
    }

    fn request_body(&mut self, operation: &Operation<'_>, exchange: &Exchange) -> Vec<String> {
        let body = &exchange.request_body;
        match operation.body() {
            None | Some((_, false)) if body.is_empty() => Vec::new(),
            None => vec!["a body is sent, and none is declared".to_owned()],
            Some(_) if body.is_empty() => vec!["the body is missing".to_owned()],
            Some((schema, _)) => {
                // curl calls a body a form unless it is told otherwise, also where JSON is meant.
                let form = params::is_form(&exchange.request_headers) && !body.starts_with(b"{");
                let value = if form { Some(coerce::form(body, &schema)) } else { serde_json::from_slice(body).ok() };
                match value {
                    None => vec!["the body is neither JSON nor a form".to_owned()],
                    Some(value) => self.check(operation, "body", &schema, &value),
                }
            }
        }
    }

    fn answer(&mut self, operation: &Operation<'_>, exchange: &Exchange) -> Vec<String> {
        let Some((status, body)) = &exchange.acted else { return Vec::new() };
        let Some(declared) = operation.answer(*status) else {
            let general = GENERAL.contains(status) || (500..600).contains(status);
            return if general { Vec::new() } else { vec![format!("status {status} is not declared")] };
        };
        match declared {
            Declared::Empty if body.is_empty() => Vec::new(),
            Declared::Empty => vec![format!("the answer {status} has a body, and none is declared")],
            Declared::Json(schema) => match serde_json::from_slice(body) {
                Err(_) if *status == 429 => Vec::new(), // plain text at GitLab, whatever is declared
                Err(_) => vec![format!("the answer {status} is not JSON")],
                Ok(value) => self.check(operation, &format!("answer {status}"), &schema, &value),
            },
        }
    }

    /// Complaints are without values: these may be secrets.
    fn check(&mut self, operation: &Operation<'_>, what: &str, schema: &Value, value: &Value) -> Vec<String> {
        let key = format!("{} {what}", operation.name);
        if !self.validators.contains_key(&key) {
            match jsonschema::options().should_validate_formats(true).build(schema) {
                Ok(validator) => self.validators.insert(key.clone(), validator),
                Err(error) => return vec![format!("{what}: the description is broken: {error}")],
            };
        }
        let Some(validator) = self.validators.get(&key) else { return Vec::new() };
        validator
            .iter_errors(value)
            .map(|error| format!("{what}{}: {}", error.instance_path(), error.masked()))
            .collect()
    }
}
