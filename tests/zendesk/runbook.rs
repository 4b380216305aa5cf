//! `examples/zendesk-gitlab-trigger.yml`, run as it stands but for its addresses and the number of the app.

use serde_json::json;
use tokenwheel_sandbox::gitlab::{GitLab, Hook, Seeded};
use tokenwheel_sandbox::zendesk::Role;

use crate::stage::{APP, Desk};

const ADDRESS_HOOK: &str = "01EJFTSCC78X5V07NPY2MHR00M";
const BEARER_HOOK: &str = "01F1KRFQ6BG29CNWFR60NK5FNY";
const OF_HOOK: &str = "https://acme.zendesk.com/admin/apps-integrations/webhooks/webhooks/01EJFTSCC78X5V07NPY2MHR00M";

/// What the runbook's people would find, everything a month or two old.
struct Found {
    desk: Desk,
    bot: Seeded,
    of_hook: Seeded,
    of_app: Seeded,
    reader: Seeded,
    api_token: String,
}

fn found() -> Found {
    let mut desk = Desk::set("");
    let now = desk.stage.sandbox.now();
    let refresher = desk.stage.bot;
    let (old, dies) = (desk.stage.ago(45), Some(desk.stage.dies(15)));
    // Trigger tokens have no date of death: those that are old were made long ago.
    desk.stage.sandbox.set_now(old);
    let (bot, of_hook, of_app, reader) = desk.stage.sandbox.gitlab(|gitlab| {
        let bot = gitlab.add_project_token("acme/app", "support-bot", &["api"], 40, old, dies);
        let bot_user = gitlab.token_of_value(&bot.value).unwrap().user_id;
        let of_hook = gitlab.add_trigger("acme/app", bot_user, OF_HOOK);
        let of_app = gitlab.add_trigger("acme/app", refresher, "Zendesk Global - Pager");
        let headers = [("X-Token".to_owned(), bot.value.clone())].into_iter().collect();
        gitlab.add_hook(APP, &Hook { custom_headers: headers, ..GitLab::plain_hook("https://hooks.acme.com/gitlab") });
        let reader = gitlab.add_personal_token(refresher, "support-reader", &["read_api"], old, dies);
        (bot, of_hook, of_app, reader)
    });
    desk.stage.sandbox.set_now(now);
    let (app, api_token) = desk.zendesk(|zendesk| {
        let robot = zendesk.add_user("Support-Bot", Role::Admin);
        let endpoint = "https://gitlab.com/api/v4/projects/1/ref/main/trigger/pipeline?token=";
        zendesk.add_webhook(ADDRESS_HOOK, "Tickets", &format!("{endpoint}{}&ref=main", of_hook.value));
        zendesk.add_webhook(BEARER_HOOK, "Reader", "https://gitlab.com/api/v4/projects/1/issues");
        zendesk.authenticate_webhook(BEARER_HOOK, "bearer_token", "header", &json!({ "token": reader.value }));
        let app = zendesk.install(9, &[("title", "Pager")], &[("api_token", &of_app.value)]);
        let api_token = zendesk.add_api_token("https://gitlab.com/acme/app", robot, Some(now)).value;
        (app, api_token)
    });
    desk.app = app;
    desk.stage.keep(APP, "SUPPORT_BOT_TOKEN", &bot.value);
    desk.stage.keep(APP, "ZENDESK_TOKEN", "not-made-yet");
    desk.stage.keep(APP, "ZENDESK_API_TOKEN", &api_token);
    desk.write(&example());
    Found { desk, bot, of_hook, of_app, reader, api_token }
}

fn example() -> String {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/zendesk-gitlab-trigger.yml"));
    let text = text.unwrap();
    for known in ["url: https://gitlab.com\n", "url: https://acme.zendesk.com\n", "installation: 4711"] {
        assert!(text.contains(known), "{known}");
    }
    let text = text.replace("url: https://gitlab.com\n", "url: {gitlab}\n");
    text.replace("url: https://acme.zendesk.com\n", "url: {zendesk}\n")
        .replace("installation: 4711", "installation: {app}")
}

#[test]
fn the_config_is_sound_and_its_rights_suffice() {
    let Found { mut desk, .. } = found();
    let offline = desk.run(&["check", "--offline"]);
    assert_eq!(offline.code, Some(0), "{offline}");
    let ran = desk.run(&["check"]);
    assert!(ran.code.is_some_and(|code| code == 0 || code == 3), "{ran}");
}

#[test]
fn every_procedure_of_the_runbook_is_done_by_one_command() {
    let Found { mut desk, bot, of_hook, of_app, reader, api_token } = found();
    let ran = desk.run(&["rotate"]);
    assert_eq!(ran.code, Some(0), "{ran}");

    let held = |desk: &Desk, key: &str| desk.stage.held(APP, key, "*");
    assert!(desk.is_live(&held(&desk, "SUPPORT_BOT_TOKEN")) && !desk.is_live(&bot.value), "{ran}");
    let hook = desk.stage.sandbox.gitlab(|gitlab| gitlab.hooks_of(APP)).pop().unwrap();
    assert_eq!(hook.custom_headers["X-Token"], held(&desk, "SUPPORT_BOT_TOKEN"), "{ran}");

    let endpoint = desk.zendesk(|zendesk| zendesk.webhook(ADDRESS_HOOK)).unwrap().endpoint;
    let token = endpoint.split_once("?token=").unwrap().1.split('&').next().unwrap().to_owned();
    assert!(desk.is_live(&token) && token != of_hook.value && endpoint.ends_with("&ref=main"), "{ran}");

    let setting = desk.setting("api_token");
    assert!(desk.is_live(&setting) && setting != of_app.value && desk.setting("title") == "Pager", "{ran}");

    let bearer = desk.zendesk(|zendesk| zendesk.webhook_secret(BEARER_HOOK)).unwrap();
    assert!(desk.is_live(&bearer) && !desk.is_live(&reader.value), "{ran}");

    assert!(desk.is_live(&held(&desk, "ZENDESK_TOKEN")), "{ran}");
    assert!(desk.is_live(&api_token) && held(&desk, "ZENDESK_API_TOKEN") == api_token, "{ran}");
    assert!(ran.to_string().contains("all API tokens end on 30 April 2027"), "{ran}");
    assert_eq!(desk.zendesk(|zendesk| (zendesk.api_tokens_deleted, zendesk.webhook_puts)), (0, 0));

    // The overlap: the old triggers go on for a day.
    assert!(desk.is_live(&of_hook.value) && desk.is_live(&of_app.value), "{ran}");
    let again = desk.run(&["rotate"]);
    assert_eq!(again.code, Some(0), "{again}");
    let after = desk.zendesk(|zendesk| zendesk.webhook(ADDRESS_HOOK)).unwrap().endpoint;
    assert_eq!((after, desk.setting("api_token")), (endpoint, setting), "{again}");
}

#[test]
fn the_trigger_is_made_as_the_service_bot() {
    let Found { mut desk, .. } = found();
    let ran = desk.run(&["rotate"]);
    let bot = desk.stage.held(APP, "SUPPORT_BOT_TOKEN", "*");
    let bot = desk.stage.sandbox.gitlab(|gitlab| gitlab.token_of_value(&bot)).unwrap().user_id;
    let triggers = desk.stage.sandbox.gitlab(|gitlab| gitlab.triggers_of("acme/app"));
    let of_hook: Vec<u64> =
        triggers.iter().filter(|trigger| trigger.description == OF_HOOK).map(|trigger| trigger.owner).collect();
    assert_eq!(of_hook, [bot, bot], "{ran}");
}
