//! The form in which a destination wants what was minted: the value alone, one of its parts, or a text around it.
//!
//! A destination never knows of it: it is given one value and holds that. What it lends back has its form taken off
//! before anyone asks whose it is.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Parts, TokenValue, ValueShape};

/// What the value is called in a template.
const VALUE: &str = "value";

/// The form in which a destination wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The value as it is.
    #[default]
    Whole,
    /// A text with holes, such as `https://{username}:{value}@registry.example.com`.
    Text(Template),
    /// The JSON by which container engines log in to one registry.
    DockerConfig {
        /// The registry's host.
        registry: String,
        /// The user name.
        username: Template,
    },
}

/// A text with holes in braces. Braces around anything but a plain word are no hole, so that JSON needs no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Hole(String),
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = text;
        let mut literal = String::new();
        while let Some(start) = rest.find('{') {
            let (before, from) = rest.split_at(start);
            literal.push_str(before);
            let name: String = from.chars().skip(1).take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let after = from.get(1 + name.len()..).unwrap_or_default();
            if name.is_empty() || !after.starts_with('}') {
                literal.push('{');
                rest = from.get(1..).unwrap_or_default();
                continue;
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            } else if matches!(pieces.last(), Some(Piece::Hole(_))) {
                return Err("two holes with nothing between them could not be told apart again".to_owned());
            }
            pieces.push(Piece::Hole(name));
            rest = after.get(1..).unwrap_or_default();
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self(pieces))
    }

    fn holes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| if let Piece::Hole(name) = piece { Some(name.as_str()) } else { None })
    }

    fn fill(&self, value: &TokenValue, parts: &Parts) -> anyhow::Result<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::new());
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Hole(name) if name == VALUE => text.push_str(value.expose()),
                Piece::Hole(name) => {
                    let part = parts.get(name.as_str());
                    let missing = || anyhow::anyhow!("its `{name}` is only known when it is minted");
                    text.push_str(part.ok_or_else(missing)?.expose());
                }
            }
        }
        Ok(text)
    }

    /// What stands in the hole of the value.
    fn value_in<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (mut rest, mut open, mut found) = (text, None, None);
        let mut close = |open: Option<&str>, filling: &'a str| {
            if open == Some(VALUE) {
                found = Some(filling);
            }
            open.is_none() == filling.is_empty()
        };
        for piece in &self.0 {
            match piece {
                Piece::Hole(name) => open = Some(name.as_str()),
                Piece::Literal(literal) => {
                    let (filling, after) = rest.split_once(literal.as_str())?;
                    if !close(open.take(), filling) {
                        return None;
                    }
                    rest = after;
                }
            }
        }
        if close(open, rest) { found } else { None }
    }
}

impl Form {
    /// Reads what `as:` says.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "dockerconfigjson" {
            return Err(
                "say for which registry: `as: { dockerconfigjson: { registry: registry.example.com, username: \
                        \"{username}\" } }`"
                    .to_owned(),
            );
        }
        let template = Template::parse(text)?;
        if template.holes().next().is_none() {
            return Err("it has no hole such as `{value}`, so nothing of the token would be delivered".to_owned());
        }
        Ok(Self::Text(template))
    }

    /// Only one part of what is minted.
    pub fn part(name: &str) -> Self {
        Self::Text(Template(vec![Piece::Hole(name.to_owned())]))
    }

    /// The parts besides the value that it needs.
    pub fn parts(&self) -> BTreeSet<&str> {
        let template = match self {
            Self::Whole => return BTreeSet::new(),
            Self::Text(template) | Self::DockerConfig { username: template, .. } => template,
        };
        template.holes().filter(|name| *name != VALUE).collect()
    }

    /// Whether the value itself is in it, so that it can be taken out again.
    pub fn has_value(&self) -> bool {
        match self {
            Self::Whole | Self::DockerConfig { .. } => true,
            Self::Text(template) => template.holes().any(|name| name == VALUE),
        }
    }

    /// Gives a value this form.
    pub fn put_on(&self, value: &TokenValue, parts: &Parts) -> anyhow::Result<TokenValue> {
        let text = match self {
            Self::Whole => return Ok(value.clone()),
            Self::Text(template) => template.fill(value, parts)?,
            Self::DockerConfig { registry, username } => {
                let user = username.fill(value, parts)?;
                let pair = Zeroizing::new(format!("{}:{}", user.as_str(), value.expose()));
                let auth = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
                let login = json!({ "username": user.as_str(), "password": value.expose(), "auth": auth.as_str() });
                Zeroizing::new(json!({ "auths": { registry.as_str(): login } }).to_string())
            }
        };
        Ok(TokenValue::of_lines(&text)?)
    }

    /// Takes the form off again; `None` when what is there has not this form, or has no value in it.
    pub fn take_off(&self, text: &TokenValue) -> Option<TokenValue> {
        match self {
            Self::Whole => Some(text.clone()),
            // Of several lines the last break is ours.
            Self::Text(template) => TokenValue::of_lines(template.value_in(text.expose().trim_end())?).ok(),
            Self::DockerConfig { registry, .. } => {
                let config: Value = serde_json::from_str(text.expose()).ok()?;
                TokenValue::new(config.get("auths")?.get(registry)?.get("password")?.as_str()?).ok()
            }
        }
    }

    /// What a value of that shape looks like in this form; `None` when it depends on parts that nobody knows yet.
    pub fn shape(&self, of: &ValueShape) -> Option<ValueShape> {
        match self {
            Self::Whole => Some(of.clone()),
            Self::Text(template) => {
                if template.holes().any(|name| name != VALUE) {
                    return None;
                }
                let literal: String = template.0.iter().map(Piece::literal).collect();
                let (more, times) = (literal.chars().count(), template.holes().count());
                let marks = union(&of.marks, literal.chars().filter(|c| !c.is_ascii_alphanumeric()));
                Some(ValueShape { shortest: of.shortest * times + more, longest: of.longest * times + more, marks })
            }
            // Its marks decide whether it can be masked; its length never does.
            Self::DockerConfig { registry, .. } => {
                let marks = union(&of.marks, "{}\":,+/=.".chars());
                let more = registry.len() + 256;
                Some(ValueShape { shortest: of.shortest, longest: of.longest * 4 + more, marks })
            }
        }
    }
}

impl Piece {
    fn literal(&self) -> &str {
        if let Self::Literal(text) = self { text } else { "" }
    }
}

fn union(marks: &str, more: impl Iterator<Item = char>) -> String {
    marks.chars().chain(more).collect::<BTreeSet<char>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> TokenValue {
        TokenValue::new(text).unwrap()
    }

    fn parts() -> Parts {
        Parts::from([("username", value("bot"))])
    }

    #[test]
    fn a_value_gets_its_form_and_loses_it_again() {
        for (form, shaped) in [
            ("https://{username}:{value}@registry.example.com", "https://bot:glpat-x@registry.example.com"),
            ("{\"token\": \"{value}\"}", "{\"token\": \"glpat-x\"}"),
            ("machine a\nlogin {username}\npassword {value}", "machine a\nlogin bot\npassword glpat-x\n"),
            ("{value}", "glpat-x"),
        ] {
            let form = Form::parse(form).unwrap();
            let put_on = form.put_on(&value("glpat-x"), &parts()).unwrap();
            assert_eq!(put_on.expose(), shaped);
            assert_eq!(form.take_off(&put_on).unwrap().expose(), "glpat-x");
        }
    }

    #[test]
    fn what_has_another_form_lends_no_value() {
        let form = Form::parse("Bearer {value}").unwrap();
        for text in ["glpat-x", "Bearer", "xBearer glpat-x"] {
            assert!(form.take_off(&value(text)).is_none(), "{text}");
        }
        assert!(Form::part("public").take_off(&value("ssh-ed25519 AAAA")).is_none());
    }

    #[test]
    fn a_container_engine_can_log_in_with_a_docker_config() {
        let username = Template::parse("{username}").unwrap();
        let form = Form::DockerConfig { registry: "registry.example.com".to_owned(), username };
        let put_on = form.put_on(&value("gldt-x"), &parts()).unwrap();
        let config: Value = serde_json::from_str(put_on.expose()).unwrap();
        let login = &config["auths"]["registry.example.com"];
        assert_eq!(login["username"], "bot");
        assert_eq!(STANDARD.decode(login["auth"].as_str().unwrap()).unwrap(), b"bot:gldt-x");
        assert_eq!(form.take_off(&put_on).unwrap().expose(), "gldt-x");
    }

    #[test]
    fn a_form_that_cannot_be_kept_is_refused() {
        assert!(Form::parse("dockerconfigjson").unwrap_err().contains("registry"));
        assert!(Form::parse("nothing").unwrap_err().contains("hole"));
        assert!(Form::parse("{username}{value}").unwrap_err().contains("between"));
        let form = Form::parse("{username}:{value}").unwrap();
        assert!(form.put_on(&value("x"), &Parts::new()).unwrap_err().to_string().contains("`username`"));
    }

    #[test]
    fn the_shape_of_a_shaped_value_counts_what_stands_around_it() {
        let shape = value("glpat-x").shape();
        let shaped = Form::parse("Bearer {value}!").unwrap().shape(&shape).unwrap();
        assert_eq!((shaped.shortest, shaped.longest, shaped.marks.as_str()), (15, 15, " !-"));
        assert!(Form::parse("{username}:{value}").unwrap().shape(&shape).is_none());
    }
}
