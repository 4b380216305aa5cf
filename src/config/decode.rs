//! Reads the files, holds them against the schema, and makes of them what is wanted, reporting every problem at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::forms::{self, Source};
use super::problem::{Problem, Problems, hint};
use super::schema::{self, By, Defaults, File, Included, Rotate, Token};
use super::tree::{Kind, Node, Pair};
use super::{Config, ConnectionSpec, PartSpec, PlaceSpec, RescueSpec, Spot, TokenSpec, strict, tree};
use crate::http::address;
use crate::issuer::IssuerKind;
use crate::plan::Rule;
use crate::services;
use crate::token::{Form, Template};

/// How often the schedule runs when the config does not say.
const EVERY: TimeDelta = TimeDelta::hours(24);
/// How many tokens one run rotates when the config does not say.
const MAX_ROTATIONS: usize = 50;

/// Loads a config, or says everything that is wrong with it.
pub fn load(path: &Path) -> Result<Config, Problems> {
    let mut reader = Reader::at(path);
    let tree = reader.tree(path);
    reader.finish(path, tree)
}

/// The same of a text that would stand at `path`.
pub fn parse(path: &Path, text: &str) -> Result<Config, Problems> {
    let mut reader = Reader::at(path);
    let tree = reader.parsed(path.display().to_string(), text);
    reader.finish(path, tree)
}

impl Reader {
    fn at(path: &Path) -> Self {
        Self { folder: path.parent().unwrap_or(Path::new(".")).to_owned(), problems: Vec::new() }
    }

    fn finish(mut self, path: &Path, tree: Option<(String, Node)>) -> Result<Config, Problems> {
        let config = tree.and_then(|(file, root)| self.config(path, &file, &root));
        match config {
            Some(config) if self.problems.is_empty() => Ok(config),
            _ => Err(Problems(self.problems)),
        }
    }
}

struct Reader {
    folder: PathBuf,
    problems: Vec<Problem>,
}

/// A kind of the catalogue: its name, its sentence, the schema of its own keys.
type Known = (&'static str, &'static str, fn() -> Value);

/// A token as it stands in a file, before `each` is spread out.
struct Raw {
    file: String,
    pair: Pair,
}

impl Reader {
    fn say(&mut self, file: &str, line: usize, what: impl Into<String>) {
        self.problems.push(Problem::new(file, line, what));
    }

    fn tree(&mut self, path: &Path) -> Option<(String, Node)> {
        let file = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.say(
                    &file,
                    1,
                    "there is no such file; name one with --config, or write a first one with `tokenwheel init`",
                );
                return None;
            }
            Err(error) => {
                self.say(&file, 1, format!("it cannot be read: {error}"));
                return None;
            }
        };
        self.parsed(file, &text)
    }

    fn parsed(&mut self, file: String, text: &str) -> Option<(String, Node)> {
        match tree::parse(&file, text) {
            Ok(Node { kind: Kind::Null, .. }) => {
                self.say(&file, 1, "it is empty; it begins with `version: 1`, then `connections:` and `tokens:`");
                None
            }
            Ok(node) => {
                self.refuse_secrets(&file, &node);
                Some((file, node))
            }
            Err(problems) => {
                self.problems.extend(problems);
                None
            }
        }
    }

    fn refuse_secrets(&mut self, file: &str, node: &Node) {
        match &node.kind {
            Kind::Text(text) => self.refuse_secret(file, node.line, text),
            Kind::List(items) => items.iter().for_each(|item| self.refuse_secrets(file, item)),
            Kind::Map(pairs) => {
                for pair in pairs {
                    self.refuse_secret(file, pair.line, &pair.key);
                    self.refuse_secrets(file, &pair.value);
                }
            }
            _ => {}
        }
    }

    fn refuse_secret(&mut self, file: &str, line: usize, text: &str) {
        if forms::looks_like_a_secret(text) {
            let what = "this looks like a secret; it has leaked and is to be replaced: a credential is `env:NAME` or \
                        `file:PATH`";
            self.say(file, line, what);
        }
    }

    /// Holds a node against its schema, then decodes it.
    fn decode<T: DeserializeOwned>(&mut self, file: &str, what: &str, node: &Node, schema: &Value) -> Option<T> {
        let before = self.problems.len();
        strict::check(file, what, node, schema, schema, &mut self.problems);
        if self.problems.len() > before {
            return None;
        }
        serde_json::from_value(node.json()).map_err(|error| self.say(file, node.line, format!("{what}: {error}"))).ok()
    }

    fn config(&mut self, path: &Path, file: &str, root: &Node) -> Option<Config> {
        // What is wrong with the outer form does not keep us from looking at the tokens.
        let outer: Option<File> = self.decode(file, "the config", root, &schema::of::<File>());
        let connections = self.connections(file, root);
        let mut raws = Self::raw_tokens(file, root);
        let included = match root.get("include").map(|node| &node.kind) {
            Some(Kind::List(items)) => items.as_slice(),
            _ => &[],
        };
        for (line, include) in included.iter().filter_map(|item| Some((item.line, item.text()?))) {
            for path in self.matching(file, line, include) {
                if let Some((file, root)) = self.tree(&path) {
                    let _: Option<Included> = self.decode(&file, "an included file", &root, &schema::of::<Included>());
                    raws.extend(Self::raw_tokens(&file, &root));
                }
            }
        }
        let defaults = outer.as_ref().map(|outer| &outer.defaults);
        // Also those that are wrong in themselves: a token that names one of them is not.
        let named: Vec<&str> =
            root.get("connections").map(Node::pairs).unwrap_or_default().iter().map(|p| p.key.as_str()).collect();
        let tokens = self.tokens(raws, defaults.unwrap_or(&Defaults::default()), &named);
        let ledger = root.get("ledger").and_then(|node| {
            let known: Vec<_> = services::SHELVES.iter().map(|kind| (kind.kind, kind.about, kind.schema)).collect();
            self.part(file, "the ledger", node, &known)
        });
        let outer = outer?;
        if outer.version != 1 {
            self.say(file, 1, format!("`version: {}` is not known; this tokenwheel reads version 1", outer.version));
        }
        let every = outer.every.as_deref().and_then(|text| forms::length(text).ok()).unwrap_or(EVERY);
        let max_rotations = outer.limits.max_rotations.map_or(MAX_ROTATIONS, |most| most as usize);
        let rescue = outer.rescue.map(|rescue| RescueSpec {
            recipients: rescue.recipients,
            path: rescue.path.map_or_else(|| PathBuf::from("rescue"), PathBuf::from),
        });
        Some(Config { path: path.to_owned(), every, connections, tokens, max_rotations, ledger, rescue })
    }

    fn raw_tokens(file: &str, root: &Node) -> Vec<Raw> {
        let tokens = root.get("tokens").map(Node::pairs).unwrap_or_default();
        tokens.iter().map(|pair| Raw { file: file.to_owned(), pair: pair.clone() }).collect()
    }

    /// The files that an `include` names: a path, or a path whose last part has one `*`.
    fn matching(&mut self, file: &str, line: usize, include: &str) -> Vec<PathBuf> {
        let path = self.folder.join(include);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let Some((start, end)) = name.split_once('*') else {
            if !path.exists() {
                self.say(file, line, format!("`include: {include}` names no file"));
                return Vec::new();
            }
            return vec![path];
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let fits = |name: &str| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
        let mut found: Vec<PathBuf> =
            entries.filter(|entry| entry.file_name().to_str().is_some_and(fits)).map(|entry| entry.path()).collect();
        found.sort();
        if found.is_empty() {
            self.say(file, line, format!("`include: {include}` matches no file"));
        }
        found
    }

    fn connections(&mut self, file: &str, root: &Node) -> BTreeMap<String, ConnectionSpec> {
        let pairs = root.get("connections").map(Node::pairs).unwrap_or_default();
        pairs.iter().filter_map(|pair| Some((pair.key.clone(), self.connection(file, pair)?))).collect()
    }

    fn connection(&mut self, file: &str, pair: &Pair) -> Option<ConnectionSpec> {
        let what = format!("connection `{}`", pair.key);
        let node = &pair.value;
        let Some(name) = node.get("service").and_then(Node::text) else {
            // No service, or none that could be one: the common form says what is wrong.
            let _: Option<schema::Connection> = self.decode(file, &what, node, &schema::of::<schema::Connection>());
            return None;
        };
        let Some(service) = services::SERVICES.iter().find(|service| service.name == name) else {
            let line = node.get("service").map_or(pair.line, |node| node.line);
            let names = services::SERVICES.iter().map(|service| service.name);
            self.say(file, line, format!("no service `{name}`{}", hint(name, names)));
            return None;
        };
        let mut keys: Map<String, Value> = self.decode(file, &what, node, &schema::connection(service))?;
        let common = schema::of::<schema::Connection>();
        let common = common.get("properties").and_then(Value::as_object).into_iter().flatten();
        let common: Map<String, Value> = common.filter_map(|(key, _)| keys.remove_entry(key)).collect();
        let decoded: schema::Connection = serde_json::from_value(Value::Object(common)).ok()?;
        let url_line = node.get("url").map_or(pair.line, |node| node.line);
        let url = match decoded.url.as_deref().map(address) {
            None => None,
            Some(Ok(url)) => Some(url),
            Some(Err(why)) => {
                self.say(file, url_line, format!("{what}: {why}"));
                return None;
            }
        };
        Some(ConnectionSpec {
            spot: Spot { file: file.to_owned(), line: pair.line },
            service: decoded.service,
            url,
            token: decoded.token.as_deref().map(Source::parse).transpose().ok()?,
            spare: decoded.spare.as_deref().map(Source::parse).transpose().ok()?,
            ca_file: decoded.ca_file.map(|path| self.folder.join(path)),
            keys: Value::Object(keys),
        })
    }

    fn tokens(&mut self, raws: Vec<Raw>, defaults: &Defaults, connections: &[&str]) -> BTreeMap<String, TokenSpec> {
        let mut tokens: BTreeMap<String, TokenSpec> = BTreeMap::new();
        for raw in raws {
            for (name, node) in self.spread(&raw) {
                let Some(token) = self.token(&raw, &name, &node, defaults, connections) else { continue };
                if let Some(first) = tokens.get(&name) {
                    let what = format!("a second token is called `{name}`; the first is at {}", first.spot);
                    self.say(&raw.file, raw.pair.line, what);
                } else {
                    tokens.insert(name, token);
                }
            }
        }
        tokens
    }

    /// One entry for each value of `each`, keyed by value, never by index.
    fn spread(&mut self, raw: &Raw) -> Vec<(String, Node)> {
        let Some(each) = raw.pair.value.get("each") else {
            return vec![(raw.pair.key.clone(), raw.pair.value.clone())];
        };
        let Kind::List(items) = &each.kind else {
            self.say(&raw.file, each.line, "`each` should be a list");
            return Vec::new();
        };
        let values: Vec<&str> = items.iter().filter_map(Node::text).collect();
        if values.len() != items.len() {
            self.say(&raw.file, each.line, "`each` should be a list of texts");
        } else if values.is_empty() {
            self.say(&raw.file, each.line, "`each` is empty: no token comes of this");
        }
        values
            .iter()
            .map(|value| (format!("{}[{value}]", raw.pair.key), raw.pair.value.substituted("$each", value)))
            .collect()
    }

    fn token(
        &mut self,
        raw: &Raw,
        name: &str,
        node: &Node,
        defaults: &Defaults,
        connections: &[&str],
    ) -> Option<TokenSpec> {
        let file = raw.file.as_str();
        let outer: Option<Token> = self.decode(file, &format!("token `{name}`"), node, &schema::of::<Token>());
        let issuer_node = node.get("issuer");
        let issuer = issuer_node.and_then(|part| self.issuer(file, part));
        let items = match node.get("destinations").map(|node| &node.kind) {
            Some(Kind::List(items)) => items.as_slice(),
            _ => &[],
        };
        let destinations: Vec<PlaceSpec> = items.iter().filter_map(|item| self.place(file, item)).collect();
        let (outer, (kind, mut issuer)) = (outer?, issuer?);
        let taken = |issuer: &mut PartSpec, key: &str| {
            let value = issuer.keys.as_object_mut().and_then(|keys| keys.remove(key));
            value.and_then(|value| value.as_str().map(str::to_owned))
        };
        let ttl = taken(&mut issuer, "ttl").and_then(|text| forms::length(&text).ok());
        let own = taken(&mut issuer, "self").and_then(|text| Source::parse(&text).ok());
        let login = taken(&mut issuer, "login");
        if let (Some(ttl), Some(node)) = (ttl.filter(|ttl| *ttl < kind.shortest), issuer_node) {
            let shortest = crate::text::span(kind.shortest);
            let what =
                format!("`ttl` of {} cannot be kept: at least {shortest} with {}", crate::text::span(ttl), kind.kind);
            self.say(file, node.get("ttl").map_or(node.line, |node| node.line), what);
        }
        let rotate = outer.rotate.or_else(|| defaults.rotate.clone());
        let (watch, by) = match rotate {
            Some(Rotate::Watch(_)) => (true, By::default()),
            Some(Rotate::By(by)) => (false, by),
            None => (false, By::default()),
        };
        let refreshes = outer.refreshes.as_deref().map(forms::seat);
        if let Some((connection, _)) = refreshes.as_ref().filter(|(name, _)| !connections.contains(&name.as_str())) {
            let line = node.get("refreshes").map_or(node.line, |node| node.line);
            self.say(
                file,
                line,
                format!("no connection `{connection}`{}", hint(connection, connections.iter().copied())),
            );
        }
        Some(TokenSpec {
            spot: Spot { file: file.to_owned(), line: raw.pair.line },
            was: outer.was,
            owner: outer.owner.or_else(|| defaults.owner.clone()),
            order: digest(&issuer, ttl),
            create: issuer.keys.get("create").is_some_and(|create| *create != Value::Bool(false)),
            issuer,
            ttl,
            own,
            login,
            destinations,
            rule: self.rule(file, node, &by),
            overlap: by.overlap.as_deref().and_then(|text| forms::length(text).ok()),
            wait_for_jobs: by.wait_for_jobs.as_deref().and_then(|text| forms::length(text).ok()),
            watch,
            refreshes,
            accept_risk: outer.accept_risk,
        })
    }

    fn rule(&mut self, file: &str, node: &Node, by: &By) -> Rule {
        if by.after.is_some() && by.before.is_some() {
            let line = node.get("rotate").map_or(node.line, |node| node.line);
            self.say(file, line, "`after` and `before` exclude each other");
        }
        let before = by.before.as_deref().and_then(|text| forms::length(text).ok()).map(Rule::Before);
        let after = by.after.as_deref().and_then(|text| forms::after(text).ok());
        before.or(after).unwrap_or_default()
    }

    fn issuer(&mut self, file: &str, node: &Node) -> Option<(&'static IssuerKind, PartSpec)> {
        let known: Vec<_> = services::ISSUERS.iter().map(|kind| (kind.kind, kind.about, kind.schema)).collect();
        let name = self.kind(file, "the issuer", node, &known)?;
        let kind = services::ISSUERS.iter().find(|kind| kind.kind == name)?;
        let schema = schema::issuer(kind);
        Some((kind, self.checked(file, name, node, &schema)?))
    }

    /// A destination: the keys of its kind, and those that shape what it gets.
    fn place(&mut self, file: &str, node: &Node) -> Option<PlaceSpec> {
        let known: Vec<_> = services::DESTINATIONS.iter().map(|kind| (kind.kind, kind.about, kind.schema)).collect();
        let name = self.kind(file, "a destination", node, &known)?;
        let kind = services::DESTINATIONS.iter().find(|kind| kind.kind == name)?;
        let mut part = self.checked(file, name, node, &schema::destination(kind))?;
        let own_part = schema::has_own_part(&(kind.schema)());
        let keys = part.keys.as_object_mut()?;
        let mut taken = |key: &str| keys.remove(key).filter(|_| schema::SHAPING.contains(&key));
        let (shape, first) = (taken("as"), taken("first"));
        let only = if own_part { None } else { taken("part") };
        let form = match (shape, only) {
            (Some(_), Some(_)) => Err("`as` and `part` exclude each other: `as: \"{NAME}\"` is that part".to_owned()),
            (None, Some(part)) => Ok(Form::part(part.as_str().unwrap_or_default())),
            (Some(Value::String(text)), None) => Form::parse(&text).map_err(|why| format!("`as`: {why}")),
            (Some(docker), None) => docker_config(&docker),
            (None, None) => Ok(Form::Whole),
        };
        let first = first.and_then(|first| first.as_bool()).unwrap_or_default();
        match form {
            Ok(form) => Some(PlaceSpec { part, form, first }),
            Err(why) => {
                let line = node.get("as").or_else(|| node.get("part")).map_or(node.line, |node| node.line);
                self.say(file, line, why);
                None
            }
        }
    }

    fn part(&mut self, file: &str, what: &str, node: &Node, known: &[Known]) -> Option<PartSpec> {
        let name = self.kind(file, what, node, known)?;
        let (_, about, own) = known.iter().find(|(kind, _, _)| *kind == name)?;
        self.checked(file, name, node, &schema::part(name, about, own()))
    }

    /// The kind of a part. That a part is no mapping was told already.
    fn kind<'a>(&mut self, file: &str, what: &str, node: &'a Node, known: &[Known]) -> Option<&'a str> {
        let Kind::Map(_) = node.kind else { return None };
        let kind = node.get("kind");
        let Some(kind) = kind.and_then(Node::text) else {
            let missing = || (node.line, format!("{what} lacks the key `kind`"));
            let (line, what) =
                kind.map_or_else(missing, |kind| (kind.line, format!("`kind` is {}, but should be text", kind.what())));
            self.say(file, line, what);
            return None;
        };
        if !known.iter().any(|(name, _, _)| *name == kind) {
            let line = node.get("kind").map_or(node.line, |node| node.line);
            let other = match what {
                "the issuer" if services::DESTINATIONS.iter().any(|other| other.kind == kind) => {
                    "; it is a destination: list it under `destinations`"
                }
                "a destination" if services::ISSUERS.iter().any(|other| other.kind == kind) => {
                    "; it is an issuer: put it under `issuer`"
                }
                _ => "",
            };
            let hint = if other.is_empty() { hint(kind, known.iter().map(|k| k.0)) } else { other.to_owned() };
            self.say(file, line, format!("{what} cannot be of kind `{kind}`{hint}"));
            return None;
        }
        Some(kind)
    }

    fn checked(&mut self, file: &str, kind: &str, node: &Node, schema: &Value) -> Option<PartSpec> {
        let mut keys: Map<String, Value> = self.decode(file, &format!("`{kind}`"), node, schema)?;
        keys.remove("kind");
        let connection = keys.remove("connection").and_then(|value| value.as_str().map(str::to_owned));
        let spot = Spot { file: file.to_owned(), line: node.line };
        Some(PartSpec { spot, kind: kind.to_owned(), connection, keys: Value::Object(keys) })
    }
}

/// A digest of what is ordered of an issuer, the same whatever the order of the keys. What only matters for the first
/// token ever made (`create:`) is left out: no rotation can change it.
fn digest(issuer: &PartSpec, ttl: Option<TimeDelta>) -> String {
    let keys: BTreeMap<&String, &Value> =
        issuer.keys.as_object().into_iter().flatten().filter(|(key, _)| *key != "create").collect();
    let order = json!({ "kind": issuer.kind, "keys": keys, "ttl": ttl.map(|ttl| ttl.num_seconds()) });
    crate::text::hex(Sha256::digest(order.to_string()).into_iter().take(8))
}

/// What `as: { dockerconfigjson: … }` says; its form was checked.
fn docker_config(shape: &Value) -> Result<Form, String> {
    let text = |key: &str| {
        let text = shape.pointer(&format!("/dockerconfigjson/{key}")).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let username = Template::parse(&text("username")).map_err(|why| format!("`username`: {why}"))?;
    Ok(Form::DockerConfig { registry: text("registry"), username })
}
