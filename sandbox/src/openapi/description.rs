//! The descriptions themselves: which operation a request means, and what it declares.

use http::Method;
use serde_json::{Map, Value};

use super::schema;
use crate::target;

const GITLAB: &str = include_str!("../../specs/gitlab.json");
const GITLAB_ADDITIONS: &str = include_str!("../../specs/gitlab-additions.json");
const GITHUB: &str = include_str!("../../specs/github.json");
const GITHUB_ADDITIONS: &str = include_str!("../../specs/github-additions.json");
const GITLAB_CREDENTIALS: &str = include_str!("../../specs/gitlab-credentials.json");
const ATLASSIAN: &str = include_str!("../../specs/atlassian.json");
const OAUTH: &str = include_str!("../../specs/oauth.json");
const HTTP_API: &str = include_str!("../../specs/http-api.json");
const STYRA: &str = include_str!("../../specs/styra.json");
const ZENDESK: &str = include_str!("../../specs/zendesk.json");
const VAULT: &str = include_str!("../../specs/vault.json");
const KUBERNETES: &str = include_str!("../../specs/kubernetes.json");
const SIGNON: &str = include_str!("../../specs/signon.json");
const PUBLISHING_API: &str = include_str!("../../specs/publishing-api.json");

/// One service's description.
pub(super) struct Description {
    label: &'static str,
    /// What some servers of this service put before every path.
    base: &'static str,
    document: Value,
}

/// One operation, as one request means it.
pub(super) struct Operation<'a> {
    /// Method and path template.
    pub(super) name: String,
    /// The parameters in the path: name, text, schema.
    pub(super) path_values: Vec<(String, String, Value)>,
    declared: &'a Value,
    document: &'a Value,
}

/// What the description says of the body of an answer.
pub(super) enum Declared {
    /// There is none.
    Empty,
    /// JSON of this schema.
    Json(Value),
}

impl Description {
    /// Every description: a new service is added here.
    pub(super) fn all() -> Vec<Self> {
        vec![
            Self::of("gitlab", &[GITLAB, GITLAB_ADDITIONS, GITLAB_CREDENTIALS]),
            Self::of("styra", &[STYRA]),
            Self { base: "/api/v3", ..Self::of("github", &[GITHUB, GITHUB_ADDITIONS]) },
            Self::of("zendesk", &[ZENDESK]),
            Self::of("atlassian", &[ATLASSIAN]),
            Self::of("vault", &[VAULT]),
            Self::of("oauth", &[OAUTH]),
            Self::of("http", &[HTTP_API]),
            Self::of("kubernetes", &[KUBERNETES]),
            Self::of("signon", &[SIGNON]),
            Self::of("publishing-api", &[PUBLISHING_API]),
        ]
    }

    fn of(label: &'static str, texts: &[&str]) -> Self {
        let mut document = Value::Null;
        for text in texts {
            // A description that cannot be read describes nothing, and every exchange says so.
            add(&mut document, serde_json::from_str(text).unwrap_or_default());
        }
        Self { label, base: "", document }
    }

    /// Whether it describes the service at this host.
    pub(super) fn is_of(&self, host: &str) -> bool {
        host.split(['.', ':']).next() == Some(self.label)
    }

    /// The operation that a request means: of several templates, the one with the most words of its own.
    pub(super) fn operation(&self, method: &Method, path: &str) -> Result<Operation<'_>, String> {
        let paths = self.document.get("paths").and_then(Value::as_object).ok_or("the description has no paths")?;
        let path = path.strip_prefix(self.base).unwrap_or(path);
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let found = paths
            .iter()
            .filter_map(|(template, item)| Some((template, item, bind(template, item, &segments)?)))
            .min_by_key(|(_, _, bound)| bound.len());
        let (template, item, bound) = found.ok_or("the path is not declared")?;
        let verb = method.as_str().to_lowercase();
        let declared = item.get(&verb).ok_or_else(|| format!("{method} is not declared for {template}"))?;
        let mut operation = Operation {
            name: format!("{method} {template}"),
            path_values: Vec::new(),
            declared,
            document: &self.document,
        };
        operation.path_values = bound
            .into_iter()
            .map(|(name, text)| {
                let schema = operation.parameter("path", &name).unwrap_or(Value::Bool(true));
                (name, text, schema)
            })
            .collect();
        Ok(operation)
    }
}

impl Operation<'_> {
    /// The schema of a query parameter; `name[]` is a list called `name`.
    pub(super) fn query(&self, name: &str) -> Option<Value> {
        self.parameter("query", name).or_else(|| self.parameter("query", name.strip_suffix("[]")?))
    }

    /// The query parameters without which the request is none.
    pub(super) fn required_query(&self) -> impl Iterator<Item = &str> {
        let required = |parameter: &&Value| parameter.get("required") == Some(&Value::Bool(true));
        self.parameters("query").filter(required).filter_map(|parameter| parameter.get("name")?.as_str())
    }

    /// The schema of the request's body, and whether there must be one.
    pub(super) fn body(&self) -> Option<(Value, bool)> {
        let body = self.declared.get("requestBody")?;
        let required = body.get("required").and_then(Value::as_bool).unwrap_or_default();
        Some((self.json(body)?, required))
    }

    /// What is declared of a status, if it is.
    pub(super) fn answer(&self, status: u16) -> Option<Declared> {
        let answers = self.declared.get("responses")?;
        let answer = answers.get(status.to_string()).or_else(|| answers.get("default"))?;
        Some(self.json(answer).map_or(Declared::Empty, Declared::Json))
    }

    fn parameter(&self, place: &'static str, name: &str) -> Option<Value> {
        let found =
            self.parameters(place).find(|parameter| parameter.get("name").and_then(Value::as_str) == Some(name))?;
        Some(schema::translated(found.get("schema")?, self.document))
    }

    fn parameters(&self, place: &'static str) -> impl Iterator<Item = &Value> {
        let all = self.declared.get("parameters").and_then(Value::as_array);
        all.into_iter().flatten().filter(move |parameter| parameter.get("in").and_then(Value::as_str) == Some(place))
    }

    fn json(&self, part: &Value) -> Option<Value> {
        let schema = part.get("content")?.get("application/json")?.get("schema")?;
        Some(schema::translated(schema, self.document))
    }
}

/// The parameters of a path, when it is one of the template's: a last one whose pattern says so takes the rest,
/// slashes included.
fn bind(template: &str, item: &Value, segments: &[&str]) -> Option<Vec<(String, String)>> {
    let parts: Vec<&str> = template.trim_start_matches('/').split('/').collect();
    let (last, _) = parts.split_last()?;
    let greedy = takes_the_rest(item, name_of(last).unwrap_or_default());
    if segments.len() < parts.len() || (segments.len() > parts.len() && !greedy) {
        return None;
    }
    let mut bound = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let ends = at + 1 == parts.len();
        let text = if ends { segments.get(at..)?.join("/") } else { (*segments.get(at)?).to_owned() };
        match name_of(part) {
            Some(_) if text.is_empty() => return None,
            Some(name) => bound.push((name.to_owned(), target::decode(&text))),
            None if *part == text => {}
            None => return None,
        }
    }
    Some(bound)
}

fn name_of(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

fn takes_the_rest(item: &Value, name: &str) -> bool {
    let operations = item.as_object().into_iter().flat_map(Map::values);
    operations
        .filter_map(|operation| operation.get("parameters")?.as_array())
        .flatten()
        .filter(|parameter| parameter.get("name").and_then(Value::as_str) == Some(name))
        .filter_map(|parameter| parameter.pointer("/schema/pattern")?.as_str())
        .any(|pattern| matches!(pattern, ".+" | ".*"))
}

/// Adds a document to another: objects grow, lists grow, and what is there stays.
fn add(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                add(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(more)) => into.extend(more),
        (into @ Value::Null, more) => *into = more,
        _ => {}
    }
}
