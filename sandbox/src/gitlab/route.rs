//! Which request is whose: the whole API of the fake on one page.

use http::Method;

use super::GitLab;
use super::model::Place;
use super::refusal::Refusal;
use crate::exchange::{Answer, Request};
use crate::params::{self, Params};
use crate::target;

/// What an endpoint gives.
pub(crate) type Outcome = Result<Answer, Refusal>;

impl GitLab {
    /// Lets the request in and hands it to its endpoint.
    pub(crate) fn route(&mut self, request: &Request) -> Outcome {
        let segments = target::segments(target::path(&request.target));
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if let (&Method::GET, ["jwt", "auth"]) = (&request.method, segments.as_slice()) {
            return Ok(self.jwt_auth(request));
        }
        let ["api", "v4", parts @ ..] = segments.as_slice() else {
            return Err(Refusal::Missing(""));
        };
        if let (&Method::POST, ["projects", project, "trigger", "pipeline"]) = (&request.method, parts) {
            return self.trigger_pipeline(project, &read(request)?);
        }
        if let (&Method::POST, ["runners", what @ ("verify" | "reset_authentication_token")]) = (&request.method, parts)
        {
            return self.as_runner(what, &read(request)?);
        }
        let caller = self.authenticate(request, parts)?;
        let params = read(request)?;
        let params = &params;

        match (request.method.as_str(), parts) {
            ("GET", ["metadata" | "version"]) => Ok(Self::metadata()),
            ("GET", ["user"]) => self.current_user(request, caller),
            ("POST", ["user", "personal_access_tokens"]) => self.create_own_token(caller, params),
            ("POST", ["users", user, "personal_access_tokens"]) => self.create_token_for(caller, user, params),

            (_, ["personal_access_tokens", rest @ ..]) => self.personal(request, caller, rest, params),

            (_, ["admin", "ci", "variables", rest @ ..]) => {
                if !caller.admin {
                    return Err(Refusal::Forbidden);
                }
                self.variables(request, Place::Instance, rest, params)
            }
            (method, ["runners", id, rest @ ..]) => self.runner_by_id(caller, method, (id, rest)),
            (_, [kind @ ("projects" | "groups"), name, rest @ ..]) => {
                let place = self.place(request, caller, kind, name)?;
                match (request.method.as_str(), rest) {
                    ("GET", []) => self.show_place(request, caller, place),
                    (_, ["access_tokens", rest @ ..]) => self.resource(request, caller, place, rest, params),
                    (_, ["service_accounts", account, "personal_access_tokens", rest @ ..]) => {
                        self.service_account(request, caller, place, account, rest, params)
                    }
                    (_, ["variables", rest @ ..]) => {
                        self.may_keep_variables(caller, place)?;
                        self.variables(request, place, rest, params)
                    }
                    ("GET", ["jobs"]) => self.list_jobs(request, caller, place, params),
                    (_, ["hooks", rest @ ..]) => self.hooks(request, caller, place, rest, params),
                    (_, ["triggers", rest @ ..]) => self.triggers(request, caller, place, rest, params),
                    (_, ["deploy_tokens", rest @ ..]) => self.deploy_tokens(request, caller, place, rest, params),
                    (_, ["cluster_agents", agent, "tokens", rest @ ..]) => {
                        self.cluster_agent_tokens(request, caller, place, (agent, rest), params)
                    }
                    ("GET", ["pipeline_schedules"]) => self.pipeline_schedules(request, caller, place, params),
                    ("GET", ["repository", "branches", name]) => self.branch(caller, place, name),
                    (_, ["pipeline_schedules", id, rest @ ..]) => {
                        self.pipeline_schedule(request, caller, place, (id, rest), params)
                    }
                    _ => Err(Refusal::Missing("")),
                }
            }
            _ => Err(Refusal::Missing("")),
        }
    }
}

/// A number in a path.
pub(crate) fn number(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::Params("id is invalid".to_owned()))
}

/// The parameters of a request. A body that does not say what it is, is not read.
fn read(request: &Request) -> Result<Params, Refusal> {
    let said = params::is_json(&request.headers) || params::is_form(&request.headers);
    if !request.body.is_empty() && !said {
        return Err(Refusal::Media);
    }
    Ok(Params::of(request)?)
}
