//! Behind a proxy, as `HTTP_PROXY` and `NO_PROXY` say.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use crate::stage::Stage;

/// A proxy that takes down what it is asked for and lets nothing through.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap();
            let head = String::from_utf8_lossy(head.get(..read).unwrap_or_default()).into_owned();
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            if tell.send(head.lines().next().unwrap_or_default().to_owned()).is_err() {
                return;
            }
        }
    });
    (address, told)
}

#[test]
fn every_request_goes_through_the_proxy_of_the_environment() {
    let mut stage = Stage::set();
    let (address, told) = proxy();
    stage.environment.insert("HTTP_PROXY".to_owned(), address);
    let ran = stage.run_in_vain(&["plan"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    let asked = told.recv().unwrap();
    assert!(asked.starts_with("GET http://127.0.0.1:"), "{asked}");
    assert!(stage.sandbox.exchanges().is_empty());
}

#[test]
fn a_host_that_no_proxy_names_is_asked_itself() {
    let mut stage = Stage::set();
    let (address, told) = proxy();
    stage.environment.insert("HTTP_PROXY".to_owned(), address);
    stage.environment.insert("NO_PROXY".to_owned(), "127.0.0.1".to_owned());
    let ran = stage.run(&["plan"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(told.try_recv().is_err());
}
