//! A webhook that has to be made anew, because a masked part of its address that is in use cannot be changed in place.
//!
//! The new one comes into being whole, in one call, with a mark of whose place it takes. The old one goes only when the
//! new one is confirmed. Whenever a run dies, the next turn finds by the marks which webhooks were only on their way.
//!
//! Everything that GitLab shows is carried over and compared. What it takes and does not show cannot be: besides the
//! secrets that is `duo_flow_callback_enabled` of 19.5, if it is not shown there, which no source says. The log of
//! deliveries stays with the old one and goes with it.

use serde_json::{Map, Value, json};

use super::hook::Hook;
use super::mark::Mark;
use super::place::Place;
use crate::text;

/// The longest description that GitLab takes. <https://docs.gitlab.com/api/project_webhooks/>
const LONGEST_DESCRIPTION: usize = 2048;

/// Whether the webhook can be made anew at all.
pub(super) fn possible(place: &Place, old: &Hook) -> anyhow::Result<()> {
    let name = &place.name;
    anyhow::ensure!(
        !place.by_number(),
        "{name} has to be made anew for this, and gets another number then: name it by `url` or `name`"
    );
    anyhow::ensure!(old.knows("description"), "{name} has to be made anew for this, which needs GitLab 17.1 or newer");
    let marked = Mark::new(u64::MAX, "0123456789abcdef").after(&old.description());
    anyhow::ensure!(
        marked.chars().count() <= LONGEST_DESCRIPTION,
        "{name} is marked in its description while it is made anew: leave room for 80 more characters there"
    );
    Ok(())
}

/// Makes it, with that address and those secrets, and compares the two. When they differ the new one goes again.
/// `of` is the number of the one that stands; `old` is another one where this run has made it anew before.
pub(super) async fn make(
    place: &Place,
    (of, old): (u64, &Hook),
    url: &str,
    secrets: Map<String, Value>,
    nonce: &str,
) -> anyhow::Result<Hook> {
    let mut fields = old.settings();
    fields.extend(secrets);
    fields.insert("url".to_owned(), json!(url));
    let mark = Mark::new(of, nonce).after(&old.description());
    fields.insert("description".to_owned(), json!(mark));
    let name = &place.name;
    let new = match place.post(fields).await {
        Ok(new) => new,
        Err(error) if error.in_doubt() => {
            let all = place.all(true).await?;
            let ours = all.into_iter().find(|hook| hook.mark().is_some_and(|mark| mark.nonce == nonce));
            ours.ok_or_else(|| anyhow::anyhow!("{name} could not be made anew, and stands as it was: {error}"))?
        }
        Err(error) => anyhow::bail!("{name} could not be made anew, and stands as it was: {error}"),
    };
    let differences = old.at(url).differences(&new);
    if differences.is_empty() {
        return Ok(new);
    }
    let differences: Vec<String> = differences.iter().map(|field| text::plain(field)).collect();
    let differences = text::list(&differences);
    let kept = match place.delete(new.id()).await {
        Ok(()) => "the old one stands as it was".to_owned(),
        Err(why) => format!("both stand now: {why:#}"),
    };
    anyhow::bail!("{name} was made anew with another {differences}, which GitLab does not let be set; {kept}")
}

/// Ends the old one, and all others that were to take its place; then the new one loses its mark.
pub(super) async fn clear_up(place: &Place, id: u64) -> anyhow::Result<()> {
    let _turn = place.desk().turn(id).await;
    if place.desk().now(id) != id {
        // Another secret of it was turned since; who made the newest one clears up.
        return Ok(());
    }
    let all = place.all(true).await?;
    let Some(new) = all.iter().find(|hook| hook.id() == id) else {
        anyhow::bail!("{} is gone: somebody deleted the one that was just made", place.name)
    };
    let Some(mark) = new.mark() else { return Ok(()) };
    if let Some(old) = all.iter().find(|hook| hook.id() == mark.of && place.fits(hook)) {
        let ours = place.desk().changed(id);
        let differences = old.differences(new).into_iter().filter(|field| !ours.contains(&field.as_str()));
        let differences: Vec<String> = differences.map(|field| text::plain(&field)).collect();
        let differences = text::list(&differences);
        anyhow::ensure!(
            differences.is_empty(),
            "{}: somebody changed {differences} of the old one meanwhile, and both stand; the next turn takes it over",
            place.name
        );
        // The old one last: while it stands, the others are known for what they are.
        for hook in place.stand_ins(&all, old) {
            if hook.id() != id {
                place.delete(hook.id()).await?;
            }
        }
        place.delete(old.id()).await?;
    }
    let description = if mark.before.is_empty() { Value::Null } else { json!(mark.before) };
    let mut fields = Map::new();
    fields.insert("description".to_owned(), description);
    if let Err(why) = place.put(id, &fields).await {
        // It is the only one now, and the next turn takes the mark off: no reason to turn it again.
        log::warn!("{}: a mark stays in its description: {why:#}", place.name);
    }
    Ok(())
}
