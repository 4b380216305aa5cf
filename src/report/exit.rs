//! Exit codes are an interface, and the worst token decides: 4 > 1 > 3 > 2 > 0.

use super::{ConnectionReport, Outcome, RunReport, TokenReport};

/// How bad it is; the number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// All is well, or what cannot be seen is named.
    Well = 0,
    /// A bug.
    Bug = 1,
    /// The config or the credentials are wrong, and nothing was attempted.
    Config = 2,
    /// Something was not done, and nothing is at risk before the next run.
    Later = 3,
    /// A token is dead, or will be before the next run; or a revocation asked for at once is not proved.
    Now = 4,
    /// Something is due (`plan --detailed-exitcode` only).
    Due = 10,
}

impl Level {
    /// The exit code.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Bug => "bug",
            Self::Config => "config",
            Self::Later => "later",
            Self::Now => "now",
            Self::Due => "due",
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Well | Self::Due => 0,
            Self::Config => 1,
            Self::Later => 2,
            Self::Bug => 3,
            Self::Now => 4,
        }
    }

    /// The worse of two.
    #[must_use]
    pub const fn worse(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }
}

impl TokenReport {
    /// How bad it is for this token.
    pub fn level(&self) -> Level {
        let otherwise = |level| if self.at_risk || self.broken { Level::Now } else { level };
        let unsure = if self.unsure { Level::Later } else { Level::Well };
        let level = match &self.outcome {
            // What is only planned is not done yet: it is for `rotate` to fail.
            Outcome::WouldRotate(_) | Outcome::WouldRedeliver(_) => Level::Well,
            Outcome::Kept => {
                if self.broken {
                    Level::Now
                } else {
                    unsure
                }
            }
            Outcome::Watched | Outcome::Waits => otherwise(unsure),
            Outcome::Rotated { owed, replaced: true, retired, .. } if !owed.is_empty() => {
                Level::Now.worse(retirement(retired))
            }
            Outcome::Rotated { owed, retired, .. } => {
                let missing = if owed.is_empty() { Level::Well } else { Level::Later };
                missing.worse(retirement(retired))
            }
            Outcome::Redelivered { owed, .. } if owed.is_empty() => unsure,
            Outcome::Retired(retired) => retirement(retired).worse(unsure),
            Outcome::Stopped(stopped) if stopped.in_use_may_be_dead => Level::Now,
            Outcome::Redelivered { .. }
            | Outcome::Refused(_)
            | Outcome::Deferred
            | Outcome::Stopped(_)
            | Outcome::NotSeen(_) => otherwise(Level::Later),
        };
        if self.revocation_open { Level::Now } else { level }
    }
}

fn retirement(retired: &[super::Retired]) -> Level {
    let failed = |old: &super::Retired| match (&old.failed, old.now) {
        (None, _) => Level::Well,
        (Some(_), true) => Level::Now,
        (Some(_), false) => Level::Later,
    };
    retired.iter().map(failed).fold(Level::Well, Level::worse)
}

impl ConnectionReport {
    /// How bad it is for this connection.
    pub fn level(&self) -> Level {
        // A server that cannot be asked is nobody's mistake: what was to be done over it is left to do.
        let level = if self.dead && !self.unreachable {
            Level::Config
        } else if self.unreachable || !self.troubles.is_empty() {
            Level::Later
        } else {
            Level::Well
        };
        level.worse(if self.expiring { Level::Now } else { Level::Well })
    }
}

impl RunReport {
    /// How bad it is in all.
    pub fn level(&self) -> Level {
        let dead = self.connections.iter().any(|connection| connection.dead && !connection.unreachable);
        let of_all_dead = dead && self.tokens.iter().all(|token| matches!(token.outcome, Outcome::NotSeen(_)));
        let tokens = self.tokens.iter().map(TokenReport::level).filter(|level| !of_all_dead || *level == Level::Now);
        let connections = self.connections.iter().map(ConnectionReport::level).fold(Level::Well, Level::worse);
        let besides = if self.troubled { Level::Later } else { Level::Well };
        tokens.fold(connections.worse(besides), Level::worse)
    }

    /// Whether anything is due.
    pub fn anything_due(&self) -> bool {
        let due = |token: &TokenReport| {
            matches!(
                token.outcome,
                Outcome::WouldRotate(_) | Outcome::WouldRedeliver(_) | Outcome::Deferred | Outcome::Waits
            )
        };
        self.tokens.iter().any(due)
    }
}
