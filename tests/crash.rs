//! The process dies, or an answer is lost, at every request of a run; the runs after it put everything right.
//!
//! Each scenario is played to its end once for every request × fault × memory × job, and each such history is judged by
//! the laws. `cargo test --test crash -- --nocapture` prints what was played; `docs/reliability.md` says how to replay
//! one history by its name.

#[cfg(test)]
mod common;
#[cfg(test)]
#[path = "crash/credentials.rs"]
mod credentials;
#[cfg(test)]
#[path = "crash/estate.rs"]
mod estate;
#[cfg(test)]
#[path = "crash/estates.rs"]
mod estates;
#[cfg(test)]
#[path = "crash/general.rs"]
mod general;
#[cfg(test)]
#[path = "crash/history.rs"]
mod history;
#[cfg(test)]
#[path = "crash/laws.rs"]
mod laws;
#[cfg(test)]
#[path = "crash/others.rs"]
mod others;
#[cfg(test)]
#[path = "crash/stamped.rs"]
mod stamped;
#[cfg(test)]
#[path = "crash/tally.rs"]
mod tally;

#[cfg(test)]
use tally::play;

#[test]
fn a_token_is_turned_by_a_pair() {
    play(&estates::PAIR);
}

#[test]
fn a_token_is_turned_by_a_single_refresher() {
    play(&estates::SINGLE);
}

#[test]
fn a_single_refresher_turns_itself() {
    play(&estates::SINGLE_DUE);
}

#[test]
fn the_primary_of_a_pair_is_turned_by_the_spare() {
    play(&estates::PRIMARY_DUE);
}

#[test]
fn the_spare_of_a_pair_is_turned_by_the_primary() {
    play(&estates::SPARE_DUE);
}

#[test]
fn both_of_a_pair_are_turned_one_a_run() {
    play(&estates::BOTH_DUE);
}

#[test]
fn one_of_two_destinations_is_hidden() {
    play(&estates::HIDDEN);
}

#[test]
fn a_service_account_token_overlaps() {
    play(&estates::ACCOUNT);
}

#[test]
fn a_trigger_is_made_as_another_token() {
    play(&estates::TRIGGER);
}

#[test]
fn a_token_turns_itself() {
    play(&estates::ITSELF);
}

#[test]
fn a_styra_token_is_turned_by_a_refresher_that_may_not_read() {
    play(&estates::STYRA_BLIND);
}

#[test]
fn a_styra_token_is_turned_by_a_refresher_that_may_read() {
    play(&estates::STYRA_READS);
}

#[test]
fn a_styra_refresher_turns_itself() {
    play(&estates::STYRA_DUE);
}

#[test]
fn several_tokens_turn_at_once() {
    play(&estates::SEVERAL);
}

#[test]
fn a_service_account_token_is_hidden_in_one_of_two_places() {
    play(&estates::ACCOUNT_HIDDEN);
}

#[test]
fn a_styra_token_is_hidden_in_one_of_two_places() {
    play(&estates::STYRA_HIDDEN);
}

#[test]
fn a_runners_token_is_reset_in_two_places() {
    play(&others::RUNNER);
}

#[test]
fn a_secret_is_made_here_for_a_receiver_and_a_sender() {
    play(&others::SECRET);
}

#[test]
fn a_pair_of_a_github_user_exchanges_itself() {
    play(&others::USER_TOKEN);
}

#[test]
fn the_only_secret_of_a_zendesk_client_turns_itself() {
    play(&others::CLIENT_SECRET);
}

#[test]
fn one_of_two_zendesk_clients_turns_the_others_secret() {
    play(&others::CLIENT_SECRETS);
}

#[test]
fn an_access_token_of_zendesk_is_made_at_every_run() {
    play(&others::ACCESS_TOKEN);
}

#[test]
fn a_refresh_token_of_atlassian_exchanges_itself() {
    play(&others::REFRESH_TOKEN);
}

#[test]
fn a_refresh_token_of_any_server_exchanges_itself() {
    play(&general::GRANT);
}

#[test]
fn a_key_of_any_api_is_made_anew_in_place() {
    play(&general::KEY);
}

#[test]
fn a_token_that_a_person_made_stays_beside_one_that_is_turned() {
    play(&general::PERSON);
}

#[test]
fn a_token_goes_to_a_secret_that_shows_a_stamp_and_to_a_variable() {
    play(&stamped::BESIDE);
}

#[test]
fn a_token_goes_to_a_secret_that_shows_a_stamp_and_nowhere_else() {
    play(&stamped::ALONE);
}

#[test]
fn a_deploy_token_is_told_from_others_by_the_door_to_the_registry() {
    play(&credentials::DEPLOY_TOKEN);
}
