//! `github/dependabot-secret`: a secret for the runs that Dependabot starts, which see no Actions secrets.

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
    kind: "github/dependabot-secret",
    about: "A Dependabot secret of a repository or an organisation, in a sealed box",
    confirms: "by its stamp: when it was last written; its value can never be seen",
    needs: "permission `dependabot_secrets: write` for a repository, `organization_dependabot_secrets: write` for an \
            organisation (classic scopes `repo`, `admin:org`)",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The repository that it is of, such as `acme/app`.
    repository: Option<String>,
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
        environment: None,
        organization: config.organization.as_deref(),
    };
    let place = Place::new(own::<GitHub>(site.connection()?)?, &named)?;
    Ok(Box::new(Secret::new(place, Store::Dependabot, &config.name, config.create, site.means.clone())?))
}
