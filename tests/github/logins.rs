//! Who may log in, who may not, and what is said then.

use super::estate::{Estate, SECRET};

/// Rotates, and holds against it that nothing was minted.
fn in_vain(estate: &Estate) -> String {
    let ran = estate.rotate();
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(estate.live() == estate.stage.deploy.value, "nothing was to be minted: {ran}");
    ran.to_string()
}

#[test]
fn the_token_of_a_job_is_told_apart_and_the_way_out_is_named() {
    let estate = Estate::with_token(|github| github.add_job_token("acme/app"));
    estate.goes_to(&[SECRET]);
    let told = in_vain(&estate);
    assert!(told.contains("this is the GITHUB_TOKEN of a job, which can write no secrets"), "{told}");
    assert!(told.contains("log in with a GitHub App (`app:`, `installation:`"), "{told}");
    assert_eq!(estate.count("GET", "/"), 0, "there is nothing to ask");
}

#[test]
fn the_token_of_a_job_in_its_older_form_shows_itself_at_the_first_refusal() {
    let estate = Estate::with_token(|github| github.add_older_job_token("acme/app"));
    estate.goes_to(&[SECRET]);
    let told = in_vain(&estate);
    assert!(told.contains("it takes the permission secrets=read; if this is the GITHUB_TOKEN of a job"), "{told}");
}

#[test]
fn a_key_that_is_another_apps_opens_nothing() {
    let estate = Estate::with_app();
    estate.goes_to(&[SECRET]);
    let config = std::fs::read_to_string(estate.stage.path("tokenwheel.yml")).unwrap();
    estate.stage.write(&config.replace("app: Iv1.", "app: Iv9."));
    let told = in_vain(&estate);
    assert!(told.contains("GitHub does not take this key for the App Iv9."), "{told}");
}

#[test]
fn an_installation_that_was_granted_less_says_what_is_missing() {
    let mut estate = Estate::with_app();
    let (app, installation) = estate.stage.sandbox.github(|github| {
        let app = github.add_app(78, "narrow");
        let installation = github.install(78, "acme", &[("secrets", "read")], Some(&["app"]));
        (app, installation)
    });
    estate.logs_in_as(&app, installation);
    estate.goes_to(&[SECRET]);
    let told = in_vain(&estate);
    let expected =
        format!("the installation {installation} was not granted all of secrets=write, or does not reach all of app");
    assert!(told.contains(&expected), "{told}");
}

#[test]
fn an_installation_is_of_one_owner_and_the_config_is_told_so() {
    let estate = Estate::with_app();
    estate.goes_to(&[SECRET, "{ kind: github/actions-secret, repository: octo/app, name: DEPLOY_TOKEN }"]);
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.to_string().contains("an installation of an App is of one owner"), "{ran}");
}

#[test]
fn a_key_without_its_app_and_an_app_without_its_installation_are_named() {
    let estate = Estate::with_app();
    estate.goes_to(&[SECRET]);
    let config = std::fs::read_to_string(estate.stage.path("tokenwheel.yml")).unwrap();
    let without = |from: &str| {
        let start = config.find(from).unwrap();
        let end = start + config.get(start..).unwrap().find(" }").unwrap();
        estate.stage.write(&format!("{}{}", config.get(..start).unwrap(), config.get(end..).unwrap()));
        in_vain(&estate)
    };
    let told = without(", installation:");
    assert!(told.contains("`app:` needs `installation:`"), "{told}");
    let told = without(", app:");
    assert!(told.contains("this is a private key, and the connection does not say whose"), "{told}");
}

#[test]
fn a_dead_token_is_asked_once_and_never_again() {
    let rights = &[("secrets", "write")];
    let estate = Estate::with_token(|github| {
        let value = github.add_fine_grained_token("ada", "acme", rights, None);
        github.revoke(&value);
        value
    });
    estate.goes_to(&[SECRET]);
    let told = in_vain(&estate);
    assert!(told.contains("it has expired, was revoked, or never was"), "{told}");
    assert_eq!(estate.count("GET", "/"), 1, "after many refusals GitHub locks the user out");
}

#[test]
fn in_a_job_of_github_the_address_is_the_jobs_own_and_elsewhere_it_must_be_said() {
    let mut estate = Estate::with_app();
    estate.goes_to(&[SECRET]);
    let api = format!("{}/api/v3", estate.stage.served.github);
    let config = std::fs::read_to_string(estate.stage.path("tokenwheel.yml")).unwrap();
    estate.stage.write(&config.replace(&format!("url: \"{api}\", "), ""));
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(2), "no default host ever gets a credential: {ran}");
    assert_eq!(estate.count("GET", "/"), 0);
    estate.stage.environment.insert("GITHUB_API_URL".to_owned(), api);
    let ran = estate.rotate();
    assert_eq!(ran.code, Some(0), "{ran}");
}
