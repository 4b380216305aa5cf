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

/// Whether what answers at the address of a service was spoken to, with these variables in the environment.
fn spoken_to(placeholder: &str, address: &str, variables: &[(&str, &str)]) -> bool {
    let mut stage = Stage::set();
    for (name, value) in variables {
        stage.environment.insert((*name).to_owned(), (*value).to_owned());
    }
    stage.write(&CONFIG.replace(placeholder, address));
    let ran = stage.run_in_vain(&["rotate", "--only", "opa-agent"]).to_string();
    let turned_away = ran.contains("a CA that is not known here") || ran.contains("invalid peer certificate");
    let answered = ran.contains("HTTP 401");
    assert!(answered != turned_away, "{ran}");
    answered
}

#[test]
fn the_roots_that_the_environment_names_are_trusted_and_no_others() {
    let (address, pem) = listen();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    let (file, folder) = (file.to_str().unwrap(), folder.path().to_str().unwrap());
    assert!(spoken_to("{styra}", &address, &[("SSL_CERT_FILE", file)]));
    assert!(spoken_to("{styra}", &address, &[("SSL_CERT_DIR", &format!("/not/there::{folder}"))]));
    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&other, listen().1).unwrap();
    let other = other.path().to_str().unwrap();
    assert!(!spoken_to("{styra}", &address, &[("SSL_CERT_FILE", other)]));
    assert!(spoken_to("{styra}", &address, &[("SSL_CERT_FILE", other), ("SSL_CERT_DIR", folder)]));
}

#[test]
fn the_ca_of_a_gitlab_job_is_trusted_for_its_own_server_alone() {
    let (address, pem) = listen();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, pem).unwrap();
    let file = file.path().to_str().unwrap();
    let job = |host| [("CI_SERVER_TLS_CA_FILE", file), ("CI_SERVER_HOST", host)];
    assert!(spoken_to("{gitlab}", &address, &job("localhost")));
    assert!(!spoken_to("{gitlab}", &address, &job("gitlab.example.com")));
    assert!(!spoken_to("{styra}", &address, &job("localhost")), "it is the CA of that GitLab, and of nobody else");
}

#[test]
fn roots_that_cannot_be_read_are_an_error_and_not_an_empty_list() {
    let empty = tempfile::tempdir().unwrap();
    let readable = tempfile::tempdir().unwrap();
    std::fs::write(readable.path().join("ca.pem"), listen().1).unwrap();
    std::fs::write(empty.path().join("ca.pem"), "# none yet\n").unwrap();
    let empty_file = empty.path().join("ca.pem");
    let cases = [
        ("no_roots", Some("/not/there.pem"), Some("/not/there")),
        ("no_root_file_beside_a_folder", Some("/not/there.pem"), readable.path().to_str()),
        ("an_empty_root_file", empty_file.to_str(), None),
        ("no_root_folder", None, Some("/not/there")),
        ("an_empty_root_folder", None, empty.path().to_str()),
    ];
    for (name, file, folders) in cases {
        let mut stage = Stage::set();
        for (variable, value) in [("SSL_CERT_FILE", file), ("SSL_CERT_DIR", folders)] {
            stage.environment.extend(value.map(|value| (variable.to_owned(), value.to_owned())));
        }
        let ran = stage.run_in_vain(&["rotate"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        ran.is(name, empty.path());
    }
}
