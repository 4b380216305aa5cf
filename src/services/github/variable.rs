//! One variable of Actions, as the destination and the ledger both need it. There is no upsert: POST makes one, PATCH
//! changes it.

use std::sync::Arc;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::place::{Level, Place, key};
use crate::http::{Answer, Retry};

/// The most bytes that a variable holds.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables#limits-for-configuration-variables>
pub(super) const LARGEST: usize = 48 * 1024;

/// A variable as GitHub shows it. No `Debug`: it holds a value.
#[derive(Clone, Deserialize)]
pub(super) struct VariableJson {
    pub(super) value: String,
    pub(super) visibility: Option<String>,
}

/// A variable of a place, by its name; it need not exist.
pub(super) struct Variable {
    pub(super) place: Arc<Place>,
    pub(super) key: String,
}

/// The permission that writes it; for variables of an environment it is that for environments.
/// <https://docs.github.com/en/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens>
pub(super) const fn permission(level: Level) -> &'static str {
    match level {
        Level::Repository => "actions_variables",
        Level::Environment => "environments",
        Level::Organization => "organization_actions_variables",
    }
}

impl Variable {
    pub(super) fn new(place: Place, name: &str) -> anyhow::Result<Self> {
        Ok(Self { place: Arc::new(place), key: key(name)? })
    }

    /// The one beside it whose name goes on like this.
    pub(super) fn beside(&self, suffix: &str) -> Self {
        Self { place: Arc::clone(&self.place), key: format!("{}_{suffix}", self.key) }
    }

    /// For people.
    pub(super) fn name(&self) -> String {
        format!("{} variable {}", self.place.name, self.key)
    }

    /// Where the variables are, below the place.
    fn all(&self) -> &'static str {
        if self.place.level == Level::Environment { "variables" } else { "actions/variables" }
    }

    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.all(), self.key)
    }

    /// Reads it. That there is none is told apart from a place that cannot be seen by asking for the whole list.
    pub(super) async fn get(&self) -> anyhow::Result<Option<VariableJson>> {
        let answer = self.place.call(Method::GET, &self.path(), None, Retry::Read).await?;
        match answer.status.as_u16() {
            200 => Ok(Some(answer.json()?)),
            404 => {
                let list = format!("{}?per_page=1", self.all());
                let answer = self.place.call(Method::GET, &list, None, Retry::Read).await?;
                anyhow::ensure!(answer.ok(), self.place.refused(&answer));
                Ok(None)
            }
            _ => Err(self.place.refused(&answer).into()),
        }
    }

    /// Changes some of its fields. That there is none is an answer of its own: 404.
    pub(super) async fn patch(&self, fields: Value) -> anyhow::Result<Answer> {
        self.place.call(Method::PATCH, &self.path(), Some(fields), Retry::Put).await
    }

    /// Makes it. That it is there already is an answer of its own: 409. It may be sent again: it makes one, or none.
    pub(super) async fn post(&self, value: &str, visibility: Option<&str>) -> anyhow::Result<Answer> {
        let mut body = json!({ "name": self.key, "value": value });
        if let (Some(body), Some(visibility)) = (body.as_object_mut(), visibility) {
            body.insert("visibility".to_owned(), json!(visibility));
        }
        self.place.call(Method::POST, self.all(), Some(body), Retry::Put).await
    }

    /// Deletes it. That there is none is well.
    pub(super) async fn delete(&self) -> anyhow::Result<()> {
        let answer = self.place.call(Method::DELETE, &self.path(), None, Retry::Put).await?;
        anyhow::ensure!(answer.ok() || answer.status.as_u16() == 404, self.place.refused(&answer));
        Ok(())
    }
}
