//! `gitlab/agent-token`: two slots, no end, and nobody to ask.

use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::gitlab::{AgentToken, Seeded};

use crate::stage::{force, held, inject, order, rotate, rotate_now, said, staged};
use crate::wheel::Stage;

const AGENT: &str = r"    issuer: { kind: gitlab/agent-token, project: acme/app, agent: 701, name: wheel }
    rotate: { after: 20d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: AGENT_TOKEN }]
";

/// An estate in which an agent connects with a token that is 25 days old.
fn agent() -> (Stage, Seeded) {
    let stage = staged(AGENT);
    let made = stage.ago(25);
    let old = stage.sandbox.gitlab(|gitlab| {
        let agent = gitlab.add_agent("acme/app");
        assert_eq!(agent, 701);
        let token = gitlab.add_agent_token(agent, "wheel", made);
        assert!(gitlab.agent_connects(&token.value));
        token
    });
    stage.keep("projects/acme/app", "AGENT_TOKEN", &old.value);
    (stage, old)
}

fn live(stage: &Stage) -> Vec<AgentToken> {
    stage.sandbox.gitlab(|gitlab| gitlab.agent_tokens(701))
}

fn connects(stage: &Stage, value: &str) -> bool {
    stage.sandbox.gitlab(|gitlab| gitlab.agent_connects(value))
}

#[test]
fn due_then_rotated_then_confirmed_and_the_old_one_dead() {
    let (stage, old) = agent();
    let ran = rotate_now(&stage);
    said(&ran, 0, &["not proven: nobody but an agent can ask GitLab"]);
    let value = held(&stage, "AGENT_TOKEN");
    assert!(connects(&stage, &value) && !connects(&stage, &old.value), "{ran}");
    let again = rotate(&stage);
    said(&again, 0, &[]);
    assert!(live(&stage).len() == 1 && held(&stage, "AGENT_TOKEN") == value, "{again}");
}

#[test]
fn both_slots_taken_are_told_of_before_anything_is_made_and_which_one_to_end() {
    let (stage, old) = agent();
    let made = stage.ago(3);
    let other = stage.sandbox.gitlab(|gitlab| gitlab.add_agent_token(701, "by hand", made));
    let ran = rotate(&stage);
    let end = format!("end token {} `by hand` (made", other.id);
    said(&ran, 3, &["agent 701 of acme/app has 2 tokens", &end, "never used", &format!("{} is the live one", old.id)]);
    assert!(live(&stage).len() == 2 && held(&stage, "AGENT_TOKEN") == old.value, "{ran}");
    stage.sandbox.gitlab(|gitlab| gitlab.revoke_agent_token(other.id));
    said(&rotate_now(&stage), 0, &[]);
    assert!(connects(&stage, &held(&stage, "AGENT_TOKEN")) && !connects(&stage, &old.value));
}

#[test]
fn an_overlap_holds_both_slots_and_the_next_turn_waits_for_its_end() {
    let (stage, old) = agent();
    order(&stage, &AGENT.replace("after: 20d", "after: 20d, overlap: 2d"));
    said(&rotate(&stage), 0, &[]);
    let value = held(&stage, "AGENT_TOKEN");
    assert!(connects(&stage, &value) && connects(&stage, &old.value));
    let ran = force(&stage);
    said(&ran, 3, &[&format!("end token {} `wheel`", old.id), "wait for the end of its overlap", "last used"]);
    assert!(live(&stage).len() == 2 && held(&stage, "AGENT_TOKEN") == value, "{ran}");
}

#[test]
fn a_lost_answer_fills_the_slots_and_is_healed_once_the_one_that_nobody_holds_is_ended() {
    let (stage, _) = agent();
    said(&rotate_now(&stage), 0, &[]);
    let current = held(&stage, "AGENT_TOKEN");
    assert!(connects(&stage, &current));
    inject(&stage, Method::POST, "/tokens", 1, What::DropAfter);
    let lost = force(&stage);
    assert_ne!(lost.code, Some(0), "{lost}");
    assert_eq!(held(&stage, "AGENT_TOKEN"), current, "{lost}");
    let stray = live(&stage).into_iter().find(|token| token.value != current).unwrap();
    let ran = force(&stage);
    said(&ran, 3, &[&format!("end token {} `wheel` (made", stray.id), "never used"]);
    stage.sandbox.gitlab(|gitlab| gitlab.revoke_agent_token(stray.id));
    let ran = stage.run(&["rotate", "--only", "turned", "--force", "--revoke-now", "--reason", "a test asks for it"]);
    said(&ran, 0, &[]);
    let value = held(&stage, "AGENT_TOKEN");
    assert!(value != current && connects(&stage, &value) && !connects(&stage, &current), "{ran}");
}

#[test]
fn where_the_signs_disagree_no_one_is_told_to_end_the_one_in_use() {
    let (stage, old) = agent();
    inject(&stage, Method::POST, "/tokens", 1, What::DropAfter);
    let lost = rotate(&stage);
    assert_ne!(lost.code, Some(0), "{lost}");
    let ran = rotate(&stage);
    assert!(connects(&stage, &held(&stage, "AGENT_TOKEN")), "{ran}");
    said(&ran, 3, &["end the one that no agent uses at GitLab", "never used", &format!("{} `wheel` (made", old.id)]);
    assert!(!ran.to_string().contains(&format!("end token {}", old.id)), "{ran}");
}

#[test]
fn a_refused_write_changes_nothing() {
    let (stage, old) = agent();
    inject(&stage, Method::PUT, "/variables/AGENT_TOKEN", 1, What::Refuse(403));
    said(&rotate(&stage), 3, &["nothing was changed"]);
    assert!(live(&stage).len() == 1 && held(&stage, "AGENT_TOKEN") == old.value);
}

#[test]
fn a_made_one_without_a_token_in_the_answer_is_in_doubt() {
    let (stage, old) = agent();
    inject(&stage, Method::POST, "/tokens", 1, What::Malformed);
    let ran = rotate_now(&stage);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(held(&stage, "AGENT_TOKEN") == old.value && connects(&stage, &old.value), "{ran}");
}

#[test]
fn a_lifetime_that_cannot_be_kept_is_refused() {
    let (stage, old) = agent();
    order(&stage, &AGENT.replace("name: wheel }", "name: wheel, ttl: 30d }"));
    said(&force(&stage), 3, &["an agent's token never expires", "rotate: { after: … }"]);
    assert!(live(&stage).len() == 1 && held(&stage, "AGENT_TOKEN") == old.value);
}
