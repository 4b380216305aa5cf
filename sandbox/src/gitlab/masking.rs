//! The rules a CI/CD variable must keep (`app/models/concerns/ci/maskable.rb`, and
//! `hidable_variable.rb` beside it).

use super::model::Variable;
use super::refusal::Refusal;

/// Checks a variable as it would be saved.
pub(crate) fn check(variable: &Variable) -> Result<(), Refusal> {
    let key = variable.key.as_str();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(Refusal::Broken("key", "can contain only letters, digits and '_'.".to_owned()));
    }
    if key.len() > 255 {
        return Err(Refusal::Broken("key", "is too long (maximum is 255 characters)".to_owned()));
    }
    if variable.value.chars().count() > 10_000 {
        return Err(Refusal::Broken("value", "is too long (maximum is 10000 characters)".to_owned()));
    }
    if variable.masked && !can_be_masked(&variable.value, variable.raw) {
        return Err(Refusal::Broken("value", "is invalid".to_owned()));
    }
    if variable.description.as_ref().is_some_and(|text| text.chars().count() > 255) {
        return Err(Refusal::Broken("description", "is too long (maximum is 255 characters)".to_owned()));
    }
    Ok(())
}

/// Whether a job log could mask the value: eight letters or more on one line; of a small alphabet when it is expanded.
pub(crate) fn can_be_masked(value: &str, raw: bool) -> bool {
    let fits = |letter: char| {
        if raw {
            // Ruby's \S: anything but the six ASCII white spaces.
            !matches!(letter, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
        } else {
            letter.is_ascii_alphanumeric() || "_+=/@:.~-".contains(letter)
        }
    };
    value.chars().count() >= 8 && value.chars().all(fits)
}
