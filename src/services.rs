//! The catalogue: every service and every kind, once.

mod atlassian;
mod file;
mod github;
mod gitlab;
mod http;
mod kubernetes;
mod manual;
mod oauth;
mod random;
mod sealed;
mod signon;
mod styra;
mod vault;
mod zendesk;

use crate::connection::ServiceKind;
use crate::destination::DestinationKind;
use crate::issuer::IssuerKind;
use crate::shelf::ShelfKind;

/// The services that a connection can name.
pub const SERVICES: &[ServiceKind] = &[
    styra::SERVICE,
    gitlab::SERVICE,
    github::SERVICE,
    zendesk::SERVICE,
    signon::SERVICE,
    kubernetes::SERVICE,
    atlassian::SERVICE,
    vault::SERVICE,
    oauth::SERVICE,
    http::SERVICE,
];

/// The kinds of issuers.
pub const ISSUERS: &[IssuerKind] = &[
    styra::token::KIND,
    gitlab::personal_access_token::KIND,
    gitlab::project_access_token::KIND,
    gitlab::group_access_token::KIND,
    gitlab::service_account_token::KIND,
    gitlab::pipeline_trigger_token::KIND,
    gitlab::deploy_token::KIND,
    gitlab::agent_token::KIND,
    gitlab::runner_token::KIND,
    github::installation_token::KIND,
    github::user_token::KIND,
    github::deploy_key::KIND,
    github::personal_access_token::KIND,
    zendesk::oauth_token::KIND,
    zendesk::oauth_client_secret::KIND,
    zendesk::api_token::KIND,
    signon::api_token::KIND,
    atlassian::oauth_token::KIND,
    atlassian::oauth_refresh_token::KIND,
    atlassian::data_center_token::KIND,
    atlassian::api_token::KIND,
    atlassian::admin_api_key::KIND,
    oauth::client_credentials::KIND,
    oauth::refresh_token::KIND,
    http::regenerate::KIND,
    random::secret::KIND,
    manual::token::KIND,
];

/// The kinds of destinations.
pub const DESTINATIONS: &[DestinationKind] = &[
    gitlab::ci_variable::KIND,
    gitlab::webhook::KIND,
    gitlab::pipeline_schedule_variable::KIND,
    github::actions_secret::KIND,
    github::actions_variable::KIND,
    github::dependabot_secret::KIND,
    github::codespaces_secret::KIND,
    github::webhook::KIND,
    zendesk::webhook::KIND,
    zendesk::app_setting::KIND,
    kubernetes::secret::KIND,
    signon::synced_secret::KIND,
    vault::kv::KIND,
    styra::secret::KIND,
    sealed::file::KIND,
    file::KIND,
    http::request::KIND,
];

/// The kinds of places that can keep the ledger.
pub const SHELVES: &[ShelfKind] = &[gitlab::ci_variable_shelf::KIND, github::actions_variable_shelf::KIND, file::SHELF];
