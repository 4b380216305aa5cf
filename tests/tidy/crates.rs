//! One TLS stack, one HTTP client.

use std::process::Command;

use crate::none;
use crate::source::root;

#[expect(clippy::unwrap_used, reason = "a test that cannot start cargo has failed")]
fn tree(arguments: &[&str]) -> String {
    let out = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--quiet", "--edges", "normal", "--prefix", "none"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let missing = String::from_utf8_lossy(&out.stderr).contains("did not match any packages");
    assert!(out.status.success() || missing, "cargo tree: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn there_is_one_tls_stack_and_it_is_rustls_on_aws_lc() {
    let mut findings = Vec::new();
    for banned in ["ring", "openssl-sys", "native-tls"] {
        let users = tree(&["--invert", banned]);
        findings.extend(users.lines().take(5).map(|line| format!("{banned}: {line}")));
    }
    none(
        &findings,
        "two TLS stacks are two sets of roots and of bugs: switch the crate's default features off, `cargo tree -i` names it",
    );
}

#[test]
fn there_is_one_http_client() {
    let all = tree(&[]);
    let mut findings = Vec::new();
    for name in ["reqwest", "rustls", "aws-lc-rs", "hyper"] {
        let versions: std::collections::BTreeSet<&str> = all
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(" v"))
            .map(|rest| rest.split_whitespace().next().unwrap_or_default())
            .collect();
        if versions.len() != 1 {
            findings.push(format!("{name}: {versions:?}"));
        }
    }
    none(&findings, "keep to the version that is there: `http` is the one door, with one set of time-outs and roots");
}
