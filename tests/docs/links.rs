//! Every relative link leads somewhere, and every page can be reached from the README.

use std::collections::BTreeSet;

use crate::page::{Page, links, root};

fn is_relative(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:")
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut findings = Vec::new();
    for page in Page::all() {
        for (_, target) in links(&page.prose()).into_iter().filter(|(_, target)| is_relative(target)) {
            let (path, anchor) =
                target.split_once('#').map_or((target.as_str(), None), |(path, anchor)| (path, Some(anchor)));
            let file = if path.is_empty() { root().join(&page.path) } else { page.resolve(path) };
            if !file.exists() {
                findings.push(format!("{}: {target}: there is no such file", page.path));
            } else if let Some(anchor) = anchor.filter(|_| file.extension().is_some_and(|extension| extension == "md"))
            {
                let name = file.canonicalize().unwrap();
                let name = name.strip_prefix(root().canonicalize().unwrap()).unwrap().to_string_lossy().into_owned();
                if !Page::read(&name).anchors().iter().any(|known| known == anchor) {
                    findings.push(format!("{}: {target}: there is no such heading", page.path));
                }
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn every_page_of_docs_can_be_reached_from_the_readme() {
    let mut reached = BTreeSet::new();
    let mut left = vec!["README.md".to_owned()];
    while let Some(path) = left.pop() {
        if !reached.insert(path.clone()) {
            continue;
        }
        let page = Page::read(&path);
        for (_, target) in links(&page.prose()).into_iter().filter(|(_, target)| is_relative(target)) {
            let file = page.resolve(target.split('#').next().unwrap_or_default());
            // A folder is shown by its page.
            let file = if file.is_dir() { file.join("README.md") } else { file };
            if let Ok(file) = file.canonicalize()
                && file.extension().is_some_and(|extension| extension == "md")
            {
                let name = file.strip_prefix(root().canonicalize().unwrap()).unwrap();
                left.push(name.to_string_lossy().into_owned());
            }
        }
    }
    let lost: Vec<String> = Page::all()
        .into_iter()
        .map(|page| page.path)
        .filter(|path| path.starts_with("docs/") && !reached.contains(path))
        .collect();
    assert!(lost.is_empty(), "no page links to {}", lost.join(", "));
}

#[test]
fn every_decision_is_in_its_list_and_has_its_three_parts() {
    let list = Page::read("docs/decisions/README.md");
    let listed: BTreeSet<String> = links(&list.text).into_iter().map(|(_, target)| target).collect();
    for page in Page::all() {
        let Some(name) = page.path.strip_prefix("docs/decisions/").filter(|name| *name != "README.md") else {
            continue;
        };
        assert!(listed.contains(name), "docs/decisions/README.md does not list {name}");
        for part in ["\n## Context\n", "\n## Choice\n", "\n## Consequences\n"] {
            assert!(page.text.contains(part), "{name} lacks{}", part.trim_end().trim_start_matches("\n##"));
        }
    }
}
