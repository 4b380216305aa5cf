//! Who is asking, and what its Roles let it do.

use http::header::AUTHORIZATION;

use super::Kubernetes;
use super::refusal::Refusal;
use crate::exchange::Request;

/// What an account may do with the things of one resource in one namespace.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The namespace.
    pub namespace: String,
    /// Such as `secrets`.
    pub resource: String,
    /// Such as `get` and `patch`.
    pub verbs: Vec<String>,
    /// `resourceNames`: only these; none: all of them. A `create` cannot be limited to names.
    pub names: Vec<String>,
}

impl Rule {
    /// A rule for things of these names, or for all where there is none.
    pub fn new(namespace: &str, resource: &str, verbs: &[&str], names: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            namespace: namespace.to_owned(),
            resource: resource.to_owned(),
            verbs: owned(verbs),
            names: owned(names),
        }
    }
}

/// A service account: what it is called, and its rules; none: it may do everything.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) rules: Option<Vec<Rule>>,
}

/// A thing that somebody wants to do something with.
pub(crate) struct Wanted<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl Kubernetes {
    /// The account of the bearer.
    pub(crate) fn authenticate(&self, request: &Request) -> Result<Account, Refusal> {
        let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        self.accounts.get(token.trim()).cloned().ok_or_else(Refusal::unauthorized)
    }
}

impl Account {
    /// Lets it, or refuses in the words of the real one.
    pub(crate) fn may(&self, wanted: &Wanted<'_>) -> Result<(), Refusal> {
        let Wanted { verb, group, resource, namespace, name } = wanted;
        let Some(rules) = &self.rules else { return Ok(()) };
        let allowed = rules.iter().any(|rule| {
            rule.namespace == *namespace
                && rule.resource == *resource
                && rule.verbs.iter().any(|allowed| allowed == verb)
                && (*verb == "create" || rule.names.is_empty() || rule.names.iter().any(|allowed| allowed == name))
        });
        if allowed {
            return Ok(());
        }
        let dot = if group.is_empty() { "" } else { "." };
        let thing = if name.is_empty() { String::new() } else { format!(" {name:?}") };
        Err(Refusal::new(
            403,
            "Forbidden",
            format!(
                "{resource}{dot}{group}{thing} is forbidden: User {:?} cannot {verb} resource {resource:?} in API group \
                 {group:?} in the namespace {namespace:?}",
                self.name
            ),
        ))
    }
}
