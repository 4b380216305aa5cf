//! What a config can begin with: a handful of tokens, each with the connection that it needs and the credentials that a
//! person makes for it.

use super::Forge;

/// A credential that a person makes and puts where the job finds it.
pub(super) struct Credential {
    /// The name of the variable or secret.
    pub(super) name: &'static str,
    /// What it is, with the rights that it needs.
    pub(super) what: &'static str,
}

/// One token to begin with.
pub struct Start {
    /// The kind of its issuer.
    pub kind: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// The forge whose it is; nothing where it belongs to none.
    pub(super) forge: Option<Forge>,
    /// How often the schedule runs at least: what lives an hour is made anew every half.
    pub(super) every: &'static str,
    /// Its entry below `connections:`, where the forge's own does not serve it.
    pub(super) connection: Option<&'static str>,
    /// Its entry below `tokens:`.
    pub(super) token: &'static str,
    /// What a person makes for it.
    pub(super) credentials: &'static [Credential],
    /// What a GitHub App needs for it, besides writing secrets and the ledger.
    pub(super) permissions: &'static [(&'static str, &'static str)],
}

const PLAIN: Start = Start {
    kind: "",
    about: "",
    forge: None,
    every: "12h",
    connection: None,
    token: "",
    credentials: &[],
    permissions: &[],
};

/// Every one that there is. The first of a forge is what is proposed.
pub const STARTS: &[Start] = &[
    Start {
        kind: "gitlab/project-access-token",
        about: "a bot of this project (GitLab.com has them from Premium on)",
        forge: Some(Forge::GitLab),
        token: include_str!("yaml/gitlab-project-access-token.yml"),
        ..PLAIN
    },
    Start {
        kind: "gitlab/group-access-token",
        about: "a bot of the group above it (GitLab.com has them from Premium on)",
        forge: Some(Forge::GitLab),
        token: include_str!("yaml/gitlab-group-access-token.yml"),
        ..PLAIN
    },
    Start {
        kind: "gitlab/deploy-token",
        about: "reads the registry and the repository of this project",
        forge: Some(Forge::GitLab),
        token: include_str!("yaml/gitlab-deploy-token.yml"),
        ..PLAIN
    },
    Start {
        kind: "gitlab/pipeline-trigger-token",
        about: "starts pipelines of this project",
        forge: Some(Forge::GitLab),
        token: include_str!("yaml/gitlab-pipeline-trigger-token.yml"),
        ..PLAIN
    },
    Start {
        kind: "github/deploy-key",
        about: "an SSH key that reads this repository",
        forge: Some(Forge::GitHub),
        token: include_str!("yaml/github-deploy-key.yml"),
        permissions: &[("administration", "write")],
        ..PLAIN
    },
    Start {
        kind: "github/installation-token",
        about: "an hour of the App's own rights, made anew every half",
        forge: Some(Forge::GitHub),
        every: "30m",
        token: include_str!("yaml/github-installation-token.yml"),
        permissions: &[("contents", "read")],
        ..PLAIN
    },
    Start {
        kind: "styra/token",
        about: "of Styra DAS, with the two refreshers that turn it",
        connection: Some(include_str!("yaml/styra-connection.yml")),
        token: include_str!("yaml/styra-token.yml"),
        credentials: &[
            Credential {
                name: "DAS_REFRESHER",
                what: "a DAS token with the id `refresher` and the role WorkspaceTokenRefresher",
            },
            Credential { name: "DAS_SPARE", what: "another one with the id `refresher-spare` and the same role" },
        ],
        permissions: &[("environments", "write")],
        ..PLAIN
    },
    Start {
        kind: "zendesk/oauth-token",
        about: "of Zendesk, with the secrets of two OAuth clients",
        connection: Some(include_str!("yaml/zendesk-connection.yml")),
        token: include_str!("yaml/zendesk-oauth-token.yml"),
        credentials: &[
            Credential {
                name: "ZENDESK_SECRET",
                what: "the secret of a confidential OAuth client `tokenwheel`, made by an administrator",
            },
            Credential { name: "ZENDESK_SPARE", what: "the secret of another one, `tokenwheel-spare`" },
        ],
        permissions: &[("environments", "write")],
        ..PLAIN
    },
    Start {
        kind: "atlassian/oauth-token",
        about: "of a service account of Atlassian Cloud, made anew every half hour",
        every: "30m",
        connection: Some(include_str!("yaml/atlassian-connection.yml")),
        token: include_str!("yaml/atlassian-oauth-token.yml"),
        credentials: &[Credential {
            name: "ATLASSIAN_CLIENT_SECRET",
            what: "the secret of an OAuth 2.0 credential of a service account, with the scope `read:jira-user`",
        }],
        ..PLAIN
    },
    Start {
        kind: "signon/api-token",
        about: "of an API user of GOV.UK Signon, minted in its cluster",
        connection: Some(include_str!("yaml/signon-connection.yml")),
        token: include_str!("yaml/signon-api-token.yml"),
        credentials: &[Credential {
            name: "SIGNON_CLUSTER_TOKEN",
            what: "the token of a service account of the cluster, whose Role the rights below describe",
        }],
        ..PLAIN
    },
    Start {
        kind: "random/secret",
        about: "made here: a password, a signing key, the secret of a webhook",
        token: include_str!("yaml/random-secret.yml"),
        ..PLAIN
    },
    Start {
        kind: "manual/token",
        about: "any other one with an end: watched, and handed over by a person",
        token: include_str!("yaml/manual-token.yml"),
        ..PLAIN
    },
];

impl Start {
    /// Whether a pipeline of that forge can turn it from the first day.
    pub fn suits(&self, forge: Forge) -> bool {
        self.forge.is_none_or(|own| own == forge)
    }

    /// Those that suit a forge, the proposed one first.
    pub fn of(forge: Forge) -> impl Iterator<Item = &'static Self> {
        STARTS.iter().filter(move |start| start.suits(forge))
    }

    /// The one of that kind, or what there is instead.
    pub(super) fn find(kind: &str, forge: Forge) -> Result<&'static Self, String> {
        let kinds: Vec<&str> = Self::of(forge).map(|start| start.kind).collect();
        let known = Self::of(forge).find(|start| start.kind == kind.trim());
        known.ok_or_else(|| {
            let kind = crate::text::plain(kind);
            let near = crate::config::nearest(&kind, kinds.iter().copied());
            let hint = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            format!("a config at {forge} does not begin with `{kind}`; {hint}it can with {}", kinds.join(", "))
        })
    }
}
