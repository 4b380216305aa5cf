//! How we log in to one service: the slot that holds the credential, and the question who it belongs to.

use std::any::Any;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

use crate::http::Http;
use crate::token::{TokenRecord, TokenValue};

/// The place of a credential, shared by all that log in with it.
///
/// When a refresher turns, [`crate::rotation`] switches the slot between mint and verify, so that the new token is
/// saved by a login with itself.
#[derive(Clone, Default)]
pub struct Slot(Arc<RwLock<Option<TokenValue>>>);

impl Slot {
    /// A slot that holds this credential.
    pub fn holding(value: TokenValue) -> Self {
        Self(Arc::new(RwLock::new(Some(value))))
    }

    /// Lends the credential, if there is one.
    pub fn lend(&self) -> Option<TokenValue> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another credential in its place.
    pub fn switch(&self, value: TokenValue) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
}

/// The job that this process runs in, as its runner tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The service whose job it is: `gitlab` or `github`.
    pub service: &'static str,
    /// The host of that very server, as its connections call it.
    pub host: String,
    /// The project or repository whose pipeline it is.
    pub project: String,
    /// The file of its workflow, where the service names it.
    pub workflow: Option<String>,
    /// The environments that its workflow names.
    pub environments: Vec<String>,
}

impl Job {
    /// Reads the environment of a job. GitLab: <https://docs.gitlab.com/ci/variables/predefined_variables/>, GitHub:
    /// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
    pub fn of(variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let host = |name: &str| Some(Url::parse(&variable(name)?).ok()?.host_str()?.to_owned());
        let is = |name: &str| variable(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        let none = Vec::new();
        if is("GITHUB_ACTIONS") {
            let project = variable("GITHUB_REPOSITORY")?;
            // acme/app/.github/workflows/rotate.yml@refs/heads/main
            let workflow = variable("GITHUB_WORKFLOW_REF").and_then(|path| {
                let path = path.split('@').next()?.strip_prefix(&format!("{project}/"))?.to_owned();
                Some(path)
            });
            return Some(Self {
                service: "github",
                host: host("GITHUB_SERVER_URL")?,
                project,
                workflow,
                environments: none,
            });
        }
        if is("GITLAB_CI") {
            let (host, project) = (host("CI_SERVER_URL")?, variable("CI_PROJECT_PATH")?);
            return Some(Self { service: "gitlab", host, project, workflow: None, environments: none });
        }
        None
    }
}

/// What decides whether a pipeline runs, and with what.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    /// What starts it; `None` where the service does not keep its schedules.
    pub schedules: Option<Vec<Schedule>>,
    /// Why it does not run at all, if so.
    pub stopped: Option<String>,
    /// Which of the variables that were asked for exist: the place, and the name.
    pub found: Vec<(String, String)>,
    /// What could not be looked at, and why.
    pub unseen: Vec<String>,
}

/// A schedule of a pipeline.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// For people.
    pub name: String,
    /// When it starts, in five fields.
    pub cron: String,
    /// The time zone of these fields.
    pub zone: String,
    /// Why it starts nothing, if so.
    pub stopped: Option<String>,
    /// The branch or tag.
    pub on: String,
    /// Whether that is protected; `None` where it cannot be seen.
    pub protected: Option<bool>,
    /// How [`crate::destination::Given::by`] names it.
    pub by: String,
    /// The names of the variables that it gives to its pipelines.
    pub gives: Vec<String>,
}

/// Who a credential turned out to be.
pub struct Login {
    /// Whose it is, for people: `@platform-bot`. Some services do not tell.
    pub who: Option<String>,
    /// Its record, where the service tells it.
    pub record: Option<TokenRecord>,
    /// What it may do, in the service's own words.
    pub rights: Vec<String>,
    /// What it may do beyond what tokenwheel could ever need.
    pub too_wide: Option<String>,
}

/// Why a credential is of no use now.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoginError {
    /// The service says that it is expired, revoked or unknown.
    #[error("{0}")]
    Dead(String),
    /// The service could not be asked.
    #[error("{0}")]
    Unreachable(String),
}

/// One service at one address, with one credential.
#[async_trait]
pub trait Connection: Any + Send + Sync {
    /// The host, for people and for subjects.
    fn host(&self) -> &str;

    /// Where its credential is kept.
    fn slot(&self) -> &Slot;

    /// Asks the service who a credential belongs to, without using it for anything else.
    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError>;

    /// The same service, logged in to with another credential.
    fn sibling(&self, slot: Slot) -> Arc<dyn Connection>;

    /// Names under which the config means one and the same thing here, each in a sentence. Asked once it is logged in.
    async fn aliases(&self) -> anyhow::Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Forgets what was listed in this run, so that the next look is a fresh one.
    fn forget(&self);

    /// Logs in without a credential of the config, for a service that finds its own: a pod's, a kubeconfig's.
    async fn arrive(&self) -> Result<Login, LoginError> {
        Err(LoginError::Dead("it has no credential: name one with `token:`".to_owned()))
    }

    /// Ends what was opened in this run, such as a session. Called once, at its end.
    async fn log_out(&self) {}

    /// The places from which the jobs of a pipeline of this service are given variables, the strongest first, as
    /// [`crate::destination::Given::by`] names them.
    fn levels(&self, _job: &Job) -> Vec<String> {
        Vec::new()
    }

    /// Looks at the pipeline that a job of this service is part of: what starts it, and which of these variables, each a
    /// place and a name, exist beside the rotated ones.
    async fn pipeline(&self, _job: &Job, _names: &[(String, String)]) -> anyhow::Result<Pipeline> {
        Ok(Pipeline::default())
    }

    /// Reads a credential that is kept in this service: `vault:PATH#KEY`.
    async fn secret(&self, _path: &str, _key: &str) -> anyhow::Result<TokenValue> {
        anyhow::bail!("this service keeps no secrets")
    }
}

/// The connection as its own service knows it. Wrong only if the catalogue pairs a kind with a foreign service, which
/// a test rules out.
pub fn own<T: Connection>(connection: &Arc<dyn Connection>) -> anyhow::Result<Arc<T>> {
    let any: Arc<dyn Any + Send + Sync> = Arc::<dyn Connection>::clone(connection);
    any.downcast().map_err(|_| anyhow::anyhow!("this kind belongs to another service than its connection"))
}

/// Reads a further credential: `env:NAME`, `file:PATH`. The error names the source.
pub type ReadSecret = Arc<dyn Fn(&str) -> anyhow::Result<TokenValue> + Send + Sync>;
/// Opens a door to the network that trusts these CAs, in PEM, besides the usual ones.
pub type OpenDoor = Arc<dyn Fn(Option<&str>) -> anyhow::Result<Arc<Http>> + Send + Sync>;
/// Fills a buffer with random bytes.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What a kind may use besides its connection.
#[derive(Clone)]
pub struct Means {
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    /// Reads a further credential that the keys of a kind name.
    pub secret: ReadSecret,
    /// Opens another door to the network.
    pub door: OpenDoor,
    /// Where randomness comes from.
    pub random: Random,
    /// Whether nothing is to be looked up: the config alone is checked.
    pub offline: bool,
}

/// What a connection is made of.
pub struct Connecting {
    /// The address of the service; `None` only where it is [`Needed::Optional`].
    pub url: Option<Url>,
    /// The credential.
    pub slot: Slot,
    /// The door to the network.
    pub http: Arc<Http>,
    /// The keys that only this service knows.
    pub keys: Value,
    /// What it may use besides.
    pub means: Means,
}

impl Connecting {
    /// The address, for a service that needs one.
    pub fn address(&self) -> anyhow::Result<Url> {
        self.url.clone().ok_or_else(|| anyhow::anyhow!("it lacks the key `url`"))
    }
}

/// Whether a connection of a service must say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// It must.
    Required,
    /// It may.
    Optional,
}

/// What a kind without a service is given: no host, and nobody to log in as.
#[derive(Default)]
pub struct Nowhere(Slot);

#[async_trait]
impl Connection for Nowhere {
    fn host(&self) -> &'static str {
        "nowhere"
    }

    fn slot(&self) -> &Slot {
        &self.0
    }

    async fn identify(&self, _value: &TokenValue) -> Result<Login, LoginError> {
        Ok(Login { who: None, record: None, rights: Vec::new(), too_wide: None })
    }

    fn sibling(&self, slot: Slot) -> Arc<dyn Connection> {
        Arc::new(Self(slot))
    }

    fn forget(&self) {}
}

/// One service, as the catalogue lists it.
pub struct ServiceKind {
    /// Its name.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// The variable in which a job of this very service finds its address.
    pub own_address: Option<&'static str>,
    /// Whether `url:` must be given; in a job of that very server it may always be left out.
    pub url: Needed,
    /// Whether `token:` must be given; without one it logs in by [`Connection::arrive`].
    pub token: Needed,
    /// The JSON schema of the keys of its own.
    pub schema: fn() -> Value,
    /// Makes a connection.
    pub connect: fn(Connecting) -> anyhow::Result<Arc<dyn Connection>>,
}

/// The schema of a service whose connections have no keys of their own.
pub fn no_keys() -> Value {
    serde_json::json!({ "type": "object", "properties": {} })
}
