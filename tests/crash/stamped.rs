//! Places that nobody reads again: all that is known of one is the stamp of the last delivery. The login is an App's, so
//! that the opening of its session is struck as well.
#![allow(dead_code, reason = "each suite uses its own part of it")]

use tokenwheel_sandbox::github::Store;

use crate::common::Bench;
use crate::estate::{Estate, Scenario, Spot};
use crate::estates::PAIR;

const SECRET: &str = "{ kind: github/actions-secret, repository: acme/app, name: DEPLOY }";
const VARIABLE: &str = "{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY }";

/// The estate of a pair, with GitHub beside it.
fn found(bench: &mut Bench) -> Estate {
    let mut estate = (PAIR.found)(bench);
    let (value, then) = (bench.held("acme/app", "DEPLOY"), bench.days_ago(9));
    let (key, installation) = bench.sandbox.github(|github| {
        github.add_member("acme", "ada");
        github.add_secret(Store::Actions, "repos/acme/app", "DEPLOY", &value, then);
        let key = github.add_app(77, "wheel").private_key;
        (key, github.install(77, "acme", &[("secrets", "write")], None))
    });
    bench.environment.insert("GITHUB_KEY".to_owned(), key);
    let keys = format!("token: env:GITHUB_KEY, app: '77', installation: {installation}");
    let github = format!("connections:\n  github: {{ service: github, url: 'https://github.sandbox', {keys} }}");
    estate.config = estate.config.replacen("connections:", &github, 1);
    estate
}

fn spot() -> Spot {
    Spot { place: "repos/acme/app", key: "DEPLOY" }
}

/// A token in two places, one of which can be read.
pub(crate) const BESIDE: Scenario = Scenario {
    name: "stamped-beside",
    found: |bench| {
        let mut estate = found(bench);
        assert!(estate.config.contains(VARIABLE), "{}", estate.config);
        estate.config = estate.config.replace(VARIABLE, &format!("{VARIABLE}, {SECRET}"));
        let deploy = estate.tokens.iter_mut().find(|token| token.name == "deploy").unwrap();
        deploy.spots.push(spot());
        estate
    },
};

/// A token in one place, which cannot be read. What was minted and not delivered is healed by the memory alone: without
/// it, the place may hold the live value or not, and `rotate --force` is the way to be sure.
pub(crate) const ALONE: Scenario = Scenario {
    name: "stamped-alone",
    found: |bench| {
        let mut estate = found(bench);
        estate.config = estate.config.replace(VARIABLE, SECRET);
        let deploy = estate.tokens.iter_mut().find(|token| token.name == "deploy").unwrap();
        deploy.spots = vec![spot()];
        estate
    },
};
