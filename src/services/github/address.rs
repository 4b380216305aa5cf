//! The two addresses of a GitHub: its API, and its web pages, where users and their tokens come from.

use url::Url;

/// Where one GitHub is.
#[derive(Clone)]
pub(super) struct Addresses {
    /// Of the API; ends with a slash.
    pub(super) api: Url,
    /// Of the web pages; ends with a slash.
    pub(super) web: Url,
    /// What it is called: the host of the web pages.
    pub(super) host: String,
}

impl Addresses {
    /// Both, from either. GitHub.com and its tenants have a host for the API; a server of one's own has `/api/v3`.
    /// <https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api>
    pub(super) fn of(url: &Url) -> anyhow::Result<Self> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let web_host = host.strip_prefix("api.").filter(|rest| is_hosted(rest)).unwrap_or(&host).to_owned();
        let (mut api, mut web) = (url.clone(), url.clone());
        let unfit = |_| anyhow::anyhow!("{url} is not the address of a GitHub");
        if is_hosted(&web_host) {
            anyhow::ensure!(url.path() == "/", "{web_host} is at the root: leave the path out of `url`");
            web.set_host(Some(&web_host)).map_err(unfit)?;
            api.set_host(Some(&format!("api.{web_host}"))).map_err(unfit)?;
        } else {
            let base = url.path().trim_end_matches('/').trim_end_matches("/api/v3").to_owned();
            web.set_path(&format!("{base}/"));
            api.set_path(&format!("{base}/api/v3/"));
        }
        Ok(Self { api, web, host: web_host })
    }
}

/// Whether GitHub itself runs what is there.
fn is_hosted(host: &str) -> bool {
    host == "github.com" || host.ends_with(".ghe.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_and_its_web_pages_are_found_from_either() {
        for (given, api, web, host) in [
            ("https://github.com", "https://api.github.com/", "https://github.com/", "github.com"),
            ("https://api.github.com", "https://api.github.com/", "https://github.com/", "github.com"),
            ("https://acme.ghe.com/", "https://api.acme.ghe.com/", "https://acme.ghe.com/", "acme.ghe.com"),
            ("https://api.acme.ghe.com", "https://api.acme.ghe.com/", "https://acme.ghe.com/", "acme.ghe.com"),
            (
                "https://ghe.example.com",
                "https://ghe.example.com/api/v3/",
                "https://ghe.example.com/",
                "ghe.example.com",
            ),
            (
                "https://ghe.example.com/api/v3",
                "https://ghe.example.com/api/v3/",
                "https://ghe.example.com/",
                "ghe.example.com",
            ),
            (
                "https://api.example.com",
                "https://api.example.com/api/v3/",
                "https://api.example.com/",
                "api.example.com",
            ),
        ] {
            let at = Addresses::of(&given.parse().unwrap()).unwrap();
            assert_eq!((at.api.as_str(), at.web.as_str(), at.host.as_str()), (api, web, host), "{given}");
        }
        assert!(Addresses::of(&"https://github.com/acme/app".parse().unwrap()).is_err());
    }
}
