//! The sandbox behind real sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::Value;
use tokenwheel_sandbox::{At, Fault, Served, What};

use crate::common::Acme;

/// Sends one request over a connection of its own and gives everything that comes back.
fn talk(url: &str, token: &str, line: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://"))?;
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        url.trim_start_matches("http://"),
        body.len()
    )?;
    let mut answer = Vec::new();
    // A connection that is reset gives what came before.
    let _ = stream.read_to_end(&mut answer);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

const TURN: &str = "POST /api/v4/personal_access_tokens/self/rotate";
const SELF: &str = "GET /api/v4/personal_access_tokens/self";

fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[test]
fn it_answers_over_tcp_as_it_does_in_memory() {
    let acme = Acme::new();
    let served = Served::start(acme.world.sandbox.clone()).unwrap();
    let answer = talk(&served.gitlab, &acme.owner.value, SELF, "").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let shown: Value = serde_json::from_str(body_of(&answer)).unwrap();
    assert_eq!(shown["id"], acme.owner.id);
    let answer = talk(&served.styra, "nobody", "GET /v1/tokens", "").unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let hosts: Vec<String> = acme.world.sandbox.exchanges().into_iter().map(|exchange| exchange.host).collect();
    assert_eq!(hosts, ["gitlab", "styra"]);
}

#[test]
fn links_lead_back_to_where_the_request_came_in() {
    let acme = Acme::new();
    let served = Served::start(acme.world.sandbox.clone()).unwrap();
    let answer = talk(&served.gitlab, &acme.admin.value, "GET /api/v4/personal_access_tokens?per_page=2", "").unwrap();
    assert!(
        answer.contains(&format!("<{}/api/v4/personal_access_tokens?page=2&per_page=2>; rel=\"next\"", served.gitlab))
    );
}

#[test]
fn a_lost_connection_is_closed_without_a_word() {
    for (what, acts) in [(What::DropBefore, false), (What::DropAfter, true)] {
        let acme = Acme::new();
        let served = Served::start(acme.world.sandbox.clone()).unwrap();
        acme.world.sandbox.inject(Fault { at: At::Nth(1), what });
        assert_eq!(talk(&served.gitlab, &acme.owner.value, TURN, "{}").unwrap(), "");
        assert_eq!(acme.is_live(&acme.owner.value), !acts);
        assert!(talk(&served.gitlab, &acme.admin.value, SELF, "").unwrap().starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn a_truncated_answer_breaks_off_before_its_announced_end() {
    let acme = Acme::new();
    let served = Served::start(acme.world.sandbox.clone()).unwrap();
    acme.world.sandbox.inject(Fault { at: At::Nth(1), what: What::Truncate });
    let answer = talk(&served.gitlab, &acme.owner.value, TURN, "{}").unwrap();
    let whole = acme.world.sandbox.exchanges().remove(0).acted.unwrap().1.len();
    assert!(answer.contains(&format!("content-length: {whole}\r\n")), "{answer}");
    assert_eq!(body_of(&answer).len(), whole / 2);
}

#[test]
fn it_stops_listening_when_it_is_dropped_even_while_a_request_hangs() {
    let acme = Acme::new();
    let served = Served::start(acme.world.sandbox.clone()).unwrap();
    acme.world.sandbox.inject(Fault { at: At::Nth(1), what: What::KillAfter });
    let mut hanging = TcpStream::connect(served.gitlab.trim_start_matches("http://")).unwrap();
    write!(hanging, "{SELF} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    while acme.world.sandbox.exchanges().is_empty() {
        std::thread::yield_now();
    }
    let url = served.gitlab.clone();
    drop(served);
    assert!(talk(&url, &acme.owner.value, SELF, "").is_err());
    assert_eq!(hanging.read(&mut [0; 8]).unwrap_or_default(), 0);
}

#[test]
fn the_binary_says_where_it_is_and_what_it_holds_and_ends_with_its_input() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenwheel-sandbox"));
    let mut child = command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();

    let gitlab = ready["gitlab"]["url"].as_str().unwrap();
    for who in ["admin", "owner", "service_account", "project", "group", "self_rotate"] {
        let token = ready["gitlab"]["seeded"]["tokens"][who]["value"].as_str().unwrap();
        assert!(talk(gitlab, token, SELF, "").unwrap().starts_with("HTTP/1.1 200"), "{who}");
    }
    let styra = ready["styra"]["url"].as_str().unwrap();
    let body = r#"{"regenerate": true, "ttl": "24h"}"#;
    let refresher = ready["styra"]["seeded"]["refresher"].as_str().unwrap();
    let answer = talk(styra, refresher, "PUT /v1/tokens/application-token", body).unwrap();
    assert!(body_of(&answer).contains("\"result\":"), "{answer}");

    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
