//! The four ways of making a new secret.

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use serde_json::{Value, json};

use super::model::{Family, Key};
use super::{HttpApi, body};
use crate::clock::stamp;
use crate::exchange::{Answer, Request};

/// <https://grafana.com/docs/grafana/latest/developers/http_api/serviceaccount/>
impl HttpApi {
    /// Any token of the organisation may read it.
    pub(crate) fn grafana_org(caller: Option<&Key>) -> Answer {
        match caller {
            Some(_) => Answer::json(200, &json!({ "id": 1, "name": "Main Org." })),
            None => Answer::json(401, &json!({ "message": "Invalid API key" })),
        }
    }

    pub(crate) fn grafana(
        &mut self,
        caller: Option<&Key>,
        request: &Request,
        account: &str,
        id: Option<&str>,
    ) -> Answer {
        let message = |status, text: &str| Answer::json(status, &json!({ "message": text }));
        match caller {
            None => return message(401, "Invalid API key"),
            Some(caller) if !caller.admin => return message(403, "You'll need additional permissions"),
            Some(_) => {}
        }
        let mine = |key: &Key| key.family == Family::Grafana && key.owner == account;
        match (request.method.as_str(), id) {
            ("GET", None) => {
                let now = self.now();
                let listed = self.keys.iter().filter(|key| mine(key) && !key.revoked);
                let shown = listed.map(|key| {
                    json!({
                        "id": key.id.parse::<u64>().unwrap_or_default(), "name": key.name,
                        "created": stamp(key.created), "expiration": key.expires.map(stamp),
                        "hasExpired": !key.is_live(now), "isRevoked": false,
                    })
                });
                Answer::json(200, &shown.collect())
            }
            ("POST", None) => {
                let asked = body(request);
                let name = asked.get("name").and_then(Value::as_str).unwrap_or_default();
                if name.is_empty() {
                    return message(400, "bad request data");
                }
                if self.keys.iter().any(|key| mine(key) && key.name == name && !key.revoked) {
                    return message(409, "service account token with given name already exists in the organization");
                }
                let life = asked.get("secondsToLive").and_then(Value::as_i64).filter(|life| *life > 0);
                if !self.regenerates {
                    return Answer::json(200, &json!({ "id": 0, "name": name, "key": "" }));
                }
                let now = self.now();
                let expires = life.map(|life| now + TimeDelta::seconds(life));
                let key = self.add_key(Family::Grafana, (account, name), false, now, expires);
                self.minted += 1;
                let id = key.id.parse::<u64>().unwrap_or_default();
                Answer::json(200, &json!({ "id": id, "name": key.name, "key": key.value }))
            }
            ("DELETE", Some(id)) => match self.keys.iter_mut().find(|key| mine(key) && key.id == id && !key.revoked) {
                Some(key) => {
                    key.revoked = true;
                    message(200, "Service account token deleted")
                }
                None => message(404, "Service account token not found"),
            },
            _ => message(404, "Not found"),
        }
    }
}

/// <https://developers.cloudflare.com/api/resources/user/subresources/tokens/>
impl HttpApi {
    pub(crate) fn cloudflare(&mut self, caller: Option<&Key>, request: &Request, rest: &[&str]) -> Answer {
        let good = |result: Value| {
            Answer::json(200, &json!({ "success": true, "errors": [], "messages": [], "result": result }))
        };
        let bad = |status, code: u32, text: &str| {
            let errors = json!([{ "code": code, "message": text }]);
            Answer::json(status, &json!({ "success": false, "errors": errors, "messages": [], "result": null }))
        };
        let Some(caller) = caller.filter(|caller| caller.family == Family::Cloudflare) else {
            return bad(401, 1000, "Invalid API Token");
        };
        let expiry = |key: &Key| key.expires.map(stamp);
        match (&request.method, rest) {
            (&Method::GET, ["verify"]) => {
                good(json!({ "id": caller.id, "status": "active", "expires_on": expiry(caller) }))
            }
            (&Method::PUT, [id, "value"]) => {
                // That rolling needs the permission to edit tokens is not confirmed.
                if !caller.admin {
                    return bad(403, 9109, "Unauthorized to access requested resource");
                }
                if !self.regenerates {
                    return good(Value::Null);
                }
                let (_, value) = self.mint_key(Family::Cloudflare);
                match self.keys.iter_mut().find(|key| key.family == Family::Cloudflare && key.id == *id) {
                    Some(key) => {
                        key.value.clone_from(&value);
                        self.minted += 1;
                        good(Value::from(value))
                    }
                    None => bad(404, 1001, "token not found"),
                }
            }
            _ => bad(404, 7000, "No route for that URI"),
        }
    }
}

/// <https://developer.hashicorp.com/terraform/cloud-docs/api-docs/team-tokens>
impl HttpApi {
    /// What a team's token is told of its user is not documented; the name is.
    pub(crate) fn terraform_details(caller: Option<&Key>) -> Answer {
        match caller.filter(|caller| caller.family == Family::Terraform) {
            Some(caller) => {
                let attributes = json!({ "username": format!("api-{}", caller.owner), "is-service-account": true });
                Answer::json(200, &json!({ "data": { "id": "user-1", "type": "users", "attributes": attributes } }))
            }
            None => unauthorized(),
        }
    }

    pub(crate) fn terraform(&mut self, caller: Option<&Key>, request: &Request, team: &str) -> Answer {
        let Some(caller) = caller.filter(|caller| caller.family == Family::Terraform) else { return unauthorized() };
        // Who may not is told that there is nothing.
        if !caller.admin {
            return Answer::json(404, &json!({ "errors": [{ "status": "404", "title": "not found" }] }));
        }
        let now = self.now();
        let mine = |key: &Key| key.family == Family::Terraform && key.owner == team && key.is_live(now);
        let shown = |key: &Key, value: Option<&str>| {
            let expires = key.expires.map(stamp);
            let attributes = json!({ "created-at": stamp(key.created), "token": value, "expired-at": expires });
            json!({ "data": { "id": key.id, "type": "authentication-tokens", "attributes": attributes } })
        };
        match request.method.as_str() {
            "POST" => {
                let expires = body(request).pointer("/data/attributes/expired-at").and_then(Value::as_str).map(moment);
                if expires == Some(None) {
                    return Answer::json(422, &json!({ "errors": [{ "status": "422", "title": "invalid" }] }));
                }
                let expires = expires.flatten();
                if !self.regenerates {
                    return Answer::json(201, &json!({ "data": null }));
                }
                for key in self.keys.iter_mut().filter(|key| mine(key)) {
                    key.revoked = true;
                }
                let key = self.add_key(Family::Terraform, (team, ""), false, now, expires);
                self.minted += 1;
                Answer::json(201, &shown(&key, Some(&key.value)))
            }
            "GET" => match self.keys.iter().find(|key| mine(key)) {
                Some(key) => Answer::json(200, &shown(key, None)),
                None => Answer::json(404, &json!({ "errors": [{ "status": "404", "title": "not found" }] })),
            },
            "DELETE" => {
                for key in self.keys.iter_mut().filter(|key| mine(key)) {
                    key.revoked = true;
                }
                Answer::empty(204)
            }
            _ => Answer::json(404, &json!({ "errors": [{ "status": "404", "title": "not found" }] })),
        }
    }
}

fn unauthorized() -> Answer {
    Answer::json(401, &json!({ "errors": [{ "status": "401", "title": "unauthorized" }] }))
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.to_utc())
}

/// The envelope is Slack's (<https://docs.slack.dev/apis/web-api/#responses>); the calls are nobody's in particular, of
/// the kind of those that let the old key live on for a time.
impl HttpApi {
    pub(crate) fn slack_test(caller: Option<&Key>) -> Answer {
        match caller.filter(|caller| caller.family == Family::Slack) {
            Some(caller) => Answer::json(200, &json!({ "ok": true, "key_id": caller.id, "user": caller.owner })),
            None => soft("invalid_auth"),
        }
    }

    pub(crate) fn slack_rotate(&mut self, caller: Option<&Key>, request: &Request) -> Answer {
        let Some(caller) = caller.filter(|caller| caller.family == Family::Slack) else {
            return soft("invalid_auth");
        };
        let (asked, now) = (body(request), self.now());
        let owner = asked.get("user").and_then(Value::as_str).unwrap_or(&caller.owner).to_owned();
        if !caller.admin && owner != caller.owner {
            return soft("not_allowed");
        }
        if !self.regenerates {
            return Answer::json(200, &json!({ "ok": true }));
        }
        let seconds = |name: &str| asked.get(name).and_then(Value::as_i64).map(TimeDelta::seconds);
        let grace = now + seconds("grace_seconds").unwrap_or_default();
        let expires = now + seconds("ttl_seconds").unwrap_or(TimeDelta::days(30));
        let mine = |key: &&mut Key| key.family == Family::Slack && key.owner == owner && key.is_live(now);
        let mut admin = false;
        for key in self.keys.iter_mut().filter(mine) {
            key.expires = Some(key.expires.map_or(grace, |end| end.min(grace)));
            admin |= key.admin;
        }
        let key = self.add_key(Family::Slack, (&owner, "rotated"), admin, now, Some(expires));
        self.minted += 1;
        let shown = json!({ "id": key.id, "secret": key.value, "exp": expires.timestamp() });
        Answer::json(200, &json!({ "ok": true, "key": shown }))
    }

    pub(crate) fn slack_revoke(&mut self, caller: Option<&Key>, request: &Request) -> Answer {
        let Some(caller) = caller.filter(|caller| caller.family == Family::Slack) else {
            return soft("invalid_auth");
        };
        let asked = body(request);
        let id = asked.get("key_id").and_then(Value::as_str).unwrap_or_default();
        match self.keys.iter_mut().find(|key| key.family == Family::Slack && key.id == id) {
            Some(key) if caller.admin || key.owner == caller.owner => {
                key.revoked = true;
                Answer::json(200, &json!({ "ok": true }))
            }
            Some(_) => soft("not_allowed"),
            None => soft("key_not_found"),
        }
    }
}

fn soft(error: &str) -> Answer {
    Answer::json(200, &json!({ "ok": false, "error": error }))
}
