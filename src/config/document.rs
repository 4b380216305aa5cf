//! The JSON Schema of the whole config, for editors: every kind of the catalogue in one document.

use serde_json::{Map, Value, json};

use super::schema::{self, File, Token, add, issuer, of, part};
use crate::services;

/// The definitions of the document that is being put together.
#[derive(Default)]
struct Definitions(Map<String, Value>);

impl Definitions {
    /// Takes a schema in under a name. Its own definitions come along, under names that no other schema has.
    fn take(&mut self, name: &str, mut schema: Value) -> Value {
        let inner = schema.as_object_mut().and_then(|object| {
            object.remove("$schema");
            object.remove("$defs")
        });
        rename(&mut schema, name);
        for (key, mut value) in inner.as_ref().and_then(Value::as_object).cloned().unwrap_or_default() {
            rename(&mut value, name);
            self.0.insert(format!("{name}.{key}"), value);
        }
        self.0.insert(name.to_owned(), schema);
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// One of these kinds.
    fn kinds(&mut self, table: &str, parts: Vec<(&str, Value)>) -> Value {
        let name = |kind: &str| format!("{table}.{}", kind.replace('/', "."));
        let choices: Vec<Value> = parts.into_iter().map(|(kind, schema)| self.take(&name(kind), schema)).collect();
        json!({ "oneOf": choices })
    }
}

/// Points the references of a schema at where its definitions are in the document.
fn rename(schema: &mut Value, name: &str) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(path) if key == "$ref" => {
                        *path = path.replace("#/$defs/", &format!("#/$defs/{name}."));
                    }
                    value => rename(value, name),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, name)),
        _ => {}
    }
}

/// The JSON Schema of the whole config.
pub fn schema() -> Value {
    let mut definitions = Definitions::default();
    let issuers = services::ISSUERS.iter().map(|kind| (kind.kind, issuer(kind))).collect();
    let destinations = services::DESTINATIONS.iter().map(|kind| (kind.kind, schema::destination(kind))).collect();
    let shelves =
        services::SHELVES.iter().map(|kind| (kind.kind, part(kind.kind, kind.about, (kind.schema)()))).collect();
    let issuers = definitions.kinds("issuer", issuers);
    let destinations = definitions.kinds("destination", destinations);
    let shelves = definitions.kinds("ledger", shelves);

    let token = definitions.take("token", of::<Token>());
    let connections = services::SERVICES.iter().map(|service| (service.name, schema::connection(service))).collect();
    let connection = definitions.kinds("connection", connections);
    let mut known = |name: &str, key: &str, value: Value| {
        if let Some(schema) = definitions.0.get_mut(name) {
            add(schema, key, value);
        }
    };
    known("token", "issuer", issuers);
    known("token", "destinations", json!({ "type": "array", "items": destinations, "description": "Where it goes." }));

    let mut file = of::<File>();
    let map = |of: Value, about: &str| json!({ "type": "object", "description": about, "additionalProperties": of });
    add(&mut file, "tokens", map(token, "The tokens, by name."));
    add(&mut file, "connections", map(connection, "How to log in to each service."));
    add(&mut file, "ledger", shelves);
    add(&mut file, "version", json!({ "const": 1, "description": "The version of this form: 1." }));
    if let Some(object) = file.as_object_mut() {
        object.insert("title".to_owned(), json!("tokenwheel.yml"));
        let known = object.entry("$defs").or_insert_with(|| json!({}));
        if let Some(known) = known.as_object_mut() {
            known.extend(definitions.0);
        }
    }
    file
}
