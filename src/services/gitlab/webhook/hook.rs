//! A webhook as GitLab shows it: everything but its secrets.
//!
//! <https://docs.gitlab.com/api/project_webhooks/>, <https://docs.gitlab.com/api/group_webhooks/>

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::mark::Mark;

/// What another webhook of the same settings may show differently.
const ITS_OWN: &[&str] = &["id", "created_at", "alert_status", "disabled_until"];
/// What it shows and does not take, or takes in another form.
const NOT_TAKEN: &[&str] = &[
    "project_id",
    "group_id",
    "organization_id",
    "repository_update_events",
    "url_variables",
    "custom_headers",
    "token_present",
    "signing_token_present",
];

/// A webhook. No `Debug`: its address may hold a secret in clear.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Hook(Map<String, Value>);

impl Hook {
    pub(super) fn id(&self) -> u64 {
        self.0.get("id").and_then(Value::as_u64).unwrap_or_default()
    }

    pub(super) fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn url(&self) -> &str {
        self.text("url")
    }

    /// Whether GitLab knows this field at all.
    pub(super) fn knows(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// A yes or no, where GitLab says one.
    pub(super) fn flag(&self, field: &str) -> Option<bool> {
        self.0.get(field).and_then(Value::as_bool)
    }

    /// The names in a list of secrets. `None` for a GitLab that has no such list.
    pub(super) fn names(&self, list: &str) -> Option<Vec<&str>> {
        let items = self.0.get(list)?.as_array()?;
        Some(items.iter().filter_map(|item| item.get("key")?.as_str()).collect())
    }

    pub(super) fn has(&self, list: &str, name: &str) -> bool {
        self.names(list).is_some_and(|names| names.contains(&name))
    }

    /// The mark of one that takes another's place.
    pub(super) fn mark(&self) -> Option<Mark> {
        Mark::of(self.text("description"))
    }

    /// The description without a mark.
    pub(super) fn description(&self) -> String {
        self.mark().map_or_else(|| self.text("description").to_owned(), |mark| mark.before)
    }

    /// The first event that it listens to and that can be played.
    pub(super) fn event(&self) -> Option<&str> {
        let plays = |name: &str| name.ends_with("_events") && name != "repository_update_events";
        self.0.keys().map(String::as_str).find(|name| plays(name) && self.flag(name) == Some(true))
    }

    /// All its settings as GitLab takes them, without address, description and secrets. What is empty stays unsaid.
    pub(super) fn settings(&self) -> Map<String, Value> {
        let set = |(name, value): &(&String, &Value)| {
            let said = !value.is_null() && *value != &json!("");
            said && !ITS_OWN.contains(&name.as_str())
                && !NOT_TAKEN.contains(&name.as_str())
                && !["url", "description"].contains(&name.as_str())
        };
        self.0.iter().filter(set).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The same webhook with another address.
    pub(super) fn at(&self, url: &str) -> Self {
        let mut new = self.clone();
        new.0.insert("url".to_owned(), json!(url));
        new
    }

    /// The names of what differs in another one, marks and numbers aside.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut names: Vec<&String> = self.0.keys().chain(other.0.keys()).collect();
        names.sort();
        names.dedup();
        let differs = |name: &&String| match name.as_str() {
            own if ITS_OWN.contains(&own) => false,
            "description" => self.description() != other.description(),
            list @ ("url_variables" | "custom_headers") => sorted(self.names(list)) != sorted(other.names(list)),
            _ => plain(self.0.get(*name)) != plain(other.0.get(*name)),
        };
        names.into_iter().filter(differs).cloned().collect()
    }
}

fn sorted(names: Option<Vec<&str>>) -> Vec<&str> {
    let mut names = names.unwrap_or_default();
    names.sort_unstable();
    names
}

/// GitLab answers null, an empty text or false for what was never set, as the age of the row has it.
fn plain(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null() && *value != &json!("") && *value != &json!(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(value: Value) -> Hook {
        serde_json::from_value(value).unwrap()
    }

    fn one() -> Value {
        json!({
            "id": 41, "created_at": "2026-01-01T00:00:00Z", "url": "https://h/", "name": null, "description": "ours",
            "push_events": true, "issues_events": false, "push_events_branch_filter": "", "alert_status": "executable",
            "project_id": 7, "token_present": true, "custom_headers": [{ "key": "A" }, { "key": "B" }],
        })
    }

    fn but(name: &str, value: Value) -> Hook {
        let mut other = one();
        other[name] = value;
        hook(other)
    }

    #[test]
    fn its_settings_are_what_can_be_sent_again() {
        let settings = hook(one()).settings();
        assert_eq!(Value::Object(settings), json!({ "push_events": true, "issues_events": false }));
    }

    #[test]
    fn every_setting_that_differs_is_named() {
        let differences = |name: &str, value: Value| hook(one()).differences(&but(name, value));
        assert_eq!(differences("push_events", json!(false)), ["push_events"]);
        assert_eq!(differences("a_setting_of_tomorrow", json!("x")), ["a_setting_of_tomorrow"]);
        assert_eq!(differences("token_present", json!(false)), ["token_present"]);
        assert_eq!(differences("custom_headers", json!([{ "key": "A" }])), ["custom_headers"]);
        assert_eq!(differences("description", json!("theirs")), ["description"]);
        assert_eq!(differences("url", json!("https://h/x")), ["url"]);
    }

    #[test]
    fn its_number_its_age_a_mark_and_what_is_as_good_as_empty_are_no_difference() {
        let same = |name: &str, value: Value| assert!(hook(one()).differences(&but(name, value)).is_empty(), "{name}");
        same("id", json!(42));
        same("created_at", json!("2026-02-02T00:00:00Z"));
        same("alert_status", json!("disabled"));
        same("push_events_branch_filter", Value::Null);
        same("issues_events", Value::Null);
        same("custom_headers", json!([{ "key": "B" }, { "key": "A" }]));
        same("description", json!(Mark::new(41, "ab").after("ours")));
    }
}
