//! The address of a webhook, taken apart without touching the rest of it: what is not changed stays byte for byte.

use std::ops::Range;

use super::super::wire::segment;

/// The address up to its query, which is what the config names it by.
pub(super) fn base(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Whether the address has a masked part of this name.
pub(super) fn uses(url: &str, variable: &str) -> bool {
    url.contains(&format!("{{{variable}}}"))
}

/// One parameter of the query.
pub(super) struct Parameter {
    range: Range<usize>,
    raw: String,
}

impl Parameter {
    /// Finds it; `None` where there is none.
    pub(super) fn find(url: &str, name: &str) -> Result<Option<Self>, String> {
        let end = url.find('#').unwrap_or(url.len());
        let Some(start) = url.find('?').map(|at| at + 1).filter(|start| *start <= end) else { return Ok(None) };
        let mut found = Vec::new();
        let mut at = start;
        for pair in url.get(start..end).unwrap_or_default().split('&') {
            let (key, raw) = pair.split_once('=').unwrap_or((pair, ""));
            if decoded(key) == name && pair.len() > key.len() {
                let range = at + key.len() + 1..at + pair.len();
                found.push(Self { range, raw: raw.to_owned() });
            }
            at += pair.len() + 1;
        }
        if found.len() > 1 {
            return Err(format!("its address has the parameter `{name}` {} times: leave one", found.len()));
        }
        Ok(found.pop())
    }

    /// The variable that it is, where the whole of it is masked.
    pub(super) fn masked(&self) -> Option<&str> {
        let inside = self.raw.strip_prefix('{')?.strip_suffix('}')?;
        (!inside.is_empty() && !inside.contains(['{', '}'])).then_some(inside)
    }

    /// Whether some of it is masked.
    pub(super) fn partly_masked(&self) -> bool {
        self.raw.contains('{')
    }

    /// What the receiver reads.
    pub(super) fn value(&self) -> String {
        decoded(&self.raw)
    }

    /// The address with another value in its place.
    pub(super) fn replaced(&self, url: &str, value: &str) -> String {
        let mut url = url.to_owned();
        url.replace_range(self.range.clone(), &encoded(value));
        url
    }
}

/// A value as it stands in a query.
pub(super) fn encoded(value: &str) -> String {
    segment(value)
}

fn decoded(raw: &str) -> String {
    let text = format!("v={raw}");
    url::form_urlencoded::parse(text.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://h.example.com/in/{team}?a=1&token=old%2Bone&b#end?token=x";

    #[test]
    fn only_the_one_parameter_is_replaced_and_the_rest_stays_byte_for_byte() {
        let found = Parameter::find(URL, "token").unwrap().unwrap();
        assert_eq!(found.value(), "old+one");
        let new = "https://h.example.com/in/{team}?a=1&token=n%26w&b#end?token=x";
        assert_eq!(found.replaced(URL, "n&w"), new);
        assert_eq!(Parameter::find(new, "token").unwrap().unwrap().value(), "n&w");
    }

    #[test]
    fn what_is_not_there_or_there_twice_is_no_parameter() {
        for (url, name) in
            [(URL, "tok"), (URL, "b"), ("https://h.example.com/x", "token"), ("https://h/#?token=x", "token")]
        {
            assert!(Parameter::find(url, name).unwrap().is_none(), "{url} {name}");
        }
        assert!(Parameter::find("https://h/?token=a&tok%65n=b", "token").is_err());
    }

    #[test]
    fn a_parameter_is_masked_as_a_whole_or_in_part() {
        let masked = |url: &str| {
            let found = Parameter::find(url, "t").unwrap().unwrap();
            (found.masked().map(str::to_owned), found.partly_masked())
        };
        assert_eq!(masked("https://h/?t={tok}&x=1"), (Some("tok".to_owned()), true));
        assert_eq!(masked("https://h/?t=a{tok}"), (None, true));
        assert_eq!(masked("https://h/?t={a}{b}"), (None, true));
        assert_eq!(masked("https://h/?t=a"), (None, false));
    }

    #[test]
    fn the_base_ends_where_the_query_begins() {
        assert_eq!(base(URL), "https://h.example.com/in/{team}");
        assert!(uses(URL, "team") && !uses(URL, "tea"));
    }
}
