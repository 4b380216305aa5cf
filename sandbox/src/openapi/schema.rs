//! Turns a schema of `OpenAPI` 3.0 into JSON Schema.

use serde_json::{Map, Value, json};

/// The schema on its own: references put in place, `nullable` said in JSON Schema's words.
pub(super) fn translated(schema: &Value, document: &Value) -> Value {
    at_depth(schema, document, 0)
}

/// No schema of ours nests this deep: one that does refers to itself.
const DEEPEST: usize = 32;

fn at_depth(schema: &Value, document: &Value, depth: usize) -> Value {
    match schema {
        _ if depth > DEEPEST => Value::Bool(true),
        Value::Array(items) => items.iter().map(|item| at_depth(item, document, depth + 1)).collect(),
        Value::Object(fields) => match fields.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                // A reference to nowhere allows nothing, so that it shows.
                found.map_or(Value::Bool(false), |found| at_depth(found, document, depth + 1))
            }
            None => nullable(
                fields.iter().map(|(name, field)| (name.clone(), at_depth(field, document, depth + 1))).collect(),
            ),
        },
        plain => plain.clone(),
    }
}

fn nullable(mut fields: Map<String, Value>) -> Value {
    if fields.remove("nullable") == Some(Value::Bool(true)) {
        json!({ "anyOf": [fields, { "type": "null" }] })
    } else {
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nullable_becomes_a_choice_that_includes_null() {
        let schema = json!({ "type": "string", "enum": ["env_var", "file"], "nullable": true });
        let translated = translated(&schema, &Value::Null);
        let validator = jsonschema::validator_for(&translated).unwrap();
        assert!(validator.is_valid(&json!("file")));
        assert!(validator.is_valid(&Value::Null));
        assert!(!validator.is_valid(&json!("directory")));
    }

    #[test]
    fn a_reference_is_put_in_place_and_one_to_nowhere_allows_nothing() {
        let document = json!({ "components": { "schemas": { "Id": { "type": "integer" } } } });
        let found = translated(&json!({ "$ref": "#/components/schemas/Id" }), &document);
        assert_eq!(found, json!({ "type": "integer" }));
        assert_eq!(translated(&json!({ "$ref": "#/components/schemas/Lost" }), &document), json!(false));
    }
}
