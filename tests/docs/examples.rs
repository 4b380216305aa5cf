//! Every example of a config fits the schema, loads, can be built, and can be kept.

use std::path::Path;
use std::sync::Arc;

use tokenwheel::config;
use tokenwheel::http::Transport;
use tokenwheel::run::{self, Setup, Wheel};

use crate::page::{Block, Page, root};
use crate::yaml;

/// Every config that is shown: whole blocks of the pages (a part of one is shown without a language), and the files of
/// `examples/`. Its folders hold pipelines, which their own suites try.
fn examples() -> Vec<(String, Block)> {
    let blocks =
        |page: Page| page.blocks().into_iter().map(move |block| (format!("{}:{}", page.path, block.line), block));
    let all = Page::all().into_iter().flat_map(blocks);
    let mut examples: Vec<_> = all.filter(|(_, block)| block.language == "yaml").collect();
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let block = Block { language: "yaml".to_owned(), text: std::fs::read_to_string(&path).unwrap(), line: 1 };
        examples.push((path.display().to_string(), block));
    }
    examples
}

fn setup() -> Setup {
    Setup {
        environment: Arc::new(|_| None),
        carrier: Arc::new(|_: Option<&str>| -> anyhow::Result<Arc<dyn Transport>> {
            Ok(Arc::new(tokenwheel::demo::Mounted(tokenwheel_sandbox::Sandbox::new(1, chrono::DateTime::UNIX_EPOCH))))
        }),
        random: Arc::new(|buffer: &mut [u8]| buffer.fill(7)),
        offline: true,
    }
}

#[test]
fn there_are_examples() {
    assert!(examples().iter().any(|(place, _)| place.starts_with("README.md")), "the README shows no config");
    let files =
        examples().into_iter().filter(|(place, _)| Path::new(place).extension().is_some_and(|it| it == "yml")).count();
    assert!(files >= 8, "only {files} files are tried");
}

#[test]
fn every_example_fits_the_schema_that_editors_use() {
    let schema = jsonschema::validator_for(&config::schema()).unwrap();
    for (place, block) in examples() {
        let wrong: Vec<String> = schema
            .iter_errors(&yaml::json(&block.text))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{place}: {}", wrong.join("\n"));
    }
}

#[test]
fn every_example_loads_and_can_be_kept() {
    for (place, block) in examples() {
        let config =
            config::parse(Path::new("tokenwheel.yml"), &block.text).unwrap_or_else(|why| panic!("{place}: {why}"));
        let wheel = Wheel::build(&config, &setup()).unwrap_or_else(|why| panic!("{place}: {why}"));
        let findings = run::offline(&wheel, &config);
        assert!(findings.is_empty(), "{place}: {findings:?}");
        assert!(!wheel.tokens.is_empty(), "{place}: an example without a token shows nothing");
    }
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let schema = jsonschema::validator_for(&config::schema()).unwrap();
    let (_, first) = examples().into_iter().next().unwrap();
    for (from, to) in [("version: 1", "version: one"), ("every:", "evry:"), ("kind: styra/token", "kind: styra/tokn")] {
        let broken = first.text.replacen(from, to, 1);
        assert_ne!(broken, first.text, "the first example has no `{from}`");
        assert!(!schema.is_valid(&yaml::json(&broken)), "the schema takes `{to}`");
        assert!(config::parse(Path::new("tokenwheel.yml"), &broken).is_err(), "the program takes `{to}`");
    }
}
