//! The hosts that requests may go to, where somebody other than the author of the config says so.

use url::Url;

/// The variable that names them: set where whoever edits the config cannot.
pub const ALLOWED_HOSTS: &str = "TOKENWHEEL_ALLOWED_HOSTS";

/// A list of hosts; without one all are allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Option<Vec<Entry>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// The name, or what stands after `*`, with its dot.
    name: String,
    below: bool,
    /// The usual one of the scheme, where none is said.
    port: Option<u16>,
}

impl Hosts {
    /// Reads `gitlab.example.com, *.acme.example, 10.0.0.7:8443`. `*.` stands for what is below a name, never for the name
    /// itself.
    pub fn parse(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text else { return Ok(Self(None)) };
        let words = text.split([',', ' ', '\n']).map(str::trim).filter(|word| !word.is_empty());
        words.map(entry).collect::<Result<_, _>>().map(|entries| Self(Some(entries)))
    }

    /// Whether a request may go there.
    pub fn allow(&self, url: &Url) -> bool {
        let Some(entries) = &self.0 else { return true };
        let host = url.host_str().unwrap_or_default().to_lowercase();
        entries.iter().any(|entry| {
            let named = if entry.below {
                host.len() > entry.name.len() && host.ends_with(&entry.name)
            } else {
                host == entry.name
            };
            // The `url` crate leaves the usual port out.
            named && url.port() == entry.port.filter(|port| Some(*port) != usual(url))
        })
    }

    /// Why a request goes nowhere.
    pub fn refusal(url: &Url) -> String {
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        format!("{host} is not among the hosts of {ALLOWED_HOSTS}: whoever may change that variable can add it")
    }
}

fn usual(url: &Url) -> Option<u16> {
    match url.scheme() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

fn entry(word: &str) -> Result<Entry, String> {
    let unfit =
        || format!("the variable {ALLOWED_HOSTS}: `{}` is no host, nor `*.` and a name", crate::text::plain(word));
    let (host, port) = match word.rsplit_once(':') {
        Some((host, port)) if !word.ends_with(']') => (host, Some(port.parse().map_err(|_| unfit())?)),
        _ => (word, None),
    };
    let (name, below) = match host.strip_prefix('*') {
        Some(rest) if rest.starts_with('.') && rest.len() > 1 => (rest, true),
        Some(_) => return Err(unfit()),
        None => (host, false),
    };
    let literal = name.starts_with('[') && name.ends_with(']');
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') || (literal && "[]:".contains(c));
    if name.is_empty() || !name.chars().all(fits) {
        return Err(unfit());
    }
    Ok(Entry { name: name.to_lowercase(), below, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_allowed_and_nothing_that_looks_like_it() {
        let list = "gitlab.example.com, *.acme.example\n10.0.0.7:8443 [::1]:9000";
        let hosts = Hosts::parse(Some(list)).unwrap();
        let allowed = |url: &str| hosts.allow(&url.parse().unwrap());
        for url in [
            "https://gitlab.example.com/api",
            "https://GitLab.Example.com:443",
            "https://a.acme.example",
            "https://a.b.acme.example",
            "https://10.0.0.7:8443/",
            "http://[::1]:9000/x",
        ] {
            assert!(allowed(url), "{url}");
        }
        for url in [
            "https://gitlab.example.com.evil.example",
            "https://evil.example/gitlab.example.com",
            "https://xgitlab.example.com",
            "https://gitlab.example.com:8443",
            "https://gitlab.example.com.",
            "https://acme.example",
            "https://evilacme.example",
            "https://10.0.0.7",
            "http://[::1]:9001/",
            "https://169.254.169.254/latest/meta-data",
        ] {
            assert!(!allowed(url), "{url}");
        }
    }

    #[test]
    fn without_a_list_all_are_allowed_and_with_an_empty_one_none() {
        let url = "https://any.example".parse().unwrap();
        assert!(Hosts::parse(None).unwrap().allow(&url));
        assert!(!Hosts::parse(Some(" , ")).unwrap().allow(&url));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in ["*", "*acme.example", "https://acme.example", "acme.example/x", "acme.example:https", "a b@c"] {
            assert!(Hosts::parse(Some(bad)).is_err(), "{bad}");
        }
    }
}
