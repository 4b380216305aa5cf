//! `docs/design.md` names for each law the tests that hold it, and each of them exists.

use std::fs;

use crate::page::{Page, links};

const LAWS: usize = 14;

fn laws() -> Vec<(usize, String)> {
    let page = Page::read("docs/design.md");
    let (_, laws) = page.text.split_once("\n## The laws\n").unwrap();
    let laws = laws.split("\n## ").next().unwrap();
    let numbered = |law: &str| Some((law.split('.').next()?.trim().parse().ok()?, law.to_owned()));
    laws.split("\n### ").skip(1).filter_map(numbered).collect()
}

#[test]
fn every_law_is_there_once() {
    let numbers: Vec<usize> = laws().into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, (1..=LAWS).collect::<Vec<_>>());
}

#[test]
fn every_law_is_held_by_tests_that_exist() {
    let page = Page::read("docs/design.md");
    let mut findings = Vec::new();
    for (number, law) in laws() {
        let named = links(&law).into_iter().filter(|(_, target)| target.starts_with("../tests/"));
        let mut held = 0;
        for (name, target) in named {
            let text = fs::read_to_string(page.resolve(&target)).unwrap_or_default();
            if text.contains(&format!("fn {name}(")) {
                held += 1;
            } else {
                findings.push(format!("law {number}: no test `{name}` in {target}"));
            }
        }
        if held == 0 {
            findings.push(format!("law {number}: no test holds it"));
        }
    }
    assert!(findings.is_empty(), "{}\n\nname the tests in docs/design.md as they are called now", findings.join("\n"));
}
