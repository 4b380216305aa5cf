//! `zendesk/app-setting`: one setting of an installed app. Whether a PUT keeps the settings that it leaves out is
//! confirmed nowhere, so that those which can be seen are compared, and put back.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::{Zendesk, meaning};
use crate::connection::own;
use crate::destination::{Address, Ask, Assurance, Destination, DestinationKind, Holding, Receipt, Site};
use crate::http::{Answer, HttpError, Retry};
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "zendesk/app-setting",
    about: "One setting of an installed app; the others are compared, and put back where Zendesk touched them",
    confirms: "a stamp for a secure setting, which nobody can read; read back for a visible one",
    needs: "scopes `apps:read` and `apps:write` of an OAuth client that an administrator made",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The number of the installation.
    #[schemars(range(min = 1))]
    installation: u64,
    /// The key of the setting.
    setting: String,
    /// Write it although the app has other secure settings. Nobody can read those, so that nobody would see whether
    /// Zendesk kept them.
    #[serde(default)]
    despite_other_secure_settings: bool,
}

/// <https://developer.zendesk.com/api-reference/ticketing/apps/apps/>
#[derive(Clone, Deserialize)]
struct Installation {
    app_id: Option<u64>,
    /// Those that are not secure.
    #[serde(default)]
    settings: Map<String, Value>,
    updated_at: Option<String>,
}

#[derive(Deserialize)]
struct Manifest {
    installation: Settings,
}

#[derive(Deserialize)]
struct Settings {
    settings: Vec<Setting>,
}

/// A setting as the app declares it.
#[derive(Clone, Deserialize)]
struct Setting {
    key: String,
    #[serde(default)]
    secure: bool,
}

/// What was seen of it: the installation, and what the app declares where that was told.
struct Seen {
    installation: Installation,
    declared: Option<Vec<Setting>>,
}

struct AppSetting {
    zendesk: Arc<Zendesk>,
    path: String,
    config: Config,
    address: Address,
    seen: OnceCell<Seen>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let config: Config = serde_json::from_value(keys)?;
    anyhow::ensure!(!config.setting.is_empty(), "`setting` is the key of the setting");
    let zendesk = own::<Zendesk>(site.connection()?)?;
    zendesk.needs(&["apps:read", "apps:write"]);
    let path = format!("api/v2/apps/installations/{}", config.installation);
    zendesk.has_place(&path);
    let (number, setting) = (config.installation, &config.setting);
    let address = Address::new(format!("{} app installation {number} setting {setting}", zendesk.host));
    Ok(Box::new(AppSetting { zendesk, path, config, address, seen: OnceCell::new() }))
}

impl AppSetting {
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, HttpError> {
        let retry = if method == Method::GET { Retry::Read } else { Retry::Put };
        self.zendesk.call(&self.zendesk.scope(), method, path, &[], body, retry).await
    }

    async fn read(&self) -> anyhow::Result<Installation> {
        let answer = self.call(Method::GET, &self.path, None).await?;
        match answer.status.as_u16() {
            200 => Ok(answer.json()?),
            404 => anyhow::bail!("{}: there is no such installation", self.address),
            _ => Err(answer.refused(meaning(&answer))).with_context(|| format!("{} cannot be read", self.address)),
        }
    }

    /// Looks, once a run.
    async fn look(&self) -> anyhow::Result<&Seen> {
        let look = async || {
            let installation = self.read().await?;
            let declared = match installation.app_id {
                Some(app) => self.declared(app).await?,
                None => None,
            };
            anyhow::Ok(Seen { installation, declared })
        };
        self.seen.get_or_try_init(look).await
    }

    /// The settings that an app declares. The page that tells them is not documented: without it nothing is known.
    async fn declared(&self, app: u64) -> anyhow::Result<Option<Vec<Setting>>> {
        let answer = self.call(Method::GET, &format!("api/support/apps/{app}/installations/new"), None).await?;
        if answer.status.is_server_error() {
            return Err(answer.refused(meaning(&answer)).into());
        }
        Ok(answer.json::<Manifest>().ok().filter(|_| answer.ok()).map(|found| found.installation.settings))
    }

    /// Whether it is one of the app's settings, and whether a write could harm another that nobody can see.
    fn fits(&self, seen: &Seen) -> anyhow::Result<()> {
        let (setting, visible) = (&self.config.setting, seen.installation.settings.contains_key(&self.config.setting));
        let Some(declared) = &seen.declared else {
            anyhow::ensure!(
                visible || self.config.despite_other_secure_settings,
                "{}: Zendesk does not tell which settings of the app are secure; say `despite_other_secure_settings: \
                 true` if this is the only one, or if the others can be entered again",
                self.address
            );
            return Ok(());
        };
        if !visible && !declared.iter().any(|one| one.key == *setting) {
            let keys: Vec<String> = declared.iter().map(|one| format!("`{}`", crate::text::plain(&one.key))).collect();
            anyhow::bail!("{}: the app has no such setting; it has {}", self.address, crate::text::list(&keys));
        }
        let others = self.other_secure(seen);
        anyhow::ensure!(
            others.is_empty() || self.config.despite_other_secure_settings,
            "{}: the app has other secure settings too ({}), and nobody could see whether Zendesk keeps them; say \
             `despite_other_secure_settings: true` if they can be entered again",
            self.address,
            others.join(", ")
        );
        Ok(())
    }

    fn other_secure(&self, seen: &Seen) -> Vec<String> {
        let others = seen.declared.iter().flatten().filter(|one| one.secure && one.key != self.config.setting);
        others.map(|one| crate::text::plain(&one.key)).collect()
    }

    async fn put(&self, settings: &Map<String, Value>) -> anyhow::Result<()> {
        let answer = self.call(Method::PUT, &self.path, Some(&json!({ "settings": settings }))).await?;
        anyhow::ensure!(answer.ok(), answer.refused(meaning(&answer)));
        Ok(())
    }

    /// The visible settings besides this one that are not what they were.
    fn touched(&self, before: &Installation, after: &Installation) -> Vec<String> {
        let names =
            before.settings.keys().chain(after.settings.keys().filter(|name| !before.settings.contains_key(*name)));
        let touched = names.filter(|name| **name != self.config.setting);
        let touched = touched.filter(|name| before.settings.get(*name) != after.settings.get(*name));
        touched.map(|name| crate::text::plain(name)).collect()
    }
}

#[async_trait]
impl Destination for AppSetting {
    fn address(&self) -> &Address {
        &self.address
    }

    /// It can only be looked at: a write that changes nothing might still touch what it leaves out.
    async fn rehearse(&self, _ask: &Ask<'_>) -> anyhow::Result<()> {
        self.fits(self.look().await?)
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let seen = self.look().await?;
        self.fits(seen)?;
        let share = self.zendesk.share(&self.path);
        let _turn = share.turn.lock().await;
        let before = if share.has_others() { &self.read().await? } else { &seen.installation };
        let mut settings = Map::new();
        settings.insert(self.config.setting.clone(), json!(value.expose()));
        self.put(&settings).await.with_context(|| format!("{} refused the value", self.address))?;
        let mut after = self.read().await?;
        let touched = self.touched(before, &after);
        if !touched.is_empty() {
            settings.extend(
                before
                    .settings
                    .iter()
                    .filter(|(name, _)| **name != self.config.setting)
                    .map(|(name, kept)| (name.clone(), kept.clone())),
            );
            let put_back = self.put(&settings).await;
            let names = touched.join(", ");
            put_back
                .with_context(|| format!("{}: Zendesk changed {names} too, and takes it not back", self.address))?;
            after = self.read().await?;
            let left = self.touched(before, &after);
            anyhow::ensure!(
                left.is_empty(),
                "{}: Zendesk changed {} too, and it could not be put back: look at the app's settings",
                self.address,
                left.join(", ")
            );
            let others = self.other_secure(seen);
            anyhow::ensure!(
                others.is_empty(),
                "{}: Zendesk dropped the app's other settings; those that can be seen were put back, but {} must be \
                 entered by hand",
                self.address,
                others.join(", ")
            );
            log::warn!("{}: Zendesk changed {names} too; it was put back", self.address);
        }
        Ok(Receipt { stamp: after.updated_at.filter(|_| !share.has_others()), moved_to: None })
    }

    async fn confirm(&self, value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        let after = self.read().await?;
        if !self.zendesk.share(&self.path).has_others() {
            let touched = self.touched(&self.look().await?.installation, &after);
            anyhow::ensure!(touched.is_empty(), "{}: {} changed meanwhile", self.address, touched.join(", "));
        }
        if let Some(held) = after.settings.get(&self.config.setting) {
            let same = held.as_str() == Some(value.expose());
            anyhow::ensure!(same, "{} holds another value than was just written", self.address);
            return Ok(Assurance::ReadBack);
        }
        match (&after.updated_at, &receipt.stamp) {
            (Some(now), Some(then)) if now == then => Ok(Assurance::Stamped),
            (Some(_), Some(_)) => anyhow::bail!("{} was changed since the value was written", self.address),
            _ => Ok(Assurance::Unseen("Zendesk never shows a secure setting".to_owned())),
        }
    }

    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let seen = self.look().await?;
        if let Some(held) = seen.installation.settings.get(&self.config.setting) {
            return Ok(TokenValue::of_lines(held.as_str().unwrap_or_default()).map_or(Holding::Nothing, Holding::Lent));
        }
        let stamp = last.and_then(|last| last.stamp.as_ref());
        Ok(match (stamp, &seen.installation.updated_at) {
            (Some(stamp), Some(updated)) => Holding::Stamp { same: stamp == updated },
            _ => Holding::Unknowable("Zendesk never shows a secure setting".to_owned()),
        })
    }

    fn exposure(&self) -> Option<String> {
        let visible = self.seen.get()?.installation.settings.contains_key(&self.config.setting);
        visible.then(|| format!("{} is not a secure setting: the app shows it in every agent's browser", self.address))
    }
}
