//! Connections: no default host ever gets a credential, and none is sent where others could read it.

use std::collections::BTreeMap;

use tokenwheel::config;

use super::stage::{SOUND, built, built_in, each, environment, ill_built, problems, spoiled};

#[test]
fn plain_http_is_spoken_to_this_machine_only() {
    let said = |url: &str| spoiled("https://gitlab.sandbox", url);
    for url in ["http://localhost:8080", "http://127.0.0.1:8080", "http://127.9.9.9", "http://[::1]:8080/gitlab"] {
        assert_eq!(said(url).lines().next(), Some("sound"), "{url}");
    }
    for url in [
        "http://gitlab.example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://[::2]",
        "http://127.0.0.1.nip.io",
    ] {
        assert!(said(url).contains("plain http would show the credential"), "{url}: {}", said(url));
    }
}

#[test]
fn an_address_holds_a_host_and_a_path_and_nothing_else() {
    insta::assert_snapshot!(each(&[
        ("https://gitlab.sandbox", "https://user@gitlab.sandbox"),
        ("https://gitlab.sandbox", "https://user:word@gitlab.sandbox"),
        ("https://gitlab.sandbox", "https://gitlab.sandbox/?a=b"),
        ("https://gitlab.sandbox", "https://gitlab.sandbox/#top"),
        ("https://gitlab.sandbox", "gitlab.sandbox"),
        ("https://gitlab.sandbox", "ftp://gitlab.sandbox"),
        ("https://gitlab.sandbox", "file:///etc/passwd"),
        ("https://gitlab.sandbox", "http://gitlab.sandbox"),
        ("https://gitlab.sandbox", "https://"),
    ]), @"
    https://user@gitlab.sandbox
      tokenwheel.yml:6: connection `gitlab`: a credential has no place in the url; say `token: env:NAME`
    https://user:word@gitlab.sandbox
      tokenwheel.yml:6: connection `gitlab`: a credential has no place in the url; say `token: env:NAME`
    https://gitlab.sandbox/?a=b
      tokenwheel.yml:6: connection `gitlab`: the url ends with its path
    https://gitlab.sandbox/#top
      tokenwheel.yml:6: connection `gitlab`: the url ends with its path
    gitlab.sandbox
      tokenwheel.yml:6: connection `gitlab`: the url is not one; it begins with `https://`
    ftp://gitlab.sandbox
      tokenwheel.yml:6: connection `gitlab`: `ftp://` is not spoken here; say `https://`
    file:///etc/passwd
      tokenwheel.yml:6: connection `gitlab`: the url has no host
    http://gitlab.sandbox
      tokenwheel.yml:6: connection `gitlab`: plain http would show the credential to everyone in between; say `https://`
    https://
      tokenwheel.yml:6: connection `gitlab`: the url is not one; it begins with `https://`
    ");
}

#[test]
fn what_an_address_wrongly_holds_is_not_repeated() {
    let said = spoiled("https://gitlab.sandbox", "https://user:hunter2@gitlab.sandbox");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn without_an_address_only_a_job_of_that_very_server_knows_one() {
    let text = SOUND.replace("    url: https://gitlab.sandbox\n", "");
    insta::assert_snapshot!(built(&text), @"tokenwheel.yml:4: connection `gitlab` lacks the key `url`, and outside a job of that server CI_SERVER_URL is not set; no host is assumed");
    let in_ci = |url: &str| {
        let mut environment = environment();
        environment.insert("CI_SERVER_URL".to_owned(), url.to_owned());
        built_in(&text, environment)
    };
    assert_eq!(in_ci("https://gitlab.sandbox"), "sound");
}

#[test]
fn a_service_that_no_job_runs_at_needs_an_address_and_editors_know_it() {
    let text = SOUND.replace("tokens:\n", "  das: { service: styra, token: env:OTHER }\ntokens:\n");
    insta::assert_snapshot!(problems(&text), @"tokenwheel.yml:9: connection `das` lacks the key `url`");
    let schema = config::schema();
    let required = |of: &str| schema["$defs"][format!("connection.{of}")]["required"].to_string();
    assert!(required("styra").contains("\"url\"") && required("vault").contains("\"url\""));
    assert!(!required("gitlab").contains("url") && !required("kubernetes").contains("url"));
}

#[test]
fn the_address_that_a_job_is_given_is_held_to_the_same_rules() {
    let text = SOUND.replace("    url: https://gitlab.sandbox\n", "");
    for url in ["http://gitlab.example.com", "https://user:word@gitlab.sandbox", "not a url"] {
        let mut environment = environment();
        environment.insert("CI_SERVER_URL".to_owned(), url.to_owned());
        assert_ne!(built_in(&text, environment), "sound", "{url}");
    }
}

#[test]
fn a_part_that_fits_several_connections_says_which() {
    let more = "  gitlab:\n    service: gitlab\n";
    let two = SOUND.replace(
        more,
        &format!("  other: {{ service: gitlab, url: \"https://other.sandbox\", token: env:OTHER }}\n{more}"),
    );
    insta::assert_snapshot!(built(&two), @"
    tokenwheel.yml:12: several connections are of service gitlab: say `connection: gitlab` or `connection: other`
    tokenwheel.yml:18: several connections are of service gitlab: say `connection: gitlab` or `connection: other`
    ");
    let named = two
        .replace("kind: gitlab/", "connection: gitlab, kind: gitlab/")
        .replace("connection: gitlab, kind: gitlab/personal", "connection: gitlub, kind: gitlab/personal");
    insta::assert_snapshot!(built(&named), @"tokenwheel.yml:18: no connection `gitlub` of service gitlab; did you mean `gitlab`?");
    let das = "  das: { service: styra, url: \"https://das.sandbox\", token: env:REFRESHER }\n";
    let other = SOUND
        .replace(more, &format!("{das}{more}"))
        .replace("kind: gitlab/personal", "connection: das, kind: gitlab/personal");
    insta::assert_snapshot!(built(&other), @"tokenwheel.yml:18: no connection `das` of service gitlab; that one is of service styra");
}

#[test]
fn an_address_that_goes_on_to_the_api_is_told_where_it_ends() {
    insta::assert_snapshot!(ill_built("https://gitlab.sandbox", "https://gitlab.sandbox/api/v4/"), @"tokenwheel.yml:4: connection `gitlab`: its `url` is the server's own address: leave `/api/v4` out");
}

#[test]
fn a_part_without_a_connection_of_its_service_says_so() {
    insta::assert_snapshot!(ill_built(
        "kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d",
        "kind: styra/token, id: a, ttl: 30d, paths: [a]",
    ), @"tokenwheel.yml:11: `styra/token` needs a connection of service styra");
}

#[test]
fn a_credential_that_is_nowhere_is_named_by_where_it_should_be() {
    insta::assert_snapshot!(built_in(SOUND, BTreeMap::new()), @"tokenwheel.yml:4: connection `gitlab` has no credential: the variable REFRESHER is not set, or is empty; in a job, a protected one is only given to protected branches; the variable SPARE is not set, or is empty; in a job, a protected one is only given to protected branches");
    let one = BTreeMap::from([("SPARE".to_owned(), "glpat-of-SPARE".to_owned())]);
    assert_eq!(built_in(SOUND, one), "sound", "the other one may carry on");
}

#[test]
fn a_credential_file_that_cannot_be_read_is_named() {
    let text = SOUND.replace("    spare: env:SPARE\n", "").replace("env:REFRESHER", "file:nowhere/refresher");
    insta::assert_snapshot!(built(&text), @"tokenwheel.yml:4: connection `gitlab` has no credential: nowhere/refresher cannot be read: No such file or directory (os error 2)");
}

#[test]
fn a_credential_that_cannot_be_one_is_told_and_not_repeated() {
    let environment =
        BTreeMap::from([("REFRESHER".to_owned(), "hunter2\nhunter3".to_owned()), ("SPARE".to_owned(), " ".to_owned())]);
    let said = built_in(SOUND, environment);
    assert!(!said.contains("hunter"), "{said}");
    insta::assert_snapshot!(said, @"tokenwheel.yml:4: connection `gitlab` has no credential: env:REFRESHER: it holds a line break or another control character; env:SPARE: it is empty");
}
