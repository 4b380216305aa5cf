//! A server whose certificate nobody knows, until the config names its CA.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::stage::{CONFIG, Stage};

/// Listens on loopback with a certificate of its own making and answers everything with 401. Gives its address and
/// the certificate in PEM.
fn listen() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            // A client that turns away at the certificate ends this conversation, and the next begins.
            let _ = refuse(&mut stream);
        }
    });
    (format!("https://localhost:{port}"), made.cert.pem())
}

fn refuse(stream: &mut (impl std::io::Read + std::io::Write)) -> std::io::Result<()> {
    let mut line = String::new();
    let mut reader = BufReader::new(&mut *stream);
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let body = r#"{"code":"unauthorized"}"#;
    let head = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len())?;
    stream.flush()
}

#[test]
fn a_certificate_of_an_unknown_ca_is_told_with_the_way_out() {
    let stage = Stage::set();
    let (address, _) = listen();
    stage.write(&CONFIG.replace("{styra}", &address));
    let ran = stage.run_in_vain(&["rotate", "--only", "opa-agent"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    ran.is("unknown_ca", stage.folder.path());
}

#[test]
fn with_its_ca_file_the_same_server_is_spoken_to() {
    let stage = Stage::set();
    let (address, pem) = listen();
    std::fs::write(stage.path("ca.pem"), pem).unwrap();
    stage.write(&CONFIG.replace("\"{styra}\",", &format!("\"{address}\", ca_file: ca.pem,")));
    let ran = stage.run_in_vain(&["rotate", "--only", "opa-agent"]);
    assert!(ran.to_string().contains("HTTP 401"), "it was not spoken to: {ran}");
    ran.is("private_ca", stage.folder.path());
}

#[test]
fn a_ca_file_that_is_missing_or_none_is_told() {
    let stage = Stage::set();
    stage.write(&CONFIG.replace("\"{styra}\",", "\"{styra}\", ca_file: ca.pem,"));
    let ran = stage.run_in_vain(&["rotate"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    ran.is("missing_ca_file", stage.folder.path());
    std::fs::write(stage.path("ca.pem"), "this is no certificate").unwrap();
    let ran = stage.run_in_vain(&["rotate"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    ran.is("no_certificate_in_the_ca_file", stage.folder.path());
}

#[test]
fn roots_that_cannot_be_read_are_an_error_and_not_an_empty_list() {
    let mut stage = Stage::set();
    stage.environment.insert("SSL_CERT_FILE".to_owned(), "/not/there.pem".to_owned());
    stage.environment.insert("SSL_CERT_DIR".to_owned(), "/not/there".to_owned());
    let ran = stage.run_in_vain(&["rotate"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    ran.is("no_roots", stage.folder.path());
}
