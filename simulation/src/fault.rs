//! What goes wrong, and how often each kind of it was tried.

use std::collections::BTreeMap;
use std::fmt;

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process dies before the service acts.
    KilledBefore,
    /// The service acts, and the process dies before the answer.
    KilledAfter,
    /// The connection is refused: nothing was sent.
    NeverSent,
    /// The request is lost on its way.
    RequestLost,
    /// The service acts; the answer is lost.
    AnswerLost,
    /// The client gives up waiting; the service acts up to a minute later.
    ActsLate,
    /// The answer takes up to fifty seconds.
    Slow,
    /// A proxy sends the request twice; the first answer comes back.
    Twice,
    /// A proxy sends the request twice; the second answer comes back.
    TwiceSecond,
    /// The service acts; half of the answer arrives.
    Truncated,
    /// The service acts; a page of HTML comes back with 200.
    Malformed,
    /// The service refuses with 429 and `Retry-After`, and does nothing.
    TooMany,
    /// The service answers 5xx and does nothing.
    ServerError,
    /// The service acts, and a proxy answers 502 or 504.
    BadGateway,
}

impl Fault {
    /// Each of them.
    pub const ALL: [Self; 14] = [
        Self::KilledBefore,
        Self::KilledAfter,
        Self::NeverSent,
        Self::RequestLost,
        Self::AnswerLost,
        Self::ActsLate,
        Self::Slow,
        Self::Twice,
        Self::TwiceSecond,
        Self::Truncated,
        Self::Malformed,
        Self::TooMany,
        Self::ServerError,
        Self::BadGateway,
    ];

    /// For people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::KilledBefore => "killed before a request acts",
            Self::KilledAfter => "killed after a request acted",
            Self::NeverSent => "connection refused",
            Self::RequestLost => "request lost",
            Self::AnswerLost => "answer lost",
            Self::ActsLate => "acts after the client gave up",
            Self::Slow => "slow answer",
            Self::Twice => "request doubled, first answer",
            Self::TwiceSecond => "request doubled, second answer",
            Self::Truncated => "answer truncated",
            Self::Malformed => "answer malformed",
            Self::TooMany => "429 with Retry-After",
            Self::ServerError => "5xx, nothing done",
            Self::BadGateway => "5xx after acting",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Counts by what was counted.
#[derive(Clone, Debug, Default)]
pub struct Counts(pub BTreeMap<&'static str, u64>);

impl Counts {
    /// Counts one.
    pub fn add(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Takes all counts of another over.
    pub fn merge(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }
}
