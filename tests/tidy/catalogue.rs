//! The kind is the path of the file that implements it, and each such file is in the catalogue.

use tokenwheel::services::{DESTINATIONS, ISSUERS, SERVICES, SHELVES};

use crate::none;
use crate::source::rust;

fn path_of(kind: &str) -> String {
    format!("src/services/{}.rs", kind.replace('-', "_"))
}

/// `KIND: IssuerKind … kind: "gitlab/personal-access-token"`, as (type, kind, path).
fn written() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for file in rust(&["src/services"]) {
        let text = file.outside_tests();
        for piece in text.split("const ").skip(1) {
            let Some((head, body)) = piece.split_once(" = ") else { continue };
            let Some((_, form)) = head.split_once(": ").filter(|(_, form)| form.ends_with("Kind")) else { continue };
            let key = if form == "ServiceKind" { "name: \"" } else { "kind: \"" };
            let Some((_, rest)) = body.split_once(key) else { continue };
            let kind = rest.split('"').next().unwrap_or_default().to_owned();
            found.push((form.to_owned(), kind, file.path.clone()));
        }
    }
    found
}

#[test]
fn every_kind_is_in_the_file_that_its_name_says() {
    let mut findings = Vec::new();
    for (form, kind, path) in written() {
        let own = path_of(&kind);
        // A shelf shares its place, and so its name, with a destination.
        let right =
            if form == "ShelfKind" { path == own || path == own.replace(".rs", "_shelf.rs") } else { path == own };
        if !right {
            findings.push(format!("{form} `{kind}` is in {path}, and belongs in {own}"));
        }
    }
    none(&findings, "move the file, or give the kind the name of its path");
}

#[test]
fn every_kind_that_is_written_is_in_the_catalogue() {
    let known: Vec<(&str, &str)> = ISSUERS
        .iter()
        .map(|kind| ("IssuerKind", kind.kind))
        .chain(DESTINATIONS.iter().map(|kind| ("DestinationKind", kind.kind)))
        .chain(SHELVES.iter().map(|kind| ("ShelfKind", kind.kind)))
        .chain(SERVICES.iter().map(|service| ("ServiceKind", service.name)))
        .collect();
    let written = written();
    let lost = written.iter().filter(|(form, kind, _)| !known.contains(&(form.as_str(), kind.as_str())));
    let mut findings: Vec<String> = lost.map(|(form, kind, path)| format!("{path}: {form} `{kind}`")).collect();
    none(&findings, "add it to the catalogue, `src/services.rs`");
    let unwritten =
        known.iter().filter(|known| !written.iter().any(|(form, kind, _)| **known == (form.as_str(), kind.as_str())));
    findings.extend(unwritten.map(|(form, kind)| format!("{form} `{kind}` was found in no file")));
    none(&findings, "write the kind as a constant of that type in the file of its name");
}

#[test]
fn every_kind_belongs_to_a_service_or_needs_none() {
    let services: Vec<&str> = SERVICES.iter().map(|service| service.name).collect();
    let findings: Vec<String> = ISSUERS
        .iter()
        .map(|kind| kind.kind)
        .filter(|kind| !services.contains(&kind.split('/').next().unwrap_or_default()))
        .filter(|kind| uses_its_connection(kind))
        .map(|kind| format!("issuer `{kind}`"))
        .collect();
    none(&findings, "an issuer that uses its connection belongs to a service: add that to the catalogue");
}

/// Whether the file of a kind asks for the connection that it is built on.
fn uses_its_connection(kind: &str) -> bool {
    let path = format!("{}/src/services/{}.rs", env!("CARGO_MANIFEST_DIR"), kind.replace('-', "_"));
    std::fs::read_to_string(path).is_ok_and(|text| text.contains("ground.connection"))
}
