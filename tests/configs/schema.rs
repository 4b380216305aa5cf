//! The JSON Schema for editors takes what the program takes, and refuses what it refuses.

use std::path::Path;

use jsonschema::Validator;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value, json};
use tokenwheel::config;

use super::stage::SOUND;

/// The schema, with the forms that editors leave to the program.
pub(crate) fn validator() -> Validator {
    jsonschema::options().build(&config::schema()).unwrap()
}

/// YAML as JSON, by the rules of the core schema.
pub(crate) fn json_of(text: &str) -> Value {
    let mut events = Parser::new_from_str(text);
    let mut next = move || events.next_event().map(|event| event.unwrap().0);
    loop {
        match next().unwrap() {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            event => return value(event, &mut next),
        }
    }
}

fn value<'a>(event: Event<'a>, next: &mut impl FnMut() -> Option<Event<'a>>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => match text.as_ref() {
            "" | "~" | "null" => Value::Null,
            "true" => json!(true),
            "false" => json!(false),
            text => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        },
        Event::Scalar(text, ..) => json!(text),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match next().unwrap() {
                    Event::SequenceEnd => return json!(items),
                    event => items.push(value(event, next)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            loop {
                match next().unwrap() {
                    Event::MappingEnd => return Value::Object(map),
                    Event::Scalar(key, ..) => {
                        let event = next().unwrap();
                        map.insert(key.into_owned(), value(event, next));
                    }
                    _ => panic!("a key that is no word"),
                }
            }
        }
        _ => panic!("not used in configs"),
    }
}

fn complaints(validator: &Validator, config: &Value) -> Vec<String> {
    validator.iter_errors(config).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The fenced YAML of a page that is a whole config.
fn examples(page: &str) -> Vec<String> {
    let fenced = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    fenced.filter(|text| text.lines().any(|line| line.starts_with("version: 1"))).map(str::to_owned).collect()
}

fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    for folder in ["docs", "docs/decisions"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap().flatten().map(|entry| entry.path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    pages.sort();
    pages.into_iter().map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn it_is_a_schema() {
    assert!(jsonschema::meta::is_valid(&config::schema()));
}

#[test]
fn it_takes_every_sound_config() {
    let validator = validator();
    for (name, text) in
        [("demo", include_str!("../../src/demo/tokenwheel.yml")), ("sound", SOUND), ("pair", crate::common::PAIR)]
    {
        assert_eq!(complaints(&validator, &json_of(text)), [""; 0], "{name}");
    }
}

#[test]
fn the_configs_of_the_docs_are_taken_by_the_schema_and_by_the_program() {
    let validator = validator();
    let mut found = 0;
    for (page, text) in pages() {
        for example in examples(&text) {
            found += 1;
            assert_eq!(complaints(&validator, &json_of(&example)), [""; 0], "{page}");
            let problems = config::parse(Path::new("tokenwheel.yml"), &example).err();
            assert!(problems.is_none(), "{page}: {}", problems.unwrap());
        }
    }
    assert!(found > 0, "the README has a config");
}

#[test]
fn it_refuses_what_the_program_refuses_by_form() {
    let validator = validator();
    for (from, to) in [
        ("every: 12h", "evry: 12h"),
        ("every: 12h", "every: 12"),
        ("service: gitlab", "service: gitlub"),
        ("gitlab/project-access-token", "gitlab/project-token"),
        ("key: DEPLOY_TOKEN", "ky: DEPLOY_TOKEN"),
        (", ttl: 30d", ""),
        ("{ after: 2/3 }", "never"),
        ("{ after: 2/3 }", "{ when: 2/3 }"),
        ("version: 1\n", ""),
        ("kind: file", "kind: folder"),
    ] {
        assert!(SOUND.contains(from));
        assert!(!complaints(&validator, &json_of(&SOUND.replacen(from, to, 1))).is_empty(), "{to}");
    }
}

/// Definitions that bear one name in several kinds must not take each other's place.
#[test]
fn what_is_created_is_described_by_each_kind_for_itself() {
    let validator = validator();
    let good = [
        ("name: deploy-bot, ttl", "name: deploy-bot, create: { scopes: [api], access_level: 30 }, ttl"),
        ("name: wheel, ttl", "name: wheel, user: 7, create: { scopes: [api] }, ttl"),
        ("key: DEPLOY_TOKEN", "key: DEPLOY_TOKEN, create: { masked: true, description: x }"),
        (
            "kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d",
            "kind: gitlab/pipeline-trigger-token, project: acme/app, description: x, create: {}",
        ),
        (
            "kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d",
            "kind: gitlab/service-account-token, group: acme, account: 7, name: x, ttl: 30d, create: { scopes: [api] }",
        ),
    ];
    for (from, to) in good {
        let text = SOUND.replacen(from, to, 1);
        assert!(config::parse(Path::new("tokenwheel.yml"), &text).is_ok(), "{to}");
        assert_eq!(complaints(&validator, &json_of(&text)), [""; 0], "{to}");
    }
    let bad = [
        ("name: deploy-bot, ttl", "name: deploy-bot, create: { masked: true }, ttl"),
        ("key: DEPLOY_TOKEN", "key: DEPLOY_TOKEN, create: { scopes: [api] }"),
    ];
    for (from, to) in bad {
        let text = SOUND.replacen(from, to, 1);
        assert!(config::parse(Path::new("tokenwheel.yml"), &text).is_err(), "{to}");
        assert!(!complaints(&validator, &json_of(&text)).is_empty(), "{to}");
    }
}
