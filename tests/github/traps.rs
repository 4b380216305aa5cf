//! What GitHub does that nobody expects.

use tokenwheel_sandbox::github::Store;

use super::estate::{Estate, SECRET};

#[test]
fn a_repository_that_was_renamed_is_named_and_no_credential_follows_it() {
    let rights = &[("secrets", "write")];
    let estate = Estate::with_token(|github| {
        github.add_repository("acme/old");
        github.rename_repository("acme/old", "acme/new");
        github.add_fine_grained_token("ada", "acme", rights, None)
    });
    estate.goes_to(&[&SECRET.replace("acme/app", "acme/old")]);
    let ran = estate.rotate();
    assert!(ran.to_string().contains("acme/old was renamed or moved: name it as it is called now"), "{ran}");
    assert!(estate.live() == estate.stage.deploy.value, "{ran}");
}

#[test]
fn a_receiver_that_does_not_take_the_new_secret_is_told_by_the_ping() {
    let estate = Estate::with_app();
    let old = estate.stage.deploy.value.clone();
    estate.stage.sandbox.github(|github| {
        github.receiver_takes(estate.hook, &[&old]);
        github.deliveries_late_by = 1;
    });
    let hook = format!("{{ kind: github/webhook, repository: acme/app, id: {}, confirm: delivery }}", estate.hook);
    estate.goes_to(&[&hook]);
    let ran = estate.rotate();
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("its receiver answered 401 to a ping with the new secret"), "{ran}");
}

#[test]
fn a_webhook_whose_time_does_not_move_is_accepted_and_said_to_be_unseen_and_nobody_is_pinged() {
    let estate = Estate::with_app();
    estate.stage.sandbox.github(|github| github.hook_config_moves_updated_at = false);
    estate.goes_to(&[&format!("{{ kind: github/webhook, repository: acme/app, id: {} }}", estate.hook)]);
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("GitHub shows no trace of a webhook's secret"), "{ran}");
    let hook = estate.stage.sandbox.github(|github| github.hook(estate.hook)).unwrap();
    assert!(hook.secret == Some(estate.live()));
    assert_eq!(estate.stage.sandbox.github(|github| github.pings), 0);
}

#[test]
fn a_webhook_that_github_only_says_it_changed_is_never_called_confirmed() {
    let estate = Estate::with_app();
    estate.stage.sandbox.github(|github| github.hook_writes_ignored = true);
    estate.goes_to(&[&format!("{{ kind: github/webhook, repository: acme/app, id: {} }}", estate.hook)]);
    let told = estate.rotate().to_string();
    assert!(told.contains("accepted, cannot be seen: GitHub shows no trace"), "{told}");
    assert!(!told.contains("bears the stamp"), "{told}");
}

#[test]
fn a_repository_s_secret_is_no_place_for_a_refresher() {
    let rights = &[("secrets", "write"), ("environments", "write")];
    let estate = Estate::with_token(|github| github.add_fine_grained_token("ada", "acme", rights, None));
    estate.goes_to(&[SECRET]);
    let config = std::fs::read_to_string(estate.stage.path("tokenwheel.yml")).unwrap();
    let kept = "{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: GITLAB_SPARE }";
    let moved = |environment: &str| {
        let place = format!("{{ kind: github/actions-secret, repository: acme/app, {environment}name: DEPLOY_TOKEN }}");
        estate.stage.write(
            &config
                .replace(SECRET, "{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }")
                .replace(kept, &place),
        );
        estate.stage.run(&["check"]).to_string()
    };
    let told = moved("");
    assert!(told.contains("a job of any branch can read it: keep it in an environment with a branch rule"), "{told}");
    let told = moved("environment: prod/eu, ");
    assert!(!told.contains("a job of any branch can read it"), "{told}");
}

#[test]
fn a_secret_of_the_old_second_is_still_known_to_be_written() {
    let estate = Estate::with_app();
    let now = estate.stage.sandbox.now();
    let old = estate.stage.deploy.value.clone();
    // Written within the very second: the time that GitHub shows cannot move.
    estate
        .stage
        .sandbox
        .github(|github| github.add_secret(Store::Actions, "repos/acme/app", "DEPLOY_TOKEN", &old, now));
    estate.goes_to(&[SECRET]);
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(estate.secret(Store::Actions, "repos/acme/app").value == estate.live());
}
