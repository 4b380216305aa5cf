//! Takes a request's target apart.

use url::form_urlencoded;

/// The path of a target.
pub(crate) fn path(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// The query of a target; empty when there is none.
pub(crate) fn query(target: &str) -> &str {
    target.split_once('?').map_or("", |(_, query)| query)
}

/// The segments of a path, each decoded on its own, so that `acme%2Fapp` stays one.
pub(crate) fn segments(path: &str) -> Vec<String> {
    path.trim_start_matches('/').split('/').map(decode).collect()
}

/// The names and values of a query or of a form.
pub(crate) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Undoes percent-encoding; unlike in a query, a plus is a plus.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let escaped = (byte == b'%').then(|| Some(hex(ahead.next()?)? * 16 + hex(ahead.next()?)?)).flatten();
        match escaped {
            Some(escaped) => {
                bytes.push(escaped);
                rest = ahead;
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Encodes a text as one segment of a path.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_that_is_encoded_parts_nothing() {
        assert_eq!(segments("/projects/acme%2Fapp/variables"), ["projects", "acme/app", "variables"]);
        assert_eq!(segments("/projects/acme%2fapp"), ["projects", "acme/app"]);
    }

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        for text in ["100%", "%zz", "%2", "a+b", "é"] {
            assert_eq!(decode(text), text);
        }
    }

    #[test]
    fn encoding_is_undone_by_decoding() {
        for text in ["acme/app", "a b+c%d", "grüße", "review/*", "[]&=?#"] {
            assert_eq!(decode(&encode(text)), text);
            assert!(!encode(text).contains(['/', ' ', '&', '?', '#']));
        }
    }

    #[test]
    fn only_the_first_question_mark_begins_the_query() {
        assert_eq!((path("/a?b=c?d"), query("/a?b=c?d")), ("/a", "b=c?d"));
        assert_eq!((path("/a"), query("/a")), ("/a", ""));
    }
}
