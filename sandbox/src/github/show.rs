//! Users and repositories as answers show them: a few facts, and many addresses.

use serde_json::{Map, Value, json};

use super::GitHub;
use super::model::{Repository, Visibility};

const API: &str = "https://api.github.com";

const OF_A_USER: &[&str] = &[
    "avatar_url",
    "events_url",
    "followers_url",
    "following_url",
    "gists_url",
    "html_url",
    "organizations_url",
    "received_events_url",
    "repos_url",
    "starred_url",
    "subscriptions_url",
    "url",
];

const OF_A_REPOSITORY: &[&str] = &[
    "archive_url",
    "assignees_url",
    "blobs_url",
    "branches_url",
    "collaborators_url",
    "comments_url",
    "commits_url",
    "compare_url",
    "contents_url",
    "contributors_url",
    "deployments_url",
    "downloads_url",
    "events_url",
    "forks_url",
    "git_commits_url",
    "git_refs_url",
    "git_tags_url",
    "hooks_url",
    "html_url",
    "issue_comment_url",
    "issue_events_url",
    "issues_url",
    "keys_url",
    "labels_url",
    "languages_url",
    "merges_url",
    "milestones_url",
    "notifications_url",
    "pulls_url",
    "releases_url",
    "stargazers_url",
    "statuses_url",
    "subscribers_url",
    "subscription_url",
    "tags_url",
    "teams_url",
    "trees_url",
    "url",
];

impl GitHub {
    /// A user or organisation, as it stands beside other things.
    pub(super) fn simple_user(&self, login: &str) -> Value {
        let organization = self.organizations.get(login);
        let id = organization.or_else(|| self.users.get(login)).copied().unwrap_or_default();
        let mut shown = json!({
            "login": login,
            "id": id,
            "node_id": format!("U_{id}"),
            "gravatar_id": "",
            "type": if organization.is_some() { "Organization" } else { "User" },
            "site_admin": false,
        });
        addresses(&mut shown, OF_A_USER, &format!("{API}/users/{login}"));
        shown
    }

    /// A repository, as lists show it.
    pub(super) fn minimal(&self, repository: &Repository) -> Value {
        let mut shown = json!({
            "id": repository.id,
            "node_id": format!("R_{}", repository.id),
            "name": repository.name,
            "full_name": repository.full_name(),
            "owner": self.simple_user(&repository.owner),
            "private": repository.private,
            "description": null,
            "fork": false,
        });
        addresses(&mut shown, OF_A_REPOSITORY, &format!("{API}/repos/{}", repository.full_name()));
        shown
    }

    /// The repositories that something of an organisation is shown to.
    pub(super) fn selection(&self, visibility: Option<&Visibility>) -> Vec<Repository> {
        let ids = visibility.into_iter().flat_map(|visibility| &visibility.selected);
        ids.filter_map(|id| self.repositories.get(id)).cloned().collect()
    }
}

fn addresses(shown: &mut Value, names: &[&str], base: &str) {
    let Some(fields) = shown.as_object_mut() else { return };
    for name in names {
        let end = name.trim_end_matches("_url");
        let address = if *name == "url" { base.to_owned() } else { format!("{base}/{end}") };
        fields.insert((*name).to_owned(), Value::String(address));
    }
}

/// Adds who sees a thing of an organisation.
pub(super) fn show_visibility(shown: &mut Value, visibility: &Visibility, path: &str) {
    let Some(fields) = shown.as_object_mut() else { return };
    fields.insert("visibility".to_owned(), json!(visibility.word));
    if visibility.word == "selected" {
        fields.insert("selected_repositories_url".to_owned(), json!(format!("{API}{path}")));
    }
}

/// A signed-in user, with what only they see.
pub(super) fn private_user(simple: &Value, login: &str, created: &str) -> Value {
    let mut fields: Map<String, Value> = simple.as_object().cloned().unwrap_or_default();
    for name in ["bio", "blog", "company", "email", "hireable", "location"] {
        fields.insert(name.to_owned(), Value::Null);
    }
    for name in [
        "followers",
        "following",
        "public_gists",
        "public_repos",
        "collaborators",
        "disk_usage",
        "owned_private_repos",
        "private_gists",
        "total_private_repos",
    ] {
        fields.insert(name.to_owned(), json!(0));
    }
    fields.insert("name".to_owned(), json!(login));
    for name in ["created_at", "updated_at"] {
        fields.insert(name.to_owned(), json!(created));
    }
    fields.insert("two_factor_authentication".to_owned(), json!(true));
    Value::Object(fields)
}
