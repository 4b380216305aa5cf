//! The ledger in CI/CD variables: `KEY` for the ledger itself, `KEY_LEASE` and others beside it.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitLab;
use super::variables::{Create, LARGEST, Level, Place};
use super::wire::meaning;
use crate::connection::own;
use crate::destination::Site;
use crate::http::Retry;
use crate::shelf::{Created, Shelf, ShelfKind};

pub(crate) const KIND: ShelfKind = ShelfKind {
    kind: "gitlab/ci-variable",
    about: "CI/CD variables of a project or a group; split over several when large",
    needs: "scope `api` of a Maintainer of the project or an Owner of the group",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The project that the variables hang at.
    project: Option<String>,
    /// The group that the variables hang at.
    group: Option<String>,
    /// The key of the first; the others begin with it.
    key: String,
}

struct VariableShelf {
    place: Place,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Arc<dyn Shelf>> {
    let config: Config = serde_json::from_value(keys)?;
    let gitlab: Arc<GitLab> = own(site.connection()?)?;
    let level = Level { project: config.project.as_deref(), group: config.group.as_deref(), instance: false };
    Ok(Arc::new(VariableShelf { place: Place::new(gitlab, &level, &config.key, Some("*"))? }))
}

impl VariableShelf {
    fn part(&self, part: &str) -> Place {
        if part.is_empty() { self.place.clone() } else { self.place.beside(part) }
    }

    /// No secret, so it need not be masked; raw, so that nothing in it is expanded.
    fn form() -> Create {
        let form = json!({ "masked": false, "protected": true, "raw": true, "description": "kept by tokenwheel" });
        serde_json::from_value(form).unwrap_or_default()
    }
}

#[async_trait]
impl Shelf for VariableShelf {
    fn address(&self) -> String {
        self.place.name.clone()
    }

    fn room(&self) -> Option<usize> {
        Some(LARGEST)
    }

    async fn get(&self, part: &str) -> anyhow::Result<Option<String>> {
        Ok(self.part(part).get().await?.and_then(|variable| variable.value))
    }

    async fn put(&self, part: &str, text: &str) -> anyhow::Result<()> {
        let place = self.part(part);
        let mut answer = place.put("*", json!({ "value": text })).await?;
        if answer.status.as_u16() == 404 {
            answer = place.post(text, &Self::form(), Retry::Put).await?;
        }
        anyhow::ensure!(answer.ok(), answer.refused(&meaning(&answer)));
        Ok(())
    }

    async fn create(&self, part: &str, text: &str) -> anyhow::Result<Created> {
        // GitLab lets one variable of a key and scope be made, and answers the second with 400.
        let answer = self.part(part).post(text, &Self::form(), Retry::Put).await?;
        match answer.status.as_u16() {
            200..=299 => Ok(Created::Won),
            400 => Ok(Created::Taken),
            _ => Err(answer.refused(&meaning(&answer)).into()),
        }
    }

    async fn remove(&self, part: &str) -> anyhow::Result<()> {
        self.part(part).delete().await
    }
}
