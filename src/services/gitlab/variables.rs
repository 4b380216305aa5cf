//! CI/CD variables of a project, a group or the instance, as destinations and shelves both need them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitLab;
use super::wire::{Route, meaning, segment};
use crate::destination::Reader;
use crate::http::{Answer, Retry};
use crate::token::{TokenValue, ValueShape};

/// The most characters that a value may have. <https://docs.gitlab.com/ci/variables/>
pub(super) const LARGEST: usize = 10_000;

/// A variable as GitLab describes it. No `Debug`: it holds a value.
#[derive(Clone, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "GitLab's form")]
pub(super) struct VariableJson {
    /// Null when it is hidden.
    pub(super) value: Option<String>,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) masked: bool,
    #[serde(default)]
    pub(super) hidden: bool,
    #[serde(default)]
    pub(super) protected: bool,
    #[serde(default)]
    pub(super) raw: bool,
    #[serde(default = "everywhere")]
    pub(super) environment_scope: String,
}

fn everywhere() -> String {
    "*".to_owned()
}

impl VariableJson {
    /// Whether it takes a value of this shape, by GitLab's own rule for masked variables.
    ///
    /// Masked values have at least eight characters on one line; unless the variable is raw, of a small alphabet.
    /// <https://docs.gitlab.com/ci/variables/#mask-a-cicd-variable>
    pub(super) fn takes(&self, shape: &ValueShape) -> Result<(), String> {
        let ValueShape { shortest, longest, marks } = shape;
        if *longest > LARGEST {
            return Err(format!("values have at most {LARGEST} characters, this one up to {longest}"));
        }
        if !self.masked {
            return Ok(());
        }
        if *shortest < 8 {
            return Err(format!("masked variables take at least 8 characters, this one may have {shortest}"));
        }
        let refused: String = if self.raw {
            marks.chars().filter(|mark| mark.is_whitespace()).collect()
        } else {
            marks.chars().filter(|mark| !"_+=/@:.~-".contains(*mark)).collect()
        };
        if refused.is_empty() {
            return Ok(());
        }
        Err(format!(
            "masked variables take [a-zA-Z0-9_+=/@:.~-] and this value may have {refused:?}; let the variable not expand \
             references (raw), then it takes them"
        ))
    }
}

/// What a variable that does not exist yet is created with.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    /// Masked in job logs; true by default.
    masked: Option<bool>,
    /// Masked, and never shown again.
    #[serde(default)]
    hidden: bool,
    /// Only for protected branches and tags; true by default.
    protected: Option<bool>,
    /// Not expanded; true by default.
    raw: Option<bool>,
    /// Given to jobs as a file.
    #[serde(default)]
    file: bool,
    /// What it is for.
    description: Option<String>,
}

impl Create {
    /// The variable that it makes.
    pub(super) fn variable(&self, scope: &str) -> VariableJson {
        VariableJson {
            value: None,
            description: self.description.clone(),
            masked: self.masked.unwrap_or(true) || self.hidden,
            hidden: self.hidden,
            protected: self.protected.unwrap_or(true),
            raw: self.raw.unwrap_or(true),
            environment_scope: scope.to_owned(),
        }
    }
}

/// A variable's place: where it hangs, its key, and its scope if the config names one.
#[derive(Clone)]
pub(super) struct Place {
    gitlab: Arc<GitLab>,
    base: String,
    pub(super) key: String,
    pub(super) scope: Option<String>,
    instance: bool,
    /// What it hangs at, for people.
    owner: String,
    /// For people.
    pub(super) name: String,
    /// For people, without the host and the key: `project acme/app`.
    pub(super) level: String,
}

/// Which of the three levels a variable hangs at; exactly one is named.
pub(super) struct Level<'a> {
    pub(super) project: Option<&'a str>,
    pub(super) group: Option<&'a str>,
    pub(super) instance: bool,
}

impl Place {
    pub(super) fn new(gitlab: Arc<GitLab>, level: &Level<'_>, key: &str, scope: Option<&str>) -> anyhow::Result<Self> {
        let (base, owner, level, instance) = match (level.project, level.group, level.instance) {
            (Some(project), None, false) => {
                let (base, name) = gitlab.place("projects", project);
                (format!("{base}/variables"), name.clone(), format!("project {name}"), false)
            }
            (None, Some(group), false) => {
                let (base, name) = gitlab.place("groups", group);
                let level = format!("group {name}");
                (format!("{base}/variables"), level.clone(), level, false)
            }
            (None, None, true) => ("admin/ci/variables".to_owned(), "instance".to_owned(), "instance".to_owned(), true),
            _ => anyhow::bail!("a variable hangs at exactly one of `project`, `group` and `instance: true`"),
        };
        anyhow::ensure!(
            !key.is_empty() && key.len() <= 255 && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
            "a variable's key has letters, digits and `_`"
        );
        anyhow::ensure!(!(instance && scope.is_some()), "variables of the instance have no environment scope");
        let scoped = scope.filter(|scope| *scope != "*").map(|scope| format!(" ({scope})")).unwrap_or_default();
        let name = format!("{} {} variable {key}{scoped}", gitlab.host, owner);
        let scope = scope.map(str::to_owned);
        Ok(Self { gitlab, base, key: key.to_owned(), scope, instance, owner, name, level })
    }

    fn path(&self) -> String {
        format!("{}/{}", self.base, segment(&self.key))
    }

    /// Names the scope, so that GitLab never chooses one: a group's PUT without it changes any of them and succeeds.
    fn scoped(&self, route: Route, scope: Option<&str>) -> Route {
        match scope.filter(|_| !self.instance) {
            Some(scope) => route.query("filter[environment_scope]", scope),
            None => route,
        }
    }

    /// Reads the variable; `None` when there is none. Several of one key are refused unless the config names a scope.
    pub(super) async fn get(&self) -> anyhow::Result<Option<VariableJson>> {
        let route = self.scoped(Route::get(self.path()), self.scope.as_deref());
        let answer = self.gitlab.call(&route, Retry::Read).await?;
        match answer.status.as_u16() {
            200 => {
                let found: VariableJson = answer.json()?;
                let named = self.scope.as_ref().is_none_or(|scope| *scope == found.environment_scope);
                anyhow::ensure!(named, "{}: GitLab shows the one of scope {}", self.name, found.environment_scope);
                Ok(Some(found))
            }
            404 if Self::is_only_the_variable(&answer) => Ok(None),
            404 => anyhow::bail!("{}: its place does not exist, or the login may not see it", self.name),
            409 => {
                anyhow::bail!("{} exists in several environment scopes: name one with `environment_scope`", self.name)
            }
            _ => Err(answer.refused(&meaning(&answer)).into()),
        }
    }

    /// GitLab says which of the two is not there. <https://docs.gitlab.com/api/project_level_variables/>
    fn is_only_the_variable(answer: &Answer) -> bool {
        answer.word("/message").is_some_and(|message| message.contains("Variable"))
    }

    /// Writes some fields of the variable of that scope, and leaves the others as they are.
    pub(super) async fn put(&self, scope: &str, mut fields: Value) -> anyhow::Result<Answer> {
        if let (Some(fields), false) = (fields.as_object_mut(), self.instance) {
            fields.insert("filter".to_owned(), json!({ "environment_scope": scope }));
        }
        Ok(self.gitlab.call(&Route::put(self.path(), fields), Retry::Put).await?)
    }

    /// Creates the variable. That it is there already is an answer of its own: 400.
    pub(super) async fn post(&self, value: &str, create: &Create, retry: Retry) -> anyhow::Result<Answer> {
        let scope = self.scope.as_deref().unwrap_or("*");
        let made = create.variable(scope);
        let mut body = json!({
            "key": self.key, "value": value, "protected": made.protected, "raw": made.raw,
            "variable_type": if create.file { "file" } else { "env_var" },
        });
        if let Some(body) = body.as_object_mut() {
            if made.hidden {
                body.insert("masked_and_hidden".to_owned(), json!(true));
            } else {
                body.insert("masked".to_owned(), json!(made.masked));
            }
            if !self.instance {
                body.insert("environment_scope".to_owned(), json!(scope));
            }
            if let Some(description) = made.description {
                body.insert("description".to_owned(), json!(description));
            }
        }
        Ok(self.gitlab.call(&Route::post(self.base.clone(), body), retry).await?)
    }

    /// Deletes the variable.
    pub(super) async fn delete(&self) -> anyhow::Result<()> {
        let route = self.scoped(Route::delete(self.path()), Some(self.scope.as_deref().unwrap_or("*")));
        let answer = self.gitlab.call(&route, Retry::Put).await?;
        anyhow::ensure!(answer.ok() || answer.status.as_u16() == 404, answer.refused(&meaning(&answer)));
        Ok(())
    }

    /// The project that it hangs at: its path below the API, and its name.
    pub(super) fn project(&self) -> Option<(&str, &str)> {
        let path = self.base.strip_suffix("/variables").filter(|path| path.starts_with("projects/"))?;
        Some((path, &self.owner))
    }

    /// The jobs of its project that run now.
    pub(super) async fn readers(&self) -> anyhow::Result<Vec<Reader>> {
        match self.project() {
            Some((path, name)) => self.gitlab.running_jobs(path, name).await,
            None => Ok(Vec::new()),
        }
    }

    /// A place beside this one.
    pub(super) fn beside(&self, suffix: &str) -> Self {
        let key = format!("{}_{suffix}", self.key);
        Self { name: self.name.replace(&self.key, &key), key, ..self.clone() }
    }
}

/// A value as it was read from a variable.
pub(super) fn value(text: &str) -> Option<TokenValue> {
    TokenValue::of_lines(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(raw: bool) -> VariableJson {
        VariableJson { raw, ..Create { masked: Some(true), raw: Some(raw), ..Create::default() }.variable("*") }
    }

    fn shape(value: &str) -> ValueShape {
        TokenValue::new(value).unwrap().shape()
    }

    #[test]
    fn a_masked_variable_takes_what_gitlab_s_own_tokens_are_made_of() {
        assert_eq!(masked(false).takes(&GitLab::shape()), Ok(()));
        assert_eq!(masked(false).takes(&shape("aA0_+=/@:.~-")), Ok(()));
    }

    #[test]
    fn a_masked_variable_refuses_short_values_and_foreign_marks() {
        assert!(masked(false).takes(&shape("short")).unwrap_err().contains("at least 8"));
        assert!(masked(false).takes(&shape("with$dollar")).unwrap_err().contains('$'));
        assert_eq!(masked(true).takes(&shape("with$dollar")), Ok(()));
        assert!(masked(true).takes(&shape("with space")).is_err());
    }

    #[test]
    fn no_variable_takes_more_than_ten_thousand_characters() {
        let plain = VariableJson { masked: false, ..masked(false) };
        assert!(plain.takes(&shape(&"x".repeat(10_001))).is_err());
        assert_eq!(plain.takes(&shape("x")), Ok(()));
    }
}
