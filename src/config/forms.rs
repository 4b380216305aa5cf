//! Small forms inside texts: lengths of time, shares, sources of credentials.

use std::path::PathBuf;

use chrono::TimeDelta;

use crate::plan::{Rule, Seat};

/// Where a credential comes from. Never the credential itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `env:NAME`
    Environment(String),
    /// `file:PATH`
    File(PathBuf),
    /// `vault:PATH#KEY`, read over the config's connection of service vault
    Vault {
        /// The path of the secret.
        path: String,
        /// The key in it.
        key: String,
    },
    /// `oidc:AUDIENCE`, the identity that the runner vouches for
    Oidc(String),
}

impl Source {
    /// Reads a source. The error never repeats the text, which may be a secret.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env", name)) if is_name(name) => Ok(Self::Environment(name.to_owned())),
            Some(("env", _)) => Err("a variable's name after `env:` has letters, digits and `_`".to_owned()),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(("vault", rest)) => match rest.rsplit_once('#') {
                Some((path, key)) if !path.is_empty() && !key.is_empty() => {
                    Ok(Self::Vault { path: path.to_owned(), key: key.to_owned() })
                }
                _ => Err("a secret in a vault is a path and a key: `vault:PATH#KEY`".to_owned()),
            },
            Some(("oidc", audience)) if !audience.is_empty() => Ok(Self::Oidc(audience.to_owned())),
            _ => Err("a credential is never written here: say `env:NAME` or `file:PATH`; if this was a real one, it \
                      has leaked and is to be replaced"
                .to_owned()),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Vault { path, key } => write!(f, "vault:{path}#{key}"),
            Self::Oidc(audience) => write!(f, "oidc:{audience}"),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Reads `90s`, `30min`, `12h`, `30d`, `2w`.
pub(super) fn length(text: &str) -> Result<TimeDelta, String> {
    let wrong = || "a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "min" | "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(wrong()),
    };
    let length = number.checked_mul(seconds).and_then(TimeDelta::try_seconds).ok_or_else(wrong)?;
    if length.is_zero() || length > TimeDelta::days(3650) {
        return Err("a length of time is more than nothing and at most ten years".to_owned());
    }
    Ok(length)
}

/// Reads a share (`2/3`) or an age (`20d`).
pub(super) fn after(text: &str) -> Result<Rule, String> {
    let Some((of, parts)) = text.split_once('/') else { return length(text).map(Rule::AfterAge) };
    match (of.trim().parse::<i32>(), parts.trim().parse::<i32>()) {
        (Ok(of), Ok(parts)) if 0 < of && of < parts && parts <= 100 => Ok(Rule::AfterShare { of, parts }),
        _ => Err("a share of the lifetime lies between nothing and all: `1/2`, `2/3`".to_owned()),
    }
}

/// Reads `gitlab` or `gitlab.spare`.
pub(super) fn seat(text: &str) -> (String, Seat) {
    text.strip_suffix(".spare")
        .map_or_else(|| (text.to_owned(), Seat::Primary), |connection| (connection.to_owned(), Seat::Spare))
}

/// The check of a form that the schema names, as a sentence when it fails.
pub(super) fn check(format: &str, text: &str) -> Result<(), String> {
    match format {
        "length" => length(text).map(drop),
        "share-or-length" => after(text).map(drop),
        "source" => Source::parse(text).map(drop),
        _ => Ok(()),
    }
}

/// The prefixes of tokens that must not stand in a config. Public forms, from the services' own pages.
/// <https://docs.gitlab.com/security/tokens/#token-prefixes>
const PREFIXES: &[&str] = &[
    "glpat-",
    "glptt-",
    "gldt-",
    "glrt-",
    "glagent-",
    "glcbt-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "ATATT3x",
    "hvs.",
    "xoxb-",
    "whsec_",
];

/// Where in a text a secret of a known make begins, and where it ends.
fn secret(text: &str) -> Option<(usize, usize)> {
    let part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    PREFIXES.iter().find_map(|prefix| {
        text.match_indices(prefix).find_map(|(start, _)| {
            let end = text[start..].find(|c| !part(c)).map_or(text.len(), |length| start + length);
            (end - start >= prefix.len() + 8).then_some((start, end))
        })
    })
}

/// Whether a text looks like a secret of a known make.
pub(super) fn looks_like_a_secret(text: &str) -> bool {
    secret(text).is_some()
}

/// The text without what looks like a secret in it.
pub(super) fn without_secrets(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some((start, end)) = secret(&text) {
        text.replace_range(start..end, "(a secret)");
    }
    text
}
