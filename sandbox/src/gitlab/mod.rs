//! A fake of GitLab 19.5: tokens, CI/CD variables, pipeline triggers, and the users, groups and projects they hang on.
//!
//! Tests seed it through [`crate::Sandbox::gitlab`], talk to it through [`crate::Sandbox::call`], and look into it
//! again. The public switches stand where an administrator has a choice or where the facts leave a question open.

mod agents;
mod auth;
mod deploy_tokens;
mod hooks;
mod inspect;
mod jobs;
mod listing;
mod masking;
mod model;
mod page;
mod people;
mod personal;
mod places;
mod refusal;
mod resource;
mod rotation;
mod route;
mod runners;
mod schedules;
mod seed;
mod service_accounts;
mod throttle;
mod tokens;
mod triggers;
mod variables;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::exchange::{Answer, Request};
use crate::mint::Mint;
use crate::service::Service;
pub use agents::AgentToken;
pub use deploy_tokens::DeployToken;
pub use hooks::{Delivery, Hook, Hooks};
pub use jobs::Job;
pub use model::{Kind, Place, Seeded, Token, Trigger, User, Variable};
pub use runners::Runner;
pub use schedules::{Schedule, ScheduleVariable};
use throttle::Throttle;

/// The state of one GitLab, and what its administrator chose.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting or an open question of its own")]
pub struct GitLab {
    /// Whether the administrator demands that every token expires. Where not, a rotation without a date makes a token
    /// that never dies.
    pub require_expiry: bool,
    /// Whether creating a token without a date is refused where expiry is required. The documentation says that the
    /// longest lifetime is taken, the source of 19.5 that it is refused.
    pub omitted_expiry_is_refused: bool,
    /// The longest lifetime in days: 365, or 400 with `buffered_token_expiration_limit`.
    pub max_lifetime_days: u32,
    /// Whether the administrator allows only fine-grained tokens: a person's legacy token then cannot be rotated.
    pub granular_enforced: bool,
    /// Whether a PUT on a group variable without a filter changes any one of several, as it does to this day
    /// (`lib/api/group_variables.rb`); false answers 409 as for projects.
    pub group_put_is_sloppy: bool,
    /// Whether `personal_access_tokens/…/rotate` also takes the token of a project or group bot. The documentation
    /// says 405; the source would let it pass.
    pub personal_rotate_takes_bots: bool,
    /// Requests a minute and user, and so the rate-limit headers; none on most self-managed instances.
    pub rate_limit: Option<u64>,
    /// How often a revoked token was used to rotate, and its descendants were killed.
    pub reuse_detections: usize,
    /// How many pipelines trigger tokens have started.
    pub pipelines_triggered: usize,
    /// Webhooks, and the choices about them.
    pub hooks: Hooks,
    /// Whether a deploy token dies at the first moment of the date it was ordered until, and not at its time. Only dates
    /// were recorded.
    pub deploy_tokens_die_at_midnight: bool,
    /// Whether the container registry is switched on.
    pub registry_is_on: bool,
    /// Whether what the door to the registry gives says which deploy token it was given for. The source does so; it is
    /// not documented.
    pub door_names_the_token: bool,
    /// Whether too many wrong passwords came from the client's address, and none is looked at any more.
    pub address_is_banned: bool,
    /// Whether verifying a runner's token says whose it is, as it does since 15.8 or so.
    pub verify_names_the_runner: bool,
    /// Whether a guard before GitLab lets nobody ask what runners ask, and says so in words of its own.
    pub runners_are_guarded: bool,
    /// How long a runner's token lives; for ever where the administrator does not say.
    pub runner_token_days: Option<u32>,
    /// Whether the project lets nobody give variables to pipelines (`no_one_allowed`).
    pub nobody_sets_pipeline_variables: bool,
    clock: Clock,
    mint: Mint,
    last: Last,
    users: BTreeMap<u64, User>,
    /// Paths of groups, by number.
    groups: BTreeMap<u64, String>,
    /// Paths of projects, by number.
    projects: BTreeMap<u64, String>,
    /// Groups and projects, by path.
    paths: HashMap<String, Place>,
    /// Former paths of projects.
    moved: BTreeMap<String, u64>,
    members: BTreeMap<(Place, u64), u8>,
    /// The bots of each project and group, oldest first.
    bots: BTreeMap<Place, Vec<u64>>,
    tokens: BTreeMap<u64, Token>,
    by_value: HashMap<String, u64>,
    /// The tokens of each user, oldest first.
    by_user: HashMap<u64, Vec<u64>>,
    variables: BTreeMap<Place, Vec<Variable>>,
    /// By project and number.
    triggers: BTreeMap<(u64, u64), Trigger>,
    deploy_tokens: deploy_tokens::DeployTokens,
    agents: agents::Agents,
    runners: runners::Runners,
    schedules: schedules::Schedules,
    /// Whether the branches of projects are protected, by project and name.
    branches: BTreeMap<(u64, String), bool>,
    /// Users that an administrator has blocked.
    blocked: BTreeSet<u64>,
    /// Oldest first.
    jobs: Vec<Job>,
    throttle: Throttle,
}

/// The last number given out in each table. They start apart, so that a mix-up of two kinds of number shows.
#[derive(Clone, Debug)]
struct Last {
    user: u64,
    group: u64,
    project: u64,
    token: u64,
    trigger: u64,
    request: u64,
}

impl GitLab {
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        Self {
            require_expiry: true,
            omitted_expiry_is_refused: true,
            max_lifetime_days: 365,
            granular_enforced: false,
            group_put_is_sloppy: true,
            personal_rotate_takes_bots: false,
            rate_limit: None,
            deploy_tokens_die_at_midnight: false,
            registry_is_on: true,
            door_names_the_token: true,
            address_is_banned: false,
            verify_names_the_runner: true,
            runners_are_guarded: false,
            runner_token_days: None,
            nobody_sets_pipeline_variables: false,
            reuse_detections: 0,
            pipelines_triggered: 0,
            hooks: Hooks::default(),
            clock,
            mint: Mint::new(seed, "gitlab"),
            last: Last { user: 1_000, group: 2_000, project: 3_000, token: 40_000, trigger: 5_000, request: 0 },
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            projects: BTreeMap::new(),
            paths: HashMap::new(),
            moved: BTreeMap::new(),
            members: BTreeMap::new(),
            bots: BTreeMap::new(),
            tokens: BTreeMap::new(),
            by_value: HashMap::new(),
            by_user: HashMap::new(),
            variables: BTreeMap::new(),
            triggers: BTreeMap::new(),
            deploy_tokens: deploy_tokens::DeployTokens::default(),
            agents: agents::Agents::default(),
            runners: runners::Runners::default(),
            schedules: schedules::Schedules::default(),
            branches: BTreeMap::new(),
            blocked: BTreeSet::new(),
            jobs: Vec::new(),
            throttle: Throttle::default(),
        }
    }

    /// The same GitLab, by another clock.
    pub(crate) fn copied(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

impl Service for GitLab {
    fn label(&self) -> &'static str {
        "gitlab"
    }

    fn act(&mut self, request: &Request) -> Answer {
        let answer = match self.throttled(request) {
            Some(refused) => refused,
            None => self.route(request).unwrap_or_else(|refusal| refusal.answer()),
        };
        let answer = self.with_throttle(request, answer);
        self.last.request += 1;
        answer.with(http::HeaderName::from_static("x-request-id"), &format!("01SANDBOX{:017}", self.last.request))
    }

    fn values(&self) -> Vec<String> {
        self.mint.secrets()
    }

    fn refuse(&self, status: u16, retry_after: Option<u64>) -> Answer {
        throttle::refuse(self.now(), status, retry_after)
    }
}
