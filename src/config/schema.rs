//! The JSON Schema of the config, generated from the types and the catalogue.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::connection::{Needed, ServiceKind};
use crate::destination::DestinationKind;
use crate::issuer::{IssuerKind, Ttl};

/// Rotates API tokens: mints, delivers, proves and retires them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The version of this form: 1.
    pub(super) version: u32,
    /// How often the schedule runs: what cannot live until the next run is due now.
    #[schemars(extend("format" = "length"), example = "6h")]
    pub(super) every: Option<String>,
    /// More files with `tokens:`, so that each team owns its own.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "read before the rest is decoded, so that every problem is reported; it stands here for the schema"
    )]
    pub(super) include: Vec<String>,
    /// How to log in to each service.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "decoded part by part, so that every problem is reported; it stands here for the schema"
    )]
    pub(super) connections: Map<String, Value>,
    /// What holds for each token that does not say otherwise.
    #[serde(default)]
    pub(super) defaults: Defaults,
    /// The tokens, by name.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "decoded part by part, so that every problem is reported; it stands here for the schema"
    )]
    pub(super) tokens: Map<String, Value>,
    /// What stops a storm.
    #[serde(default)]
    pub(super) limits: Limits,
    /// Where facts are kept between runs.
    #[expect(
        dead_code,
        reason = "decoded part by part, so that every problem is reported; it stands here for the schema"
    )]
    pub(super) ledger: Option<Map<String, Value>>,
    /// To whom each new value is encrypted before it is delivered anywhere.
    pub(super) rescue: Option<Rescue>,
}

/// To whom each new value is encrypted before it is delivered anywhere: into a file that goes when all is confirmed, and
/// into the log of a job. `tokenwheel unseal` delivers what a run that died left there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rescue {
    /// Public age keys (`age1…`) of the owners, as `age-keygen` prints them: any one of the private keys opens it.
    #[schemars(length(min = 1))]
    pub(super) recipients: Vec<String>,
    /// The folder of the sealed files, `rescue` by default; a relative one starts at that of the config.
    pub(super) path: Option<String>,
}

/// A file that `include:` names.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Included {
    /// The tokens, by name.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "decoded part by part, so that every problem is reported; it stands here for the schema"
    )]
    pub(super) tokens: Map<String, Value>,
}

/// What holds for each token that does not say otherwise.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    /// Whom to ask about a token.
    pub(super) owner: Option<String>,
    /// When tokens turn.
    pub(super) rotate: Option<Rotate>,
}

/// What stops a storm.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    /// The most tokens that one run rotates, refreshers aside; 50 by default.
    pub(super) max_rotations: Option<u32>,
}

/// How to log in to one service.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Connection {
    /// The service.
    pub(super) service: String,
    /// Its address. May be left out only in a job of that very server.
    #[schemars(example = "https://gitlab.example.com")]
    pub(super) url: Option<String>,
    /// Where its refresher is: `env:NAME`, `file:PATH`, `vault:PATH#KEY`, or `oidc:AUDIENCE` for the job's own identity.
    #[schemars(extend("format" = "source"), example = "env:GITLAB_REFRESHER")]
    pub(super) token: Option<String>,
    /// Where its spare refresher is: a second one, so that each can turn the other.
    #[schemars(extend("format" = "source"), example = "env:GITLAB_SPARE")]
    pub(super) spare: Option<String>,
    /// A private CA, in PEM.
    pub(super) ca_file: Option<String>,
}

/// A token: one issuer, a lifetime, destinations, an owner.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    /// One entry for many: a token for each value, which `$each` stands for.
    #[serde(default)]
    #[expect(dead_code, reason = "it is spent before a token is decoded; it stands here for the schema")]
    #[schemars(length(min = 1))]
    pub(super) each: Option<Vec<String>>,
    /// The name that this token had before.
    pub(super) was: Option<String>,
    /// Whom to ask about it.
    pub(super) owner: Option<String>,
    /// What mints it.
    #[expect(
        dead_code,
        reason = "decoded part by part, so that every problem is reported; it stands here for the schema"
    )]
    pub(super) issuer: Map<String, Value>,
    /// Where it goes.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "decoded part by part, so that every problem is reported; it stands here for the schema"
    )]
    pub(super) destinations: Vec<Map<String, Value>>,
    /// When it turns.
    pub(super) rotate: Option<Rotate>,
    /// The connection that logs in with this token: `gitlab` or `gitlab.spare`.
    pub(super) refreshes: Option<String>,
    /// Why a refresher without a spare is accepted.
    pub(super) accept_risk: Option<String>,
}

/// When a token turns.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(try_from = "Value")]
#[schemars(untagged, !try_from)]
pub(super) enum Rotate {
    /// Never minted, only told of.
    Watch(Watch),
    /// By these rules.
    By(By),
}

impl TryFrom<Value> for Rotate {
    type Error = serde_json::Error;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        if value.is_string() {
            serde_json::from_value(value).map(Self::Watch)
        } else {
            serde_json::from_value(value).map(Self::By)
        }
    }
}

/// Never minted, only told of.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Watch {
    /// The only word.
    Watch,
}

/// The rules by which a token turns.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    /// After this share of its real lifetime (2/3 by default), or at this age.
    #[schemars(extend("format" = "share-or-length"), example = "2/3")]
    pub(super) after: Option<String>,
    /// This long before it dies.
    #[schemars(extend("format" = "length"), example = "8h")]
    pub(super) before: Option<String>,
    /// How long the old one lives after the new one is confirmed everywhere.
    #[schemars(extend("format" = "length"), example = "24h")]
    pub(super) overlap: Option<String>,
    /// Where a new one ends the old one at once: how long it is waited for the end of the jobs that may be using the old
    /// one, 20 minutes at most. They are looked up where it is kept: the running jobs of a GitLab project, the running
    /// and queued runs of a GitHub repository. If there are some all that time, the next run tries again; a token that is
    /// dead, or dies before that, waits for nobody.
    #[schemars(extend("format" = "length"), example = "10m")]
    pub(super) wait_for_jobs: Option<String>,
}

/// The schema of a type, as JSON.
pub(super) fn of<T: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    refuse_nothing(&mut schema);
    schema
}

/// A key that may be left out may not stand there with nothing behind it: it would do nothing.
fn refuse_nothing(schema: &mut Value) {
    let is_null =
        |value: &Value| value.as_str() == Some("null") || value.get("type").and_then(Value::as_str) == Some("null");
    match schema {
        Value::Object(object) => {
            for key in ["type", "anyOf", "oneOf"] {
                let Some(Value::Array(choices)) = object.get_mut(key) else { continue };
                choices.retain(|choice| !is_null(choice));
            }
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
            object.values_mut().for_each(refuse_nothing);
        }
        Value::Array(items) => items.iter_mut().for_each(refuse_nothing),
        _ => {}
    }
}

/// A key with its schema.
pub(super) fn add(schema: &mut Value, key: &str, value: Value) {
    if let Some(object) = schema.as_object_mut() {
        let properties = object.entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            properties.insert(key.to_owned(), value);
        }
    }
}

fn require(schema: &mut Value, key: &str) {
    if let Some(object) = schema.as_object_mut() {
        let required = object.entry("required").or_insert_with(|| json!([]));
        if let Some(required) = required.as_array_mut() {
            required.insert(0, json!(key));
        }
    }
}

/// The schema of a part: the keys of its own kind, and those that every kind has.
pub(super) fn part(kind: &str, about: &str, own: Value) -> Value {
    let mut schema = own;
    refuse_nothing(&mut schema);
    add(&mut schema, "kind", json!({ "const": kind, "type": "string", "description": about }));
    add(
        &mut schema,
        "connection",
        json!({
            "type": "string",
            "description": "The connection; needed only where the service has more than one.",
        }),
    );
    require(&mut schema, "kind");
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
        object.insert("title".to_owned(), json!(kind));
        object.insert("description".to_owned(), json!(about));
        object.insert("additionalProperties".to_owned(), json!(false));
    }
    schema
}

/// The schema of a connection to a service: what every connection has, and the keys of its own.
pub(super) fn connection(service: &ServiceKind) -> Value {
    let mut schema = (service.schema)();
    refuse_nothing(&mut schema);
    let common = of::<Connection>();
    for (key, value) in common.get("properties").and_then(Value::as_object).into_iter().flatten() {
        add(&mut schema, key, value.clone());
    }
    let url = match (service.own_address, service.url) {
        (Some(variable), _) => {
            format!("Its address. May be left out only in a job of that very server (`{variable}`).")
        }
        (None, Needed::Required) => "Its address, which has to be said.".to_owned(),
        (None, Needed::Optional) => "Its address, where nothing else names it.".to_owned(),
    };
    if let Some(told) = schema.pointer_mut("/properties/url/description") {
        *told = json!(url);
    }
    add(&mut schema, "service", json!({ "const": service.name, "type": "string", "description": service.about }));
    if service.token == Needed::Required {
        require(&mut schema, "token");
    }
    // A job of that very server knows its address.
    if service.url == Needed::Required && service.own_address.is_none() {
        require(&mut schema, "url");
    }
    require(&mut schema, "service");
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
        object.insert("title".to_owned(), json!(format!("connection to {}", service.name)));
        object.insert("description".to_owned(), json!(service.about));
        object.insert("additionalProperties".to_owned(), json!(false));
    }
    schema
}

/// The keys that shape what a destination gets. A kind that has a `part` of its own keeps it.
pub(super) const SHAPING: [&str; 3] = ["as", "part", "first"];

/// The schema of a destination of a kind.
pub(super) fn destination(kind: &DestinationKind) -> Value {
    let mut schema = part(kind.kind, kind.about, (kind.schema)());
    let own_part = has_own_part(&schema);
    let docker = json!({
        "type": "object", "required": ["dockerconfigjson"], "additionalProperties": false,
        "properties": { "dockerconfigjson": {
            "type": "object", "required": ["registry", "username"], "additionalProperties": false,
            "description": "The JSON by which container engines log in.",
            "properties": {
                "registry": { "type": "string", "description": "The registry's host." },
                "username": { "type": "string", "description": "The user name; `{username}` where the issuer has one." },
            },
        } },
    });
    add(
        &mut schema,
        "as",
        json!({
            "anyOf": [{ "type": "string", "examples": ["Bearer {value}"] }, docker],
            "description": "The form it gets: a text with `{value}` or the name of another part in braces, or a docker \
                            config.",
        }),
    );
    if !own_part {
        add(
            &mut schema,
            "part",
            json!({ "type": "string", "description": "Only this part of what is minted, such as `public`." }),
        );
    }
    add(
        &mut schema,
        "first",
        json!({
            "type": "boolean",
            "description": "Given before all others, which wait until it took it: a receiver before its senders.",
        }),
    );
    schema
}

/// Whether the keys of a kind have a `part` of their own.
pub(super) fn has_own_part(schema: &Value) -> bool {
    schema.pointer("/properties/part").is_some()
}

/// The schema of an issuer of a kind.
pub(super) fn issuer(kind: &IssuerKind) -> Value {
    let mut schema = part(kind.kind, kind.about, (kind.schema)());
    add(
        &mut schema,
        "ttl",
        json!({
            "type": "string", "format": "length", "examples": ["30d"],
            "description": "How long a new token is to live.",
        }),
    );
    if kind.ttl == Ttl::Required {
        require(&mut schema, "ttl");
    }
    if kind.rotates_itself {
        add(
            &mut schema,
            "self",
            json!({
                "type": "string", "format": "source", "examples": ["env:DEPLOY_TOKEN"],
                "description": "Where its own value is, for a token that rotates itself.",
            }),
        );
    }
    if kind.lends_login {
        add(
            &mut schema,
            "login",
            json!({
                "type": "string",
                "description": "The token of this config that it is minted as, with whose rights it then acts.",
            }),
        );
    }
    schema
}
