//! The built binary over the sandbox on loopback: a token in the address of a webhook.

use http::Method;
use tokenwheel_sandbox::gitlab::{GitLab, Hook};
use tokenwheel_sandbox::{At, Fault, What};

use crate::stage::with;
use crate::wheel::{CONFIG, Ran, Stage};

const URL: &str = "https://hooks.example.com/in";
const APP: &str = "projects/acme/app";

/// The usual estate, with the deploy token in the masked parameter of a webhook's address.
fn staged(keys: &str) -> Stage {
    let mut stage = Stage::set();
    let hook = Hook {
        token: Some("the-hook-s-own-token".to_owned()),
        url_variables: with("tok", &stage.deploy.value),
        ..GitLab::plain_hook(&format!("{URL}?token={{tok}}"))
    };
    stage.sandbox.gitlab(|gitlab| gitlab.add_hook(APP, &hook));
    let variable = "{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }";
    assert!(CONFIG.contains(variable));
    let webhook = format!(
        "{{ kind: gitlab/webhook, project: acme/app, url: \"{URL}\", part: {{ url_parameter: token }}, \
         secrets: {{ token: env:HOOK_TOKEN }}{keys} }}"
    );
    stage.write(&CONFIG.replace(variable, &webhook));
    stage.environment.insert("HOOK_TOKEN".to_owned(), "the-hook-s-own-token".to_owned());
    stage
}

fn rotate(stage: &Stage) -> Ran {
    stage.run(&["rotate", "--only", "deploy"])
}

fn only(stage: &Stage) -> Hook {
    let mut all = stage.sandbox.gitlab(|gitlab| gitlab.hooks_of(APP));
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn is_live(stage: &Stage, value: &str) -> bool {
    stage.sandbox.gitlab(|gitlab| gitlab.is_live(value))
}

fn inject(stage: &Stage, method: Method, path: &str, what: What) {
    stage.sandbox.inject(Fault { at: At::Matching { method, path: path.to_owned(), times: 1 }, what });
}

#[test]
fn due_then_rotated_then_confirmed_and_the_old_one_dead() {
    let stage = staged(", confirm: delivery");
    let ran = rotate(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    let hook = only(&stage);
    assert!(is_live(&stage, &hook.url_variables["tok"]) && !is_live(&stage, &stage.deploy.value), "{ran}");
    assert_eq!(hook.token.as_deref(), Some("the-hook-s-own-token"));
    let delivered = stage.sandbox.gitlab(|gitlab| gitlab.deliveries().to_vec());
    assert!(delivered.len() == 1 && delivered[0].hook == hook.id && delivered[0].status == 200);
    let again = rotate(&stage);
    assert_eq!((again.code, only(&stage)), (Some(0), hook), "{again}");
}

#[test]
fn a_refused_write_changes_nothing() {
    let stage = staged("");
    let before = only(&stage);
    inject(&stage, Method::PUT, "/hooks/", What::Refuse(403));
    let ran = rotate(&stage);
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(is_live(&stage, &stage.deploy.value) && only(&stage) == before, "{ran}");
    assert!(ran.to_string().contains("nothing was changed"), "{ran}");
}

#[test]
fn a_lost_answer_is_healed() {
    let stage = staged("");
    inject(&stage, Method::POST, "/hooks", What::DropAfter);
    let ran = rotate(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(is_live(&stage, &only(&stage).url_variables["tok"]), "{ran}");
}

#[test]
fn a_false_200_is_not_believed() {
    let stage = staged("");
    inject(&stage, Method::POST, "/hooks", What::Refuse(200));
    let ran = rotate(&stage);
    assert!(ran.to_string().contains("could not be made anew, and stands as it was"), "{ran}");
    assert_ne!(ran.code, Some(0), "{ran}");
    let ran = rotate(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(is_live(&stage, &only(&stage).url_variables["tok"]), "{ran}");
}

#[test]
fn a_secret_that_is_missing_is_named_by_check() {
    let mut stage = staged("");
    stage.environment.remove("HOOK_TOKEN");
    let ran = stage.run_in_vain(&["check"]);
    assert!(ran.to_string().contains("its token") && ran.to_string().contains("HOOK_TOKEN"), "{ran}");
    assert_ne!(ran.code, Some(0));
}

#[test]
fn a_literal_secret_in_the_config_is_refused() {
    let stage = staged("");
    let config = std::fs::read_to_string(stage.path("tokenwheel.yml")).unwrap();
    stage.write(&config.replace("env:HOOK_TOKEN", "the-hook-s-own-token"));
    let ran = stage.run_in_vain(&["check", "--offline"]);
    assert!(ran.to_string().contains("a credential is never written here"), "{ran}");
    assert_eq!(ran.code, Some(2), "{ran}");
}

/// As the support desk has it: a trigger token in the address of a webhook, which nobody can edit there.
#[test]
fn a_trigger_token_is_turned_in_the_address_of_a_webhook() {
    let stage = Stage::set();
    let trigger =
        "{gitlab}/api/v4/projects/1/ref/main/trigger/pipeline".replace("{gitlab}", "https://gitlab.example.com");
    let old = stage.sandbox.gitlab(|gitlab| {
        let old = gitlab.add_trigger("acme/app", stage.bot, "from the desk");
        let url = format!("{trigger}?token={{tok}}&variables[WHO]=desk");
        gitlab.add_hook("groups/acme", &Hook { url_variables: with("tok", &old.value), ..GitLab::plain_hook(&url) });
        old
    });
    let token = format!(
        "tokens:\n  from-the-desk:\n    issuer: {{ kind: gitlab/pipeline-trigger-token, project: acme/app, description: from the desk, \
         ttl: 30d }}\n    destinations:\n      - {{ kind: gitlab/webhook, group: acme, url: \"{trigger}\", part: {{ url_parameter: \
         token }} }}\n"
    );
    stage.amend("tokens:\n", &token);
    let ran = stage.run(&["rotate", "--only", "from-the-desk", "--force", "--reason", "a test asks for it"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("it was made anew, as number "), "{ran}");
    let hooks = stage.sandbox.gitlab(|gitlab| gitlab.hooks_of("groups/acme"));
    let new = &hooks[0].url_variables["tok"];
    assert!(
        hooks.len() == 1 && is_live(&stage, new) && new.starts_with("glptt-") && !is_live(&stage, &old.value),
        "{ran}"
    );
    let delivered = stage.sandbox.gitlab(|gitlab| gitlab.happens("acme/app", "push_events"));
    assert_eq!(delivered[0].url, format!("{trigger}?token={new}&variables[WHO]=desk"));
}

#[test]
fn a_part_that_there_is_not_is_told_with_those_that_there_are() {
    let stage = staged("");
    let config = std::fs::read_to_string(stage.path("tokenwheel.yml")).unwrap();
    for (part, said) in [
        ("tokn", "did you mean `token`?"),
        ("{ url_variable: tok, custom_header: X }", "a second secret of the webhook is another destination"),
        ("{}", "`part` names one secret"),
        ("{ url_paramter: token }", "did you mean `url_parameter`?"),
        ("{ url_variable: [tok] }", "text"),
    ] {
        stage.write(&config.replace("{ url_parameter: token }", part));
        let ran = stage.run_in_vain(&["check", "--offline"]);
        assert!(ran.code == Some(2) && ran.to_string().contains(said), "{ran}");
    }
}

#[test]
fn a_literal_header_in_the_config_is_refused_too() {
    let stage = staged("");
    let config = std::fs::read_to_string(stage.path("tokenwheel.yml")).unwrap();
    stage.write(&config.replace("token: env:HOOK_TOKEN", "custom_headers: { X-Team: the-hook-s-own-token }"));
    let ran = stage.run_in_vain(&["check", "--offline"]);
    assert!(ran.code == Some(2) && ran.to_string().contains("a credential is never written here"), "{ran}");
}
