//! Whose a secret, a variable or a webhook is: a repository's, an environment's or an organisation's.

use std::sync::Arc;

use http::Method;
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

    /// An answer as an error.
    pub(super) fn refused(&self, answer: &Answer) -> HttpError {
        self.github.refused(answer)
    }
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
    fn a_name_is_kept_in_capitals_and_a_bad_one_is_refused() {
        assert_eq!(key("deploy_Token1").unwrap(), "DEPLOY_TOKEN1");
        for bad in ["", "a-b", "1ST", "github_x", "é"] {
            assert!(key(bad).is_err(), "{bad}");
        }
    }
}
