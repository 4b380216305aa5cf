//! What can go wrong on the way to a service, and when.

use std::time::Duration;

use http::{HeaderValue, Method, header};

use crate::exchange::Answer;

/// Something that goes wrong once it is its turn.
#[derive(Clone, Debug)]
pub struct Fault {
    /// When it strikes.
    pub at: At,
    /// What happens then.
    pub what: What,
}

/// When a fault strikes.
#[derive(Clone, Debug)]
pub enum At {
    /// At the n-th request since the count began, from 1, over all services.
    Nth(usize),
    /// At the next requests of this kind.
    Matching {
        /// The method.
        method: Method,
        /// A piece of the target.
        path: String,
        /// How many requests it strikes.
        times: usize,
    },
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum What {
    /// The service acts, and its answer stays away for this long: a client that gives up has been served all the same.
    Delay(Duration),
    /// The service refuses with 429, in its own words, and does nothing.
    RateLimited {
        /// Seconds, for `Retry-After`.
        retry_after: u64,
    },
    /// The service refuses with this status and does nothing.
    Refuse(u16),
    /// The service acts; the client is told this 5xx.
    FailAfter(u16),
    /// The connection dies before the service acts.
    DropBefore,
    /// The service acts; the connection dies before the answer.
    DropAfter,
    /// The service acts; half of the body arrives, under the length of the whole.
    Truncate,
    /// The service acts; the client gets a page of HTML with 200.
    Malformed,
    /// The client is sent elsewhere, and nothing is done.
    Redirect(String),
    /// The client dies before the service acts.
    KillBefore,
    /// The service acts; the client dies before the answer.
    KillAfter,
}

/// What strikes one request: any number of delays, and at most one other fault.
#[derive(Debug, Default)]
pub(crate) struct Strike {
    pub(crate) delay: Duration,
    pub(crate) what: Option<What>,
}

impl Strike {
    /// Takes what strikes this request out of the faults that wait. A second fault that would strike it too waits on.
    pub(crate) fn take(faults: &mut Vec<Fault>, number: usize, method: &Method, target: &str) -> Self {
        let mut strike = Self::default();
        faults.retain_mut(|fault| {
            if !fault.at.is_now(number, method, target) {
                return true;
            }
            match &fault.what {
                What::Delay(by) => strike.delay += *by,
                _ if strike.what.is_some() => return true,
                what => strike.what = Some(what.clone()),
            }
            !fault.at.is_used_up()
        });
        strike
    }
}

impl At {
    fn is_now(&self, number: usize, with: &Method, target: &str) -> bool {
        match self {
            Self::Nth(nth) => *nth == number,
            Self::Matching { method, path, times } => *times > 0 && method == with && target.contains(path.as_str()),
        }
    }

    fn is_used_up(&mut self) -> bool {
        match self {
            Self::Nth(_) => true,
            Self::Matching { times, .. } => {
                *times = times.saturating_sub(1);
                *times == 0
            }
        }
    }
}

/// Half of the body, under the length of the whole.
pub(crate) fn truncated(mut answer: Answer) -> Answer {
    let whole = answer.body.len();
    answer.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole));
    answer.body.truncate(whole / 2);
    answer
}

/// What a proxy with a sign-in page or a broken upstream sends in place of the service's answer.
pub(crate) fn page(status: u16) -> Answer {
    let text = reason(status);
    Answer::empty(status)
        .of("text/html", format!("<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>"))
}

/// A permanent redirect.
pub(crate) fn redirect(to: &str) -> Answer {
    page(301).with(header::LOCATION, to)
}

/// The words that go with a status.
pub(crate) fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Unknown")
}
