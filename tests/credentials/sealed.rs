//! `sealed/file`: opened by the holders of the keys, and by nobody here.

use std::os::unix::fs::PermissionsExt as _;

use age::armor::ArmoredReader;
use age::secrecy::ExposeSecret as _;
use age::x25519::Identity;
use std::io::Read as _;

use crate::stage::{held, is_live, order, rotate, said, staged};
use crate::wheel::Stage;

const SEALED: &str = r"    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations:
      - { kind: sealed/file, path: outbox/partner.age, recipients: [RECIPIENTS] }
      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }
";

/// An estate with an empty outbox, and the keys of two partners.
fn sealed() -> (Stage, [Identity; 2]) {
    let keys = [Identity::generate(), Identity::generate()];
    let public: Vec<String> = keys.iter().map(|key| key.to_public().to_string()).collect();
    let stage = staged(&SEALED.replace("RECIPIENTS", &public.join(", ")));
    std::fs::create_dir(stage.path("outbox")).unwrap();
    (stage, keys)
}

fn bytes(stage: &Stage) -> Vec<u8> {
    std::fs::read(stage.path("outbox/partner.age")).unwrap()
}

fn opened(stage: &Stage, key: &Identity) -> Option<String> {
    let text = bytes(stage);
    let mut value = String::new();
    let key: &dyn age::Identity = key;
    let opened = age::Decryptor::new(ArmoredReader::new(&text[..])).ok()?;
    opened.decrypt(std::iter::once(key)).ok()?.read_to_string(&mut value).ok()?;
    Some(value)
}

#[test]
fn each_of_the_recipients_opens_it_and_nobody_else() {
    let (stage, keys) = sealed();
    let ran = rotate(&stage);
    said(&ran, 0, &[]);
    let value = held(&stage, "DEPLOY_TOKEN");
    assert!(is_live(&stage, &value) && !is_live(&stage, &stage.deploy.value), "{ran}");
    for key in &keys {
        assert_eq!(opened(&stage, key), Some(value.clone()));
    }
    assert_eq!(opened(&stage, &Identity::generate()), None);
    let text = String::from_utf8(bytes(&stage)).unwrap();
    assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"), "{text}");
    let mode = std::fs::metadata(stage.path("outbox/partner.age")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let beside = std::fs::read_dir(stage.path("outbox")).unwrap().count();
    assert_eq!(beside, 1, "nothing is left beside it");

    let again = rotate(&stage);
    said(&again, 0, &[]);
    assert_eq!(String::from_utf8(bytes(&stage)).unwrap(), text, "it is not sealed anew for nothing");
}

#[test]
fn one_that_was_changed_is_told_of_and_one_that_was_taken_away_is_sealed_anew_from_its_sibling() {
    let (stage, keys) = sealed();
    said(&rotate(&stage), 0, &[]);
    let value = held(&stage, "DEPLOY_TOKEN");
    std::fs::write(stage.path("outbox/partner.age"), "somebody was here").unwrap();
    said(&rotate(&stage), 0, &["partner.age: was changed since the last delivery"]);
    std::fs::remove_file(stage.path("outbox/partner.age")).unwrap();
    said(&rotate(&stage), 0, &[]);
    assert_eq!(opened(&stage, &keys[1]), Some(value.clone()));
    assert_eq!(held(&stage, "DEPLOY_TOKEN"), value);
}

#[test]
fn without_a_folder_nothing_is_minted_while_it_is_the_only_place() {
    let (stage, _) = sealed();
    let public = Identity::generate().to_public().to_string();
    let alone = SEALED.lines().filter(|line| !line.contains("ci-variable")).collect::<Vec<_>>().join("\n");
    order(&stage, &format!("{}\n", alone.replace("RECIPIENTS", &public)));
    std::fs::remove_dir(stage.path("outbox")).unwrap();
    let ran = rotate(&stage);
    assert_ne!(ran.code, Some(0), "{ran}");
    said(&ran, ran.code.unwrap(), &["its folder does not exist", "nothing was changed"]);
    assert!(is_live(&stage, &stage.deploy.value));
}

#[test]
fn a_full_disk_is_found_out_before_the_mint() {
    let (stage, _) = sealed();
    let ran = stage.run_on_a_full_disk(0, &["rotate", "--only", "turned"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(is_live(&stage, &stage.deploy.value), "{ran}");
}

#[test]
fn a_private_key_among_the_recipients_is_refused_and_not_repeated() {
    let (stage, keys) = sealed();
    let private = keys[0].to_string();
    #[expect(clippy::disallowed_methods, reason = "the test puts it where it does not belong")]
    let private = private.expose_secret();
    order(&stage, &SEALED.replace("RECIPIENTS", private));
    let ran = rotate(&stage);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(!ran.to_string().contains(private), "a private key was printed");
    order(&stage, &SEALED.replace("RECIPIENTS", "not-a-key"));
    said(&rotate(&stage), 2, &["one of these is none"]);
    assert!(is_live(&stage, &stage.deploy.value));
}
