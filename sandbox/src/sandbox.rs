//! The sandbox itself: the services, the clock they share, the faults that wait, and the record of what came in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::atlassian::Atlassian;
use crate::clock::Clock;
use crate::exchange::{Answer, Exchange, Lost, Request};
use crate::fault::{self, Fault, Strike, What};
use crate::github::GitHub;
use crate::gitlab::GitLab;
use crate::http_api::HttpApi;
use crate::kubernetes::Kubernetes;
use crate::oauth::OAuth;
use crate::service::Service;
use crate::signon::{Door, Signon};
use crate::styra::Styra;
use crate::vault::Vault;
use crate::zendesk::Zendesk;

/// Every fake service, behind one door. Clones share everything.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    clock: Clock,
    gitlab: Mutex<GitLab>,
    styra: Mutex<Styra>,
    github: Mutex<GitHub>,
    zendesk: Mutex<Zendesk>,
    atlassian: Mutex<Atlassian>,
    vault: Mutex<Vault>,
    oauth: Mutex<OAuth>,
    http_api: Mutex<HttpApi>,
    /// Signon runs in this cluster; its own two doors lead there.
    kubernetes: Arc<Mutex<Kubernetes>>,
    signon: Mutex<Door>,
    publishing_api: Mutex<Door>,
    /// Which of them answer.
    open: fn(&Inner) -> Vec<&Mutex<dyn Service>>,
    desk: Mutex<Desk>,
}

type Hook = Arc<dyn Fn() + Send + Sync>;

/// What the sandbox keeps beside the services.
#[derive(Default)]
struct Desk {
    latency: Duration,
    faults: Vec<Fault>,
    on_kill: Option<Hook>,
    exchanges: Vec<Exchange>,
    /// How often the exchanges were forgotten: a late answer to a forgotten request is not recorded.
    round: usize,
    in_flight: usize,
    peak: usize,
}

/// Where an exchange stands in the record.
#[derive(Clone, Copy)]
struct Ticket {
    round: usize,
    number: usize,
}

/// Counts a request among those under way for as long as somebody waits for it.
struct UnderWay<'a>(&'a Sandbox);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut desk = self.0.desk();
        desk.in_flight = desk.in_flight.saturating_sub(1);
    }
}

impl Sandbox {
    /// A sandbox of empty services. The same seed and the same calls give the same values, ids and answers.
    pub fn new(seed: u64, now: DateTime<Utc>) -> Self {
        Self::open(seed, now, every)
    }

    /// A sandbox in which only GitLab and Styra DAS answer: all that a demonstration needs.
    ///
    /// What a program cannot reach the linker leaves out, and the other fakes are larger than these two.
    pub fn of_gitlab_and_styra(seed: u64, now: DateTime<Utc>) -> Self {
        Self::open(seed, now, |inner| vec![&inner.gitlab, &inner.styra])
    }

    fn open(seed: u64, now: DateTime<Utc>, open: fn(&Inner) -> Vec<&Mutex<dyn Service>>) -> Self {
        let clock = Clock::at(now);
        let kubernetes = Arc::new(Mutex::new(Kubernetes::new(seed, clock.clone())));
        Self(Arc::new(Inner {
            gitlab: Mutex::new(GitLab::new(seed, clock.clone())),
            styra: Mutex::new(Styra::new(seed, clock.clone())),
            github: Mutex::new(GitHub::new(seed, clock.clone())),
            zendesk: Mutex::new(Zendesk::new(seed, clock.clone())),
            atlassian: Mutex::new(Atlassian::new(seed, clock.clone())),
            vault: Mutex::new(Vault::new(seed, clock.clone())),
            oauth: Mutex::new(OAuth::new(seed, clock.clone())),
            http_api: Mutex::new(HttpApi::new(seed, clock.clone())),
            signon: door("signon", &kubernetes),
            publishing_api: door("publishing-api", &kubernetes),
            kubernetes,
            open,
            desk: Mutex::default(),
            clock,
        }))
    }

    /// A copy that goes its own way from here: the same services at the same time, without faults, hook or record.
    #[must_use]
    pub fn fork(&self) -> Self {
        let clock = Clock::at(self.now());
        let gitlab = lock(&self.0.gitlab).copied(clock.clone());
        let styra = lock(&self.0.styra).copied(clock.clone());
        let github = lock(&self.0.github).copied(clock.clone());
        let zendesk = lock(&self.0.zendesk).copied(clock.clone());
        let atlassian = lock(&self.0.atlassian).copied(clock.clone());
        let vault = lock(&self.0.vault).copied(clock.clone());
        let oauth = lock(&self.0.oauth).copied(clock.clone());
        let http_api = lock(&self.0.http_api).copied(clock.clone());
        let kubernetes = Arc::new(Mutex::new(lock(&self.0.kubernetes).copied(clock.clone())));
        Self(Arc::new(Inner {
            clock,
            gitlab: Mutex::new(gitlab),
            styra: Mutex::new(styra),
            github: Mutex::new(github),
            zendesk: Mutex::new(zendesk),
            atlassian: Mutex::new(atlassian),
            vault: Mutex::new(vault),
            oauth: Mutex::new(oauth),
            http_api: Mutex::new(http_api),
            signon: door("signon", &kubernetes),
            publishing_api: door("publishing-api", &kubernetes),
            kubernetes,
            open: self.0.open,
            desk: Mutex::default(),
        }))
    }

    /// The time in the sandbox.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// Sets the time, also backwards.
    pub fn set_now(&self, at: DateTime<Utc>) {
        self.0.clock.set(at);
    }

    /// Lets time pass.
    pub fn advance(&self, by: TimeDelta) {
        self.0.clock.advance(by);
    }

    /// Acts on one request at once, without faults, latency or record.
    pub fn handle(&self, request: &Request) -> Answer {
        self.service(&request.host, |service| service.act(request)).unwrap_or_else(|| nobody(&request.host))
    }

    /// Acts on one request with everything that waits for it: latency, faults, the record.
    ///
    /// Half of the latency passes before the service acts and half after. A fault that kills calls the kill hook and
    /// then never returns; one that drops gives [`Lost`].
    pub async fn call(&self, request: Request) -> Result<Answer, Lost> {
        let (ticket, latency, strike) = self.arrive(&request);
        let _under_way = UnderWay(self);
        let out = latency / 2;
        pass(out).await;

        let answer = match &strike.what {
            Some(What::DropBefore) => return Err(Lost),
            Some(What::KillBefore) => return self.kill().await,
            Some(What::Refuse(status)) => self.refuse(&request, *status, None),
            Some(What::RateLimited { retry_after }) => self.refuse(&request, 429, Some(*retry_after)),
            Some(What::Redirect(to)) => fault::redirect(to),
            _ => {
                let answer = self.handle(&request);
                self.note(ticket, |exchange| exchange.acted = Some((answer.status, answer.body.clone())));
                answer
            }
        };
        pass(latency.saturating_sub(out) + strike.delay).await;

        let seen = match strike.what {
            Some(What::DropAfter) => return Err(Lost),
            Some(What::KillAfter) => return self.kill().await,
            Some(What::FailAfter(status)) => self.refuse(&request, status, None),
            Some(What::Truncate) => fault::truncated(answer),
            Some(What::Malformed) => fault::page(200),
            _ => answer,
        };
        self.note(ticket, |exchange| {
            exchange.status = Some(seen.status);
            exchange.response_body = seen.body.clone();
        });
        Ok(seen)
    }

    /// How long every request takes from now on.
    pub fn set_latency(&self, per_request: Duration) {
        self.desk().latency = per_request;
    }

    /// Adds a fault to those that wait.
    pub fn inject(&self, fault: Fault) {
        self.desk().faults.push(fault);
    }

    /// Takes back every fault that has not struck.
    pub fn clear_faults(&self) {
        self.desk().faults.clear();
    }

    /// Sets what happens when a fault kills the client.
    pub fn on_kill(&self, hook: Box<dyn Fn() + Send + Sync>) {
        self.desk().on_kill = Some(Arc::from(hook));
    }

    /// Everything that came in, in order of arrival, with what was answered.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.desk().exchanges.clone()
    }

    /// Forgets what came in; the count for [`At::Nth`](crate::At::Nth) and the peak of requests begin anew.
    pub fn forget_exchanges(&self) {
        let mut desk = self.desk();
        desk.exchanges.clear();
        desk.round += 1;
        desk.peak = desk.in_flight;
    }

    /// The most requests that were under way at once.
    pub fn in_flight_peak(&self) -> usize {
        self.desk().peak
    }

    /// Every secret value that was ever minted or seeded, over all services.
    pub fn values(&self) -> Vec<String> {
        (self.0.open)(&self.0).into_iter().flat_map(|service| lock(service).values()).collect()
    }

    /// Seeds and inspects GitLab. Do not call the sandbox from inside.
    pub fn gitlab<R>(&self, f: impl FnOnce(&mut GitLab) -> R) -> R {
        f(&mut lock(&self.0.gitlab))
    }

    /// Seeds and inspects Styra DAS. Do not call the sandbox from inside.
    pub fn styra<R>(&self, f: impl FnOnce(&mut Styra) -> R) -> R {
        f(&mut lock(&self.0.styra))
    }

    /// Seeds and inspects GitHub. Do not call the sandbox from inside.
    pub fn github<R>(&self, f: impl FnOnce(&mut GitHub) -> R) -> R {
        f(&mut lock(&self.0.github))
    }

    /// Seeds and inspects Zendesk. Do not call the sandbox from inside.
    pub fn zendesk<R>(&self, f: impl FnOnce(&mut Zendesk) -> R) -> R {
        f(&mut lock(&self.0.zendesk))
    }

    /// Seeds and inspects Atlassian. Do not call the sandbox from inside.
    pub fn atlassian<R>(&self, f: impl FnOnce(&mut Atlassian) -> R) -> R {
        f(&mut lock(&self.0.atlassian))
    }

    /// Seeds and inspects Vault. Do not call the sandbox from inside.
    pub fn vault<R>(&self, f: impl FnOnce(&mut Vault) -> R) -> R {
        f(&mut lock(&self.0.vault))
    }

    /// Seeds and inspects the authorisation server. Do not call the sandbox from inside.
    pub fn oauth<R>(&self, f: impl FnOnce(&mut OAuth) -> R) -> R {
        f(&mut lock(&self.0.oauth))
    }

    /// Seeds and inspects the small APIs. Do not call the sandbox from inside.
    pub fn http_api<R>(&self, f: impl FnOnce(&mut HttpApi) -> R) -> R {
        f(&mut lock(&self.0.http_api))
    }

    /// Seeds and inspects the cluster. Do not call the sandbox from inside.
    pub fn kubernetes<R>(&self, f: impl FnOnce(&mut Kubernetes) -> R) -> R {
        let mut cluster = lock(&self.0.kubernetes);
        cluster.work();
        f(&mut cluster)
    }

    /// Seeds and inspects Signon. Do not call the sandbox from inside.
    pub fn signon<R>(&self, f: impl FnOnce(&mut Signon) -> R) -> R {
        self.kubernetes(|cluster| f(&mut cluster.signon))
    }

    fn service<R>(&self, host: &str, f: impl FnOnce(&mut dyn Service) -> R) -> Option<R> {
        let label = host.split(['.', ':']).next().unwrap_or(host);
        let mut service = (self.0.open)(&self.0).into_iter().map(lock).find(|service| service.label() == label)?;
        Some(f(&mut *service))
    }

    fn refuse(&self, request: &Request, status: u16, retry_after: Option<u64>) -> Answer {
        self.service(&request.host, |service| service.refuse(status, retry_after))
            .unwrap_or_else(|| nobody(&request.host))
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.0.desk)
    }

    fn arrive(&self, request: &Request) -> (Ticket, Duration, Strike) {
        let mut desk = self.desk();
        desk.in_flight += 1;
        desk.peak = desk.peak.max(desk.in_flight);
        let number = desk.exchanges.len() + 1;
        let strike = Strike::take(&mut desk.faults, number, &request.method, &request.target);
        desk.exchanges.push(Exchange {
            number,
            method: request.method.clone(),
            host: request.host.clone(),
            target: request.target.clone(),
            request_headers: request.headers.clone(),
            request_body: request.body.clone(),
            status: None,
            acted: None,
            response_body: Bytes::new(),
        });
        (Ticket { round: desk.round, number }, desk.latency, strike)
    }

    fn note(&self, ticket: Ticket, change: impl FnOnce(&mut Exchange)) {
        let mut desk = self.desk();
        if desk.round == ticket.round
            && let Some(exchange) = desk.exchanges.get_mut(ticket.number - 1)
        {
            change(exchange);
        }
    }

    async fn kill(&self) -> Result<Answer, Lost> {
        let hook = self.desk().on_kill.clone();
        if let Some(hook) = hook {
            hook();
        }
        std::future::pending().await
    }
}

/// Every service, once: a new one is added here.
fn every(inner: &Inner) -> Vec<&Mutex<dyn Service>> {
    vec![
        &inner.gitlab,
        &inner.styra,
        &inner.github,
        &inner.zendesk,
        &inner.atlassian,
        &inner.vault,
        &inner.oauth,
        &inner.http_api,
        &*inner.kubernetes,
        &inner.signon,
        &inner.publishing_api,
    ]
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn door(label: &'static str, cluster: &Arc<Mutex<Kubernetes>>) -> Mutex<Door> {
    Mutex::new(Door { label, cluster: Arc::clone(cluster) })
}

fn nobody(host: &str) -> Answer {
    Answer::json(404, &json!({ "message": format!("the sandbox has no service called {host}") }))
}

async fn pass(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
