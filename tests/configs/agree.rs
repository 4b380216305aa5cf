//! The strict checker and the schema say the same of every config that was spoilt at random.

use std::path::Path;
use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokenwheel::config;

use super::schema::{json_of, validator};
use super::stage::SOUND;

const MORE: &str = r"
  agent:
    owner: somebody
    issuer: { kind: styra/token, id: a, ttl: 30d, paths: [a], description: b, self: env:A }
    destinations:
      - { kind: gitlab/ci-variable, group: acme, key: A, create: { masked: true, description: x } }
      - { kind: file, path: a }
  nightly:
    issuer: { kind: gitlab/pipeline-trigger-token, project: acme/app, description: n, login: deploy, create: {} }
    rotate: watch
  robot:
    each: [a, b]
    issuer: { kind: gitlab/service-account-token, group: acme, account: 7, name: $each, ttl: 60d, in_place: true, create: { scopes: [api] } }
    rotate: { before: 9d, overlap: 1h }
    destinations: []
  bot:
    was: robot-2
    issuer: { kind: gitlab/group-access-token, group: acme, name: b, ttl: 60d, create: { scopes: [api], access_level: 30 } }
    destinations: [{ kind: gitlab/ci-variable, instance: true, key: B }]
ledger: ";

/// A config with every kind in it.
fn good() -> Value {
    let text = SOUND.replace("ledger: ", &MORE[1..]).replace(
        "version: 1\n",
        "version: 1\ndefaults: { owner: x, rotate: { after: 20d } }\nlimits: { max_rotations: 9 }\n",
    );
    json_of(&text)
}

static SCHEMA: LazyLock<Validator> = LazyLock::new(validator);

/// Where in the tree something is done, what, and with what.
#[derive(Clone, Debug)]
enum Spoil {
    Drop(usize),
    Rename(usize, String),
    Retype(usize, Value),
    Add(usize, String, Value),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let word = prop::sample::select(vec!["name", "kind", "ttl", "nmae", "key", "create", "path", "owner", "each", "x"]);
    let form = prop::sample::select(vec![
        json!(7),
        json!(-1),
        json!(true),
        json!("text"),
        json!([]),
        json!(["a"]),
        json!([7]),
        json!({}),
        json!(null),
        json!("watch"),
        json!({ "a": 1 }),
    ]);
    prop_oneof![
        (0_usize..200).prop_map(Spoil::Drop),
        (0_usize..200, word.clone()).prop_map(|(at, word)| Spoil::Rename(at, word.to_owned())),
        (0_usize..200, form.clone()).prop_map(|(at, form)| Spoil::Retype(at, form)),
        (0_usize..200, word, form).prop_map(|(at, word, form)| Spoil::Add(at, word.to_owned(), form)),
    ]
}

/// The paths of all keys.
fn keys(value: &Value, path: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                path.push(key.clone());
                all.push(path.clone());
                keys(inner, path, all);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                path.push(at.to_string());
                keys(inner, path, all);
                path.pop();
            }
        }
        _ => {}
    }
}

fn spoilt(mut config: Value, spoil: &Spoil) -> Value {
    let mut all = Vec::new();
    keys(&config, &mut Vec::new(), &mut all);
    let (Spoil::Drop(at) | Spoil::Rename(at, _) | Spoil::Retype(at, _) | Spoil::Add(at, ..)) = spoil;
    let path = &all[at % all.len()];
    let (key, above) = path.split_last().unwrap();
    let escaped: Vec<String> = above.iter().map(|part| part.replace('~', "~0").replace('/', "~1")).collect();
    let above = if escaped.is_empty() { String::new() } else { format!("/{}", escaped.join("/")) };
    let map = config.pointer_mut(&above).unwrap().as_object_mut().unwrap();
    match spoil {
        Spoil::Drop(_) => drop(map.remove(key)),
        Spoil::Rename(_, word) => {
            let value = map.remove(key).unwrap();
            map.insert(word.clone(), value);
        }
        Spoil::Retype(_, form) => drop(map.insert(key.clone(), form.clone())),
        Spoil::Add(_, word, form) => drop(map.entry(word.clone()).or_insert(form.clone())),
    }
    config
}

/// What the program says beyond forms: how things refer to each other, and what a text must look like.
const MEANINGS: &[&str] = &[
    "no connection `",
    "cannot be kept: at least",
    "exclude each other",
    "a length of time",
    "a share of the lifetime",
    "a credential is never written here",
    "the url is not one",
    "a second token is called",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_one_refuses_the_other_refuses(spoils in prop::collection::vec(spoil(), 1..3)) {
        let config = spoils.iter().fold(good(), spoilt);
        let by_schema: Vec<String> = SCHEMA.iter_errors(&config).map(|error| error.to_string()).collect();
        let problems = config::parse(Path::new("tokenwheel.yml"), &config.to_string()).err();
        let of_form = |problem: &&config::Problem| !MEANINGS.iter().any(|meaning| problem.what.contains(meaning));
        let by_program: Vec<String> =
            problems.iter().flat_map(|all| &all.0).filter(of_form).map(ToString::to_string).collect();
        prop_assert_eq!(by_schema.is_empty(), by_program.is_empty(), "schema: {:#?}\nprogram: {:#?}", by_schema, by_program);
    }
}

#[test]
fn the_config_that_is_spoilt_is_good_before() {
    let good = good();
    assert!(
        validator().is_valid(&good),
        "{:?}",
        validator().iter_errors(&good).map(|error| error.to_string()).collect::<Vec<_>>()
    );
    let problems = config::parse(Path::new("tokenwheel.yml"), &good.to_string()).err().map(|all| all.to_string());
    let problems = problems.unwrap_or_default();
    let strange: Vec<&str> =
        problems.lines().filter(|line| !MEANINGS.iter().any(|meaning| line.contains(meaning))).collect();
    assert_eq!(strange, [""; 0]);
}
