//! Holds a tree against a JSON Schema that was generated from the types, and names every problem with its line.
//!
//! It knows the small part of JSON Schema that our own types produce: `type`, `properties`, `required`,
//! `additionalProperties`, `items`, `enum`, `const`, `format` (ours), `minimum`, `maximum`, `$ref`, `anyOf` and `oneOf`.

use serde_json::{Map, Value};

use super::forms;
use super::problem::{Problem, hint};
use super::tree::{Kind, Node};

/// Checks a node, adding what is wrong to `problems`. `root` is where `$ref` points into; `what` names the node.
pub(super) fn check(file: &str, what: &str, node: &Node, schema: &Value, root: &Value, problems: &mut Vec<Problem>) {
    let schema = resolve(schema, root);
    let mut say = |line: usize, text: String| problems.push(Problem::new(file, line, text));
    if let Some(choices) = choices(schema) {
        let fits = |choice: &&Value| {
            let mut found = Vec::new();
            check(file, what, node, choice, root, &mut found);
            found.is_empty()
        };
        if choices.iter().find(fits).is_some() {
            return;
        }
        // The choice of the same form knows best what is wrong.
        if let Some(choice) = choices.iter().find(|choice| form_fits(node, choice, root)) {
            check(file, what, node, choice, root, problems);
        } else if let (Some(text), Some(words)) = (node.text(), words(choices, root)) {
            say(node.line, format!("{what} cannot be `{text}`{}", hint(text, words)));
        } else {
            say(node.line, misfit(what, node, schema, root));
        }
        return;
    }
    if !form_fits(node, schema, root) {
        say(node.line, misfit(what, node, schema, root));
        return;
    }
    if let Some(limits) = outside(node, schema) {
        say(node.line, format!("{what} should be {limits}"));
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let known: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        if let Some(text) = node.text().filter(|text| !known.contains(text)) {
            say(node.line, format!("{what} cannot be `{text}`{}", hint(text, known.iter().copied())));
        }
    }
    if let (Some(format), Some(text)) = (schema.get("format").and_then(Value::as_str), node.text())
        && let Err(why) = forms::check(format, text)
    {
        say(node.line, format!("{what}: {why}"));
    }
    match &node.kind {
        Kind::List(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    check(file, what, item, schema, root, problems);
                }
            }
        }
        Kind::Map(_) => check_keys(file, what, node, schema, root, problems),
        _ => {}
    }
}

fn check_keys(file: &str, what: &str, node: &Node, schema: &Value, root: &Value, problems: &mut Vec<Problem>) {
    let none = Map::new();
    let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let others = schema.get("additionalProperties");
    for pair in node.pairs() {
        match (known.get(&pair.key), others) {
            (Some(schema), _) => {
                check(file, &format!("`{}`", pair.key), &pair.value, schema, root, problems);
            }
            (None, Some(Value::Object(_))) => {
                let schema = others.unwrap_or(&Value::Null);
                check(file, &format!("`{}`", pair.key), &pair.value, schema, root, problems);
            }
            (None, Some(Value::Bool(true))) => {}
            (None, _) => {
                let hint = hint(&pair.key, known.keys().map(String::as_str));
                problems.push(Problem::new(file, pair.line, format!("{what} has no key `{}`{hint}", pair.key)));
            }
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for key in required.filter_map(Value::as_str) {
        if node.get(key).is_none() {
            problems.push(Problem::new(file, node.line, format!("{what} lacks the key `{key}`")));
        }
    }
}

fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| root.pointer(path.trim_start_matches('#')));
    target.unwrap_or(schema)
}

/// The words for JSON Schema's types.
const FORMS: &[(&str, &str)] = &[
    ("object", "a mapping"),
    ("array", "a list"),
    ("string", "text"),
    ("boolean", "true or false"),
    ("integer", "a whole number"),
    ("number", "a number"),
];

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// That a node has another form than a schema asks for. A number in the place of a name only lacks its quotes.
fn misfit(what: &str, node: &Node, schema: &Value, root: &Value) -> String {
    let form = form(schema, root);
    let quotes = if form == "text" && matches!(node.kind, Kind::Number(_)) { ": put it in quotes" } else { "" };
    format!("{what} is {}, but should be {form}{quotes}", node.what())
}

/// The words that can be chosen, where there is nothing but words.
fn words<'a>(choices: &'a [Value], root: &'a Value) -> Option<Vec<&'a str>> {
    choices.iter().map(|choice| resolve(choice, root).get("const").and_then(Value::as_str)).collect()
}

/// What a schema asks for, in words.
fn form(schema: &Value, root: &Value) -> String {
    let schema = resolve(schema, root);
    if let Some(choices) = choices(schema) {
        let forms: Vec<String> =
            choices.iter().map(|choice| form(choice, root)).filter(|form| !form.is_empty()).collect();
        return forms.join(" or ");
    }
    if let Some(word) = schema.get("const").and_then(Value::as_str) {
        return format!("`{word}`");
    }
    let name = |word: &&str| FORMS.iter().find(|(json, _)| json == word).map(|(_, name)| (*name).to_owned());
    let forms: Vec<String> = types(schema).iter().filter_map(name).collect();
    let example = schema.pointer("/examples/0").and_then(Value::as_str);
    let example = example.map(|example| format!(" such as `{example}`")).unwrap_or_default();
    format!("{}{example}", forms.join(" or "))
}

fn choices(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
}

/// Whether a node has the form that a schema asks for, whatever is in it.
fn form_fits(node: &Node, schema: &Value, root: &Value) -> bool {
    let schema = resolve(schema, root);
    if let Some(choices) = choices(schema) {
        return choices.iter().any(|choice| form_fits(node, choice, root));
    }
    if let Some(word) = schema.get("const") {
        return node.json() == *word;
    }
    let types = types(schema);
    types.is_empty()
        || types.iter().any(|name| {
            matches!(
                (*name, &node.kind),
                ("object", Kind::Map(_))
                    | ("array", Kind::List(_))
                    | ("string", Kind::Text(_))
                    | ("boolean", Kind::Bool(_))
                    | ("integer" | "number", Kind::Number(_))
            )
        })
}

/// The limits that a number is outside of.
fn outside(node: &Node, schema: &Value) -> Option<String> {
    let Kind::Number(number) = &node.kind else { return None };
    let limit = |key: &str| schema.get(key).and_then(Value::as_i64);
    let (number, least, most) = (number.as_i64()?, limit("minimum"), limit("maximum"));
    if least.is_none_or(|least| least <= number) && most.is_none_or(|most| number <= most) {
        return None;
    }
    Some(match (least, most) {
        (Some(least), Some(most)) => format!("a number from {least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, most) => format!("at most {}", most.unwrap_or_default()),
    })
}
