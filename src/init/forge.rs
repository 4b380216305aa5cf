//! The two forges: how one is recognised, and the pages on which a person makes what no API makes.

use std::fmt;

use clap::ValueEnum;
use url::Url;

/// Where the repository is, and the pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Forge {
    /// GitLab.com, Self-Managed or Dedicated.
    #[value(name = "gitlab")]
    GitLab,
    /// GitHub.com, Enterprise Cloud or Server.
    #[value(name = "github")]
    GitHub,
}

impl fmt::Display for Forge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitLab => "GitLab",
            Self::GitHub => "GitHub",
        })
    }
}

impl Forge {
    /// Both.
    pub const ALL: [Self; 2] = [Self::GitLab, Self::GitHub];

    /// As a flag says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::GitLab => "gitlab",
            Self::GitHub => "github",
        }
    }

    /// What a host's name says of itself; nothing where it says both, or neither.
    pub fn guess(host: &str) -> Option<Self> {
        if host.ends_with(".ghe.com") {
            return Some(Self::GitHub);
        }
        match (host.contains("gitlab"), host.contains("github")) {
            (true, false) => Some(Self::GitLab),
            (false, true) => Some(Self::GitHub),
            _ => None,
        }
    }
}

/// The pages of one project.
pub(super) struct Pages<'a> {
    /// Of the web, without a slash at its end.
    pub(super) base: &'a str,
    pub(super) project: &'a str,
}

impl Pages<'_> {
    fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    fn asking(&self, path: &str, query: &[(&str, &str)]) -> String {
        let mut url = self.at(path);
        if let Ok(mut whole) = Url::parse(&url) {
            whole.query_pairs_mut().extend_pairs(query);
            url = whole.to_string();
        }
        url
    }

    /// The owner of a GitHub repository.
    pub(super) fn owner(&self) -> &str {
        self.project.split('/').next().unwrap_or_default()
    }

    /// GitLab: a personal access token, filled in.
    /// <https://docs.gitlab.com/user/profile/personal_access_tokens/#prefill-personal-access-token-name-and-scopes>
    pub(super) fn personal_token(&self, name: &str) -> String {
        self.asking("-/user_settings/personal_access_tokens", &[("name", name), ("scopes", "api")])
    }

    /// GitLab: the project's CI/CD variables.
    pub(super) fn variables(&self) -> String {
        self.at(&format!("{}/-/settings/ci_cd#js-cicd-variables-settings", self.project))
    }

    /// GitLab: a new pipeline schedule.
    pub(super) fn schedule(&self) -> String {
        self.at(&format!("{}/-/pipeline_schedules/new", self.project))
    }

    /// GitHub: a new App of the organisation, filled in.
    /// <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-using-url-parameters>
    pub(super) fn app(&self, permissions: &[(&'static str, &'static str)]) -> String {
        let name = format!("tokenwheel-{}", self.owner());
        let home = self.at(self.project);
        let fixed = [("name", name.as_str()), ("url", home.as_str()), ("public", "false"), ("webhook_active", "false")];
        let query: Vec<(&str, &str)> = fixed.into_iter().chain(permissions.iter().copied()).collect();
        self.asking(&format!("organizations/{}/settings/apps/new", self.owner()), &query)
    }

    /// GitHub: the Apps that are installed in the organisation.
    pub(super) fn installations(&self) -> String {
        self.at(&format!("organizations/{}/settings/installations", self.owner()))
    }

    /// GitHub: a new environment of the repository.
    pub(super) fn environments(&self) -> String {
        self.at(&format!("{}/settings/environments/new", self.project))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_its_name_or_not_at_all() {
        for (host, forge) in [
            ("gitlab.com", Some(Forge::GitLab)),
            ("gitlab.example.com", Some(Forge::GitLab)),
            ("my-gitlab.example.com", Some(Forge::GitLab)),
            ("github.com", Some(Forge::GitHub)),
            ("github.example.com", Some(Forge::GitHub)),
            ("acme.ghe.com", Some(Forge::GitHub)),
            ("github-mirror.gitlab.example.com", None),
            ("git.example.com", None),
            ("codeberg.org", None),
        ] {
            assert_eq!(Forge::guess(host), forge, "{host}");
        }
    }

    #[test]
    fn a_page_is_below_the_forge_wherever_that_is() {
        let at = |base| Pages { base, project: "acme/app" };
        assert_eq!(
            at("https://example.com/gitlab").personal_token("a b"),
            "https://example.com/gitlab/-/user_settings/personal_access_tokens?name=a+b&scopes=api"
        );
        assert_eq!(
            at("https://ghe.example.com").app(&[("secrets", "write")]),
            "https://ghe.example.com/organizations/acme/settings/apps/new?name=tokenwheel-acme\
             &url=https%3A%2F%2Fghe.example.com%2Facme%2Fapp&public=false&webhook_active=false&secrets=write"
        );
    }
}
