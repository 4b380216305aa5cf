//! Keys: unknown ones, missing ones, of the wrong form; each with its line and the nearest right word.

use super::stage::{SOUND, each, problems, spoiled};

#[test]
fn an_unknown_key_is_told_with_its_line_and_the_nearest_right_one() {
    insta::assert_snapshot!(each(&[
        ("every: 12h", "evry: 12h"),
        ("    service: gitlab\n", "    service: gitlab\n    tokn: env:X\n"),
        ("    refreshes: gitlab", "    refresh: gitlab"),
        ("name: deploy-bot, ttl", "nmae: deploy-bot, ttl"),
        ("key: DEPLOY_TOKEN", "ky: DEPLOY_TOKEN"),
        ("{ after: 2/3 }", "{ aftr: 2/3 }"),
        ("path: ledger.json", "pth: ledger.json"),
        ("ttl: 30d", "ttl: 30d, self_rotate: true"),
    ]), @"
    evry: 12h
      tokenwheel.yml:2: the config has no key `evry`; did you mean `every`?
    service: gitlab
        tokn: env:X
      tokenwheel.yml:6: connection `gitlab` has no key `tokn`; did you mean `token`?
    refresh: gitlab
      tokenwheel.yml:16: token `refresher` has no key `refresh`; did you mean `refreshes`?
    nmae: deploy-bot, ttl
      tokenwheel.yml:11: `gitlab/project-access-token` has no key `nmae`; did you mean `name`?
      tokenwheel.yml:11: `gitlab/project-access-token` lacks the key `name`
    ky: DEPLOY_TOKEN
      tokenwheel.yml:14: `gitlab/ci-variable` has no key `ky`; known here: as, connection, create, environment_scope, first, group, instance, key, kind, part, project
      tokenwheel.yml:14: `gitlab/ci-variable` lacks the key `key`
    { aftr: 2/3 }
      tokenwheel.yml:12: `rotate` has no key `aftr`; did you mean `after`?
    pth: ledger.json
      tokenwheel.yml:19: `file` has no key `pth`; did you mean `path`?
      tokenwheel.yml:19: `file` lacks the key `path`
    ttl: 30d, self_rotate: true
      tokenwheel.yml:11: `gitlab/project-access-token` has no key `self_rotate`; did you mean `self`?
    ");
}

#[test]
fn a_word_that_is_near_to_none_is_answered_with_all_there_are() {
    insta::assert_snapshot!(spoiled("{ after: 2/3 }", "{ when: 2/3 }"), @"tokenwheel.yml:12: `rotate` has no key `when`; known here: after, before, overlap, wait_for_jobs");
}

#[test]
fn an_unknown_kind_is_told_with_the_nearest_right_one() {
    insta::assert_snapshot!(each(&[
        ("gitlab/project-access-token", "gitlab/project-token"),
        ("kind: gitlab/ci-variable, project: acme/app", "kind: gitlab/variable, project: acme/app"),
        ("kind: file", "kind: gitlab/ci-variables"),
        ("service: gitlab", "service: gitlub"),
        ("gitlab/project-access-token", "kubernetes/secret"),
        ("kind: gitlab/project-access-token", "kind: [a]"),
        ("kind: gitlab/project-access-token, ", ""),
    ]), @"
    gitlab/project-token
      tokenwheel.yml:11: the issuer cannot be of kind `gitlab/project-token`; did you mean `gitlab/project-access-token`?
    kind: gitlab/variable, project: acme/app
      tokenwheel.yml:14: a destination cannot be of kind `gitlab/variable`; did you mean `gitlab/ci-variable`?
    kind: gitlab/ci-variables
      tokenwheel.yml:19: the ledger cannot be of kind `gitlab/ci-variables`; did you mean `gitlab/ci-variable`?
    service: gitlub
      tokenwheel.yml:5: no service `gitlub`; did you mean `gitlab`?
    kubernetes/secret
      tokenwheel.yml:11: the issuer cannot be of kind `kubernetes/secret`; it is a destination: list it under `destinations`
    kind: [a]
      tokenwheel.yml:11: `kind` is a list, but should be text

      tokenwheel.yml:11: the issuer lacks the key `kind`
    ");
}

#[test]
fn a_missing_key_is_named() {
    insta::assert_snapshot!(each(&[
        ("version: 1\n", ""),
        ("    service: gitlab\n", ""),
        ("    token: env:REFRESHER\n", ""),
        (", ttl: 30d", ""),
        ("project: acme/app, name", "name"),
        (", key: DEPLOY_TOKEN", ""),
        (", path: ledger.json", ""),
        ("    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }\n", ""),
    ]), @"
      tokenwheel.yml:1: the config lacks the key `version`

      tokenwheel.yml:5: connection `gitlab` lacks the key `service`

      tokenwheel.yml:5: connection `gitlab` lacks the key `token`

      tokenwheel.yml:11: `gitlab/project-access-token` lacks the key `ttl`
    name
      tokenwheel.yml:11: `gitlab/project-access-token` lacks the key `project`

      tokenwheel.yml:14: `gitlab/ci-variable` lacks the key `key`

      tokenwheel.yml:19: `file` lacks the key `path`

      tokenwheel.yml:16: token `refresher` lacks the key `issuer`
    ");
}

#[test]
fn a_value_of_the_wrong_form_is_told_what_it_should_be() {
    insta::assert_snapshot!(each(&[
        ("version: 1", "version: one"),
        ("every: 12h", "every: 12"),
        ("every: 12h", "every: [12h]"),
        ("url: https://gitlab.sandbox", "url: { host: gitlab.sandbox }"),
        ("ttl: 30d", "ttl: 30"),
        ("{ after: 2/3 }", "true"),
        ("{ after: 2/3 }", "never"),
        ("name: deploy-bot", "name: 17"),
        ("ttl: 30d }", "ttl: 30d, create: yes-please }"),
        ("ttl: 30d }", "ttl: 30d, create: { scopes: api, access_level: 30 } }"),
        ("ttl: 30d }", "ttl: 30d, create: { scopes: [api], access_level: high } }"),
        ("{ kind: file, path: ledger.json }", "ledger.json"),
        ("    destinations:\n      - {", "    destinations:\n      more: {"),
        ("      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }", "      - DEPLOY_TOKEN"),
        ("{ kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }", "deploy-bot"),
    ]), @"
    version: one
      tokenwheel.yml:1: `version` is text, but should be a whole number
    every: 12
      tokenwheel.yml:2: `every` is a number, but should be text such as `6h`
    every: [12h]
      tokenwheel.yml:2: `every` is a list, but should be text such as `6h`
    url: { host: gitlab.sandbox }
      tokenwheel.yml:6: `url` is a mapping, but should be text such as `https://gitlab.example.com`
    ttl: 30
      tokenwheel.yml:11: `ttl` is a number, but should be text such as `30d`
    true
      tokenwheel.yml:12: `rotate` is true or false, but should be `watch` or a mapping
    never
      tokenwheel.yml:12: `rotate` is text, but should be `watch` or a mapping
    name: 17
      tokenwheel.yml:11: `name` is a number, but should be text: put it in quotes
    ttl: 30d, create: yes-please }
      tokenwheel.yml:11: `create` is text, but should be a mapping
    ttl: 30d, create: { scopes: api, access_level: 30 } }
      tokenwheel.yml:11: `scopes` is text, but should be a list
    ttl: 30d, create: { scopes: [api], access_level: high } }
      tokenwheel.yml:11: `access_level` is text, but should be a whole number
    ledger.json
      tokenwheel.yml:19: `ledger` is text, but should be a mapping
    destinations:
          more: {
      tokenwheel.yml:14: `destinations` is a mapping, but should be a list
    - DEPLOY_TOKEN
      tokenwheel.yml:14: `destinations` is text, but should be a mapping
    deploy-bot
      tokenwheel.yml:11: `issuer` is text, but should be a mapping
    ");
}

#[test]
fn a_key_with_nothing_behind_it_would_do_nothing() {
    insta::assert_snapshot!(each(&[
        ("every: 12h", "every:"),
        ("spare: env:SPARE", "spare:"),
        ("{ after: 2/3 }", "~"),
        ("refreshes: gitlab", "refreshes: null"),
        ("{ kind: file, path: ledger.json }", "~"),
        ("ttl: 30d }", "ttl: 30d, create: ~ }"),
        ("key: DEPLOY_TOKEN", "key: DEPLOY_TOKEN, environment_scope: ~"),
    ]), @"
    every:
      tokenwheel.yml:2: `every` is nothing, but should be text such as `6h`
    spare:
      tokenwheel.yml:8: `spare` is nothing, but should be text such as `env:GITLAB_SPARE`
    ~
      tokenwheel.yml:12: `rotate` is nothing, but should be `watch` or a mapping
    refreshes: null
      tokenwheel.yml:16: `refreshes` is nothing, but should be text
    ~
      tokenwheel.yml:19: `ledger` is nothing, but should be a mapping
    ttl: 30d, create: ~ }
      tokenwheel.yml:11: `create` is nothing, but should be a mapping
    key: DEPLOY_TOKEN, environment_scope: ~
      tokenwheel.yml:14: `environment_scope` is nothing, but should be text
    ");
}

#[test]
fn sections_of_the_wrong_form_are_told_too() {
    insta::assert_snapshot!(problems("version: 1\ntokens: [a]\nconnections: none\nlimits: 3\ndefaults: []\n"), @"
    tokenwheel.yml:2: `tokens` is a list, but should be a mapping
    tokenwheel.yml:3: `connections` is text, but should be a mapping
    tokenwheel.yml:4: `limits` is a number, but should be a mapping
    tokenwheel.yml:5: `defaults` is a list, but should be a mapping
    ");
    insta::assert_snapshot!(problems("version: 1\ntokens: { deploy: 7 }\nconnections: { gitlab: yes }\n"), @"
    tokenwheel.yml:2: token `deploy` is a number, but should be a mapping
    tokenwheel.yml:3: connection `gitlab` is text, but should be a mapping
    ");
    insta::assert_snapshot!(problems("- version: 1\n"), @"tokenwheel.yml:1: the config is a list, but should be a mapping");
    insta::assert_snapshot!(problems("just a text\n"), @"tokenwheel.yml:1: the config is text, but should be a mapping");
}

#[test]
fn another_version_is_not_guessed_at() {
    insta::assert_snapshot!(each(&[("version: 1", "version: 2"), ("version: 1", "version: 0"), ("version: 1", "version: 300")]), @"
    version: 2
      tokenwheel.yml:1: `version: 2` is not known; this tokenwheel reads version 1
    version: 0
      tokenwheel.yml:1: `version: 0` is not known; this tokenwheel reads version 1
    version: 300
      tokenwheel.yml:1: `version: 300` is not known; this tokenwheel reads version 1
    ");
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_lines() {
    let text = SOUND
        .replace("every: 12h", "evry: 12h")
        .replace("service: gitlab", "service: gitlub")
        .replace("ttl: 30d", "ttl: soon")
        .replace("key: REFRESHER", "key: REFRESHER, scope: all")
        .replace("kind: file", "kind: flie");
    insta::assert_snapshot!(problems(&text), @"
    tokenwheel.yml:2: the config has no key `evry`; did you mean `every`?
    tokenwheel.yml:5: no service `gitlub`; did you mean `gitlab`?
    tokenwheel.yml:11: `ttl`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    tokenwheel.yml:18: `gitlab/ci-variable` has no key `scope`; known here: as, connection, create, environment_scope, first, group, instance, key, kind, part, project
    tokenwheel.yml:19: the ledger cannot be of kind `flie`; did you mean `file`?
    ");
}

#[test]
fn a_form_that_cannot_be_kept_is_told() {
    insta::assert_snapshot!(each(&[
        ("key: DEPLOY_TOKEN", "key: DEPLOY_TOKEN, as: \"Bearer {valu}\""),
        ("key: DEPLOY_TOKEN", "key: DEPLOY_TOKEN, as: Bearer"),
        ("key: DEPLOY_TOKEN", "key: DEPLOY_TOKEN, as: dockerconfigjson"),
        ("key: DEPLOY_TOKEN", "key: DEPLOY_TOKEN, as: { dockerconfigjson: { registry: r.example.com } }"),
        ("key: DEPLOY_TOKEN", "key: DEPLOY_TOKEN, part: public"),
        ("key: DEPLOY_TOKEN", "key: DEPLOY_TOKEN, part: public, as: \"{public}\""),
        ("key: DEPLOY_TOKEN", "key: DEPLOY_TOKEN, first: yes"),
    ]), @r#"
    key: DEPLOY_TOKEN, as: "Bearer {valu}"
      sound
    key: DEPLOY_TOKEN, as: Bearer
      tokenwheel.yml:14: `as`: it has no hole such as `{value}`, so nothing of the token would be delivered
    key: DEPLOY_TOKEN, as: dockerconfigjson
      tokenwheel.yml:14: `as`: say for which registry: `as: { dockerconfigjson: { registry: registry.example.com, username: "{username}" } }`
    key: DEPLOY_TOKEN, as: { dockerconfigjson: { registry: r.example.com } }
      tokenwheel.yml:14: `dockerconfigjson` lacks the key `username`
    key: DEPLOY_TOKEN, part: public
      sound
    key: DEPLOY_TOKEN, part: public, as: "{public}"
      tokenwheel.yml:14: `as` and `part` exclude each other: `as: "{NAME}"` is that part
    key: DEPLOY_TOKEN, first: yes
      tokenwheel.yml:14: `first` is text, but should be true or false
    "#);
}

#[test]
fn a_word_that_is_none_of_the_known_ones_is_told_with_the_nearest() {
    insta::assert_snapshot!(spoiled(
        "kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d",
        "kind: http/regenerate, id: a, value: /v, succession: replace, request: { method: POST, path: /x }",
    ), @"tokenwheel.yml:11: `succession` cannot be `replace`; did you mean `replaces`?");
}
