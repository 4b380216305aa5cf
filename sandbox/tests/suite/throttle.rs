//! The rate limit: its headers, its refusal, and its absence.

use chrono::TimeDelta;

use crate::common::Acme;

const SELF: &str = "/personal_access_tokens/self";

#[test]
fn without_a_limit_there_are_no_headers() {
    let acme = Acme::new();
    assert!(acme.get(&acme.owner, SELF).headers.get("ratelimit-limit").is_none());
}

#[test]
fn each_user_has_so_many_requests_a_minute() {
    let acme = Acme::new();
    acme.world.sandbox.gitlab(|gitlab| gitlab.rate_limit = Some(2));
    let first = acme.get(&acme.owner, SELF);
    assert_eq!(first.headers["ratelimit-name"], "throttle_authenticated_api");
    assert_eq!(first.headers["ratelimit-remaining"], "1");
    assert_eq!(first.headers["ratelimit-reset"], "1777896060", "Unix time, not seconds to go");
    acme.get(&acme.owner, SELF);
    let refused = acme.get(&acme.owner, SELF);
    assert_eq!((refused.status, &refused.headers["retry-after"]), (429, &"60".parse().unwrap()));
    assert_eq!(acme.get(&acme.maintainer, SELF).status, 200);
    acme.world.sandbox.advance(TimeDelta::seconds(60));
    assert_eq!(acme.get(&acme.owner, SELF).status, 200);
}

#[test]
fn a_request_with_a_revoked_token_counts_as_one_without() {
    let acme = Acme::new();
    acme.world.sandbox.gitlab(|gitlab| {
        gitlab.rate_limit = Some(100);
        gitlab.revoke(acme.owner.id);
    });
    assert_eq!(acme.get(&acme.owner, SELF).headers["ratelimit-name"], "throttle_unauthenticated_api");
}
