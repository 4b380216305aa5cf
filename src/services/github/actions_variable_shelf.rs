//! The ledger in variables of Actions: `NAME` for the ledger itself, `NAME_LEASE` and others beside it.
//!
//! GitHub has no compare-and-set. A POST refuses with 409 to make what is there
//! (<https://github.com/cli/cli/pull/6928> relies on it), and no page says that of two at the same instant only one is
//! answered with 201. So [`Shelf::create`] looks first, makes, waits, and looks again: the lease is had only by whoever
//! reads its own text back. Were GitHub to let the later of two writers win in silence, this could not exclude two
//! runs of which one takes longer than [`SETTLES`] between its look and its write. `concurrency:` in the workflow is the
//! first guard, and this the second.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitHub;
use super::place::{Named, Place};
use super::variable::{Variable, permission};
use crate::connection::own;
use crate::destination::Site;
use crate::shelf::{Created, Shelf, ShelfKind};

pub(crate) const KIND: ShelfKind = ShelfKind {
    kind: "github/actions-variable",
    about: "Actions variables of a repository or an environment; split over several when large. Every job of the \
            repository is handed its variables, 256 KB of them at most: a large ledger is better kept in a repository \
            or an environment of its own",
    needs: "permission `actions_variables: write` for a repository, `environments: write` for an environment (classic \
            scope `repo`)",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The most bytes of one text: a variable holds 48 KB, whichever way that is counted.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables#limits-for-configuration-variables>
const ROOM: usize = 48_000;

/// How long another run that looked before we wrote has for its own write to be seen.
const SETTLES: Duration = Duration::from_secs(3);

/// How often it is looked for what was written and is not shown yet.
const LOOKS: usize = 3;

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The repository that the variables are of, such as `acme/tokenwheel`.
    repository: String,
    /// The environment of the repository that they are of.
    environment: Option<String>,
    /// The name of the first; the others begin with it.
    name: String,
}

struct VariableShelf {
    at: Variable,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Arc<dyn Shelf>> {
    let config: Config = serde_json::from_value(keys)?;
    let named =
        Named { repository: Some(&config.repository), environment: config.environment.as_deref(), organization: None };
    let place = Place::new(own::<GitHub>(site.connection()?)?, &named)?;
    place.needs(permission(place.level), true)?;
    Ok(Arc::new(VariableShelf { at: Variable::new(place, &config.name)? }))
}

impl VariableShelf {
    fn part(&self, part: &str) -> Variable {
        // The main text is under the name itself.
        if part.is_empty() {
            Variable { place: Arc::clone(&self.at.place), key: self.at.key.clone() }
        } else {
            self.at.beside(part)
        }
    }
}

#[async_trait]
impl Shelf for VariableShelf {
    fn address(&self) -> String {
        self.at.name()
    }

    fn room(&self) -> Option<usize> {
        Some(ROOM)
    }

    async fn get(&self, part: &str) -> anyhow::Result<Option<String>> {
        Ok(self.part(part).get().await?.map(|variable| variable.value))
    }

    async fn put(&self, part: &str, text: &str) -> anyhow::Result<()> {
        let variable = self.part(part);
        let mut answer = variable.patch(json!({ "value": text })).await?;
        if answer.status.as_u16() == 404 {
            answer = variable.post(text, None).await?;
        }
        anyhow::ensure!(answer.ok(), variable.place.refused(&answer));
        Ok(())
    }

    async fn create(&self, part: &str, text: &str) -> anyhow::Result<Created> {
        let variable = self.part(part);
        if variable.get().await?.is_some() {
            return Ok(Created::Taken);
        }
        let answer = variable.post(text, None).await?;
        match answer.status.as_u16() {
            200..=299 => {}
            409 => return Ok(Created::Taken),
            _ => return Err(variable.place.refused(&answer).into()),
        }
        for _ in 0..LOOKS {
            tokio::time::sleep(SETTLES).await;
            if let Some(found) = variable.get().await? {
                return Ok(if found.value == text { Created::Won } else { Created::Taken });
            }
        }
        // Whoever took it over has given it back since, or GitHub does not show yet what it took.
        Ok(Created::Taken)
    }

    async fn remove(&self, part: &str) -> anyhow::Result<()> {
        self.part(part).delete().await
    }
}
