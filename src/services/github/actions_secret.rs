//! `github/actions-secret`: a secret of a repository, an environment or an organisation, for its workflows.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::GitHub;
use super::create::Create;
use super::place::{Named, Place};
use super::secret::Secret;
use super::store::Store;
use crate::connection::own;
use crate::destination::{Destination, DestinationKind, Site};

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "github/actions-secret",
    about: "An Actions secret of a repository, an environment or an organisation, in a sealed box",
    confirms: "by its stamp: when it was last written; its value can never be seen",
    needs: "permission `secrets: write` for a repository, `environments: write` for an environment, `organization_secrets: \
            write` for an organisation (classic scopes `repo`, `repo`, `admin:org`); `actions: read` besides for \
            `wait_for_jobs`",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The repository that it is of, such as `acme/app`. Jobs have what it held when their run was queued: a token that
    /// overlaps serves those that wait.
    repository: Option<String>,
    /// The environment of the repository that it is of. Jobs have what it held when they started.
    environment: Option<String>,
    /// The organisation that it is of; whom it is shown to is kept as it is.
    organization: Option<String>,
    /// Its name.
    name: String,
    /// Create it with this where it does not exist.
    create: Option<Create>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let config: Config = serde_json::from_value(keys)?;
    let named = Named {
        repository: config.repository.as_deref(),
        environment: config.environment.as_deref(),
        organization: config.organization.as_deref(),
    };
    let place = Place::new(own::<GitHub>(site.connection()?)?, &named)?;
    Ok(Box::new(Secret::new(place, Store::Actions, &config.name, config.create, site.means.clone())?))
}
