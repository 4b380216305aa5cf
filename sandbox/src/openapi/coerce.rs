//! Queries and forms carry nothing but text: this gives it the types that the schema asks for, as the services do.

use serde_json::{Map, Value};

use crate::{params, target};

/// One text, as its schema sees it.
pub(super) fn text(text: &str, schema: &Value) -> Value {
    let plain = || Value::String(text.to_owned());
    match kind(schema) {
        Some("integer") => text.parse::<i64>().map_or_else(|_| plain(), Value::from),
        Some("boolean") => match text {
            "true" | "1" => Value::Bool(true),
            "false" | "0" => Value::Bool(false),
            _ => plain(),
        },
        Some("array") => Value::Array(vec![plain()]),
        _ => plain(),
    }
}

/// A whole form.
pub(super) fn form(body: &[u8], schema: &Value) -> Value {
    let mut tree = Map::new();
    for (name, value) in target::pairs(body) {
        params::plant(&mut tree, &name, value);
    }
    deep(Value::Object(tree), schema)
}

fn deep(value: Value, schema: &Value) -> Value {
    match value {
        Value::String(plain) => text(&plain, schema),
        Value::Array(items) => {
            let of = part(schema, "items").cloned().unwrap_or_default();
            items.into_iter().map(|item| deep(item, &of)).collect()
        }
        Value::Object(fields) => {
            let of = part(schema, "properties").cloned().unwrap_or_default();
            let typed = |(name, field): (String, Value)| {
                let of = of.get(&name).cloned().unwrap_or_default();
                (name, deep(field, &of))
            };
            Value::Object(fields.into_iter().map(typed).collect())
        }
        other => other,
    }
}

/// The type of a schema; of a nullable one, the type beside null.
fn kind(schema: &Value) -> Option<&str> {
    part(schema, "type")?.as_str()
}

fn part<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema.get(name).or_else(|| schema.get("anyOf")?.get(0)?.get(name))
}
