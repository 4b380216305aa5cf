//! `vault/kv`: one key of a secret in a KV engine of version 2. It is written under check-and-set, so that what others
//! write meanwhile is never lost, and all other keys are kept.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::{Vault, meaning, trimmed};
use crate::connection::own;
use crate::destination::{Address, Ask, Assurance, Destination, DestinationKind, Holding, Receipt, Site};
use crate::http::Answer;
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "vault/kv",
    about: "One key of a secret in a KV engine of version 2, of Vault or OpenBao; all others are kept",
    confirms: "read back; by the version where it may not be read",
    needs: "capabilities `read` and `update` on MOUNT/data/PATH; or `patch` there, with `read` on MOUNT/subkeys/PATH, \
            where it shall not see the other keys; `create` for `create: true`",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The path of the secret in its engine, without `data/`.
    path: String,
    /// The key in the secret.
    key: String,
    /// Where the engine is mounted, where it is not the connection's.
    mount: Option<String>,
    /// Make the secret, or the key in it, where it does not exist.
    #[serde(default)]
    create: bool,
}

struct Kv {
    vault: Arc<Vault>,
    config: Config,
    mount: String,
    address: Address,
    /// What was seen of it since the last write.
    seen: Mutex<Option<Seen>>,
    /// What the login may do there; `None` where it may not ask.
    rights: OnceCell<Option<Vec<String>>>,
}

/// How a secret stands.
#[derive(Clone)]
struct Seen {
    version: u64,
    what: What,
}

#[derive(Clone)]
enum What {
    /// There is none, or its last version was deleted.
    Nothing,
    /// Its keys and values.
    Readable(Map<String, Value>),
    /// Its keys alone.
    Hidden(Vec<String>),
}

/// <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version>
#[derive(Deserialize)]
struct Read {
    data: Versioned,
}

#[derive(Deserialize)]
struct Versioned {
    data: Option<Map<String, Value>>,
    subkeys: Option<Map<String, Value>>,
    // Version 1 of the engine has none.
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
}

#[derive(Deserialize)]
struct Written {
    data: Metadata,
}

#[derive(Deserialize)]
struct Mounted {
    data: Engine,
}

#[derive(Deserialize)]
struct Engine {
    options: Option<Map<String, Value>>,
}

const NOT_KV_2: &str = "the engine there is not KV version 2";

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let mut config: Config = serde_json::from_value(keys)?;
    let vault = own::<Vault>(site.connection()?)?;
    let mount = trimmed(config.mount.as_deref().unwrap_or(&vault.config.mount));
    config.path = trimmed(&config.path);
    in_engine(&config.path, &mount)?;
    let whole = !config.path.is_empty() && !config.key.is_empty() && !mount.is_empty();
    anyhow::ensure!(whole, "`path`, `key` and `mount` must not be empty");
    let address = Address::new(format!("key {} of {}", config.key, vault.place(&mount, &config.path)));
    let (seen, rights) = (Mutex::default(), OnceCell::new());
    Ok(Box::new(Kv { vault, config, mount, address, seen, rights }))
}

/// Refuses a path of the API, as policies and the HTTP documentation write it, where that in the engine is meant.
/// <https://developer.hashicorp.com/vault/docs/secrets/kv/kv-v2#acl-rules>
fn in_engine(path: &str, mount: &str) -> anyhow::Result<()> {
    let inside = path.strip_prefix(&format!("{mount}/")).unwrap_or(path);
    if let Some(right) = inside.strip_prefix("data/") {
        anyhow::bail!("`{path}` is a path of the API: say it as it is in the engine, `{right}`");
    }
    Ok(())
}

/// Reads the value of a credential that is kept in the connection's engine.
pub(super) async fn secret(vault: &Vault, path: &str, key: &str) -> anyhow::Result<TokenValue> {
    let mount = &vault.config.mount;
    in_engine(path, mount)?;
    let place = vault.place(mount, path);
    let answer = vault.get(&format!("{mount}/data/{path}")).await?;
    anyhow::ensure!(answer.ok(), "{place} cannot be read: {}", answer.refused(meaning(&answer)));
    let read = answer.json::<Read>().context(NOT_KV_2)?.data.data.unwrap_or_default();
    let text = read.get(key).with_context(|| format!("{place} has no key {key}"))?;
    let text = text.as_str().with_context(|| format!("key {key} of {place} holds no text"))?;
    TokenValue::handed(text).map_err(|why| anyhow::anyhow!("key {key} of {place}: {why}"))
}

impl Kv {
    fn path(&self, part: &str) -> String {
        format!("{}/{part}/{}", self.mount, self.config.path)
    }

    /// Looks, once between two writes.
    async fn look(&self) -> anyhow::Result<Seen> {
        let known = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(seen) = known {
            return Ok(seen);
        }
        let seen = self.read().await?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen.clone());
        Ok(seen)
    }

    async fn read(&self) -> anyhow::Result<Seen> {
        let answer = self.vault.get(&self.path("data")).await?;
        if answer.status.as_u16() == 403 {
            let keys = self.vault.get(&self.path("subkeys")).await?;
            let refused =
                || anyhow::anyhow!("{} cannot be looked at: {}", self.address, answer.refused(meaning(&answer)));
            anyhow::ensure!(keys.status.as_u16() != 403, refused());
            return self.seen(&keys);
        }
        self.seen(&answer)
    }

    /// What an answer shows. A version that was deleted is told with 404, and with its number.
    fn seen(&self, answer: &Answer) -> anyhow::Result<Seen> {
        match answer.status.as_u16() {
            200 => {
                let read = answer.json::<Read>().with_context(|| format!("{}: {NOT_KV_2}", self.address))?.data;
                let what = match (read.data, read.subkeys) {
                    (Some(data), _) => What::Readable(data),
                    (None, Some(keys)) => What::Hidden(keys.into_iter().map(|(key, _)| key).collect()),
                    (None, None) => What::Nothing,
                };
                Ok(Seen { version: read.metadata.version, what })
            }
            404 => {
                let version = answer.json::<Read>().map_or(0, |read| read.data.metadata.version);
                Ok(Seen { version, what: What::Nothing })
            }
            _ => anyhow::bail!("{} cannot be looked at: {}", self.address, answer.refused(meaning(answer))),
        }
    }

    /// What the login may do there, by its own word.
    async fn rights(&self) -> anyhow::Result<Option<Vec<String>>> {
        let ask = || async {
            let path = self.path("data");
            let answer = self.vault.ask("sys/capabilities-self", &json!({ "paths": [path] })).await?;
            if !answer.ok() {
                // A token without the policy `default` may not ask.
                return Ok(None);
            }
            let told: Map<String, Value> = answer.json()?;
            let of = told.get(&path).or_else(|| told.get("capabilities")).and_then(Value::as_array).cloned();
            let words = of.map(|words| words.iter().filter_map(Value::as_str).map(str::to_owned).collect());
            anyhow::Ok(words)
        };
        self.rights.get_or_try_init(ask).await.cloned()
    }

    /// How it would be written, or why it would not.
    async fn way(&self, seen: &Seen) -> anyhow::Result<Way> {
        let Some(rights) = self.rights().await? else {
            // What may not be asked is found out by the write.
            return match &seen.what {
                What::Hidden(_) => Ok(Way::Patch),
                What::Readable(_) | What::Nothing => Ok(Way::Whole),
            };
        };
        let may = |right: &str| rights.iter().any(|has| has == right || has == "root");
        let missing = |right: &str| anyhow::anyhow!("{} cannot be written: the policy lacks `{right}`", self.address);
        match &seen.what {
            // A secret that was deleted exists, and is written anew.
            What::Nothing if may(if seen.version == 0 { "create" } else { "update" }) => Ok(Way::Whole),
            What::Nothing => Err(missing(if seen.version == 0 { "create" } else { "update" })),
            What::Readable(_) | What::Hidden(_) if may("patch") => Ok(Way::Patch),
            What::Readable(_) if may("update") => Ok(Way::Whole),
            What::Hidden(keys) if may("update") && keys.iter().all(|key| *key == self.config.key) => Ok(Way::Whole),
            What::Hidden(_) if may("update") => anyhow::bail!(
                "{} cannot be written: it has other keys, which may not be read and would be lost; allow `patch`, or \
                 `read`",
                self.address
            ),
            What::Readable(_) => Err(missing("update")),
            What::Hidden(_) => Err(missing("patch")),
        }
    }

    /// Whether there is something to write to.
    async fn exists(&self, seen: &Seen) -> anyhow::Result<()> {
        let create = self.config.create;
        match &seen.what {
            What::Readable(data) if create || data.contains_key(&self.config.key) => Ok(()),
            What::Hidden(keys) if create || keys.contains(&self.config.key) => Ok(()),
            What::Readable(_) | What::Hidden(_) => {
                anyhow::bail!(
                    "{}: the secret has no such key: add it by hand once, or say `create: true`",
                    self.address
                )
            }
            What::Nothing if create => self.is_version_2().await,
            What::Nothing => {
                anyhow::bail!("{}: there is no such secret: make it by hand once, or say `create: true`", self.address)
            }
        }
    }

    /// Version 1 takes what is meant for version 2, puts it elsewhere and says that all is well.
    async fn is_version_2(&self) -> anyhow::Result<()> {
        let path = format!("sys/internal/ui/mounts/{}/{}", self.mount, self.config.path);
        let answer = self.vault.get(&path).await?;
        let unknown = || {
            anyhow::anyhow!("{}: nobody says which engine is there: {}", self.address, answer.refused(meaning(&answer)))
        };
        anyhow::ensure!(answer.ok(), unknown());
        let version =
            answer.json::<Mounted>()?.data.options.and_then(|all| all.get("version")?.as_str().map(str::to_owned));
        anyhow::ensure!(version.as_deref() == Some("2"), "{}: {NOT_KV_2}", self.address);
        Ok(())
    }

    fn held(&self, data: &Map<String, Value>) -> anyhow::Result<Option<TokenValue>> {
        let Some(found) = data.get(&self.config.key) else { return Ok(None) };
        let text = found.as_str().with_context(|| format!("{} holds no text", self.address))?;
        Ok(TokenValue::of_lines(text).ok())
    }

    fn holds_it(&self, seen: &Seen, value: &TokenValue) -> bool {
        let What::Readable(data) = &seen.what else { return false };
        self.held(data).is_ok_and(|held| held.is_some_and(|held| held.same_as(value)))
    }

    fn forget(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether what was seen is older than this version.
    fn knows_less(&self, version: u64) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().is_some_and(|seen| seen.version < version)
    }

    /// Whether others wrote other keys only.
    fn is_untouched(&self, before: &Seen, now: &Seen) -> bool {
        let (What::Readable(before), What::Readable(now)) = (&before.what, &now.what) else { return false };
        before.get(&self.config.key) == now.get(&self.config.key)
    }

    /// Whether nobody but this run wrote since the delivery.
    async fn is_ours(&self, receipt: &Receipt, version: u64) -> bool {
        let Some(given) = receipt.stamp.as_ref().and_then(|stamp| stamp.parse::<u64>().ok()) else { return false };
        let written = self.vault.written(&self.path("data"));
        let written = written.lock().await;
        given <= version && (given + 1..=version).all(|one| written.contains(&one))
    }

    async fn write(&self, seen: &Seen, value: &TokenValue) -> anyhow::Result<u64> {
        let options = json!({ "cas": seen.version });
        let answer = if let Way::Patch = self.way(seen).await? {
            let mut data = Map::new();
            data.insert(self.config.key.clone(), Value::from(value.expose()));
            self.vault.patch(&self.path("data"), &json!({ "options": options, "data": data })).await?
        } else {
            let mut data = if let What::Readable(data) = &seen.what { data.clone() } else { Map::new() };
            data.insert(self.config.key.clone(), Value::from(value.expose()));
            self.vault.write(&self.path("data"), &json!({ "options": options, "data": data })).await?
        };
        anyhow::ensure!(answer.ok(), "{} refused the value: {}", self.address, answer.refused(meaning(&answer)));
        Ok(answer.json::<Written>().with_context(|| format!("{}: {NOT_KV_2}", self.address))?.data.version)
    }
}

/// How a secret is written.
enum Way {
    /// The one key.
    Patch,
    /// The whole, with what was read.
    Whole,
}

fn receipt(version: u64) -> Receipt {
    Receipt { stamp: Some(version.to_string()), moved_to: None }
}

#[async_trait]
impl Destination for Kv {
    fn address(&self) -> &Address {
        &self.address
    }

    /// No write changes nothing here: each makes a version. What the policy says of itself is asked instead.
    async fn rehearse(&self, _ask: &Ask<'_>) -> anyhow::Result<()> {
        let seen = self.look().await?;
        self.exists(&seen).await?;
        self.way(&seen).await.map(drop)
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let written = self.vault.written(&self.path("data"));
        let mut written = written.lock().await;
        if written.last().is_some_and(|last| self.knows_less(*last)) {
            self.forget();
        }
        let seen = self.look().await?;
        if self.holds_it(&seen, value) {
            return Ok(receipt(seen.version));
        }
        self.exists(&seen).await?;
        let mut outcome = self.write(&seen, value).await;
        self.forget();
        if outcome.is_err() {
            // A write whose answer was lost may have been done: the repeated one is then refused as stale. And what
            // others wrote meanwhile is kept when it is written again with that, as long as this key was left alone.
            let found = self.look().await.ok();
            match found.filter(|found| found.version != seen.version) {
                Some(found) if self.holds_it(&found, value) => outcome = Ok(found.version),
                Some(found) if self.is_untouched(&seen, &found) => {
                    outcome = self.write(&found, value).await;
                    self.forget();
                }
                _ => {}
            }
        }
        let version = outcome?;
        written.insert(version);
        Ok(receipt(version))
    }

    async fn confirm(&self, value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        let found = self.read().await?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        match &found.what {
            What::Readable(_) if self.holds_it(&found, value) => Ok(Assurance::ReadBack),
            What::Hidden(_) if self.is_ours(receipt, found.version).await => Ok(Assurance::Stamped),
            What::Hidden(_) => anyhow::bail!("{} was written by somebody else since", self.address),
            What::Readable(_) | What::Nothing => {
                anyhow::bail!("{} holds another value than was just written", self.address)
            }
        }
    }

    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let seen = self.look().await?;
        let stamp = last.and_then(|last| last.stamp.as_ref());
        Ok(match &seen.what {
            What::Nothing => Holding::Nothing,
            What::Readable(data) => self.held(data)?.map_or(Holding::Nothing, Holding::Lent),
            What::Hidden(keys) if !keys.contains(&self.config.key) => Holding::Nothing,
            What::Hidden(_) if stamp == Some(&seen.version.to_string()) => Holding::Stamp { same: true },
            // Another of its keys may have been written: that says nothing of this one.
            What::Hidden(_) => Holding::Unknowable("it may not be read, and the secret was written since".to_owned()),
        })
    }
}
