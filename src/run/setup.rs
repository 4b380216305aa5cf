//! From what the config wants to things that can act: connections, issuers, destinations, the shelf.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::TimeDelta;

use super::Random;
use super::credentials::Credential;
use super::means::means;
use super::place::{Place, may_wait, only_minted};
use crate::config::{Config, ConnectionSpec, PartSpec, PlaceSpec, Problem, Problems, Source, Spot, TokenSpec, nearest};
use crate::connection::{Connecting, Connection, Job, Means, Needed, Nowhere, Slot};
use crate::destination::Site;
use crate::http::{ALLOWED_HOSTS, Hosts, Http, Transport, address};
use crate::issuer::{Ground, Issuer, Succession};
use crate::plan::{Pair, Seat, Wanted};
use crate::rescue::Rescue;
use crate::services;
use crate::shelf::Shelf;
use crate::token::Form;

/// The environment, handed in by `cli`.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;
/// Makes the transport of a connection, given its private CAs in PEM.
pub type Carrier = Arc<dyn Fn(Option<&str>) -> anyhow::Result<Arc<dyn Transport>> + Send + Sync>;

/// What a wheel is made of besides its config.
#[derive(Clone)]
pub struct Setup {
    /// Where `env:NAME` is looked up.
    pub environment: Environment,
    /// What carries requests.
    pub carrier: Carrier,
    /// Where randomness comes from.
    pub random: Random,
    /// Without any credential: nothing is looked up.
    pub offline: bool,
}

/// Everything that turns.
pub struct Wheel {
    /// The connections, by name.
    pub connections: BTreeMap<String, Linked>,
    /// The tokens, by name.
    pub tokens: BTreeMap<String, Turning>,
    /// Where the ledger is kept.
    pub shelf: Option<Arc<dyn Shelf>>,
    /// The connection that the shelf needs.
    pub shelf_connection: Option<String>,
    /// The most tokens that a run rotates.
    pub max_rotations: usize,
    /// The job that this process runs in, if it is one.
    pub(super) job: Option<Job>,
    /// Where new values are kept, sealed, until they are confirmed.
    pub rescue: Option<Rescue>,
    /// Whether this run delivers a value that somebody handed over, and so still has.
    pub(super) handed_over: bool,
    /// Where the identity of the job is asked for.
    pub(super) identity: Identity,
}

/// A connection, with its credentials.
pub struct Linked {
    /// The service.
    pub connection: Arc<dyn Connection>,
    /// The credentials that the config names, or why one is not at hand.
    pub credentials: BTreeMap<Seat, Credential>,
    /// The name of its service.
    pub service: String,
}

/// What a job asks its runner with for an identity. <https://docs.github.com/actions/reference/openid-connect-reference>
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) url: Option<String>,
    pub(super) token: Option<String>,
    pub(super) http: Option<Arc<Http>>,
}

/// A token that can be turned.
pub struct Turning {
    /// For planning.
    pub wanted: Wanted,
    /// For people.
    pub spec: TokenSpec,
    /// What mints it.
    pub issuer: Arc<dyn Issuer>,
    /// Where it goes.
    pub destinations: Vec<Place>,
    /// The connection that the issuer acts on, logged in as this token's config says.
    pub ground: Arc<dyn Connection>,
    /// The name of the connection of the issuer.
    pub connection: String,
    /// The names of the connections that its destinations need.
    pub needs: BTreeSet<String>,
    /// Its own credential, when it rotates itself.
    pub own: Option<Credential>,
}

impl Wheel {
    /// Builds everything, or says everything that is wrong.
    pub fn build(config: &Config, setup: &Setup) -> Result<Self, Problems> {
        let (hosts, problems) = match Hosts::parse((setup.environment)(ALLOWED_HOSTS).as_deref()) {
            Ok(hosts) => (hosts, Vec::new()),
            // What cannot be read allows nothing.
            Err(what) => {
                let spot = Problem { file: config.path.display().to_string(), line: 1, what };
                (Hosts::parse(Some("")).unwrap_or_default(), vec![spot])
            }
        };
        let means = means(config, setup, hosts.clone());
        let mut builder = Builder { config, setup, problems, connections: BTreeMap::new(), means, hosts };
        for (name, spec) in &config.connections {
            builder.connect(name, spec);
        }
        let tokens: BTreeMap<String, Turning> =
            config.tokens.iter().filter_map(|(name, spec)| Some((name.clone(), builder.token(name, spec)?))).collect();
        builder.unique(&tokens);
        builder.logins(&tokens);
        let shelf = builder.ledger();
        let rescue = builder.rescue();
        if builder.problems.is_empty() {
            let (shelf, shelf_connection) = shelf.map_or((None, None), |(shelf, name)| (Some(shelf), name));
            let connections = builder.connections;
            let variable = |name: &str| (setup.environment)(name);
            // The runner's own address, which no config names.
            let http = (setup.carrier)(None).ok().map(|carrier| Arc::new(Http::new(carrier)));
            let (url, token) = (variable("ACTIONS_ID_TOKEN_REQUEST_URL"), variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
            let identity = Identity { url, token, http };
            let max_rotations = config.max_rotations;
            let job = Job::of(&variable);
            Ok(Self {
                connections,
                tokens,
                shelf,
                shelf_connection,
                max_rotations,
                job,
                rescue,
                handed_over: false,
                identity,
            })
        } else {
            Err(Problems(builder.problems))
        }
    }

    /// Whether a text that somebody wrote has a credential in it, as when a pipeline put in a variable for a `$NAME`.
    pub fn is_given_away_by(&self, text: &str) -> bool {
        let of_connections = self.connections.values().flat_map(|linked| linked.credentials.values());
        let own = self.tokens.values().filter_map(|token| token.own.as_ref());
        of_connections.chain(own).filter_map(Credential::at_hand).any(|value| value.is_in(text))
    }

    /// The names of the tokens that connections log in with.
    pub fn refreshers(&self) -> BTreeSet<String> {
        let refresh = |(name, token): (&String, &Turning)| token.spec.refreshes.is_some().then(|| name.clone());
        self.tokens.iter().filter_map(refresh).collect()
    }

    /// The refreshers of a connection.
    pub fn pair(&self, connection: &str) -> Pair {
        let seat = |(name, token): (&String, &Turning)| {
            let (of, seat) = token.spec.refreshes.as_ref()?;
            (of == connection).then(|| (*seat, name.clone()))
        };
        Pair { seats: self.tokens.iter().filter_map(seat).collect(), alive: BTreeSet::new() }
    }
}

struct Builder<'a> {
    config: &'a Config,
    setup: &'a Setup,
    problems: Vec<Problem>,
    connections: BTreeMap<String, Linked>,
    means: Means,
    /// Where requests may go.
    hosts: Hosts,
}

impl Builder<'_> {
    fn say(&mut self, spot: &Spot, what: impl Into<String>) {
        self.problems.push(Problem { file: spot.file.clone(), line: spot.line, what: what.into() });
    }

    /// Reads a credential. The error names its source, never what was found there.
    fn credential(&self, source: &Source) -> Credential {
        Credential::read(source, &self.setup.environment, self.config.folder(), self.setup.offline)
    }

    fn door(&self, private: Option<&PathBuf>) -> anyhow::Result<Arc<Http>> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).with_context(|| format!("cannot read the CA file {}", path.display()))
        };
        let pem = private.map(read).transpose()?;
        let named = |why: anyhow::Error| match private {
            Some(path) => why.context(format!("the CA file {}", path.display())),
            None => why,
        };
        (self.means.door)(pem.as_deref()).map_err(named)
    }

    fn connect(&mut self, name: &str, spec: &ConnectionSpec) {
        let Some(service) = services::SERVICES.iter().find(|service| service.name == spec.service) else { return };
        let own = || service.own_address.and_then(|variable| (self.setup.environment)(variable));
        let of_job = match own().filter(|_| spec.url.is_none()).map(|text| address(&text)).transpose() {
            Ok(of_job) => of_job,
            Err(why) => {
                let variable = service.own_address.unwrap_or_default();
                return self.say(&spec.spot, format!("connection `{name}`: the variable {variable}: {why}"));
            }
        };
        let url = spec.url.clone().or(of_job);
        if url.is_none() && service.url == Needed::Required {
            let outside = service.own_address.map_or_else(String::new, |variable| {
                format!(", and outside a job of that server {variable} is not set")
            });
            self.say(&spec.spot, format!("connection `{name}` lacks the key `url`{outside}; no host is assumed"));
            return;
        }
        if let Some(url) = url.as_ref().filter(|url| !self.hosts.allow(url)) {
            return self.say(&spec.spot, format!("connection `{name}`: {}", Hosts::refusal(url)));
        }
        let private = spec.ca_file.clone().or_else(|| {
            // A GitLab job is handed the CA of its own server.
            let of_job = (self.setup.environment)("CI_SERVER_TLS_CA_FILE").filter(|_| spec.service == "gitlab")?;
            let host = (self.setup.environment)("CI_SERVER_HOST")?;
            (url.as_ref()?.host_str() == Some(host.as_str())).then(|| PathBuf::from(of_job))
        });
        let http = match self.door(private.as_ref()) {
            Ok(http) => http,
            Err(error) => return self.say(&spec.spot, format!("connection `{name}`: {error:#}")),
        };
        let seats = [(Seat::Primary, &spec.token), (Seat::Spare, &spec.spare)];
        let named = |(seat, source): (Seat, &Option<Source>)| Some((seat, self.credential(source.as_ref()?)));
        let credentials: BTreeMap<Seat, Credential> = seats.into_iter().filter_map(named).collect();
        let missing = |credential: &Credential| credential.missing();
        let all_missing: Vec<String> = credentials.values().filter_map(missing).collect();
        if !credentials.is_empty() && all_missing.len() == credentials.len() && !self.setup.offline {
            self.say(&spec.spot, format!("connection `{name}` has no credential: {}", all_missing.join("; ")));
        }
        let keys = spec.keys.clone();
        let connecting = Connecting { url, slot: Slot::default(), http, keys, means: self.means.clone() };
        match (service.connect)(connecting) {
            Ok(connection) => {
                let linked = Linked { connection, credentials, service: spec.service.clone() };
                self.connections.insert(name.to_owned(), linked);
            }
            Err(error) => self.say(&spec.spot, format!("connection `{name}`: {error:#}")),
        }
    }

    /// Finds the connection of a part: the one it names, or the only one of its service.
    fn connection(&mut self, part: &PartSpec) -> Option<(String, Arc<dyn Connection>)> {
        let service = part.kind.split('/').next().unwrap_or_default();
        let fits: Vec<&String> =
            self.config.connections.iter().filter(|(_, spec)| spec.service == service).map(|(name, _)| name).collect();
        let name = match (&part.connection, fits.as_slice()) {
            (Some(name), _) if fits.contains(&name) => name.clone(),
            (Some(name), _) => {
                let near = nearest(name, fits.iter().map(|name| name.as_str()));
                let hint = match self.config.connections.get(name) {
                    Some(other) => format!("; that one is of service {}", other.service),
                    None => near.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default(),
                };
                self.say(&part.spot, format!("no connection `{name}` of service {service}{hint}"));
                return None;
            }
            (None, [only]) => (*only).clone(),
            (None, []) => {
                self.say(&part.spot, format!("`{}` needs a connection of service {service}", part.kind));
                return None;
            }
            (None, many) => {
                let names: Vec<String> = many.iter().map(|name| format!("`connection: {name}`")).collect();
                let names = names.join(" or ");
                self.say(&part.spot, format!("several connections are of service {service}: say {names}"));
                return None;
            }
        };
        let connection = Arc::clone(&self.connections.get(&name)?.connection);
        Some((name, connection))
    }

    /// Whether a kind belongs to a service, so that it needs a connection.
    fn needs_a_connection(&mut self, part: &PartSpec) -> bool {
        let service = part.kind.split('/').next().unwrap_or_default();
        let needs = services::SERVICES.iter().any(|known| known.name == service);
        if let (false, Some(_)) = (needs, &part.connection) {
            self.say(&part.spot, format!("`{}` needs no connection: leave `connection` out", part.kind));
        }
        needs
    }

    /// The connection of a destination or a shelf; some need none.
    fn site(&mut self, part: &PartSpec) -> Option<(Option<String>, Site)> {
        let means = self.means.clone();
        if !self.needs_a_connection(part) {
            return Some((None, Site { connection: None, means }));
        }
        let (name, connection) = self.connection(part)?;
        Some((Some(name), Site { connection: Some(connection), means }))
    }

    /// The connection of an issuer; a kind without a service gets one that leads nowhere.
    fn ground(&mut self, part: &PartSpec) -> Option<(String, Arc<dyn Connection>)> {
        if self.needs_a_connection(part) {
            return self.connection(part);
        }
        Some((String::new(), Arc::new(Nowhere::default())))
    }

    /// The form of a place, if the issuer mints all that it needs.
    fn form(&mut self, name: &str, place: &PlaceSpec, issuer: &dyn Issuer) -> Form {
        let known = issuer.parts();
        let needed = place.form.parts();
        if let Some(unknown) = needed.into_iter().find(|part| !known.contains(part)) {
            let all = known.iter().copied().chain(["value"]);
            let hint = nearest(unknown, all.clone());
            let names: Vec<String> = all.map(|part| format!("`{part}`")).collect();
            let hint = hint.map(|word| format!("did you mean `{word}`?"));
            let hint = hint.unwrap_or_else(|| format!("it has {}", crate::text::list(&names)));
            self.say(&place.part.spot, format!("token `{name}`: what is minted has no part `{unknown}`; {hint}"));
        }
        place.form.clone()
    }

    fn token(&mut self, name: &str, spec: &TokenSpec) -> Option<Turning> {
        let (connection, base) = self.ground(&spec.issuer)?;
        let own = spec.own.as_ref().map(|source| self.credential(source));
        // A token with a login of its own, or lent by another token, has a slot of its own.
        let ground = if own.is_some() || spec.login.is_some() { base.sibling(Slot::default()) } else { base };
        if let Some(value) = own.as_ref().and_then(Credential::at_hand) {
            ground.slot().switch(value);
        }
        let kind = services::ISSUERS.iter().find(|kind| kind.kind == spec.issuer.kind)?;
        let on = Ground { connection: Arc::clone(&ground), means: self.means.clone(), own_login: own.is_some() };
        let issuer: Arc<dyn Issuer> = match (kind.build)(spec.issuer.keys.clone(), &on) {
            Ok(issuer) => issuer.into(),
            Err(error) => {
                self.say(&spec.issuer.spot, format!("token `{name}`: {error:#}"));
                return None;
            }
        };
        let mut needs = BTreeSet::new();
        let mut destinations: Vec<Place> = Vec::new();
        for place in &spec.destinations {
            let part = &place.part;
            let (needed, site) = self.site(part)?;
            needs.extend(needed);
            let kind = services::DESTINATIONS.iter().find(|kind| kind.kind == part.kind)?;
            let form = self.form(name, place, issuer.as_ref());
            match (kind.build)(part.keys.clone(), &site) {
                Ok(to) => destinations.push(Place { to: to.into(), form, first: place.first }),
                Err(error) => self.say(&part.spot, format!("token `{name}`: {error:#}")),
            }
        }
        let replaces = issuer.succession() == Succession::Replaces;
        if replaces && spec.overlap.is_some() {
            let what = "`overlap` cannot be kept: here a new token ends the old one at once";
            self.say(&spec.spot, format!("token `{name}`: {what}"));
        }
        if let Some(wait) = spec.wait_for_jobs
            && let Err(why) = may_wait(wait, replaces, &destinations)
        {
            self.say(&spec.spot, format!("token `{name}`: `wait_for_jobs` {why}"));
        }
        if own.is_some() && spec.refreshes.is_some() {
            let what =
                "`self` and `refreshes` exclude each other: a connection's refresher is turned by its connection";
            self.say(&spec.spot, format!("token `{name}`: {what}"));
        }
        if spec.destinations.is_empty() && !spec.watch {
            self.say(
                &spec.spot,
                format!(
                    "token `{name}` has no destination, so a new value would be lost: list one under `destinations`"
                ),
            );
        }
        if own.is_some() && !destinations.is_empty() && !destinations.iter().any(|place| place.form.has_value()) {
            let what = "no destination keeps the value itself, which the next turn is made with: it would be lost";
            self.say(&spec.spot, format!("token `{name}`: {what}"));
        }
        let wanted = Wanted {
            subject: issuer.subject().to_string(),
            name: name.to_owned(),
            succession: issuer.succession(),
            rule: spec.rule,
            overlap: spec.overlap.unwrap_or_else(TimeDelta::zero),
            ttl: spec.ttl,
            order: spec.order.clone(),
            create: spec.create,
            watch: spec.watch,
            destinations: destinations.iter().map(|to| to.address().to_string()).collect(),
            only_minted: only_minted(&destinations, &issuer.known_parts()),
        };
        Some(Turning { wanted, spec: spec.clone(), issuer, destinations, ground, connection, needs, own })
    }

    /// Two tokens of one subject, or two destinations of one address, would fight.
    fn unique(&mut self, tokens: &BTreeMap<String, Turning>) {
        let mut subjects: BTreeMap<String, &str> = BTreeMap::new();
        let mut addresses: BTreeMap<String, &str> = BTreeMap::new();
        let mut seats: BTreeMap<(String, Seat), &str> = BTreeMap::new();
        for (name, token) in tokens {
            let subject = token.issuer.subject().to_string();
            if let Some(first) = subjects.insert(subject.clone(), name) {
                self.say(&token.spec.spot, format!("tokens `{first}` and `{name}` are one and the same: {subject}"));
            }
            for to in &token.destinations {
                if let Some(first) = addresses.insert(to.address().to_string(), name) {
                    let what = format!("tokens `{first}` and `{name}` go to the same place: {}", to.address());
                    self.say(&token.spec.spot, what);
                }
            }
            if let Some((connection, seat)) = &token.spec.refreshes
                && let Some(first) = seats.insert((connection.clone(), *seat), name)
            {
                let what = format!("tokens `{first}` and `{name}` both refresh the same credential of `{connection}`");
                self.say(&token.spec.spot, what);
            }
        }
    }

    fn logins(&mut self, tokens: &BTreeMap<String, Turning>) {
        for (name, token) in tokens {
            let Some(login) = &token.spec.login else { continue };
            match tokens.get(login) {
                None => {
                    let hint = nearest(login, tokens.keys().map(String::as_str));
                    let hint = hint.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
                    self.say(&token.spec.issuer.spot, format!("token `{name}`: no token `{login}`{hint}"));
                }
                Some(other) if other.spec.login.is_some() => {
                    let what = "is itself minted as another token; one step is all there is";
                    self.say(&token.spec.issuer.spot, format!("token `{name}`: its login `{login}` {what}"));
                }
                Some(other) if other.connection != token.connection => {
                    let what = format!("token `{name}`: its login `{login}` is of another connection");
                    self.say(&token.spec.issuer.spot, what);
                }
                Some(_) => {}
            }
        }
    }

    /// The ledger of the config; outside CI a file beside it by default. A job's files are gone with it.
    fn ledger(&mut self) -> Option<(Arc<dyn Shelf>, Option<String>)> {
        let in_a_job = (self.setup.environment)("CI").is_some();
        let spot = Spot { file: self.config.path.display().to_string(), line: 1 };
        let keys = serde_json::json!({ "path": "tokenwheel.ledger.json" });
        let file = PartSpec { spot, kind: "file".to_owned(), connection: None, keys };
        let config = self.config;
        match &config.ledger {
            Some(spec) => self.shelf(spec),
            None if in_a_job => None,
            None => self.shelf(&file),
        }
    }

    fn rescue(&mut self) -> Option<Rescue> {
        let spec = self.config.rescue.as_ref()?;
        match Rescue::new(spec, self.config.folder()) {
            Ok(rescue) => Some(rescue),
            Err(error) => {
                let spot = Spot { file: self.config.path.display().to_string(), line: 1 };
                self.say(&spot, format!("the rescue: {error:#}"));
                None
            }
        }
    }

    fn shelf(&mut self, part: &PartSpec) -> Option<(Arc<dyn Shelf>, Option<String>)> {
        let (name, site) = self.site(part)?;
        let kind = services::SHELVES.iter().find(|kind| kind.kind == part.kind)?;
        match (kind.build)(part.keys.clone(), &site) {
            Ok(shelf) => Some((shelf, name)),
            Err(error) => {
                self.say(&part.spot, format!("the ledger: {error:#}"));
                None
            }
        }
    }
}
