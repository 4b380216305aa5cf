//! `vault/kv` in each of its forms.

use serde_json::{Value, json};
use tokenwheel_sandbox::Sandbox;

use super::bench::Ground;
use super::places::{Also, BEFORE, Place, Spot};

/// The key `token` of a secret.
struct Key(&'static str);

impl Spot for Key {
    fn value(&self, sandbox: &Sandbox) -> Option<String> {
        sandbox.vault(|vault| vault.held("secret", self.0, "token"))
    }

    fn attributes(&self, sandbox: &Sandbox) -> String {
        let mut all = sandbox.vault(|vault| vault.secret("secret", self.0));
        if let Some(all) = all.as_object_mut() {
            all.remove("token");
        }
        all.to_string()
    }

    fn overwrite(&self, sandbox: &Sandbox, text: &str) {
        sandbox.vault(|vault| vault.put("secret", self.0, &[("token", text), ("user", "robot")]));
    }
}

fn kv(form: &'static str, path: &'static str, capabilities: &[&str], default_policy: bool, keys: Value) -> Place {
    let ground = Ground::new();
    let login = ground.sandbox.vault(|vault| {
        vault.default_policy = default_policy;
        vault.add_mount("secret", 2);
        vault.put("secret", path, &[("token", BEFORE), ("user", "robot")]);
        vault.add_token(&[(&format!("secret/data/{path}"), capabilities)], None)
    });
    // What a token may do is asked by POST.
    let also = Also { connection: json!({}), reads_by_post: &["/sys/capabilities-self"], ..Also::default() };
    Place { also, ..Place::elsewhere(("vault/kv", form), (ground, login), keys, false, Box::new(Key(path))) }
}

pub(crate) fn all() -> Vec<Place> {
    let keys = |path: &str| json!({ "path": path, "key": "token" });
    let mounted = json!({ "path": "/ci/patched/", "key": "token", "mount": "secret" });
    vec![
        kv("written whole", "ci/app", &["read", "update"], true, keys("ci/app")),
        kv("patched", "ci/patched", &["read", "patch"], true, mounted),
        kv("where it may not ask what it may", "ci/unasked", &["read", "update"], false, keys("ci/unasked")),
    ]
}
