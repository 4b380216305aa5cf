//! Secrets: read, and written by server-side apply, one key at a time.
//!
//! Whoever applies owns what it applied, and a key that it owned and applies no more goes away. So each key is applied
//! under a manager of its own: two tokens in one Secret never take each other's key away.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Ask, Cluster, meaning, owners};
use crate::http::{Answer, HttpError, Retry};
use crate::token::TokenValue;

/// The longest name of a field manager.
const LONGEST_MANAGER: usize = 128;

/// <https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/>
#[derive(Deserialize, Clone)]
pub(crate) struct SecretJson {
    /// Its keys and values, in base64.
    #[serde(default)]
    data: BTreeMap<String, TokenValue>,
    /// Whether nothing of it may change any more.
    #[serde(default)]
    pub(crate) immutable: bool,
    pub(crate) metadata: Metadata,
}

#[derive(Deserialize, Clone)]
pub(crate) struct Metadata {
    /// Changes with every change.
    #[serde(rename = "resourceVersion", default)]
    pub(crate) version: String,
    #[serde(rename = "managedFields", default)]
    managers: Vec<Manager>,
}

#[derive(Deserialize, Clone)]
struct Manager {
    #[serde(rename = "manager")]
    name: String,
    time: Option<DateTime<Utc>>,
    #[serde(rename = "fieldsV1", default)]
    fields: Value,
}

impl SecretJson {
    /// Whether it has that key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.data.contains_key(key)
    }

    /// What a key holds, if it is a text at all.
    pub(crate) fn value(&self, key: &str) -> Option<TokenValue> {
        // Ruby's base64 has line breaks in it; those of a kubeconfig's file, at its end, do no harm.
        let plain: zeroize::Zeroizing<String> =
            zeroize::Zeroizing::new(self.data.get(key)?.expose().split_whitespace().collect());
        let bytes = zeroize::Zeroizing::new(STANDARD.decode(plain.as_bytes()).ok()?);
        TokenValue::of_lines(std::str::from_utf8(&bytes).ok()?).ok()
    }

    /// Who manages a key.
    pub(crate) fn managers(&self, key: &str) -> Vec<&str> {
        self.of(key).map(|manager| manager.name.as_str()).collect()
    }

    /// When a key was last changed by whoever manages it. An apply that changes nothing moves no time.
    pub(crate) fn changed(&self, key: &str) -> Option<DateTime<Utc>> {
        self.of(key).filter_map(|manager| manager.time).max()
    }

    fn of<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a Manager> {
        let field = format!("f:{key}");
        self.metadata
            .managers
            .iter()
            .filter(move |manager| manager.fields.get("f:data").is_some_and(|data| data.get(&field).is_some()))
    }
}

/// One key of one Secret, and what is to stand there.
pub(crate) struct Write<'a> {
    /// Its namespace.
    pub(crate) namespace: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
    /// The key.
    pub(crate) key: &'a str,
    /// The value.
    pub(crate) value: &'a TokenValue,
    /// The type that it is to have, where it is made.
    pub(crate) kind: Option<&'a str>,
    /// The managers it may be taken from.
    pub(crate) take_over: &'a [String],
    /// Whether nothing is to be stored.
    pub(crate) dry: bool,
}

/// The manager of a key.
pub(crate) fn manager(key: &str) -> anyhow::Result<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    anyhow::ensure!(
        !key.is_empty() && key.chars().all(fits) && key != "." && key != "..",
        "`key` has only letters, digits, dashes, underscores and dots in it"
    );
    let name = format!("tokenwheel-{key}");
    anyhow::ensure!(name.len() <= LONGEST_MANAGER, "`key` is too long to be managed by itself");
    Ok(name)
}

impl Cluster {
    /// Reads a Secret; `None` where there is none.
    pub(crate) async fn secret(
        &self,
        lent: Option<TokenValue>,
        namespace: &str,
        name: &str,
    ) -> Result<Option<SecretJson>, HttpError> {
        let path = format!("api/v1/namespaces/{namespace}/secrets/{name}");
        let answer = self.call(lent, Method::GET, Ask::of(path), Retry::Read).await?;
        match answer.status.as_u16() {
            200 => Ok(Some(answer.json()?)),
            404 => Ok(None),
            // A proxy says this too, of which nothing can be concluded; the API server names its reason.
            403 if answer.word("/reason").as_deref() != Some("Forbidden") => {
                Err(answer.unclear("something refuses it"))
            }
            _ => Err(answer.refused(&meaning(&answer))),
        }
    }

    /// Applies one key. Without force, save where all that own it are named in the config.
    /// <https://kubernetes.io/docs/reference/using-api/server-side-apply/>
    pub(crate) async fn apply(&self, lent: Option<TokenValue>, write: &Write<'_>) -> anyhow::Result<SecretJson> {
        let answer = self.try_apply(lent.clone(), write, false).await?;
        let owned = if answer.status.as_u16() == 409 { owners(&answer) } else { Vec::new() };
        let may = !owned.is_empty() && owned.iter().all(|owner| write.take_over.contains(owner));
        let answer = if may { self.try_apply(lent, write, true).await? } else { answer };
        if answer.ok() {
            return Ok(answer.json()?);
        }
        let Write { namespace, name, key, .. } = write;
        let told = format!("key {key} of Secret {namespace}/{name}");
        match owners(&answer).as_slice() {
            [] => {
                Err(anyhow::Error::from(answer.refused(&meaning(&answer))).context(format!("{told} cannot be written")))
            }
            owned => {
                let names: Vec<String> = owned.iter().map(|owner| format!("`{owner}`")).collect();
                let by_hand = owned.iter().all(|owner| owner.starts_with("kubectl"));
                let next = if by_hand {
                    format!("it was written by hand; say `take_over: [{}]` to write it from now on", owned.join(", "))
                } else {
                    "what is taken from a controller comes back at its next round: deliver to where it reads from"
                        .to_owned()
                };
                anyhow::bail!("{told} is owned by {}: {next}", crate::text::list(&names))
            }
        }
    }

    async fn try_apply(&self, lent: Option<TokenValue>, write: &Write<'_>, force: bool) -> anyhow::Result<Answer> {
        let Write { namespace, name, key, value, kind, dry, .. } = write;
        let mut body = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace },
            "data": { *key: STANDARD.encode(value.expose()) },
        });
        if let (Some(kind), Some(body)) = (kind, body.as_object_mut()) {
            body.insert("type".to_owned(), json!(kind));
        }
        let mut query = vec![("fieldManager", manager(key)?)];
        if *dry {
            query.push(("dryRun", "All".to_owned()));
        }
        if force {
            query.push(("force", "true".to_owned()));
        }
        let path = format!("api/v1/namespaces/{namespace}/secrets/{name}");
        let ask = Ask { query, body: Some(("application/apply-patch+yaml", body)), ..Ask::of(path) };
        Ok(self.call(lent, Method::PATCH, ask, Retry::Put).await?)
    }
}
