//! What personal, project, group and service account tokens have in common: GitLab keeps them in one table.

use gitlab::api::Endpoint;
use gitlab::api::personal_access_tokens::RevokePersonalAccessTokenSelf;

use super::GitLab;
use super::token_json::TokenJson;
use super::wire::meaning;
use crate::http::{Answer, HttpError, Retry};
use crate::issuer::{Ended, Inventory, Leave, MintError};
use crate::token::TokenRecord;

/// Reads the answer to a mint: a refusal did nothing, all else that is no token leaves doubt.
pub(super) fn read_minted(answer: Result<Answer, HttpError>) -> Result<TokenJson, MintError> {
    let answer = answer?;
    if answer.ok() {
        answer.json().map_err(MintError::from)
    } else {
        Err(MintError::from(answer.refused(&meaning(&answer))))
    }
}

/// Reads the answer to a DELETE: that it had ended before is well.
pub(super) fn read_ended(answer: &Answer) -> anyhow::Result<Ended> {
    // "404 Project Not Found" is no answer to the question.
    let of_the_place = answer.word("/message").is_some_and(|what| what.contains("Project") || what.contains("Group"));
    match answer.status.as_u16() {
        200..=299 => Ok(Ended::Ended),
        404 if !of_the_place => Ok(Ended::Ended),
        _ => Err(answer.refused(&meaning(answer)).into()),
    }
}

/// Whether a login with these scopes may rotate others.
pub(super) fn may_rotate(me: &TokenJson) -> anyhow::Result<Leave> {
    if me.granular {
        return Ok(Leave::Unknown("the refresher is fine-grained, and GitLab does not tell what it may".to_owned()));
    }
    if me.scopes.iter().any(|scope| scope == "api") {
        return Ok(Leave::May);
    }
    let scopes = if me.scopes.is_empty() { "no scopes".to_owned() } else { format!("only {}", me.scopes.join(", ")) };
    anyhow::bail!("the refresher {} has {scopes}, and to rotate other tokens it needs scope api", me.name)
}

/// The number that GitLab knows a record by.
pub(super) fn number(record: &TokenRecord) -> anyhow::Result<u64> {
    record.id.parse().map_err(|_| anyhow::anyhow!("{} is not the number of a GitLab token", record.id))
}

/// Whether a token may rotate itself.
pub(super) fn may_rotate_itself(me: &TokenJson) -> anyhow::Result<Leave> {
    let may = me.granular || me.scopes.iter().any(|scope| scope == "api" || scope == "self_rotate");
    anyhow::ensure!(may, "token {} has neither scope self_rotate nor api", me.name);
    Ok(Leave::May)
}

/// The inventory of a token that logs in as itself, and may not be able to list: itself, if it has that name.
pub(super) fn itself(me: &TokenJson, name: &str) -> Inventory {
    Inventory::Listed((me.name == name).then(|| me.record()).into_iter().collect())
}

/// Ends a token by the endpoint of its kind, or, if it is what logs in, by the one that any token may use for itself.
pub(super) async fn revoke(
    gitlab: &GitLab,
    record: &TokenRecord,
    of_its_kind: &(impl Endpoint + Sync),
) -> anyhow::Result<Ended> {
    if gitlab.me().await?.id == number(record)? {
        let itself = RevokePersonalAccessTokenSelf::builder().build()?;
        return read_ended(&gitlab.call(&itself, Retry::Put).await?);
    }
    read_ended(&gitlab.call(of_its_kind, Retry::Put).await?)
}
