//! YAML as a tree that knows its lines. A key that stands twice is an error, not a surprise.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

use super::problem::Problem;

/// A value and the line it stands on.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Pair>),
}

/// A key of a mapping, the line it stands on, and its value.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Node,
}

impl Node {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().iter().find(|pair| pair.key == key).map(|pair| &pair.value)
    }

    /// The pairs of a mapping; none of anything else.
    pub(super) fn pairs(&self) -> &[Pair] {
        if let Kind::Map(pairs) = &self.kind { pairs } else { &[] }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// What it is, in words.
    pub(super) fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The same without lines, for serde.
    pub(super) fn json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(yes) => Value::Bool(*yes),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Self::json).collect()),
            Kind::Map(pairs) => {
                Value::Object(pairs.iter().map(|p| (p.key.clone(), p.value.json())).collect::<Map<_, _>>())
            }
        }
    }

    /// The same tree with every occurrence of a word in its texts replaced, for `each`.
    pub(super) fn substituted(&self, word: &str, by: &str) -> Self {
        let kind = match &self.kind {
            Kind::Text(text) => Kind::Text(text.replace(word, by)),
            Kind::List(items) => Kind::List(items.iter().map(|item| item.substituted(word, by)).collect()),
            Kind::Map(pairs) => Kind::Map(
                pairs.iter().map(|pair| Pair { value: pair.value.substituted(word, by), ..pair.clone() }).collect(),
            ),
            other => other.clone(),
        };
        Self { line: self.line, kind }
    }
}

/// How deep a config may nest; ours needs six.
const DEEPEST: usize = 32;

/// Parses one document.
pub(super) fn parse(file: &str, text: &str) -> Result<Node, Vec<Problem>> {
    let mut reader = Reader { file, events: Parser::new_from_str(text), problems: Vec::new() };
    let node = reader.document();
    match node {
        Ok(node) if reader.problems.is_empty() => Ok(node),
        Ok(_) => Err(reader.problems),
        Err(problem) => {
            reader.problems.push(problem);
            Err(reader.problems)
        }
    }
}

struct Reader<'a> {
    file: &'a str,
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                Err(Problem::new(self.file, error.marker().line(), format!("this is not YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Node, Problem> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => return Ok(Node { line: 1, kind: Kind::Null }),
                (event, span) => {
                    let node = self.node(event, span, 0)?;
                    loop {
                        match self.next()? {
                            (Event::StreamEnd, _) => return Ok(node),
                            (Event::DocumentEnd | Event::Nothing, _) => {}
                            (_, span) => return Err(self.problem(span, "a second YAML document begins here")),
                        }
                    }
                }
            }
        }
    }

    fn problem(&self, span: Span, what: &str) -> Problem {
        Problem::new(self.file, span.start.line(), what.to_owned())
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Problem> {
        let line = span.start.line();
        if depth > DEEPEST {
            return Err(self.problem(span, "this nests too deeply"));
        }
        let kind = match event {
            Event::Scalar(text, style, 0, None) => scalar(&text, style),
            Event::SequenceStart(0, None) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Kind::List(items),
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(0, None) => self.mapping(depth)?,
            _ => {
                let what = "anchors, aliases and tags are not used here: `defaults:` and `each:` do their work";
                return Err(self.problem(span, what));
            }
        };
        Ok(Node { line, kind })
    }

    fn mapping(&mut self, depth: usize) -> Result<Kind, Problem> {
        let mut pairs: Vec<Pair> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(Kind::Map(pairs)),
                Event::Scalar(text, _, 0, None) => text.into_owned(),
                _ => return Err(self.problem(span, "a key is a plain word")),
            };
            let line = span.start.line();
            if key.chars().any(char::is_control) {
                return Err(self.problem(span, "a key is a plain word"));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if let Some(first) = pairs.iter().find(|pair| pair.key == key) {
                let what = format!("`{key}` stands here a second time; the first is on line {}", first.line);
                self.problems.push(Problem::new(self.file, line, what));
                continue;
            }
            pairs.push(Pair { key, line, value });
        }
    }
}

/// Plain scalars of the YAML 1.2 core schema; `yes`, `no`, `on` and `0777` are text.
fn scalar(text: &str, style: ScalarStyle) -> Kind {
    if style != ScalarStyle::Plain {
        return Kind::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" => Kind::Null,
        "true" => Kind::Bool(true),
        "false" => Kind::Bool(false),
        _ => match text.parse::<i64>() {
            Ok(number) if text == number.to_string() => Kind::Number(number.into()),
            _ => Kind::Text(text.to_owned()),
        },
    }
}
