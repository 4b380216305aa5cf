//! Lists of tokens: whose, which, in what order, and page by page.

use crate::common::{Acme, day, noon};
use chrono::TimeDelta;
use serde_json::Value;
use tokenwheel_sandbox::gitlab::Seeded;

const LIST: &str = "/personal_access_tokens";

fn names(acme: &Acme, who: &Seeded, query: &str) -> Vec<String> {
    let list = acme.get(who, &format!("{LIST}{query}")).value();
    let names =
        list.as_array().into_iter().flatten().map(|token| token["name"].as_str().unwrap_or_default().to_owned());
    names.collect()
}

/// An owner with tokens of several ages.
fn aged() -> Acme {
    let acme = Acme::new();
    acme.world.sandbox.gitlab(|gitlab| {
        let user = gitlab.token(acme.owner.id).map(|token| token.user_id).unwrap_or_default();
        let mut add = |name, days, expires| {
            gitlab.add_personal_token(user, name, &["api"], noon() - TimeDelta::days(days), Some(day(expires)))
        };
        add("deploy", 9, 20);
        add("deploy staging", 5, 40);
        add("expired", 90, 0);
        let revoked = add("revoked", 3, 10).id;
        gitlab.revoke(revoked);
    });
    acme
}

#[test]
fn a_user_sees_their_own_and_an_administrator_everybodys() {
    let acme = Acme::new();
    assert_eq!(names(&acme, &acme.owner, "").len(), 1);
    assert_eq!(names(&acme, &acme.admin, "").len(), 5);
    let user = acme.get(&acme.maintainer, "/user").value()["id"].clone();
    assert_eq!(names(&acme, &acme.admin, &format!("?user_id={user}")).len(), 1);
    assert_eq!(names(&acme, &acme.maintainer, &format!("?user_id={user}")).len(), 1);
    assert_eq!(acme.get(&acme.owner, &format!("{LIST}?user_id={user}")).status, 401);
    assert_eq!(acme.get(&acme.admin, &format!("{LIST}?user_id=424242")).status, 404);
}

#[test]
fn state_and_revoked_are_two_filters() {
    let acme = aged();
    assert_eq!(names(&acme, &acme.owner, "?state=active"), ["own", "deploy", "deploy staging"]);
    assert_eq!(names(&acme, &acme.owner, "?state=inactive"), ["expired", "revoked"]);
    assert_eq!(names(&acme, &acme.owner, "?revoked=true"), ["revoked"]);
    assert_eq!(names(&acme, &acme.owner, "?revoked=false&state=inactive"), ["expired"]);
}

#[test]
fn a_search_finds_more_than_the_exact_name() {
    let acme = aged();
    assert_eq!(names(&acme, &acme.owner, "?search=deploy"), ["deploy", "deploy staging"]);
    assert_eq!(names(&acme, &acme.owner, "?search=STAGING%20dep"), ["deploy staging"]);
    assert!(names(&acme, &acme.owner, "?search=nothing").is_empty());
}

#[test]
fn dates_filter_and_order() {
    let acme = aged();
    assert_eq!(names(&acme, &acme.owner, "?created_after=2026-05-01T00:00:00Z"), ["own", "revoked"]);
    assert_eq!(names(&acme, &acme.owner, "?created_before=2026-04-01T00:00:00Z"), ["expired"]);
    assert_eq!(names(&acme, &acme.owner, &format!("?expires_after={}", day(30))), ["own", "deploy staging"]);
    assert_eq!(names(&acme, &acme.owner, "?last_used_after=2026-05-04T00:00:00Z"), ["own"]);
    let newest = names(&acme, &acme.owner, "?sort=created_desc");
    assert_eq!(newest, ["own", "revoked", "deploy staging", "deploy", "expired"]);
}

#[test]
fn pages_follow_each_other_to_the_end() {
    let acme = aged();
    let mut page = "1".to_owned();
    let mut seen = Vec::new();
    while !page.is_empty() {
        let answer = acme.get(&acme.owner, &format!("{LIST}?state=active&per_page=2&page={page}"));
        seen.push(answer.value().as_array().map(Vec::len).unwrap_or_default());
        assert_eq!(answer.headers["x-total"], "3");
        assert_eq!(answer.headers["x-total-pages"], "2");
        let link = answer.headers["link"].to_str().unwrap();
        assert_eq!(link.contains(r#"rel="next""#), page == "1");
        answer.headers["x-next-page"].to_str().unwrap().clone_into(&mut page);
    }
    assert_eq!(seen, [2, 1]);
}

#[test]
fn an_empty_list_still_has_one_page() {
    let acme = Acme::new();
    let answer = acme.get(&acme.owner, &format!("{LIST}?search=nothing"));
    assert_eq!(answer.value(), Value::Array(Vec::new()));
    assert_eq!(answer.headers["x-total"], "0");
    assert_eq!(answer.headers["x-total-pages"], "1");
    assert_eq!(answer.headers["x-next-page"], "");
}

#[test]
fn a_list_too_long_to_count_has_no_totals_and_no_last_page() {
    let acme = Acme::new();
    acme.world.sandbox.gitlab(|gitlab| {
        let user = gitlab.token(acme.owner.id).unwrap().user_id;
        for _ in 0..10_000 {
            gitlab.add_personal_token(user, "one of many", &["api"], noon(), None);
        }
    });
    let answer = acme.get(&acme.owner, &format!("{LIST}?per_page=1000&page=101"));
    assert_eq!(answer.value().as_array().unwrap().len(), 1, "a page has a hundred at most");
    assert_eq!(answer.headers["x-next-page"], "");
    assert!(answer.headers.get("x-total").is_none() && answer.headers.get("x-total-pages").is_none());
    assert!(!answer.headers["link"].to_str().unwrap().contains("last"));
}

#[test]
fn links_keep_the_filters() {
    let acme = aged();
    let answer = acme.get(&acme.owner, &format!("{LIST}?per_page=1&state=active"));
    let link = answer.headers["link"].to_str().unwrap();
    assert!(link.contains("state=active&page=2&per_page=1>; rel=\"next\""), "{link}");
}
