//! The two configs of Signon's runbooks, run as they stand but for their addresses and paths.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::kubernetes::{Kind, Rule};
use tokenwheel_sandbox::signon::Signon;

use crate::stage::{APP, House, READER, SYNCED, USER, rules};

const SHORT: &str = "short-url-manager@alphagov.co.uk";
const SHORT_SECRET: &str = "signon-token-short-url-manager-publishing-api";
const TARIFF: &str = "trade-tariff-backend@example.com";
const TARIFF_SECRET: &str = "signon-token-trade-tariff-backend-publishing-api";

/// An example, with the addresses of the sandbox and the folder of the test in it. Each must be there.
fn write(house: &House, name: &str) {
    let path = format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut text = std::fs::read_to_string(path).unwrap();
    let mut put = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    };
    let cluster = "url: {signon}\n    cluster: {kubernetes}\n    service_account: account\n";
    put("url: https://signon.publishing.service.gov.uk\n", cluster);
    put("/var/lib/tokenwheel/", "");
    if name.contains("expires-soon") {
        put("service: kubernetes\n", "service: kubernetes\n    url: {kubernetes}\n    service_account: account\n");
        put("https://publishing-api.publishing.service.gov.uk/", "{publishing-api}/");
    }
    house.write(&text);
}

/// The users and places of the examples. The tokens of the first are due, the team outside has none.
fn house(name: &str) -> House {
    let mut house = House::publishing("");
    let now = house.stage.sandbox.now();
    house.account = house.cluster(|cluster| {
        let add = |signon: &mut Signon| {
            signon.add_api_user("Short URL Manager", SHORT);
            signon.add_api_user("Trade Tariff Backend", TARIFF);
            signon.add_token(SHORT, APP, now - TimeDelta::days(700), TimeDelta::days(730))
        };
        let short = add(&mut cluster.signon);
        cluster.nightly_sync("apps");
        cluster.add_secret(
            "monitoring",
            "probes",
            &[("publishing-api-token", &short)],
            "tokenwheel-publishing-api-token",
        );
        cluster.add_workload("monitoring", Kind::Deployment, "probes", &[("probes", "publishing-api-token")]);
        let more = [
            Rule::new("apps", "secrets", &["get"], &[SHORT_SECRET, TARIFF_SECRET]),
            Rule::new("monitoring", "secrets", &["get", "patch"], &["probes"]),
            Rule::new("monitoring", "deployments", &["get", "patch"], &["probes"]),
        ];
        cluster.add_account("apps:wheel", Some(&[rules(), more.to_vec()].concat()))
    });
    std::fs::write(house.stage.path("account/token"), &house.account).unwrap();
    write(&house, name);
    house
}

#[test]
fn the_token_that_expires_soon_is_replaced_everywhere_and_ended() {
    let mut house = house("signon-token-expires-soon.yml");
    let check = house.run(&["check"]);
    assert!(check.code.is_some_and(|code| code == 0 || code == 3), "{check}");
    let short = house.cluster(|cluster| cluster.held("apps", SHORT_SECRET, "bearer_token")).unwrap();
    let ran = house.run(&["rotate"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let new = house.synced();
    assert!(house.is_live(&new) && !house.is_live(&house.old) && house.pods() == new, "{ran}");
    let held = |house: &House, namespace: &str, name: &str, key: &str| {
        house.cluster(|cluster| cluster.held(namespace, name, key)).unwrap_or_default()
    };
    let of_short = held(&house, "apps", SHORT_SECRET, "bearer_token");
    assert!(of_short != short && house.is_live(&of_short) && !house.is_live(&short), "{ran}");
    assert_eq!(held(&house, "monitoring", "probes", "publishing-api-token"), of_short, "{ran}");
    let pods = house.cluster(|cluster| {
        cluster.pods_see("monitoring", Kind::Deployment, "probes", "probes", "publishing-api-token")
    });
    assert_eq!(pods, Some(of_short), "{ran}");
    assert_eq!(house.restarts("apps", Kind::Deployment, READER), 1, "{ran}");
    // What was Signon's own is as Signon wrote it.
    let patched =
        |one: &tokenwheel_sandbox::Exchange| one.method == Method::PATCH && one.target.contains("/apps/secrets/");
    assert!(!house.sent("kubernetes").iter().any(patched), "{ran}");
    assert!(house.cluster(|cluster| cluster.secret_at("apps", SYNCED)).unwrap().managers.len() == 1, "{ran}");
    // Two years on, nothing is due tomorrow.
    house.pass(TimeDelta::minutes(10));
    let again = house.run(&["rotate"]);
    assert_eq!(house.signon(|signon| signon.tokens_of(USER, APP)).len(), 2, "{again}");
}

#[test]
fn a_team_outside_is_given_its_token_in_a_file_that_only_it_can_open() {
    let mut house = house("signon-accounts-and-tokens.yml");
    let offline = house.run(&["check", "--offline"]);
    assert_eq!(offline.code, Some(0), "{offline}");
    std::fs::create_dir(house.stage.path("outbox")).unwrap();
    let ran = house.run(&["rotate"]);
    let value = house.cluster(|cluster| cluster.held("apps", TARIFF_SECRET, "bearer_token")).unwrap_or_default();
    assert!(house.is_live(&value), "{ran}");
    assert_eq!(ran.code, Some(0), "{ran}");
    let sealed = std::fs::read(house.stage.path("outbox/trade-tariff-backend.age")).unwrap();
    let text = String::from_utf8_lossy(&sealed);
    assert!(text.contains("BEGIN AGE ENCRYPTED FILE") && !text.contains(&value), "{ran}");
    let life = house.signon(|signon| signon.tokens_of(TARIFF, APP))[0].life;
    assert_eq!(life, TimeDelta::days(365), "{ran}");
    let again = house.run(&["rotate"]);
    assert_eq!((again.code, house.signon(|signon| signon.tokens_of(TARIFF, APP)).len()), (Some(0), 1), "{again}");
}
