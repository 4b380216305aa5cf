//! Places at GitHub: secrets in each store, variables and webhooks, of repositories, environments and organisations.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::github::{GitHub, Store};

use super::bench::Ground;
use super::places::{BEFORE, Place, Spot};

/// Everything that a login could need to write there.
pub(crate) const RIGHTS: &[(&str, &str)] = &[
    ("secrets", "write"),
    ("environments", "write"),
    ("actions_variables", "write"),
    ("dependabot_secrets", "write"),
    ("codespaces_secrets", "write"),
    ("repository_hooks", "write"),
    ("organization_secrets", "write"),
    ("organization_dependabot_secrets", "write"),
    ("organization_codespaces_secrets", "write"),
    ("organization_actions_variables", "write"),
    ("organization_hooks", "write"),
];

/// A secret or a variable, by its place.
struct Kept {
    store: Option<Store>,
    place: &'static str,
}

impl Spot for Kept {
    fn value(&self, sandbox: &Sandbox) -> Option<String> {
        sandbox.github(|github| match self.store {
            Some(store) => github.secret(store, self.place, "TOKEN").map(|secret| secret.value),
            None => github.variable(self.place, "TOKEN").map(|variable| variable.value),
        })
    }

    fn attributes(&self, sandbox: &Sandbox) -> String {
        sandbox.github(|github| {
            let (made, seen_by) = if let Some(store) = self.store {
                let secret = github.secret(store, self.place, "TOKEN").unwrap();
                (secret.created_at, secret.visibility)
            } else {
                let variable = github.variable(self.place, "TOKEN").unwrap();
                (variable.created_at, variable.visibility)
            };
            format!("{made} {seen_by:?}")
        })
    }

    fn overwrite(&self, sandbox: &Sandbox, text: &str) {
        sandbox.advance(TimeDelta::minutes(1));
        let now = sandbox.now();
        sandbox.github(|github| match self.store {
            Some(store) => github.add_secret(store, self.place, "TOKEN", text, now),
            None => github.add_variable(self.place, "TOKEN", text, now),
        });
    }
}

/// A webhook, by its number.
struct Hooked(u64);

impl Spot for Hooked {
    fn value(&self, sandbox: &Sandbox) -> Option<String> {
        sandbox.github(|github| github.hook(self.0))?.secret
    }

    fn attributes(&self, sandbox: &Sandbox) -> String {
        let mut hook = sandbox.github(|github| github.hook(self.0)).unwrap();
        (hook.secret, hook.updated_at) = (None, hook.created_at);
        hook.deliveries.clear();
        format!("{hook:?}")
    }

    fn overwrite(&self, sandbox: &Sandbox, text: &str) {
        sandbox.advance(TimeDelta::minutes(1));
        let now = sandbox.now();
        sandbox.github(|github| {
            github.amend_hook(self.0, |hook| (hook.secret, hook.updated_at) = (Some(text.to_owned()), now));
        });
    }
}

/// A GitHub in which Ada may write everything, and her token.
pub(crate) fn grounds(seed: impl FnOnce(&mut GitHub, chrono::DateTime<chrono::Utc>)) -> (Ground, String) {
    let ground = Ground::new();
    let now = ground.sandbox.now();
    let login = ground.sandbox.github(|github| {
        github.add_member("acme", "ada");
        github.add_repository("acme/app");
        github.add_repository("acme/api");
        seed(github, now - TimeDelta::days(9));
        github.add_fine_grained_token("ada", "acme", RIGHTS, Some(now + TimeDelta::days(90)))
    });
    (ground, login)
}

fn kept(kind: &'static str, form: &'static str, store: Option<Store>, place: &'static str, selected: bool) -> Place {
    let bench = grounds(|github, then| {
        match store {
            Some(store) => github.add_secret(store, place, "TOKEN", BEFORE, then),
            None => github.add_variable(place, "TOKEN", BEFORE, then),
        }
        if selected {
            let shown = ["acme/app", "acme/api"];
            match store {
                Some(store) => github.show_secret_to(store, "acme", "TOKEN", "selected", &shown),
                None => github.show_variable_to("acme", "TOKEN", "selected", &shown),
            }
        }
    });
    Place::elsewhere(
        (kind, form),
        bench,
        keys(place, &[("name", json!("token"))]),
        false,
        Box::new(Kept { store, place }),
    )
}

fn hooked(form: &'static str, place: &'static str, confirm: bool) -> Place {
    let mut id = 0;
    let bench = grounds(|github, then| id = github.add_hook(place, "https://receiver.example/hook", BEFORE, then));
    let mut more = vec![("id", json!(id))];
    if confirm {
        more.push(("confirm", json!("delivery")));
    }
    Place::elsewhere(("github/webhook", form), bench, keys(place, &more), false, Box::new(Hooked(id)))
}

/// The keys of a place such as `repos/acme/app/production` or `orgs/acme`.
fn keys(place: &str, more: &[(&str, Value)]) -> Value {
    let parts: Vec<&str> = place.splitn(4, '/').collect();
    let mut keys = match parts.as_slice() {
        ["orgs", login] => json!({ "organization": login }),
        ["repos", owner, name] => json!({ "repository": format!("{owner}/{name}") }),
        ["repos", owner, name, environment] => {
            json!({ "repository": format!("{owner}/{name}"), "environment": environment })
        }
        _ => panic!("{place}"),
    };
    for (name, value) in more {
        keys[*name] = value.clone();
    }
    keys
}

/// Every form.
pub(crate) fn all() -> Vec<Place> {
    let (app, odd, acme) = ("repos/acme/app", "repos/acme/app/prod/eu", "orgs/acme");
    let (actions, variable) = ("github/actions-secret", "github/actions-variable");
    let (dependabot, codespaces) = ("github/dependabot-secret", "github/codespaces-secret");
    vec![
        kept(actions, "of a repository", Some(Store::Actions), app, false),
        kept(actions, "of an environment with a slash", Some(Store::Actions), odd, false),
        kept(actions, "of an organisation, for some", Some(Store::Actions), acme, true),
        kept(variable, "of a repository", None, app, false),
        kept(variable, "of an environment with a slash", None, odd, false),
        kept(variable, "of an organisation, for some", None, acme, true),
        kept(dependabot, "of a repository", Some(Store::Dependabot), app, false),
        kept(dependabot, "of an organisation, for some", Some(Store::Dependabot), acme, true),
        kept(codespaces, "of a repository", Some(Store::Codespaces), app, false),
        kept(codespaces, "of an organisation", Some(Store::Codespaces), acme, false),
        hooked("of a repository", app, false),
        hooked("of an organisation, with a ping", acme, true),
    ]
}
