//! Which secret of a webhook is turned, and how that can be done.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::address::{Parameter, uses};
use super::hook::Hook;
use crate::token::{TokenValue, ValueShape};

/// The most characters of a custom header or a URL variable. Older versions take fewer in a variable, and then refuse
/// it in words of their own: the schema that was read says 100, and none that says more was seen.
const LONGEST: usize = 2048;

/// One of the secrets of a webhook.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    /// What the receiver gets as `X-Gitlab-Token`.
    Token,
    /// What deliveries are signed with; GitLab 19.0 or newer.
    SigningToken,
    /// The custom header of this name.
    CustomHeader(String),
    /// The masked part of the address of this name.
    UrlVariable(String),
    /// The parameter of the address of this name, masked or in clear.
    UrlParameter(String),
}

/// The form of a part, in two choices, so that a misspelt name is told with the right one.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "string", "enum": ["token", "signing_token"] },
        {
            "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
            "properties": {
                "custom_header": { "type": "string", "description": "The name of the custom header." },
                "url_variable": { "type": "string", "description": "The name of the masked part of the address." },
                "url_parameter": { "type": "string", "description": "The name of the parameter of the address." },
            },
        },
    ] })
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str("token"),
            Self::SigningToken => f.write_str("signing token"),
            Self::CustomHeader(name) => write!(f, "custom header {name}"),
            Self::UrlVariable(name) => write!(f, "URL variable {name}"),
            Self::UrlParameter(name) => write!(f, "URL parameter {name}"),
        }
    }
}

/// How it can be changed.
pub(super) enum Way {
    /// In place: a field of the webhook.
    Field(&'static str),
    /// In place: an entry of one of its lists.
    Entry(&'static str, String),
    /// In place: the address, with the tokens that it would lose otherwise.
    Url,
    /// Not in place.
    Anew {
        /// The masked part that it is; none where it stands in clear.
        variable: Option<String>,
        /// Whether it is a parameter, so that it stands there encoded.
        encodes: bool,
    },
}

impl Part {
    /// How it can be changed in this webhook.
    pub(super) fn way(&self, hook: &Hook, create: bool) -> Result<Way, String> {
        match self {
            Self::Token => Ok(Way::Field("token")),
            Self::SigningToken if hook.knows("signing_token_present") => Ok(Way::Field("signing_token")),
            Self::SigningToken => {
                Err("this GitLab is older than 19.0, and would ignore a signing token without a word".to_owned())
            }
            Self::CustomHeader(name) if create || hook.has("custom_headers", name) => {
                Ok(Way::Entry("custom_headers", name.clone()))
            }
            Self::CustomHeader(name) => {
                Err(format!("it has no custom header `{name}`: add it by hand once, or say `create: true`"))
            }
            Self::UrlVariable(name) if !hook.has("url_variables", name) => {
                Err(format!("it has no masked part `{name}` in its address"))
            }
            Self::UrlVariable(name) if uses(hook.url(), name) => {
                Ok(Way::Anew { variable: Some(name.clone()), encodes: false })
            }
            Self::UrlVariable(name) => Ok(Way::Entry("url_variables", name.clone())),
            Self::UrlParameter(name) => {
                let found = Parameter::find(hook.url(), name)?;
                let parameter = found.ok_or_else(|| format!("its address has no parameter `{name}`"))?;
                if let Some(variable) = parameter.masked().filter(|variable| hook.has("url_variables", variable)) {
                    return Ok(Way::Anew { variable: Some(variable.to_owned()), encodes: true });
                }
                if parameter.partly_masked() {
                    return Err(format!(
                        "only a piece of the parameter `{name}` is masked: name that by `url_variable`, or mask all of it"
                    ));
                }
                // A new address takes headers and variables away, also those that are sent along.
                let empty = |list: &str| hook.names(list).unwrap_or_default().is_empty();
                if empty("custom_headers") && empty("url_variables") {
                    return Ok(Way::Url);
                }
                Ok(Way::Anew { variable: None, encodes: true })
            }
        }
    }

    /// Whether it takes a value of this shape.
    pub(super) fn takes(&self, way: &Way, shape: &ValueShape) -> Result<(), String> {
        let ValueShape { shortest, longest, marks } = shape;
        if marks.chars().any(char::is_control) {
            return Err("it has line breaks, which neither a header nor an address can carry".to_owned());
        }
        let foreign = |known: &str| -> String { marks.chars().filter(|mark| !known.contains(*mark)).collect() };
        match (self, way) {
            (Self::SigningToken, _) => {
                let fits = (*shortest..=*longest).contains(&50) && foreign("_+/=").is_empty();
                if fits { Ok(()) } else { Err(SIGNING.to_owned()) }
            }
            (Self::UrlVariable(_), _) if !foreign("-._~=:@,").is_empty() => Err(format!(
                "it may have {:?}, which would change the address: mask a whole parameter and name that by `url_parameter`",
                foreign("-._~=:@,")
            )),
            (Self::CustomHeader(_) | Self::UrlVariable(_) | Self::UrlParameter(_), _) if *longest > LONGEST => {
                Err(format!("it takes at most {LONGEST} characters, and this one may have {longest}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether it takes this value.
    pub(super) fn fits(&self, value: &TokenValue) -> Result<(), String> {
        if matches!(self, Self::SigningToken) {
            let bytes = value.expose().strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
            if bytes.is_none_or(|bytes| bytes.len() != 32) {
                return Err(SIGNING.to_owned());
            }
        }
        Ok(())
    }

    /// Whether the webhook has something there, as far as GitLab tells.
    pub(super) fn stands(&self, hook: &Hook) -> Result<(), String> {
        let lacks = match self {
            Self::Token => hook.flag("token_present") == Some(false),
            Self::SigningToken if hook.flag("signing_token_present") != Some(true) => {
                return Err(
                    "it has no signing token; its GitLab may have the feature `webhook_signing_token` off".to_owned()
                );
            }
            Self::SigningToken => false,
            Self::CustomHeader(name) => !hook.has("custom_headers", name),
            Self::UrlVariable(name) => !hook.has("url_variables", name),
            Self::UrlParameter(name) => !matches!(Parameter::find(hook.url(), name), Ok(Some(_))),
        };
        if lacks { Err(format!("it has no {self}")) } else { Ok(()) }
    }

    /// What stands there for everybody to read.
    pub(super) fn clear(&self, hook: &Hook) -> Option<String> {
        let Self::UrlParameter(name) = self else { return None };
        let parameter = Parameter::find(hook.url(), name).ok()??;
        (!parameter.partly_masked()).then(|| parameter.value())
    }

    /// The address with another value of the parameter.
    pub(super) fn replaced(&self, url: &str, value: &str) -> anyhow::Result<String> {
        let Self::UrlParameter(name) = self else { anyhow::bail!("only a parameter stands in the address") };
        let parameter = Parameter::find(url, name).map_err(anyhow::Error::msg)?;
        Ok(parameter.ok_or_else(|| anyhow::anyhow!("its address has no parameter `{name}`"))?.replaced(url, value))
    }

    /// Why nobody can see it.
    pub(super) fn hidden(&self) -> &'static str {
        match self {
            Self::Token | Self::SigningToken => "GitLab takes it and never shows it",
            Self::CustomHeader(_) => "GitLab shows the names of custom headers only",
            Self::UrlVariable(_) | Self::UrlParameter(_) => "GitLab shows the names of masked parts only",
        }
    }
}

const SIGNING: &str = "a signing token is `whsec_` and 32 bytes in base64, as `random/secret` makes them";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hook(url: &str) -> Hook {
        let shown = json!({ "id": 1, "url": url, "url_variables": [{ "key": "tok" }], "custom_headers": [] });
        serde_json::from_value(shown).unwrap()
    }

    fn takes(part: &Part, value: &str) -> Result<(), String> {
        let shape = TokenValue::of_lines(value).unwrap().shape();
        part.takes(&Way::Field("token"), &shape)
    }

    #[test]
    fn a_signing_token_is_known_by_its_form_before_and_by_its_bytes_after_it_is_made() {
        let key = format!("whsec_{}", STANDARD.encode([7_u8; 32]));
        assert_eq!((takes(&Part::SigningToken, &key), fits(&key)), (Ok(()), true));
        for other in
            ["whsec_short", &key.replace("whsec_", "secret"), &format!("whsec_{}", STANDARD.encode([7_u8; 31]))]
        {
            assert!(!fits(other), "{other}");
        }
        assert!(takes(&Part::SigningToken, "glpat-x").is_err());
    }

    fn fits(value: &str) -> bool {
        Part::SigningToken.fits(&TokenValue::new(value).unwrap()).is_ok()
    }

    #[test]
    fn no_header_and_no_address_carries_lines_or_too_much() {
        let header = || Part::CustomHeader("X".to_owned());
        let parameter = || Part::UrlParameter("x".to_owned());
        assert!(takes(&header(), "a\nb").is_err() && takes(&Part::Token, "a\nb").is_err());
        assert!(takes(&header(), &"x".repeat(2049)).is_err() && takes(&header(), &"x".repeat(2048)).is_ok());
        assert!(takes(&parameter(), "a&b=c").is_ok() && takes(&Part::UrlVariable("x".to_owned()), "a&b=c").is_err());
    }

    #[test]
    fn what_the_address_uses_is_made_anew_and_what_it_does_not_is_changed_in_place() {
        let way = |part: Part, url: &str| part.way(&hook(url), false);
        let tok = || Part::UrlVariable("tok".to_owned());
        assert!(matches!(way(tok(), "https://h/{tok}"), Ok(Way::Anew { variable: Some(_), encodes: false })));
        assert!(matches!(way(tok(), "https://h/{toker}"), Ok(Way::Entry("url_variables", _))));
        assert!(way(Part::UrlVariable("kot".to_owned()), "https://h/{tok}").is_err());
        // Its other variable would be lost with a new address.
        let clear = Part::UrlParameter("a".to_owned());
        assert!(matches!(way(clear, "https://h/?a=b"), Ok(Way::Anew { variable: None, .. })));
    }
}
