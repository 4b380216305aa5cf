//! What GitLab does to a webhook when it is saved: what it refuses, and what it silently takes away
//! (`app/models/concerns/web_hooks/hook.rb`, `lib/api/helpers/web_hooks_helpers.rb`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::model::Place;
use super::super::refusal::Refusal;
use super::model::{Hook, Hooks};
use crate::params::Params;

/// Flags that both kinds of webhook have; the two that are on by default come first.
const FLAGS: &[&str] = &[
    "push_events",
    "enable_ssl_verification",
    "issues_events",
    "confidential_issues_events",
    "merge_requests_events",
    "tag_push_events",
    "note_events",
    "confidential_note_events",
    "job_events",
    "pipeline_events",
    "wiki_page_events",
    "deployment_events",
    "feature_flag_events",
    "releases_events",
    "milestone_events",
    "emoji_events",
    "resource_access_token_events",
    "resource_deploy_token_events",
];
const OF_PROJECTS: &[&str] = &["vulnerability_events"];
const OF_GROUPS: &[&str] = &["subgroup_events", "member_events", "project_events"];
const TEXTS: &[&str] = &["push_events_branch_filter", "branch_filter_strategy", "custom_webhook_template"];
const SINCE_17_1: &[&str] = &["name", "description"];

/// The settings that a place's webhooks declare; what is not declared is not read.
fn declared(place: Place, described: bool) -> impl Iterator<Item = &'static str> {
    let own = if matches!(place, Place::Group(_)) { OF_GROUPS } else { OF_PROJECTS };
    let named = if described { SINCE_17_1 } else { &[] };
    FLAGS.iter().chain(own).chain(TEXTS).chain(named).copied()
}

/// The settings of a webhook for which nothing was said.
pub(super) fn defaults(place: Place, described: bool) -> Map<String, Value> {
    let mut settings = Map::new();
    for name in declared(place, described) {
        let value = match name {
            "push_events" | "enable_ssl_verification" => json!(true),
            "branch_filter_strategy" => json!("wildcard"),
            name if TEXTS.contains(&name) || SINCE_17_1.contains(&name) => Value::Null,
            _ => json!(false),
        };
        settings.insert(name.to_owned(), value);
    }
    settings
}

/// Takes over what was sent. Lists of keys and values grow by what is sent and lose nothing.
pub(super) fn assign(hooks: &Hooks, hook: &mut Hook, params: &Params) -> Result<usize, Refusal> {
    let text = |name: &str| params.has(name).then(|| params.text(name).map(str::to_owned));
    let mut sent = ["url", "token"].into_iter().filter(|name| params.has(name)).count();
    if let Some(Some(url)) = text("url") {
        hook.url = url;
    }
    if let Some(token) = text("token") {
        hook.token = token.filter(|token| !token.is_empty());
    }
    if let Some(token) = text("signing_token") {
        sent += usize::from(hooks.signs || hooks.what_is_ignored_counts);
        if hooks.signs {
            hook.signing_token = token.filter(|token| !token.is_empty());
        }
    }
    for name in declared(hook.place, hooks.described) {
        if params.has(name) {
            sent += 1;
            let value = match hook.settings.get(name) {
                Some(Value::Bool(_)) => params.flag(name)?.map_or(Value::Null, Value::Bool),
                _ => params.text(name).map_or(Value::Null, Value::from),
            };
            hook.settings.insert(name.to_owned(), value);
        }
    }
    let headers = if hooks.described { pairs(params, "custom_headers")? } else { BTreeMap::new() };
    let variables = pairs(params, "url_variables")?;
    sent += headers.len() + variables.len();
    hook.custom_headers.extend(headers);
    hook.url_variables.extend(variables);
    Ok(sent)
}

fn pairs(params: &Params, name: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let Some(list) = params.tree().get(name).filter(|list| !list.is_null()) else { return Ok(BTreeMap::new()) };
    let invalid = || Refusal::Params(format!("{name} is invalid"));
    let one = |item: &Value| {
        let text = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
        Some((text("key")?, text("value")?))
    };
    list.as_array().ok_or_else(invalid)?.iter().map(|item| one(item).ok_or_else(invalid)).collect()
}

/// What a change of the address takes away. `token_sent`: a token that is sent counts as changed, also the same one.
pub(super) fn reset(hooks: &Hooks, old: &Hook, new: &mut Hook, token_sent: bool, signing_token_sent: bool) {
    let moved = old.url != new.url;
    if moved && !token_sent {
        new.token = None;
    }
    if moved && !signing_token_sent && hooks.address_clears_signing_token {
        new.signing_token = None;
    }
    if !old.url_variables.is_empty() && old.filled_in() != new.filled_in() {
        let shared = old.url_variables.keys().any(|key| new.url_variables.contains_key(key));
        let kept = old.url_variables.iter().any(|(key, value)| new.url_variables.get(key) == Some(value));
        if shared || (moved && kept) {
            new.url_variables.clear();
        }
    }
    // An address that cannot be filled in is refused below, and nothing is saved.
    if let Some(filled_in) = new.filled_in()
        && old.filled_in() != Some(filled_in)
    {
        new.custom_headers.clear();
    }
}

/// Whether it may be saved; what is wrong, in the order in which GitLab complains.
pub(super) fn check(hooks: &Hooks, hook: &mut Hook) -> Result<(), Wrong> {
    if hook.settings.get("branch_filter_strategy") == Some(&json!("all_branches")) {
        hook.settings.insert("push_events_branch_filter".to_owned(), Value::Null);
    }
    let address = hook.filled_in().and_then(|url| url::Url::parse(&url).ok());
    if address.is_none_or(|url| !matches!(url.scheme(), "http" | "https") || url.host_str().is_none()) {
        return Err(Wrong::Url);
    }
    let length = 1..=hooks.longest_variable;
    let bad = |name: &str, value: &String| !word(name) || !length.contains(&value.len());
    if hook.url_variables.len() > 20 || hook.url_variables.iter().any(|(name, value)| bad(name, value)) {
        return Err(Wrong::Variables);
    }
    let bad = |name: &str, value: &String| !word(name) || !(1..=2048).contains(&value.len());
    if hook.custom_headers.len() > 20 || hook.custom_headers.iter().any(|(name, value)| bad(name, value)) {
        return Err(Wrong::Headers);
    }
    if hook.token.as_ref().is_some_and(|token| token.contains('\n')) {
        return Err(Wrong::Field("token"));
    }
    if hook.signing_token.as_ref().is_some_and(|token| !signs(token)) {
        return Err(Wrong::Field("signing_token"));
    }
    for (name, most) in [("name", 255), ("description", 2048)] {
        let text = hook.settings.get(name).and_then(Value::as_str).unwrap_or_default();
        if text.chars().count() > most {
            return Err(Wrong::Field(name));
        }
    }
    Ok(())
}

/// What is wrong with a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Url,
    Variables,
    Headers,
    Field(&'static str),
}

fn word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// `whsec_` and 32 bytes in base64.
fn signs(token: &str) -> bool {
    let Some(text) = token.strip_prefix("whsec_") else { return false };
    let digits = text.trim_end_matches('=');
    text.len() == 44 && digits.len() == 43 && digits.chars().all(|c| c.is_ascii_alphanumeric() || "+/".contains(c))
}
