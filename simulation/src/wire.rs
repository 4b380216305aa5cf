//! What carries a run's requests to the sandbox, and everything that can happen to them on the way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use tokenwheel::http::{Broken, Transport};
use tokenwheel_sandbox::{Answer, Request};
use tokio::time::sleep;

use crate::fault::Fault;
use crate::laws::By;
use crate::stage::{Running, Stage};

/// How long the real client waits for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A run's wire.
pub struct Wire {
    /// Where it leads.
    pub stage: Arc<Stage>,
    /// Whose it is.
    pub run: Arc<Running>,
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let (head, body) = request.into_parts();
        let host = head.uri.host().unwrap_or_default().split('.').next().unwrap_or_default().to_owned();
        let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let request = Request { method: head.method, host, target, headers: head.headers, body };
        if self.run.is_dead() {
            return std::future::pending().await;
        }
        let line = format!("{} {}{}", request.method, request.host, request.target);
        let fault = self.fault();
        let outcome = self.carry(request, fault).await;
        self.stage.tell(|| {
            let saw = match &outcome {
                Ok(answer) => answer.status.to_string(),
                Err(broken) => broken.to_string(),
            };
            let fault = fault.map(|fault| format!(" [{fault}]")).unwrap_or_default();
            format!("  run {}: {line} -> {saw}{fault}", self.run.number)
        });
        let answer = outcome?;
        let mut response = http::Response::new(answer.body);
        *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

impl Wire {
    /// What happens to the next request.
    fn fault(&self) -> Option<Fault> {
        let number = self.run.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let weather = &self.run.weather;
        if weather.stop == Some(number) {
            self.run.stop.store(true, Ordering::Relaxed);
            self.run.struck.fetch_add(1, Ordering::Relaxed);
            self.stage.tried("SIGTERM: asked to stop");
        }
        let struck = weather.strike.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        let stormy =
            || self.stage.dice(|dice| dice.chance(weather.storm).then(|| dice.pick(&Fault::ALL).copied()).flatten());
        let fault = struck.or_else(|| if weather.storm > 0 { stormy() } else { None });
        if let Some(fault) = fault {
            self.run.struck.fetch_add(1, Ordering::Relaxed);
            self.stage.tried(fault.word());
        }
        fault
    }

    async fn carry(&self, request: Request, fault: Option<Fault>) -> Result<Answer, Broken> {
        let (up, down) = self.stage.dice(|dice| (dice.between(2, 60), dice.between(2, 60)));
        let (up, down) = (Duration::from_millis(up), Duration::from_millis(down));
        sleep(up).await;
        if self.run.is_dead() {
            return std::future::pending().await;
        }
        let reads = request.method == Method::GET;
        // No proxy repeats a POST by itself (RFC 9110, 9.2.2).
        let doubled = matches!(fault, Some(Fault::Twice | Fault::TwiceSecond));
        let fault = fault.filter(|_| !doubled || request.method != Method::POST);
        if let Some(refusal) = self.stage.refusal(&request.host, &request.target, reads) {
            self.run.struck.fetch_add(1, Ordering::Relaxed);
            self.stage.tried("a place refuses, or a service is down, for hours or days");
            return Ok(plain(refusal.status));
        }
        let seconds = |from, to| self.stage.dice(|dice| Duration::from_secs(dice.between(from, to)));
        match fault {
            Some(Fault::KilledBefore) => self.die().await,
            Some(Fault::NeverSent) => Err(Broken::NeverSent("connection refused".to_owned())),
            Some(Fault::RequestLost) => {
                sleep(seconds(0, 1) * 60).await;
                Err(Broken::NoAnswer("connection reset".to_owned()))
            }
            Some(Fault::TooMany) => {
                let wait = self.stage.dice(|dice| dice.between(1, 90));
                let mut answer = plain(429);
                answer.headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
                Ok(answer)
            }
            Some(Fault::ServerError) => Ok(plain(self.stage.dice(|dice| if dice.chance(500) { 500 } else { 503 }))),
            Some(Fault::ActsLate) => {
                let (stage, run, late) = (Arc::clone(&self.stage), self.run.number, seconds(1, 60));
                // Nobody waits for it, and the death of the client does not end it.
                tokio::spawn(async move {
                    sleep(PATIENCE + late).await;
                    act(&stage, run, &request);
                });
                sleep(PATIENCE).await;
                Err(Broken::NoAnswer("timed out".to_owned()))
            }
            other => {
                let answer = act(&self.stage, self.run.number, &request);
                self.back(request, answer, down, other).await
            }
        }
    }

    /// The way back.
    async fn back(
        &self,
        request: Request,
        mut answer: Answer,
        down: Duration,
        fault: Option<Fault>,
    ) -> Result<Answer, Broken> {
        match fault {
            Some(Fault::KilledAfter) => return self.die().await,
            Some(Fault::Slow) => {
                let seconds = self.stage.dice(|dice| dice.between(1, 50));
                sleep(Duration::from_secs(seconds)).await;
            }
            Some(Fault::Twice) => {
                let (stage, run) = (Arc::clone(&self.stage), self.run.number);
                sleep(down / 2).await;
                act(&stage, run, &request);
            }
            Some(Fault::TwiceSecond) => answer = act(&self.stage, self.run.number, &request),
            _ => {}
        }
        sleep(down).await;
        match fault {
            Some(Fault::AnswerLost) => Err(Broken::NoAnswer("connection reset".to_owned())),
            Some(Fault::BadGateway) => Ok(plain(self.stage.dice(|dice| if dice.chance(500) { 502 } else { 504 }))),
            Some(Fault::Malformed) => Ok(page(200)),
            Some(Fault::Truncated) => {
                answer.body.truncate(answer.body.len() / 2);
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    async fn die(&self) -> Result<Answer, Broken> {
        self.run.dead.store(true, Ordering::Relaxed);
        std::future::pending().await
    }
}

/// The service acts, and whoever holds a token is looked at before and after.
fn act(stage: &Stage, run: usize, request: &Request) -> Answer {
    stage.now();
    let reads = request.method == Method::GET;
    if !reads {
        stage.look(By::Time);
    }
    let answer = stage.estate.sandbox.handle(request);
    if !reads {
        stage.tell(|| {
            format!("  run {run}: {} {}{} acts: {}", request.method, request.host, request.target, answer.status)
        });
        stage.look(By::Wheel(run));
    }
    answer
}

/// What a server says that does nothing.
fn plain(status: u16) -> Answer {
    if (502..=504).contains(&status) {
        return page(status);
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Answer { status, headers, body: Bytes::from(format!(r#"{{"message":"{status}"}}"#)) }
}

/// What a proxy sends in place of the service's answer.
fn page(status: u16) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    Answer { status, headers, body: Bytes::from_static(b"<html><h1>one moment, please</h1></html>") }
}
