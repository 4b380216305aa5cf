//! What the plugin of a hardware key asks its owner for, while a sealed value is opened.

use age::Callbacks;
use secrecy::SecretString;

use crate::report;
use crate::text;

/// Asks at the terminal; the answer is not shown.
#[derive(Clone)]
pub(super) struct Pins;

impl Callbacks for Pins {
    fn display_message(&self, message: &str) {
        report::narrate(&text::plain(message));
    }

    fn confirm(&self, _message: &str, _yes: &str, _no: Option<&str>) -> Option<bool> {
        None
    }

    fn request_public_string(&self, _description: &str) -> Option<String> {
        None
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        rpassword::prompt_password(format!("{}: ", text::plain(description))).ok().map(Into::into)
    }
}
