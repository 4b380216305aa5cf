//! Whose a secret, a variable or a webhook is: a repository's, an environment's or an organisation's.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::GitHub;
use super::wire::segment;
use crate::http::{Answer, Cause, HttpError, Retry};

/// The place as the config names it.
pub(super) struct Named<'a> {
    pub(super) repository: Option<&'a str>,
    pub(super) environment: Option<&'a str>,
    pub(super) organization: Option<&'a str>,
}

/// Which of the three it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Repository,
    Environment,
    Organization,
}

/// A place, at one GitHub.
pub(super) struct Place {
    pub(super) github: Arc<GitHub>,
    pub(super) level: Level,
    /// Its path below the API.
    pub(super) base: String,
    /// For people.
    pub(super) name: String,
    owner: String,
    repository: Option<String>,
}

impl Place {
    pub(super) fn new(github: Arc<GitHub>, named: &Named<'_>) -> anyhow::Result<Self> {
        let host = github.at.host.clone();
        match (named.repository, named.environment, named.organization) {
            (Some(path), environment, None) => {
                let (owner, repository) = owner_and_name(path)?;
                let mut base = format!("repos/{}/{}", segment(owner), segment(repository));
                let mut name = format!("{host} {}", path.to_lowercase());
                if let Some(environment) = environment {
                    base = format!("{base}/environments/{}", segment(environment));
                    name = format!("{name} environment {environment}");
                }
                let level = if environment.is_some() { Level::Environment } else { Level::Repository };
                let (owner, repository) = (owner.to_owned(), Some(repository.to_owned()));
                Ok(Self { github, level, base, name, owner, repository })
            }
            (None, None, Some(owner)) if is_name(owner) => Ok(Self {
                github,
                level: Level::Organization,
                base: format!("orgs/{}", segment(owner)),
                name: format!("{host} organisation {}", owner.to_lowercase()),
                owner: owner.to_owned(),
                repository: None,
            }),
            (None, None, Some(_)) => anyhow::bail!("`organization` is its login, such as acme"),
            (None, Some(_), _) => anyhow::bail!("`environment` needs `repository`"),
            _ => anyhow::bail!("exactly one of `repository` and `organization` is named"),
        }
    }

    /// Says that this permission is needed here.
    pub(super) fn needs(&self, permission: &'static str, write: bool) -> anyhow::Result<()> {
        self.github.need(&self.owner, self.repository.as_deref(), permission, write)
    }

    /// How a pipeline names it as a giver of secrets and variables.
    pub(super) fn giver(&self) -> String {
        let owner = self.owner.to_lowercase();
        let Some(repository) = &self.repository else { return format!("organisation {owner}") };
        let repository = format!("repository {owner}/{}", repository.to_lowercase());
        match self.name.split_once(" environment ") {
            Some((_, environment)) => format!("{repository} environment {environment}"),
            None => repository,
        }
    }

    /// The path of its repository below the API.
    pub(super) fn repository_path(&self) -> String {
        let repository = self.repository.as_deref().unwrap_or_default();
        format!("repos/{}/{}", segment(&self.owner), segment(repository))
    }

    /// Asks something here. A redirect is a repository that has another name now.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        retry: Retry,
    ) -> anyhow::Result<Answer> {
        let path = format!("{}/{path}", self.base);
        self.github.call(method, &path, body, retry).await.map_err(|error| self.moved(error))
    }

    fn moved(&self, error: HttpError) -> anyhow::Error {
        let redirected = matches!(error.cause, Cause::Redirected(_));
        let error = anyhow::Error::new(error);
        if redirected {
            return error.context(format!("{} was renamed or moved: name it as it is called now", self.name));
        }
        error
    }

    /// The numbers of the repositories that a secret or variable of an organisation is shown to.
    pub(super) async fn selected(&self, path: &str) -> anyhow::Result<Vec<u64>> {
        #[derive(Deserialize)]
        struct RepositoryJson {
            id: u64,
        }
        #[derive(Deserialize)]
        struct Selected {
            total_count: usize,
            repositories: Vec<RepositoryJson>,
        }
        let mut all = Vec::new();
        for page in 1..=1000 {
            let path = format!("{path}/repositories?per_page=100&page={page}");
            let answer = self.call(Method::GET, &path, None, Retry::Read).await?;
            anyhow::ensure!(answer.ok(), self.refused(&answer));
            let Selected { total_count, repositories } = answer.json()?;
            let last = repositories.is_empty();
            all.extend(repositories.into_iter().map(|repository| repository.id));
            if last || all.len() >= total_count {
                // Fewer than there are would be fewer after the next write.
                anyhow::ensure!(all.len() >= total_count, "{}: GitHub does not list whom it is shown to", self.name);
                break;
            }
        }
        all.sort_unstable();
        Ok(all)
    }

    /// An answer as an error.
    pub(super) fn refused(&self, answer: &Answer) -> HttpError {
        self.github.refused(answer)
    }
}

/// A time as GitHub prints it: the stamp of a thing that cannot be read.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Whether a write left its trace. GitHub counts whole seconds, so that a second write within one moves nothing: then the
/// trace that is there must be as young as the answer to the write.
pub(super) fn moved(before: Option<DateTime<Utc>>, after: DateTime<Utc>, answered: Option<i64>) -> bool {
    before != Some(after) || answered.is_some_and(|answered| answered - after.timestamp() <= 2)
}

/// The two halves of a repository's name.
pub(super) fn owner_and_name(path: &str) -> anyhow::Result<(&str, &str)> {
    let halves = path.split_once('/').filter(|(owner, name)| is_name(owner) && is_name(name));
    halves.ok_or_else(|| anyhow::anyhow!("`repository` is an owner and a name, such as acme/app"))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The name of a secret or variable as GitHub keeps it: in capitals.
/// <https://docs.github.com/en/actions/reference/security/secrets#naming-your-secrets>
pub(super) fn key(name: &str) -> anyhow::Result<String> {
    let name = name.to_uppercase();
    let odd = name.is_empty() || name.chars().any(|c| !c.is_ascii_alphanumeric() && c != '_');
    let first = name.starts_with("GITHUB_") || name.starts_with(|c: char| c.is_ascii_digit());
    anyhow::ensure!(!odd, "`name` has letters, digits and `_`");
    anyhow::ensure!(!first, "`name` begins neither with a digit nor with GITHUB_");
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_leaves_its_trace_also_within_a_second() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (noon, later) = (at("2026-05-04T12:00:00Z"), at("2026-05-04T13:00:00Z"));
        assert!(moved(None, noon, None) && moved(Some(noon), later, None));
        assert!(moved(Some(noon), noon, Some(noon.timestamp() + 1)));
        assert!(!moved(Some(noon), noon, Some(later.timestamp())) && !moved(Some(noon), noon, None));
    }

    #[test]
    fn a_name_is_kept_in_capitals_and_a_bad_one_is_refused() {
        assert_eq!(key("deploy_Token1").unwrap(), "DEPLOY_TOKEN1");
        for bad in ["", "a-b", "1ST", "github_x", "é"] {
            assert!(key(bad).is_err(), "{bad}");
        }
    }
}
