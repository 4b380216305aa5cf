//! A server that answers as it likes, or somebody between it and us.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use http::Method;
use tokenwheel_sandbox::{At, Fault, What};

use crate::stage::{CONFIG, Stage};

/// What would be read as an order: by a terminal, by GitHub's runner, by GitLab's, by Markdown, by an eye.
const HOSTILE: &str = "x\u{1b}[2J\u{202e}\u{2028}::error::own ##[set-env name=A]b section_start:1:a\r\u{1b}[0K<img src=a>[c](https://evil.example)|`d`";

/// Holds a text against all readers.
fn harmless(text: &str, where_: &str) {
    for bad in ["\u{1b}", "\u{202e}", "\u{2028}", "\r", "::error::", "##[", "section_start:1"] {
        assert!(!text.contains(bad), "{bad:?} in {where_}:\n{text:?}");
    }
}

/// The reason that a person gives ends in every form of report; so do names that a server gives.
#[test]
fn what_others_wrote_gives_no_orders_to_whoever_reads_the_report() {
    for format in ["text", "markdown", "junit", "openmetrics"] {
        let stage = Stage::set();
        let args = ["rotate", "--only", "deploy", "--force", "--reason", HOSTILE, "--format", format];
        let ran = stage.run(&args);
        assert_eq!(ran.code, Some(0), "{ran}");
        harmless(&ran.out, format);
        harmless(&ran.err, "stderr");
        if format == "markdown" {
            assert!(!ran.out.contains("<img") && !ran.out.contains("](https") && !ran.out.contains("`d`"), "{ran}");
        }
    }
}

/// A server that gives one answer to everything; its address.
fn server(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer);
            let length = body.len();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            // Whoever hangs up has seen enough.
            let _ = write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}");
        }
    });
    address
}

#[test]
fn an_answer_without_end_or_without_bottom_is_an_error_and_nothing_more() {
    let deep = "[".repeat(200_000);
    for body in [deep, format!("\"{}\"", "x".repeat(5 * 1024 * 1024))] {
        let stage = Stage::set();
        stage.write(&CONFIG.replace("{gitlab}", &server(body)));
        let ran = stage.run_in_vain(&["rotate", "--only", "deploy"]);
        assert!(matches!(ran.code, Some(2..=4)), "{ran}");
        assert!(ran.err.len() + ran.out.len() < 20_000, "the answer is repeated");
    }
}

/// A redirect could lead a credential to another host, or into the cloud's own network.
#[test]
fn a_redirect_leads_nowhere() {
    let stage = Stage::set();
    let at = At::Matching { method: Method::GET, path: "/api/v4/".to_owned(), times: 99 };
    stage.sandbox.inject(Fault { at, what: What::Redirect(format!("{}/caught", stage.served.styra)) });
    let ran = stage.run_in_vain(&["rotate", "--only", "deploy"]);
    assert!(!stage.sandbox.exchanges().iter().any(|one| one.target.contains("caught")), "it was followed:\n{ran}");
}
