//! `github/actions-variable`: a variable of a repository, an environment or an organisation, for its workflows. It is
//! plain text: whoever may read the repository's settings, and every job, may read it.

use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::GitHub;
use super::create::{Create, Visibility};
use super::place::{Named, Place};
use super::variable::{LARGEST, Variable, VariableJson, permission};
use crate::connection::own;
use crate::destination::{
    Address, Ask, Assurance, Depth, Destination, DestinationKind, Given, Holding, Reader, Receipt, Site,
};
use crate::http::Answer;
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "github/actions-variable",
    about: "An Actions variable of a repository, an environment or an organisation: plain text, which every job may read",
    confirms: "read back",
    needs: "permission `actions_variables: write` for a repository, `environments: write` for an environment, \
            `organization_actions_variables: write` for an organisation (classic scopes `repo`, `repo`, \
            `admin:org`); `actions: read` besides for `wait_for_jobs`",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The repository that it is of, such as `acme/app`. Jobs have what it held when their run was queued: a token that
    /// overlaps serves those that wait.
    repository: Option<String>,
    /// The environment of the repository that it is of. Jobs have what it held when they started.
    environment: Option<String>,
    /// The organisation that it is of; whom it is shown to is kept as it is.
    organization: Option<String>,
    /// Its name.
    name: String,
    /// Create it with this where it does not exist.
    create: Option<Create>,
}

/// A variable as it was seen, and whom it is shown to.
#[derive(Clone)]
struct Seen {
    variable: VariableJson,
    selected: Option<Vec<u64>>,
}

struct ActionsVariable {
    at: Variable,
    create: Option<Create>,
    address: Address,
    /// What was seen of it in this run.
    seen: OnceCell<Option<Seen>>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let config: Config = serde_json::from_value(keys)?;
    let named = Named {
        repository: config.repository.as_deref(),
        environment: config.environment.as_deref(),
        organization: config.organization.as_deref(),
    };
    let place = Place::new(own::<GitHub>(site.connection()?)?, &named)?;
    let at = Variable::new(place, &config.name)?;
    if let Some(create) = &config.create {
        create.fits(at.place.level)?;
    }
    at.place.needs(permission(at.place.level), true)?;
    let address = Address::new(at.name());
    Ok(Box::new(ActionsVariable { at, create: config.create, address, seen: OnceCell::new() }))
}

impl ActionsVariable {
    /// Looks, once a run.
    async fn look(&self) -> anyhow::Result<Option<Seen>> {
        self.seen.get_or_try_init(|| self.read()).await.cloned()
    }

    /// Reads it, and whom it is shown to.
    async fn read(&self) -> anyhow::Result<Option<Seen>> {
        let Some(variable) = self.at.get().await? else { return Ok(None) };
        let selected = match variable.visibility.as_deref() {
            Some("selected") => Some(self.at.place.selected(&self.at.path()).await?),
            _ => None,
        };
        Ok(Some(Seen { variable, selected }))
    }

    fn missing(&self) -> anyhow::Error {
        anyhow::anyhow!("{} does not exist: create it by hand once, or say `create:`", self.address)
    }

    /// Changes one field. An organisation's says each time whom it is shown to, for what leaving that out does is not
    /// documented. <https://docs.github.com/en/rest/actions/variables#update-an-organization-variable>
    async fn patch(&self, field: &str, text: &str, before: &Seen) -> anyhow::Result<Answer> {
        let mut body = json!({ field: text });
        if let (Some(body), Some(visibility)) = (body.as_object_mut(), &before.variable.visibility) {
            body.insert("visibility".to_owned(), json!(visibility));
            if let Some(selected) = &before.selected {
                body.insert("selected_repository_ids".to_owned(), json!(selected));
            }
        }
        self.at.patch(body).await
    }

    /// Makes it. That it is there already is an answer of its own: 409.
    async fn post(&self, value: &TokenValue, create: &Create) -> anyhow::Result<Answer> {
        self.at.post(value.expose(), create.visibility.map(Visibility::word)).await
    }
}

#[async_trait]
impl Destination for ActionsVariable {
    fn address(&self) -> &Address {
        &self.address
    }

    async fn rehearse(&self, ask: &Ask<'_>) -> anyhow::Result<()> {
        let found = self.look().await?;
        let longest = ask.shape.map_or(0, |shape| shape.longest);
        anyhow::ensure!(
            longest <= LARGEST,
            "{} would refuse the value: variables have at most {LARGEST} bytes, this one up to {longest}",
            self.address
        );
        match found {
            None => anyhow::ensure!(self.create.is_some(), self.missing()),
            // Its name as it is: a write that changes nothing and holds no value.
            Some(seen) if ask.depth == Depth::Try => {
                let answer = self.patch("name", &self.at.key, &seen).await?;
                anyhow::ensure!(answer.ok(), "{} cannot be written: {}", self.address, self.at.place.refused(&answer));
            }
            Some(_) => {}
        }
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let answer = match (self.look().await?, &self.create) {
            (Some(seen), _) => self.patch("value", value.expose(), &seen).await?,
            (None, Some(create)) => {
                let made = self.post(value, create).await?;
                // It was made meanwhile, or our own first try was answered by nobody: then there is one to write to.
                if made.status.as_u16() == 409 {
                    let seen = self.read().await?.ok_or_else(|| self.missing())?;
                    self.patch("value", value.expose(), &seen).await?
                } else {
                    made
                }
            }
            (None, None) => return Err(self.missing()),
        };
        anyhow::ensure!(answer.ok(), "{} refused the value: {}", self.address, self.at.place.refused(&answer));
        Ok(Receipt::default())
    }

    async fn confirm(&self, value: &TokenValue, _receipt: &Receipt) -> anyhow::Result<Assurance> {
        let found = self.read().await?.ok_or_else(|| self.missing())?;
        let held = TokenValue::of_lines(&found.variable.value);
        anyhow::ensure!(
            held.is_ok_and(|held| held.same_as(value)),
            "{} holds another value than was just written",
            self.address
        );
        if let Some(before) = self.look().await? {
            anyhow::ensure!(
                before.variable.visibility == found.variable.visibility && before.selected == found.selected,
                "{} is shown to other repositories than before the write",
                self.address
            );
        }
        Ok(Assurance::ReadBack)
    }

    async fn holds(&self, _last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let Some(found) = self.look().await? else { return Ok(Holding::Nothing) };
        Ok(TokenValue::of_lines(&found.variable.value).map_or(Holding::Nothing, Holding::Lent))
    }

    fn gives(&self) -> Option<Given> {
        Some(Given { name: format!("variable {}", self.at.key), by: self.at.place.giver(), protected: false })
    }

    fn knows_readers(&self) -> anyhow::Result<bool> {
        self.at.place.knows_readers()
    }

    async fn readers(&self) -> anyhow::Result<Vec<Reader>> {
        self.at.place.readers().await
    }

    fn exposure(&self) -> Option<String> {
        Some(format!("{} is plain text, which every job and every member can read", self.address))
    }
}
