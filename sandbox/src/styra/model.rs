//! The rows of Styra's tables, as far as tokens and secrets need them.

use chrono::{DateTime, TimeDelta, Utc};

/// What a token may do. Roles are bound to the id of a token, not to its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May update existing tokens that belong to no system.
    WorkspaceTokenRefresher,
    /// May update existing tokens of systems: those whose id begins with `systems/`.
    SystemTokenRefresher,
    /// May do everything.
    Admin,
    /// May do nothing: a token that nobody bound a role to.
    None,
}

/// A token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The id, slashes included.
    pub id: String,
    /// The secret itself.
    pub value: String,
    /// What it is for.
    pub description: String,
    /// How long a value lives, as it was sent.
    pub ttl: String,
    /// When the value dies.
    pub expires: DateTime<Utc>,
    /// Regular expressions for the paths it may be used on; none: all paths.
    pub allow_path_patterns: Vec<String>,
    /// How often it was used.
    pub uses: u64,
    /// When it was first made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub modified_at: DateTime<Utc>,
}

impl Token {
    /// Whether it works at this time.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.expires
    }
}

/// A secret that Styra keeps for its plugins: it can be written, never read.
#[derive(Clone, Debug)]
pub struct Secret {
    /// The id.
    pub id: String,
    /// The name, such as a user's.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The secret itself.
    pub secret: String,
    /// When it was last written.
    pub modified_at: DateTime<Utc>,
}

/// The lifetime that a token gets when nobody says otherwise: about ten years.
pub(crate) const TEN_YEARS: &str = "87600h";

/// Reads a length of time as Go writes them: `24h`, `1h30m`, `0.5h`.
pub(crate) fn duration(text: &str) -> Option<TimeDelta> {
    let mut rest = text;
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (amount, after) = rest.split_at(end);
        let end = after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = match unit {
            "h" => 3.6e12,
            "m" => 6e10,
            "s" => 1e9,
            "ms" => 1e6,
            _ => return None,
        };
        nanos += amount.parse::<f64>().ok()? * unit;
        rest = after;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, at some 292 years")]
    let length = TimeDelta::nanoseconds(nanos as i64);
    (length > TimeDelta::zero()).then_some(length)
}

/// Writes a length of time as Go reads it.
pub(crate) fn written(length: TimeDelta) -> String {
    match (length.num_seconds() / 3600, length.num_seconds() % 3600) {
        (hours, 0) => format!("{hours}h"),
        (hours, rest) => format!("{hours}h{rest}s"),
    }
}
