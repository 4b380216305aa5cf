//! `gitlab/project-access-token`: rotated by a person's or a service account's refresher, or by itself.

use chrono::TimeDelta;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::resource_token::{Create, ResourceToken, config};
use crate::issuer::{Ground, Issuer, IssuerKind, Ttl};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "gitlab/project-access-token",
    about: "A project access token, found by its name; its bot user is kept. GitLab.com has them from Premium on",
    succession: "replaces",
    needs: "a personal access token with scope `api` of a Maintainer of the project whose role is not below the \
            token's; a project or group token cannot rotate another. For `self:`, scope `self_rotate` or `api`",
    ttl: Ttl::Required,
    shortest: TimeDelta::days(2),
    rotates_itself: true,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The project: its path, or its number in quotes.
    project: String,
    /// Its name at GitLab.
    name: String,
    /// Make the first one, with this, where none lives.
    create: Option<Create>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let Config { project, name, create } = config(keys)?;
    ResourceToken::build(KIND.kind, ("projects", &project), name, create, ground)
}
