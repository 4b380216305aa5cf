//! `gitlab/webhook` in each of its forms.

use serde_json::{Map, Value, json};
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::gitlab::{GitLab, Hook};

use super::bench::Ground;
use super::places::{BEFORE, Place, Spot};

const URL: &str = "https://hooks.example.com/in";

/// Where in the webhook the value stands.
#[derive(Clone, Copy)]
enum At {
    Token,
    Header,
    Variable,
    Parameter,
}

/// The newest of the webhooks of a place: where it is made anew, the older one goes with the clearing up.
struct InHook {
    place: &'static str,
    at: At,
}

impl InHook {
    fn hook(&self, sandbox: &Sandbox) -> Option<Hook> {
        sandbox.gitlab(|gitlab| gitlab.hooks_of(self.place)).pop()
    }

    /// The slot of the value, in a webhook.
    fn slot<'a>(&self, hook: &'a mut Hook) -> Option<&'a mut String> {
        match self.at {
            At::Token => hook.token.as_mut(),
            At::Header => hook.custom_headers.get_mut("X-Key"),
            At::Variable => hook.url_variables.get_mut("tok"),
            At::Parameter => Some(&mut hook.url),
        }
    }
}

impl Spot for InHook {
    fn value(&self, sandbox: &Sandbox) -> Option<String> {
        let mut hook = self.hook(sandbox)?;
        let held = self.slot(&mut hook)?.clone();
        let in_address = held.split_once("token=").map(|(_, rest)| rest.split('&').next().unwrap().to_owned());
        if matches!(self.at, At::Parameter) { in_address } else { Some(held) }
    }

    fn attributes(&self, sandbox: &Sandbox) -> String {
        let value = self.value(sandbox).unwrap_or_default();
        let Some(mut hook) = self.hook(sandbox) else { return "none".to_owned() };
        if let Some(held) = self.slot(&mut hook) {
            *held = held.replace(&value, "");
        }
        // A mark stands there until the older one is gone.
        if let Some(Value::String(text)) = hook.settings.get_mut("description") {
            let end = text.find(" [tokenwheel ").unwrap_or(text.len());
            text.truncate(end);
        }
        format!("{:?}", Hook { id: 0, ..hook })
    }

    fn overwrite(&self, sandbox: &Sandbox, text: &str) {
        let Some(mut hook) = self.hook(sandbox) else { return };
        let (id, value) = (hook.id, self.value(sandbox).unwrap_or_default());
        let held = self.slot(&mut hook).map(|held| held.replace(&value, text)).unwrap_or_default();
        sandbox.gitlab(|gitlab| gitlab.amend_hook(id, |hook| *self.slot(hook).unwrap() = held));
    }
}

/// A webhook with every setting off its default, at an address with this query.
fn odd(query: &str) -> Hook {
    let settings = json!({
        "name": "Zendesk", "description": "for the support desk", "push_events": false, "issues_events": true,
        "branch_filter_strategy": "regex", "push_events_branch_filter": "^main$", "enable_ssl_verification": false,
        "custom_webhook_template": "{\"event\":\"{{object_kind}}\"}",
    });
    let settings: Map<String, Value> = serde_json::from_value(settings).unwrap();
    Hook { settings, ..GitLab::plain_hook(&format!("{URL}{query}")) }
}

fn with(name: &str, value: &str) -> std::collections::BTreeMap<String, String> {
    [(name.to_owned(), value.to_owned())].into_iter().collect()
}

fn place(form: &'static str, place: &'static str, hook: &Hook, part: &Value, at: At) -> Place {
    let ground = Ground::new();
    let login = ground.login();
    ground.sandbox.gitlab(|gitlab| gitlab.add_hook(place, hook));
    let mut keys = json!({ "url": URL, "part": part, "secrets": {} });
    // The bench reads `env:OLD_TOKEN` as `old_token`.
    if hook.token.as_deref() == Some("old_token") {
        keys["secrets"]["token"] = json!("env:OLD_TOKEN");
    }
    for name in hook.custom_headers.keys().filter(|name| *name != "X-Key") {
        keys["secrets"]["custom_headers"] = json!({ name: "env:OLD_HEADER" });
    }
    let (kind, path) = place.split_once('/').unwrap();
    keys[kind.trim_end_matches('s')] = json!(path);
    let hidden = !matches!(at, At::Parameter);
    Place::elsewhere(("gitlab/webhook", form), (ground, login), keys, hidden, Box::new(InHook { place, at }))
}

/// Every form.
pub(crate) fn all() -> Vec<Place> {
    let token = Hook { token: Some(BEFORE.to_owned()), ..odd("?a=b") };
    let header = Hook { custom_headers: with("X-Key", BEFORE), ..token.clone() };
    let masked = Hook {
        url_variables: with("tok", BEFORE),
        token: Some("old_token".to_owned()),
        custom_headers: with("X-Team", "old_header"),
        ..odd("?a=b&token={tok}")
    };
    let unused = Hook { url: format!("{URL}?a=b"), ..masked.clone() };
    let clear = Hook { token: Some("old_token".to_owned()), ..odd(&format!("?token={BEFORE}&a=b")) };
    let (app, acme) = ("projects/acme/app", "groups/acme");
    vec![
        place("token", app, &token, &json!("token"), At::Token),
        place("token, of a group", acme, &token, &json!("token"), At::Token),
        place("custom header", app, &header, &json!({ "custom_header": "X-Key" }), At::Header),
        place("variable that is not used", app, &unused, &json!({ "url_variable": "tok" }), At::Variable),
        place("variable that is used", acme, &masked, &json!({ "url_variable": "tok" }), At::Variable),
        place("masked parameter", app, &masked, &json!({ "url_parameter": "token" }), At::Variable),
        place("parameter in clear", acme, &clear, &json!({ "url_parameter": "token" }), At::Parameter),
    ]
}
