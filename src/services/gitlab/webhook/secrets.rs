//! The secrets of a webhook beside the one that is turned. GitLab never shows them, so whoever makes it anew must have
//! them from elsewhere.

use std::collections::BTreeMap;

use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::desk::{Desk, Slot};
use super::hook::Hook;
use crate::connection::Means;
use crate::text;

/// Where the other secrets of the webhook are.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Secrets {
    /// Where its token is: `env:NAME` or `file:PATH`.
    #[schemars(extend("format" = "source"))]
    token: Option<String>,
    /// Where its signing token is.
    #[schemars(extend("format" = "source"))]
    signing_token: Option<String>,
    /// Where the values of its URL variables are, by name.
    url_variables: BTreeMap<String, Source>,
    /// Where the values of its custom headers are, by name.
    custom_headers: BTreeMap<String, Source>,
    /// That it has no token; to be said only where GitLab does not tell, as before 19.0.
    without_token: bool,
}

/// Where a secret is: `env:NAME` or `file:PATH`.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("format" = "source"))]
struct Source(String);

/// One secret that is needed, and where it is.
struct Needed<'a> {
    what: String,
    source: Option<&'a str>,
    slot: Slot,
}

impl Secrets {
    /// Every secret that the webhook holds besides the variable that is turned.
    fn needed<'a>(&'a self, hook: &Hook, but: Option<&str>) -> Vec<Needed<'a>> {
        let mut needed = Vec::new();
        // Where GitLab does not say whether there is a token, there may be one.
        if hook.flag("token_present").unwrap_or(!self.without_token) {
            let source = self.token.as_deref();
            needed.push(Needed { what: "its token".to_owned(), source, slot: Slot("token", String::new()) });
        }
        // A GitLab that does not say so has no signing tokens either: both came with 19.0.
        if hook.flag("signing_token_present").unwrap_or(false) {
            let source = self.signing_token.as_deref();
            let what = "its signing token".to_owned();
            needed.push(Needed { what, source, slot: Slot("signing_token", String::new()) });
        }
        let lists = [
            ("url_variables", "URL variable", &self.url_variables),
            ("custom_headers", "custom header", &self.custom_headers),
        ];
        for (list, word, sources) in lists {
            let but = but.filter(|_| list == "url_variables");
            for name in hook.names(list).unwrap_or_default().into_iter().filter(|name| Some(*name) != but) {
                let source = sources.get(name).map(|source| source.0.as_str());
                let what = format!("its {word} `{}`", text::plain(name));
                needed.push(Needed { what, source, slot: Slot(list, name.to_owned()) });
            }
        }
        needed
    }

    /// What the config names, and the webhook does not have.
    fn strange(&self, hook: &Hook) -> Vec<String> {
        let mut strange = Vec::new();
        if self.token.is_some() && hook.flag("token_present") == Some(false) {
            strange.push("a token".to_owned());
        }
        if self.signing_token.is_some() && hook.flag("signing_token_present") != Some(true) {
            strange.push("a signing token".to_owned());
        }
        let lists = [
            ("url_variables", "URL variable", &self.url_variables),
            ("custom_headers", "custom header", &self.custom_headers),
        ];
        for (list, word, sources) in lists {
            let unknown = sources.keys().filter(|name| !hook.has(list, name));
            strange.extend(unknown.map(|name| format!("the {word} `{name}`")));
        }
        strange
    }

    /// Reads all that is needed, into the fields of a request. Says what the config does not provide.
    pub(super) fn fields(
        &self,
        means: &Means,
        desk: &Desk,
        hook: &Hook,
        but: Option<&str>,
    ) -> anyhow::Result<Map<String, Value>> {
        let strange = self.strange(hook);
        anyhow::ensure!(strange.is_empty(), "`secrets` names {}, which it does not have", text::list(&strange));
        let needed = self.needed(hook, but);
        let lacking: Vec<String> =
            needed.iter().filter(|one| one.source.is_none()).map(|one| one.what.clone()).collect();
        let hint = if hook.knows("token_present") || !lacking.iter().any(|what| what == "its token") {
            ""
        } else {
            "; if it has no token, which this GitLab does not tell, say `without_token: true` there"
        };
        anyhow::ensure!(
            lacking.is_empty(),
            "this part of it can only be changed with its other secrets at hand, and GitLab never shows them: name {} \
             under `secrets:`{hint}",
            text::list(&lacking)
        );
        let mut fields = Map::new();
        for Needed { what, source, slot } in needed {
            // What this run wrote there is newer than what the job was started with.
            let value = match desk.given(hook.id(), &slot) {
                Some(value) => value,
                None => (means.secret)(source.unwrap_or_default()).with_context(|| what)?,
            };
            match slot {
                Slot(field, name) if name.is_empty() => drop(fields.insert(field.to_owned(), json!(value.expose()))),
                Slot(list, name) => add(&mut fields, list, &name, value.expose()),
            }
        }
        Ok(fields)
    }
}

/// Adds a name and a value to one of the lists of a request.
pub(super) fn add(fields: &mut Map<String, Value>, list: &str, name: &str, value: &str) {
    if let Some(items) = fields.entry(list).or_insert_with(|| json!([])).as_array_mut() {
        items.push(json!({ "key": name, "value": value }));
    }
}
