//! The parts that an estate is mixed from: tokens of GitLab and of Styra, and their refreshers.

use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use tokenwheel::issuer::Succession;
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::styra::Role;

use crate::estate::{API, APP, Ask, Founding, List, Spot, Stranger, Token, WHEEL, delete};

/// A part of an estate.
pub type Part = (&'static str, fn(&mut Founding<'_>));

/// All parts of this file.
pub const PARTS: &[Part] = &[
    ("project-token", project),
    ("group-token", group),
    ("service-account", account),
    ("trigger", trigger),
    ("deploy-token", deploy_token),
    ("runner", runner),
    ("itself", itself),
    ("styra-blind", |to| styra(to, false)),
    ("styra-reads", |to| styra(to, true)),
];

/// A token of which the rest is as usual: replaced, by its connection, by nobody else.
pub(crate) fn token(name: &str, spots: Vec<Spot>, live: Ask, living: List) -> Token {
    Token {
        name: name.to_owned(),
        succession: Succession::Replaces,
        overlap: TimeDelta::zero(),
        spots,
        connection: None,
        seat_of: None,
        minted_as: None,
        alone: false,
        unasked: false,
        undated: false,
        live,
        living,
        end: Arc::new(|_, _| {}),
        make: Arc::new(|_| None),
    }
}

/// Nobody can list them.
pub(crate) fn unlisted() -> List {
    Arc::new(|_| Vec::new())
}

/// An access token of GitLab, known by its name.
fn access(name: &'static str, spots: Vec<Spot>) -> Token {
    let live: Ask = Arc::new(move |sandbox: &Sandbox, value: &str| {
        sandbox.gitlab(|gitlab| {
            gitlab.token_of_value(value).is_some_and(|token| token.name == name) && gitlab.is_live(value)
        })
    });
    let living: List = Arc::new(move |sandbox: &Sandbox| {
        let tokens = sandbox.gitlab(|gitlab| gitlab.live_tokens(name));
        tokens.into_iter().map(|token| (token.id.to_string(), token.value)).collect()
    });
    Token {
        connection: Some("gitlab"),
        end: Arc::new(|sandbox, value| {
            sandbox.gitlab(|gitlab| {
                if let Some(token) = gitlab.token_of_value(value) {
                    gitlab.revoke(token.id);
                }
            });
        }),
        ..token(name, spots, live, living)
    }
}

/// When a person gives a new one its end.
fn later(sandbox: &Sandbox) -> NaiveDate {
    (sandbox.now() + TimeDelta::days(9)).date_naive()
}

/// The connection to GitLab, logged in to by one refresher or two.
pub fn refreshers(to: &mut Founding<'_>) {
    let alone = to.dice.chance(250);
    let seat = if alone { "" } else { ", spare: env:SPARE" };
    let gitlab = format!("gitlab: {{ service: gitlab, url: 'https://gitlab.sandbox', token: env:REFRESHER{seat} }}");
    to.estate.connections.push(gitlab);
    let mut seats = vec![("refresher", "wheel", "REFRESHER", "gitlab")];
    if !alone {
        seats.push(("spare", "wheel-spare", "SPARE", "gitlab.spare"));
    }
    for (name, known, key, of) in seats {
        let short = to.dice.chance(600);
        let (ttl, rotate) = if short {
            let (ttl, after) = (to.dice.span(5, 9), to.dice.span(1, 3));
            (ttl, format!("\n    rotate: {{ after: {after}d }}"))
        } else {
            (60, String::new())
        };
        let (created, dies) = (to.estate.ago(to.dice.span(10, 40)), to.estate.day(ttl - 1));
        let bot = to.estate.bot;
        let seeded =
            to.estate.sandbox.gitlab(|gitlab| gitlab.add_personal_token(bot, known, &["api"], created, Some(dies)));
        let spots = vec![Spot::variable(WHEEL, key)];
        to.estate.keep(&Spot::variable(WHEEL, key), &seeded.value);
        to.estate.hand(WHEEL, key);
        let risk = if alone { "\n    accept_risk: this is what is tried here" } else { "" };
        let rotate = format!("\n    refreshes: {of}{risk}{rotate}");
        let issuer = format!("kind: gitlab/personal-access-token, name: {known}, ttl: {ttl}d");
        to.entry(name, &issuer, &rotate, &spots);
        to.estate.tokens.push(Token {
            name: name.to_owned(),
            seat_of: Some("gitlab"),
            alone,
            make: Arc::new(move |sandbox| {
                let now = sandbox.now();
                let day = Some(later(sandbox));
                Some(sandbox.gitlab(|gitlab| gitlab.add_personal_token(bot, known, &["api"], now, day)).value)
            }),
            ..access(known, spots)
        });
    }
}

/// Tokens beside ours that no run may end: of the same user, and of the same name elsewhere.
pub fn strangers(to: &mut Founding<'_>) {
    let (created, expires) = (to.estate.ago(48), Some(to.estate.day(300)));
    let bot = to.estate.bot;
    let found = to.estate.sandbox.gitlab(|gitlab| {
        let other = gitlab.add_user("somebody");
        let own = gitlab.add_personal_token(bot, "not-ours", &["api"], created, expires);
        let user = gitlab.add_personal_token(other, "wheel", &["api"], created, expires);
        let place = gitlab.add_project_token("acme/other", "deploy-bot", &["api"], 40, created, expires);
        let name = gitlab.add_project_token("acme/app", "other-bot", &["api"], 40, created, expires);
        let trigger = gitlab.add_trigger("acme/app", bot, "somebody else's");
        [
            ("a token of the refresher's user", own.value),
            ("a token of the refresher's name, of somebody else", user.value),
            ("a token of the same name in another project", place.value),
            ("a token of another name in the same project", name.value),
            ("a trigger of another description", trigger.value),
        ]
    });
    to.estate.strangers.extend(found.map(|(what, value)| Stranger { what, value, taken_over_without_memory: false }));
}

fn rotate_after(to: &mut Founding<'_>) -> String {
    format!("\n    rotate: {{ after: {}h }}", to.dice.span(14, 60))
}

/// A project access token, in one place or two.
fn project(to: &mut Founding<'_>) {
    if to.estate.tokens.iter().any(|token| token.name == "deploy") {
        return;
    }
    let (created, dies) = (to.estate.ago(to.dice.span(1, 40)), to.estate.day(to.dice.span(3, 7)));
    let seeded = to
        .estate
        .sandbox
        .gitlab(|gitlab| gitlab.add_project_token("acme/app", "deploy-bot", &["api"], 40, created, Some(dies)));
    let spots = to.places("DEPLOY", &seeded.value);
    let rotate = rotate_after(to);
    let ttl = to.dice.span(4, 9);
    let issuer = format!("kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: {ttl}d");
    to.entry("deploy", &issuer, &rotate, &spots);
    to.estate.tokens.push(Token {
        name: "deploy".to_owned(),
        make: Arc::new(|sandbox| {
            let now = sandbox.now();
            let day = Some(later(sandbox));
            let made =
                sandbox.gitlab(|gitlab| gitlab.add_project_token("acme/app", "deploy-bot", &["api"], 40, now, day));
            Some(made.value)
        }),
        ..access("deploy-bot", spots)
    });
}

/// A group access token, in two places.
fn group(to: &mut Founding<'_>) {
    let (created, dies) = (to.estate.ago(to.dice.span(1, 40)), to.estate.day(to.dice.span(3, 7)));
    let seeded = to
        .estate
        .sandbox
        .gitlab(|gitlab| gitlab.add_group_token("acme", "group-bot", &["api"], 40, created, Some(dies)));
    let spots = vec![Spot::variable(APP, "GROUP"), Spot::variable(API, "GROUP")];
    for spot in &spots {
        to.estate.keep(spot, &seeded.value);
    }
    let rotate = rotate_after(to);
    to.entry("group", "kind: gitlab/group-access-token, group: acme, name: group-bot, ttl: 6d", &rotate, &spots);
    to.estate.tokens.push(Token {
        name: "group".to_owned(),
        make: Arc::new(|sandbox| {
            let now = sandbox.now();
            let day = Some(later(sandbox));
            Some(sandbox.gitlab(|gitlab| gitlab.add_group_token("acme", "group-bot", &["api"], 40, now, day)).value)
        }),
        ..access("group-bot", spots)
    });
}

/// A service account's token, made beside the old one; somebody made one of the same name by hand.
fn account(to: &mut Founding<'_>) {
    let (long_ago, created) = (to.estate.ago(900), to.estate.ago(to.dice.span(1, 40)));
    let (later_day, dies) = (Some(to.estate.day(300)), Some(to.estate.day(to.dice.span(3, 7))));
    let (account, by_hand, ours) = to.estate.sandbox.gitlab(|gitlab| {
        let account = gitlab.add_service_account("acme", "robot");
        let by_hand = gitlab.add_service_account_token(account, "ci", &["api"], long_ago, later_day);
        (account, by_hand, gitlab.add_service_account_token(account, "ci", &["api"], created, dies))
    });
    to.estate.strangers.push(Stranger {
        what: "a token of the same name, made by hand",
        value: by_hand.value,
        taken_over_without_memory: false,
    });
    let spots = to.places("ROBOT", &ours.value);
    let (after, overlap) = (to.dice.span(14, 60), to.dice.span(1, 20));
    let rotate = format!("\n    rotate: {{ after: {after}h, overlap: {overlap}h }}");
    let issuer = format!("kind: gitlab/service-account-token, group: acme, account: {account}, name: ci, ttl: 6d");
    to.entry("robot", &issuer, &rotate, &spots);
    to.estate.tokens.push(Token {
        name: "robot".to_owned(),
        succession: Succession::Overlaps,
        overlap: TimeDelta::hours(overlap),
        make: Arc::new(move |sandbox| {
            let now = sandbox.now();
            let day = Some(later(sandbox));
            let made = sandbox.gitlab(|gitlab| gitlab.add_service_account_token(account, "ci", &["api"], now, day));
            Some(made.value)
        }),
        ..access("ci", spots)
    });
}

/// A trigger token that is made as the deploy token.
fn trigger(to: &mut Founding<'_>) {
    if to.estate.tokens.iter().all(|token| token.name != "deploy") {
        project(to);
    }
    let deploy = to.estate.tokens.iter().find(|token| token.name == "deploy");
    let value = deploy.and_then(|token| token.spots.first()).map(|spot| spot.held(&to.estate.sandbox));
    let value = value.unwrap_or_default();
    let admin = to.estate.bot;
    let (bot, trigger, by_hand) = to.estate.sandbox.gitlab(|gitlab| {
        let bot = gitlab.token_of_value(&value).map(|token| token.user_id).unwrap_or_default();
        let trigger = gitlab.add_trigger("acme/app", bot, "nightly");
        (bot, trigger, gitlab.add_trigger("acme/app", admin, "nightly"))
    });
    let what = "a trigger of the same description, of somebody else";
    to.estate.strangers.push(Stranger { what, value: by_hand.value, taken_over_without_memory: true });
    let spots = vec![Spot::variable(API, "NIGHTLY")];
    for spot in &spots {
        to.estate.keep(spot, &trigger.value);
    }
    let overlap = to.dice.span(1, 20);
    let rotate = format!("\n    rotate: {{ after: {}h, overlap: {overlap}h }}", to.dice.span(14, 60));
    let issuer = "kind: gitlab/pipeline-trigger-token, project: acme/app, description: nightly, login: deploy, ttl: 6d";
    to.entry("nightly", issuer, &rotate, &spots);
    let live: Ask = Arc::new(|sandbox: &Sandbox, value: &str| {
        sandbox.gitlab(|gitlab| {
            let trigger = gitlab.trigger_of_value(value);
            trigger.is_some_and(|trigger| trigger.description == "nightly") && gitlab.is_live(value)
        })
    });
    let living: List = Arc::new(|sandbox: &Sandbox| {
        let all = sandbox.gitlab(|gitlab| gitlab.triggers_of("acme/app")).into_iter();
        let live = all.filter(|trigger| trigger.description == "nightly");
        live.filter(|trigger| sandbox.gitlab(|gitlab| gitlab.is_live(&trigger.value)))
            .map(|trigger| (trigger.id.to_string(), trigger.value))
            .collect()
    });
    to.estate.tokens.push(Token {
        succession: Succession::Overlaps,
        overlap: TimeDelta::hours(overlap),
        connection: Some("gitlab"),
        minted_as: Some("deploy"),
        end: Arc::new(|sandbox, value| {
            if let Some(trigger) = sandbox.gitlab(|gitlab| gitlab.trigger_of_value(value)) {
                delete(sandbox, &format!("projects/acme%2Fapp/triggers/{}", trigger.id));
            }
        }),
        make: Arc::new(move |sandbox| {
            Some(sandbox.gitlab(|gitlab| gitlab.add_trigger("acme/app", bot, "nightly")).value)
        }),
        ..token("nightly", spots, live, living)
    });
}

/// A deploy token, which proves life and no more.
fn deploy_token(to: &mut Founding<'_>) {
    const SCOPES: &[&str] = &["read_registry"];
    let dies = Some(to.estate.sandbox.now() + TimeDelta::days(to.dice.span(3, 7)));
    let seeded =
        to.estate.sandbox.gitlab(|gitlab| gitlab.add_deploy_token("projects/acme/app", "pull", "puller", SCOPES, dies));
    let spots = to.places("PULL", &seeded.value);
    let overlap = to.dice.span(1, 20);
    let rotate = format!("\n    rotate: {{ after: {}h, overlap: {overlap}h }}", to.dice.span(14, 60));
    to.entry("pull", "kind: gitlab/deploy-token, project: acme/app, name: pull, ttl: 6d", &rotate, &spots);
    let living: List = Arc::new(|sandbox: &Sandbox| {
        let tokens = sandbox.gitlab(|gitlab| gitlab.live_deploy_tokens("pull"));
        tokens.into_iter().map(|token| (token.id.to_string(), token.value)).collect()
    });
    let of = Arc::clone(&living);
    let live: Ask = Arc::new(move |sandbox: &Sandbox, value: &str| of(sandbox).iter().any(|(_, live)| live == value));
    to.estate.tokens.push(Token {
        succession: Succession::Overlaps,
        overlap: TimeDelta::hours(overlap),
        connection: Some("gitlab"),
        end: Arc::new(|sandbox, value| {
            sandbox.gitlab(|gitlab| {
                let found = gitlab.live_deploy_tokens("pull").into_iter().find(|token| token.value == value);
                if let Some(token) = found {
                    gitlab.revoke_deploy_token(token.id);
                }
            });
        }),
        make: Arc::new(|sandbox| {
            let dies = Some(sandbox.now() + TimeDelta::days(9));
            let made =
                sandbox.gitlab(|gitlab| gitlab.add_deploy_token("projects/acme/app", "pull", "puller", SCOPES, dies));
            Some(made.value)
        }),
        ..token("pull", spots, live, living)
    });
}

/// A runner's token, reset in place.
fn runner(to: &mut Founding<'_>) {
    let seeded = to.estate.sandbox.gitlab(|gitlab| gitlab.add_runner("projects/acme/app"));
    let id = seeded.id;
    let spots = to.places("RUNNER", &seeded.value);
    let rotate = rotate_after(to);
    to.entry("runner", &format!("kind: gitlab/runner-token, runner: {id}"), &rotate, &spots);
    let live: Ask = Arc::new(move |sandbox: &Sandbox, value: &str| {
        sandbox.gitlab(|gitlab| gitlab.runner(id).is_some_and(|runner| runner.value == value))
    });
    to.estate.tokens.push(Token {
        connection: Some("gitlab"),
        end: Arc::new(move |sandbox, _| {
            sandbox.gitlab(|gitlab| gitlab.reset_runner_by_hand(id));
        }),
        make: Arc::new(move |sandbox| Some(sandbox.gitlab(|gitlab| gitlab.reset_runner_by_hand(id)))),
        ..token("runner", spots, live, unlisted())
    });
}

/// A token that rotates itself.
fn itself(to: &mut Founding<'_>) {
    let (created, dies) = (to.estate.ago(to.dice.span(1, 40)), to.estate.day(to.dice.span(3, 7)));
    let seeded = to
        .estate
        .sandbox
        .gitlab(|gitlab| gitlab.add_project_token("acme/api", "own-bot", &["api"], 40, created, Some(dies)));
    let spots = vec![Spot::variable(API, "OWN")];
    for spot in &spots {
        to.estate.keep(spot, &seeded.value);
    }
    to.estate.hand(API, "OWN");
    let rotate = rotate_after(to);
    let issuer = "kind: gitlab/project-access-token, project: acme/api, name: own-bot, ttl: 6d, self: env:OWN";
    to.entry("own", issuer, &rotate, &spots);
    to.estate.tokens.push(Token {
        name: "own".to_owned(),
        connection: None,
        alone: true,
        make: Arc::new(|sandbox| {
            let now = sandbox.now();
            let day = Some(later(sandbox));
            let made = sandbox.gitlab(|gitlab| gitlab.add_project_token("acme/api", "own-bot", &["api"], 40, now, day));
            Some(made.value)
        }),
        ..access("own-bot", spots)
    });
}

/// A token of Styra, known by its id.
fn styra_token(name: &str, id: &'static str, role: Role, paths: &'static [&'static str], spots: Vec<Spot>) -> Token {
    let live: Ask = Arc::new(move |sandbox: &Sandbox, value: &str| {
        sandbox.styra(|styra| styra.token(id).is_some_and(|token| token.value == value) && styra.is_live(value))
    });
    Token {
        connection: Some("das"),
        end: Arc::new(move |sandbox, _| sandbox.styra(|styra| styra.revoke(id))),
        make: Arc::new(move |sandbox| {
            let now = sandbox.now();
            Some(sandbox.styra(|styra| styra.add_token(id, role, TimeDelta::days(9), paths, now)))
        }),
        ..token(name, spots, live, unlisted())
    }
}

/// A tenant of Styra with one token, and its only refresher.
fn styra(to: &mut Founding<'_>, may_read: bool) {
    const AGENT: &[&str] = &["^/v1/data/.*"];
    const ALL: &[&str] = &["^/v1/tokens.*"];
    if to.estate.tokens.iter().any(|token| token.name == "agent") {
        return;
    }
    let created = to.estate.ago(to.dice.span(1, 40));
    let (life, long) = (TimeDelta::days(to.dice.span(3, 7)), to.dice.chance(500));
    let (agent, das) = to.estate.sandbox.styra(|styra| {
        styra.refresher_may_read = may_read;
        let agent = styra.add_token("application-token", Role::None, life, AGENT, created);
        let life = TimeDelta::days(if long { 60 } else { 5 });
        (agent, styra.add_token("refresher", Role::WorkspaceTokenRefresher, life, ALL, created))
    });
    let das_spot = Spot::variable(WHEEL, "DAS_REFRESHER");
    let spots = to.places("DAS_TOKEN", &agent);
    to.estate.keep(&das_spot, &das);
    to.estate.hand(WHEEL, "DAS_REFRESHER");
    to.estate
        .connections
        .push("das: { service: styra, url: 'https://styra.sandbox', token: env:DAS_REFRESHER }".to_owned());
    let rotate = rotate_after(to);
    let issuer = "kind: styra/token, id: application-token, ttl: 5d, paths: ['^/v1/data/.*']";
    to.entry("agent", issuer, &rotate, &spots);
    let undated = !may_read;
    let agent = styra_token("agent", "application-token", Role::None, AGENT, spots);
    to.estate.tokens.push(Token { undated, ..agent });
    let (ttl, rotate) = if long { (60, String::new()) } else { (5, rotate_after(to)) };
    let rotate = format!("\n    refreshes: das\n    accept_risk: this is what is tried here{rotate}");
    let issuer = format!("kind: styra/token, id: refresher, ttl: {ttl}d, paths: ['^/v1/tokens.*']");
    let spots = vec![das_spot];
    to.entry("das-refresher", &issuer, &rotate, &spots);
    let refresher = styra_token("das-refresher", "refresher", Role::WorkspaceTokenRefresher, ALL, spots);
    to.estate.tokens.push(Token { seat_of: Some("das"), alone: true, undated, ..refresher });
}

/// GitHub, logged in to as an App, where a place is there.
pub(crate) fn github(to: &mut Founding<'_>) {
    if to.estate.connections.iter().any(|connection| connection.starts_with("github:")) {
        return;
    }
    let (key, installation) = to.estate.sandbox.github(|github| {
        github.add_member("acme", "ada");
        github.add_repository("acme/app");
        let key = github.add_app(77, "wheel").private_key;
        (key, github.install(77, "acme", &[("secrets", "write"), ("administration", "write")], None))
    });
    to.estate.environment.insert("GITHUB_KEY".to_owned(), key);
    let keys = format!("token: env:GITHUB_KEY, app: '77', installation: {installation}");
    to.estate.connections.push(format!("github: {{ service: github, url: 'https://github.sandbox', {keys} }}"));
}
