//! Values that have the right form and make no sense.

use super::stage::{each, ill_built, spoiled};

#[test]
fn a_length_of_time_is_a_number_and_a_unit_and_neither_nothing_nor_an_age() {
    insta::assert_snapshot!(each(&[
        ("every: 12h", "every: 12 h"),
        ("every: 12h", "every: h"),
        ("every: 12h", "every: 0h"),
        ("every: 12h", "every: -12h"),
        ("every: 12h", "every: 1.5h"),
        ("every: 12h", "every: 3y"),
        ("every: 12h", "every: 99999d"),
        ("every: 12h", "every: 99999999999999999999d"),
        ("ttl: 30d", "ttl: a month"),
    ]), @"
    every: 12 h
      tokenwheel.yml:2: `every`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    every: h
      tokenwheel.yml:2: `every`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    every: 0h
      tokenwheel.yml:2: `every`: a length of time is more than nothing and at most ten years
    every: -12h
      tokenwheel.yml:2: `every`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    every: 1.5h
      tokenwheel.yml:2: `every`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    every: 3y
      tokenwheel.yml:2: `every`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    every: 99999d
      tokenwheel.yml:2: `every`: a length of time is more than nothing and at most ten years
    every: 99999999999999999999d
      tokenwheel.yml:2: `every`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    ttl: a month
      tokenwheel.yml:11: `ttl`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    ");
}

#[test]
fn a_share_lies_between_nothing_and_all() {
    insta::assert_snapshot!(each(&[
        ("after: 2/3", "after: 3/3"),
        ("after: 2/3", "after: 0/3"),
        ("after: 2/3", "after: 2/0"),
        ("after: 2/3", "after: -1/3"),
        ("after: 2/3", "after: 200/300"),
        ("after: 2/3", "after: 66%"),
        ("after: 2/3", "after: soon"),
        ("after: 2/3", "before: 2/3"),
    ]), @"
    after: 3/3
      tokenwheel.yml:12: `after`: a share of the lifetime lies between nothing and all: `1/2`, `2/3`
    after: 0/3
      tokenwheel.yml:12: `after`: a share of the lifetime lies between nothing and all: `1/2`, `2/3`
    after: 2/0
      tokenwheel.yml:12: `after`: a share of the lifetime lies between nothing and all: `1/2`, `2/3`
    after: -1/3
      tokenwheel.yml:12: `after`: a share of the lifetime lies between nothing and all: `1/2`, `2/3`
    after: 200/300
      tokenwheel.yml:12: `after`: a share of the lifetime lies between nothing and all: `1/2`, `2/3`
    after: 66%
      tokenwheel.yml:12: `after`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    after: soon
      tokenwheel.yml:12: `after`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    before: 2/3
      tokenwheel.yml:12: `before`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    ");
}

#[test]
fn two_rules_exclude_each_other() {
    insta::assert_snapshot!(spoiled("after: 2/3", "after: 2/3, before: 8h"), @"tokenwheel.yml:12: `after` and `before` exclude each other");
}

#[test]
fn a_life_that_the_issuer_cannot_grant_is_refused() {
    insta::assert_snapshot!(each(&[("ttl: 30d", "ttl: 1d"), ("ttl: 60d", "ttl: 47h")]), @"
    ttl: 1d
      tokenwheel.yml:11: `ttl` of 24 h cannot be kept: at least 2 d with gitlab/project-access-token
    ttl: 47h
      tokenwheel.yml:17: `ttl` of 47 h cannot be kept: at least 2 d with gitlab/personal-access-token
    ");
}

#[test]
fn an_overlap_is_refused_where_the_new_one_ends_the_old_one() {
    insta::assert_snapshot!(ill_built("{ after: 2/3 }", "{ after: 2/3, overlap: 1h }"), @"tokenwheel.yml:10: token `deploy`: `overlap` cannot be kept: here a new token ends the old one at once");
}

#[test]
fn a_credential_names_a_variable_or_a_file() {
    insta::assert_snapshot!(each(&[
        ("env:SPARE", "\"env:\""),
        ("env:SPARE", "env:A-B"),
        ("env:SPARE", "\"file:\""),
        ("env:SPARE", "vault:secret/wheel#token"),
        ("env:SPARE", "SPARE"),
        ("env:SPARE", "$SPARE"),
    ]), @r#"
    "env:"
      tokenwheel.yml:8: `spare`: a variable's name after `env:` has letters, digits and `_`
    env:A-B
      tokenwheel.yml:8: `spare`: a variable's name after `env:` has letters, digits and `_`
    "file:"
      tokenwheel.yml:8: `spare`: a credential is never written here: say `env:NAME` or `file:PATH`; if this was a real one, it has leaked and is to be replaced
    vault:secret/wheel#token
      sound
    SPARE
      tokenwheel.yml:8: `spare`: a credential is never written here: say `env:NAME` or `file:PATH`; if this was a real one, it has leaked and is to be replaced
    $SPARE
      tokenwheel.yml:8: `spare`: a credential is never written here: say `env:NAME` or `file:PATH`; if this was a real one, it has leaked and is to be replaced
    "#);
}

#[test]
fn parts_that_exclude_each_other_are_told_when_the_wheel_is_built() {
    let told = [
        ill_built(
            "kind: gitlab/ci-variable, project: acme/app",
            "kind: gitlab/ci-variable, group: acme, project: acme/app",
        ),
        ill_built("kind: gitlab/ci-variable, project: acme/app,", "kind: gitlab/ci-variable,"),
        ill_built("project: acme/app, key", "instance: true, environment_scope: production, key"),
        ill_built("key: DEPLOY_TOKEN", "key: DEPLOY-TOKEN"),
        ill_built("name: wheel, ttl", "name: wheel, create: { scopes: [api] }, ttl"),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    tokenwheel.yml:14: token `deploy`: a variable hangs at exactly one of `project`, `group` and `instance: true`
    tokenwheel.yml:14: token `deploy`: a variable hangs at exactly one of `project`, `group` and `instance: true`
    tokenwheel.yml:14: token `deploy`: variables of the instance have no environment scope
    tokenwheel.yml:14: token `deploy`: a variable's key has letters, digits and `_`
    tokenwheel.yml:17: token `refresher`: `create` needs `user`: only an administrator can make a token, and must say whose
    ");
}
