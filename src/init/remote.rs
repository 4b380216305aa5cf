//! The address of a repository's remote: where the forge is, and the path of the project. Whatever logs in is dropped.

use url::Url;

/// What a remote's address tells. A user name or a password that stands in it is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The address of the forge's web pages.
    pub base: Url,
    /// The path of the project, such as `acme/platform/app`.
    pub path: String,
}

impl Remote {
    /// Reads the addresses that git takes, save those of local folders. What is not understood is never repeated in a
    /// message, for it may hold a password. <https://git-scm.com/docs/git-clone#_git_urls>
    pub fn read(address: &str) -> Option<Self> {
        let address = address.trim();
        if address.contains("://") { Self::of_url(address) } else { Self::of_scp(address) }
    }

    fn of_url(address: &str) -> Option<Self> {
        let url = Url::parse(address).ok()?;
        let host = url.host_str()?.to_lowercase();
        let base = match url.scheme() {
            scheme @ ("https" | "http") => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                Url::parse(&format!("{scheme}://{host}{port}")).ok()?
            }
            // The port is that of the SSH server.
            "ssh" | "git+ssh" | "ssh+git" | "git" => Self::web(&host)?,
            _ => return None,
        };
        Some(Self { base, path: project(url.path())? })
    }

    /// `git@host:group/project.git`: what stands before the colon has no slash in it.
    fn of_scp(address: &str) -> Option<Self> {
        let (login, path) = address.split_once(':')?;
        let host = login.rsplit('@').next()?.to_lowercase();
        // One letter is a drive.
        let is_host = host.len() > 1 && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
        if !is_host || login.contains('/') {
            return None;
        }
        Some(Self { base: Self::web(&host)?, path: project(path)? })
    }

    /// Where the web pages are of what is reached over SSH at that host.
    fn web(host: &str) -> Option<Url> {
        let host = match host {
            // SSH at the port of HTTPS has hosts of its own.
            "ssh.github.com" => "github.com",
            "altssh.gitlab.com" => "gitlab.com",
            host => host,
        };
        Url::parse(&format!("https://{host}")).ok()
    }

    /// Whether the host is a name that only this machine's SSH knows.
    pub fn is_alias(&self) -> bool {
        let host = self.base.host_str().unwrap_or_default();
        self.base.domain().is_some() && !host.contains('.') && host != "localhost"
    }
}

/// The path of a project: two names or more, of the letters that forges allow. Nothing else gets into a file.
pub(super) fn project(path: &str) -> Option<String> {
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let names: Vec<&str> = path.split('/').collect();
    let is_name = |name: &&str| {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        plain
            && name.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
            && !name.chars().all(|c| c == '.')
    };
    (names.len() >= 2 && names.iter().all(is_name)).then(|| names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str) -> Option<(String, String)> {
        Remote::read(address).map(|remote| (remote.base.as_str().trim_end_matches('/').to_owned(), remote.path))
    }

    #[test]
    fn every_form_of_address_that_git_takes_is_read() {
        for (address, base, path) in [
            ("git@gitlab.com:acme/app.git", "https://gitlab.com", "acme/app"),
            ("gitlab.example.com:acme/platform/app", "https://gitlab.example.com", "acme/platform/app"),
            ("git@GitLab.Example.com:/acme/app.git", "https://gitlab.example.com", "acme/app"),
            (
                "ssh://git@gitlab.example.com:2222/acme/platform/tools/app.git",
                "https://gitlab.example.com",
                "acme/platform/tools/app",
            ),
            ("ssh://git@ssh.github.com:443/acme/app.git", "https://github.com", "acme/app"),
            ("git@altssh.gitlab.com:acme/app.git", "https://gitlab.com", "acme/app"),
            ("git+ssh://git@github.com/acme/app", "https://github.com", "acme/app"),
            ("git://git.example.com/acme/app.git", "https://git.example.com", "acme/app"),
            ("https://github.com/acme/app", "https://github.com", "acme/app"),
            ("https://github.com/acme/app.js.git/", "https://github.com", "acme/app.js"),
            (
                "https://gitlab.example.com:8443/acme/platform/app.git",
                "https://gitlab.example.com:8443",
                "acme/platform/app",
            ),
            ("http://127.0.0.1:8080/acme/app.git\n", "http://127.0.0.1:8080", "acme/app"),
            ("https://[::1]:8080/acme/app.git", "https://[::1]:8080", "acme/app"),
        ] {
            assert_eq!(read(address), Some((base.to_owned(), path.to_owned())), "{address}");
        }
    }

    #[test]
    fn whatever_logs_in_is_gone() {
        for address in [
            "https://oauth2:glpat-hunter2hunter2@gitlab.com/acme/app.git",
            "https://glpat-hunter2hunter2@gitlab.com/acme/app.git",
            "https://x-access-token:glpat-hunter2hunter2@gitlab.com:443/acme/app.git?glpat-hunter2hunter2#glpat-hunter2hunter2",
            "ssh://git:glpat-hunter2hunter2@gitlab.com/acme/app.git",
            "git:glpat-hunter2hunter2@gitlab.com:acme/app.git",
        ] {
            let read = Remote::read(address);
            assert!(!format!("{read:?}").contains("hunter2"), "{read:?}");
            if !address.starts_with("git:") {
                assert_eq!(
                    read.map(|remote| (remote.base.to_string(), remote.path)),
                    Some(("https://gitlab.com/".to_owned(), "acme/app".to_owned()))
                );
            }
        }
    }

    #[test]
    fn what_is_no_project_of_a_forge_is_not_taken_for_one() {
        for address in [
            "",
            "/srv/git/acme/app.git",
            "../app",
            "file:///srv/git/acme/app.git",
            r"C:\git\app",
            "c:/git/acme/app",
            "https://github.com/app",
            "https://github.com",
            "git@github.com:app.git",
            "git@github.com:acme/../app",
            "https://github.com/acme/app%20one",
            "https://github.com/acme/app\nkey: value",
            "git@github.com:acme/{app}",
            "https://user:pass/word@github.com/acme/app",
            "ext::sh -c whoami",
            "https://",
        ] {
            assert_eq!(Remote::read(address), None, "{address}");
        }
    }

    #[test]
    fn a_name_that_only_ssh_knows_is_told_from_a_host() {
        for (address, alias) in [
            ("git@work:acme/app.git", true),
            ("git@github.com:acme/app.git", false),
            ("http://localhost:8080/acme/app", false),
            ("http://127.0.0.1/acme/app", false),
        ] {
            assert_eq!(Remote::read(address).map(|remote| remote.is_alias()), Some(alias), "{address}");
        }
    }
}
