//! YAML as JSON, read by the same parser as the config but by nothing else of it.

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Value};

pub(crate) fn json(text: &str) -> Value {
    let mut events = Parser::new_from_str(text);
    loop {
        match next(&mut events) {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            event => return value(event, &mut events),
        }
    }
}

fn next<'a>(events: &mut Parser<'a, StrInput<'a>>) -> Event<'a> {
    events.next_event().unwrap().unwrap_or_else(|error| panic!("not YAML: {error}")).0
}

fn value<'a>(event: Event<'a>, events: &mut Parser<'a, StrInput<'a>>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text.into_owned()))
        }
        Event::Scalar(text, ..) => Value::String(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match next(events) {
                    Event::SequenceEnd => return Value::Array(items),
                    event => items.push(value(event, events)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            loop {
                let key = match next(events) {
                    Event::MappingEnd => return Value::Object(map),
                    Event::Scalar(text, ..) => text.into_owned(),
                    other => panic!("a key is a word, not {other:?}"),
                };
                let event = next(events);
                map.insert(key, value(event, events));
            }
        }
        other => panic!("not expected in an example: {other:?}"),
    }
}

#[test]
fn yaml_becomes_the_same_json() {
    let read = json("a: [1, true, x, \"2\"]\nb: { c: 2/3 }\n");
    assert_eq!(read, serde_json::json!({ "a": [1, true, "x", "2"], "b": { "c": "2/3" } }));
}
