//! Secrets, and who manages which of their keys (server-side apply).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::Kubernetes;
use super::refusal::Refusal;

/// A Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// `Opaque`, `kubernetes.io/dockerconfigjson`.
    pub kind: String,
    /// What it holds, decoded.
    pub data: BTreeMap<String, String>,
    /// Whether nothing of it may change any more.
    pub immutable: bool,
    /// Labels, which nobody but their owner should touch.
    pub labels: BTreeMap<String, String>,
    /// Changes with every write that changes something.
    pub resource_version: u64,
    /// Who manages which keys.
    pub managers: Vec<Manager>,
}

/// Somebody who manages keys of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// The field manager's name.
    pub name: String,
    /// `Apply` or `Update`.
    pub operation: &'static str,
    /// When it last changed something.
    pub time: DateTime<Utc>,
    /// The keys.
    pub keys: BTreeSet<String>,
}

/// A write of some keys, by somebody.
pub(crate) struct Write<'a> {
    pub(crate) manager: &'a str,
    pub(crate) force: bool,
    pub(crate) dry: bool,
}

/// Reads `data` of a body; null takes a key away.
pub(crate) fn decoded(data: Option<&Value>) -> Result<BTreeMap<String, Option<String>>, Refusal> {
    let none = Map::new();
    let data = data.and_then(Value::as_object).unwrap_or(&none);
    data.iter()
        .map(|(key, value)| match value {
            Value::Null => Ok((key.clone(), None)),
            Value::String(text) => {
                let text: String = text.split_whitespace().collect();
                let bytes = STANDARD.decode(text).map_err(|_| Refusal::undecodable())?;
                Ok((key.clone(), Some(String::from_utf8_lossy(&bytes).into_owned())))
            }
            _ => Err(Refusal::undecodable()),
        })
        .collect()
}

impl Secret {
    /// Who owns a key besides the applier of that name: somebody who updated under the same name is another one.
    fn owners<'a>(&'a self, key: &'a str, but: &'a str) -> impl Iterator<Item = &'a Manager> {
        let own = move |manager: &Manager| manager.name == but && manager.operation == "Apply";
        self.managers.iter().filter(move |manager| !own(manager) && manager.keys.contains(key))
    }

    fn manage(&mut self, name: &str, operation: &'static str, now: DateTime<Utc>) -> &mut Manager {
        let at = self.managers.iter().position(|manager| manager.name == name && manager.operation == operation);
        let at = at.unwrap_or_else(|| {
            let keys = BTreeSet::new();
            self.managers.push(Manager { name: name.to_owned(), operation, time: now, keys });
            self.managers.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "it was found or added just now")]
        &mut self.managers[at]
    }

    /// Server-side apply: what is applied is owned; what was owned and is not applied any more goes.
    fn apply(&mut self, data: &BTreeMap<String, String>, write: &Write<'_>, now: DateTime<Utc>) -> Result<(), Refusal> {
        let mut conflicts = Vec::new();
        for (key, value) in data.iter().filter(|(key, value)| self.data.get(*key) != Some(value)) {
            let owners = self.owners(key, write.manager).map(|owner| (owner.name.clone(), format!(".data.{key}")));
            conflicts.extend(owners);
            let _ = value;
        }
        if !conflicts.is_empty() && !write.force {
            return Err(Refusal::conflict(&conflicts));
        }
        for (_, field) in &conflicts {
            let key = field.trim_start_matches(".data.");
            let own = |manager: &Manager| manager.name == write.manager && manager.operation == "Apply";
            self.managers.iter_mut().filter(|manager| !own(manager)).for_each(|manager| {
                manager.keys.remove(key);
            });
        }
        self.managers.retain(|manager| !manager.keys.is_empty() || manager.name == write.manager);
        let keys: BTreeSet<String> = data.keys().cloned().collect();
        let manager = self.manage(write.manager, "Apply", now);
        let dropped: Vec<String> = manager.keys.difference(&keys).cloned().collect();
        manager.keys = keys;
        for key in dropped {
            if self.owners(&key, "").next().is_none() {
                self.data.remove(&key);
            }
        }
        self.data.extend(data.clone());
        Ok(())
    }

    /// A plain patch: last one wins, and becomes a manager of what it changed.
    fn update(&mut self, data: &BTreeMap<String, Option<String>>, manager: &str, now: DateTime<Utc>) {
        for (key, value) in data {
            for other in &mut self.managers {
                if self.data.get(key) != value.as_ref() {
                    other.keys.remove(key);
                }
            }
            match value {
                Some(value) => {
                    self.data.insert(key.clone(), value.clone());
                    self.manage(manager, "Update", now).keys.insert(key.clone());
                }
                None => {
                    self.data.remove(key);
                }
            }
        }
        self.managers.retain(|manager| !manager.keys.is_empty());
    }

    /// As it is shown.
    pub(crate) fn show(&self, namespace: &str, name: &str) -> Value {
        let data: BTreeMap<&String, String> =
            self.data.iter().map(|(key, value)| (key, STANDARD.encode(value))).collect();
        let managers: Vec<Value> = self.managers.iter().map(Manager::show).collect();
        let immutable = self.immutable.then_some(true);
        let mut shown = json!({
            "kind": "Secret", "apiVersion": "v1", "type": self.kind, "data": data,
            "metadata": {
                "name": name, "namespace": namespace, "labels": self.labels,
                "resourceVersion": self.resource_version.to_string(), "managedFields": managers,
            },
        });
        if let (Some(immutable), Some(shown)) = (immutable, shown.as_object_mut()) {
            shown.insert("immutable".to_owned(), json!(immutable));
        }
        shown
    }
}

impl Manager {
    fn show(&self) -> Value {
        let mut fields: Map<String, Value> = self.keys.iter().map(|key| (format!("f:{key}"), json!({}))).collect();
        fields.insert(".".to_owned(), json!({}));
        json!({
            "manager": self.name, "operation": self.operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
            "time": self.time.to_rfc3339_opts(SecondsFormat::Secs, true), "fieldsV1": { "f:data": fields },
        })
    }
}

impl Kubernetes {
    /// Puts a changed Secret in its place: the time of a manager and the version move only with a real change.
    pub(crate) fn settle(&mut self, key: (String, String), mut new: Secret, write: &Write<'_>) -> Secret {
        let old = self.secrets.get(&key);
        let same = old.is_some_and(|old| {
            let plain = |secret: &Secret| {
                let keys = |manager: &Manager| (manager.name.clone(), manager.operation, manager.keys.clone());
                (secret.data.clone(), secret.immutable, secret.managers.iter().map(keys).collect::<Vec<_>>())
            };
            plain(old) == plain(&new)
        });
        if let (true, Some(old)) = (same, old) {
            return old.clone();
        }
        if write.dry {
            return new;
        }
        self.revision += 1;
        new.resource_version = self.revision;
        let now = self.clock.now();
        new.managers.iter_mut().filter(|manager| manager.name == write.manager).for_each(|own| own.time = now);
        for value in new.data.values() {
            self.mint.remember(value);
        }
        self.secrets.insert(key, new.clone());
        new
    }

    /// Server-side apply of some keys. Gives what is there then, and whether it is new.
    pub(crate) fn apply_secret(
        &mut self,
        key: (String, String),
        kind: Option<&str>,
        data: &BTreeMap<String, String>,
        write: &Write<'_>,
    ) -> Result<(Secret, bool), Refusal> {
        let told = format!("Secret {:?}", key.1);
        let now = self.clock.now();
        let old = self.secrets.get(&key).cloned();
        if let Some(old) = &old {
            if kind.is_some_and(|kind| kind != old.kind) {
                return Err(Refusal::invalid(&told, "type: Invalid value: field is immutable"));
            }
            if old.immutable && data.iter().any(|(key, value)| old.data.get(key) != Some(value)) {
                return Err(Refusal::invalid(&told, "data: Forbidden: field is immutable when `immutable` is set"));
            }
        }
        let fresh = old.is_none();
        let mut new = old.unwrap_or_else(|| Secret {
            kind: kind.unwrap_or("Opaque").to_owned(),
            data: BTreeMap::new(),
            immutable: false,
            labels: BTreeMap::new(),
            resource_version: 0,
            managers: Vec::new(),
        });
        new.apply(data, write, now)?;
        check(&told, &new)?;
        Ok((self.settle(key, new, write), fresh))
    }

    /// A plain patch of some keys.
    pub(crate) fn update_secret(
        &mut self,
        key: (String, String),
        data: &BTreeMap<String, Option<String>>,
        manager: &str,
        dry: bool,
    ) -> Result<Secret, Refusal> {
        let told = format!("Secret {:?}", key.1);
        let now = self.clock.now();
        let mut new = self.secrets.get(&key).cloned().ok_or_else(|| Refusal::missing("secrets", &key.1))?;
        if new.immutable {
            return Err(Refusal::invalid(&told, "data: Forbidden: field is immutable when `immutable` is set"));
        }
        new.update(data, manager, now);
        check(&told, &new)?;
        Ok(self.settle(key, new, &Write { manager, force: true, dry }))
    }
}

/// What the real one checks of a Secret.
fn check(told: &str, secret: &Secret) -> Result<(), Refusal> {
    let fits = |key: &String| {
        !key.is_empty() && key.len() <= 253 && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    if let Some(bad) = secret.data.keys().find(|key| !fits(key)) {
        return Err(Refusal::invalid(
            told,
            &format!("data[{bad}]: Invalid value: a valid config key must consist of …"),
        ));
    }
    if secret.data.values().map(String::len).sum::<usize>() > 1_048_576 {
        return Err(Refusal::invalid(told, "data: Too long: must have at most 1048576 bytes"));
    }
    let docker = secret.data.get(".dockerconfigjson");
    if secret.kind == "kubernetes.io/dockerconfigjson"
        && docker.is_none_or(|text| serde_json::from_str::<Value>(text).is_err())
    {
        return Err(Refusal::invalid(told, "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\""));
    }
    Ok(())
}
