//! The KV engines (developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 and kv-v1; openbao.org has the same).

use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::auth::Caller;
use super::{Mount, Outcome, Refusal, Vault, Version, body, invalid, missing, wrapped};
use crate::clock::stamp;
use crate::exchange::{Answer, Request};

impl Vault {
    pub(super) fn kv_two(
        &mut self,
        caller: &Caller,
        name: &str,
        mount: &Mount,
        rest: &str,
        request: &Request,
    ) -> Outcome {
        let (part, path) = rest.split_once('/').ok_or_else(missing)?;
        let full = format!("{name}/{rest}");
        let at = (name.to_owned(), path.to_owned());
        match (part, &request.method) {
            ("data", &Method::GET) => {
                caller.may("read", &full)?;
                self.read(&at, |version| json!(version.data), "data")
            }
            ("subkeys", &Method::GET) => {
                caller.may("read", &full)?;
                let hidden = |version: &Version| {
                    Value::Object(version.data.keys().map(|key| (key.clone(), Value::Null)).collect())
                };
                self.read(&at, hidden, "subkeys")
            }
            ("metadata", &Method::GET) => {
                caller.may("read", &full)?;
                let versions = self.secrets.get(&at).ok_or_else(missing)?;
                Ok(wrapped(&json!({
                    "cas_required": mount.cas_required, "current_version": versions.len(), "max_versions": 0,
                    "custom_metadata": null, "delete_version_after": "0s", "oldest_version": 1,
                })))
            }
            ("data", &Method::POST | &Method::PUT) => {
                let exists = self.secrets.contains_key(&at);
                caller.may(if exists { "update" } else { "create" }, &full)?;
                let body = body(request)?;
                let data = body.get("data").and_then(Value::as_object).cloned();
                let data = data.ok_or_else(|| invalid("no data provided"))?;
                self.check(&at, mount, &body)?;
                Ok(self.write(at, data))
            }
            ("data", &Method::PATCH) => {
                caller.may("patch", &full)?;
                let media = request.headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
                if media != Some("application/merge-patch+json") {
                    return Err(Refusal(415, vec!["unsupported media type"]));
                }
                let body = body(request)?;
                let live = self.secrets.get(&at).and_then(|versions| versions.last());
                let live = live.filter(|version| version.deleted.is_none()).ok_or_else(missing)?;
                let mut data = live.data.clone();
                self.check(&at, mount, &body)?;
                for (key, value) in body.get("data").and_then(Value::as_object).cloned().unwrap_or_default() {
                    if value.is_null() {
                        data.remove(&key)
                    } else {
                        data.insert(key, value)
                    };
                }
                Ok(self.write(at, data))
            }
            _ => Err(Refusal(405, vec!["unsupported operation"])),
        }
    }

    /// The last version; one that was deleted is told with 404 and its dates.
    fn read(&self, at: &(String, String), show: impl Fn(&Version) -> Value, part: &str) -> Outcome {
        let versions = self.secrets.get(at).ok_or_else(missing)?;
        let last = versions.last().ok_or_else(missing)?;
        let shown = if last.deleted.is_some() { Value::Null } else { show(last) };
        let found = wrapped(&json!({ part: shown, "metadata": metadata(last, versions.len()) }));
        Ok(Answer { status: if last.deleted.is_some() { 404 } else { 200 }, ..found })
    }

    fn check(&self, at: &(String, String), mount: &Mount, body: &Map<String, Value>) -> Result<(), Refusal> {
        let current = self.secrets.get(at).map_or(0, Vec::len);
        match body.get("options").and_then(|options| options.get("cas")) {
            None if mount.cas_required => Err(invalid("check-and-set parameter required for this call")),
            Some(cas) if cas.as_u64() != u64::try_from(current).ok() => {
                Err(invalid("check-and-set parameter did not match the current version"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn write(&mut self, at: (String, String), data: Map<String, Value>) -> Answer {
        for value in data.values().filter_map(Value::as_str).filter(|value| value.len() > 15) {
            self.mint.remember(value);
        }
        let now = self.now();
        let versions = self.secrets.entry(at).or_default();
        versions.push(Version { data, created: now, deleted: None });
        let number = versions.len();
        versions.last().map_or_else(|| Answer::empty(500), |last| wrapped(&metadata(last, number)))
    }

    /// Version 1 keeps whatever it is given, wherever: a write meant for version 2 lands beside what was meant, and is
    /// answered with 204.
    pub(super) fn kv_one(&mut self, caller: &Caller, name: &str, rest: &str, request: &Request) -> Outcome {
        let full = format!("{name}/{rest}");
        let at = (name.to_owned(), rest.to_owned());
        match request.method {
            Method::GET => {
                caller.may("read", &full)?;
                let last = self.secrets.get(&at).and_then(|versions| versions.last()).ok_or_else(missing)?;
                Ok(wrapped(&json!(last.data)))
            }
            Method::POST | Method::PUT => {
                caller.may(if self.secrets.contains_key(&at) { "update" } else { "create" }, &full)?;
                let data = body(request)?;
                self.write(at, data);
                Ok(Answer::empty(204))
            }
            _ => Err(Refusal(405, vec!["unsupported operation"])),
        }
    }
}

fn metadata(version: &Version, number: usize) -> Value {
    json!({
        "created_time": stamp(version.created), "custom_metadata": null, "destroyed": false, "version": number,
        "deletion_time": version.deleted.map(stamp).unwrap_or_default(),
    })
}
