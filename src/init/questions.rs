//! Settles what a config begins with: flags first, then what the remote tells, then questions where somebody sits there,
//! and otherwise what is safe.

use std::io;

use url::Url;

use super::cron::Every;
use super::remote::{Remote, project};
use super::{Beginning, Facts, Forge, Start, Wishes};
use crate::http::address;
use crate::text;

/// Somebody at a terminal.
pub trait Person {
    /// Says a line.
    fn tell(&mut self, line: &str);
    /// Asks for a line; `None` when no more comes.
    fn ask(&mut self, question: &str) -> io::Result<Option<String>>;
}

/// Settles everything, or says what is missing and which flag gives it.
pub fn settle(facts: &Facts, wishes: Wishes, person: Option<&mut dyn Person>) -> Result<Beginning, String> {
    let remote = facts.remote.as_deref().and_then(Remote::read);
    if person.is_none() {
        enough(facts, &wishes, remote.as_ref())?;
    }
    let mut talk = Talk(person);
    let told = remote.as_ref().filter(|remote| !remote.is_alias());
    let base = match &wishes.url {
        Some(url) => Some(web(url).map_err(|why| format!("--url: {why}"))?),
        None => told.map(|remote| remote.base.clone()),
    };
    let near = base.as_ref().and_then(|base| base.host_str().and_then(Forge::guess));
    let forge = match wishes.forge.or(near) {
        Some(forge) => forge,
        None => talk.must(&which(base.as_ref()), |answer| {
            let named = |forge: &Forge| forge.word() == answer.to_lowercase();
            Forge::ALL.into_iter().find(named).ok_or_else(|| "it is gitlab or github".to_owned())
        })?,
    };
    let base = match base {
        Some(base) => base,
        None => talk.must(&format!("the address of {forge}, such as https://{}.example.com", forge.word()), web)?,
    };
    let base = web(base.as_str()).map_err(|why| format!("{base}: {why}; --url says another address"))?;
    let url = base.as_str().trim_end_matches('/').to_owned();
    let path = match (&wishes.project, &remote) {
        (Some(path), _) => the_project(forge, path).map_err(|why| format!("--project: {why}"))?,
        (None, Some(remote)) => {
            the_project(forge, &below(&base, &remote.path)).map_err(|why| format!("{why}; say --project"))?
        }
        (None, None) => {
            talk.must("the path of the project there, such as acme/app", |answer| the_project(forge, answer))?
        }
    };
    talk.tell(&format!("{path} at {forge}, {url}"));

    let starts = if wishes.tokens.is_empty() { talk.starts(forge)? } else { kinds(forge, &wishes.tokens)? };
    let longest = starts.iter().filter_map(|start| Every::read(start.every).ok()).min();
    let longest = longest.map_or_else(|| Every::read("12h"), Ok)?;
    let every = match &wishes.every {
        Some(every) => fits(Every::read(every)?, longest, &starts)?,
        None => talk
            .or("how often the schedule runs", longest.word(), |answer| fits(Every::read(answer)?, longest, &starts))?,
    };
    let owner = match wishes.owner {
        Some(owner) => named(&owner)?,
        None => talk.or("whom to ask about these tokens, such as @platform", "", named)?,
    };
    let watch = match wishes.watch {
        Some(watch) => watch,
        None => talk.or("only watch at first, and change nothing", "yes", yes_or_no)?,
    };
    let (mut app, mut installation) = (wishes.app.as_deref().map(client).transpose()?.flatten(), wishes.installation);
    if forge == Forge::GitHub {
        if app.is_none() {
            app = talk.or("the client id of the GitHub App, if there is one already", "", client)?;
        }
        if installation.is_none() && app.is_some() {
            installation = talk.or("the number of its installation, if there is one already", "", number)?;
        }
    } else if app.is_some() || installation.is_some() {
        return Err("--app and --installation are of a GitHub App: leave them out at GitLab".to_owned());
    }
    let ledger = wishes.ledger.unwrap_or_default();
    let rescue = wishes.rescue;
    if !rescue.iter().all(|key| is_public_key(key)) {
        return Err(
            "--rescue takes public age keys, as `age-keygen` prints them: `age1` and letters and digits".to_owned()
        );
    }
    Ok(Beginning { forge, url, project: path, starts, every, owner, watch, ledger, rescue, app, installation })
}

/// How often an unfit answer is asked for again.
const PATIENCE: usize = 5;

struct Talk<'a>(Option<&'a mut dyn Person>);

impl Talk<'_> {
    fn tell(&mut self, line: &str) {
        if let Some(person) = &mut self.0 {
            person.tell(line);
        }
    }

    /// Asks until the answer fits. Where nobody is there, [`enough`] was looked for before.
    fn must<T>(&mut self, what: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
        let Some(person) = &mut self.0 else { return Err(format!("nobody is there to tell {what}")) };
        ask(&mut **person, &format!("{what}: "), read)
    }

    /// Asks until the answer fits; an empty one, and nobody there, means what is in brackets.
    fn or<T>(&mut self, what: &str, otherwise: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
        let Some(person) = &mut self.0 else { return read(otherwise) };
        let shown = if otherwise.is_empty() { "none" } else { otherwise };
        ask(&mut **person, &format!("{what} [{shown}]: "), |answer| {
            read(if answer.is_empty() { otherwise } else { answer })
        })
    }

    fn starts(&mut self, forge: Forge) -> Result<Vec<&'static Start>, String> {
        let all: Vec<&'static Start> = Start::of(forge).collect();
        let first: Vec<String> = all.iter().take(1).map(|start| start.kind.to_owned()).collect();
        if self.0.is_some() {
            self.tell("what it can turn to begin with, besides what it logs in with:");
            let widest = all.iter().map(|start| start.kind.len()).max().unwrap_or_default();
            for (number, start) in all.iter().enumerate() {
                self.tell(&format!("  {:2}  {:widest$}  {}", number + 1, start.kind, start.about));
            }
        }
        self.or("which of them, by number or name", &first.join(","), |answer| {
            let words = answer.split([',', ' ']).filter(|word| !word.is_empty());
            let numbered = words.map(|word| match word.parse::<usize>() {
                Ok(number) => all
                    .get(number.wrapping_sub(1))
                    .map(|start| start.kind.to_owned())
                    .ok_or_else(|| format!("the numbers go from 1 to {}", all.len())),
                Err(_) => Ok(word.to_owned()),
            });
            kinds(forge, &numbered.collect::<Result<Vec<String>, String>>()?)
        })
    }
}

fn ask<T>(person: &mut dyn Person, question: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
    for _ in 0..PATIENCE {
        let answer = person.ask(question).map_err(|error| format!("the terminal: {error}"))?;
        let answer = answer.ok_or("the questions were not answered to their end")?;
        match read(answer.trim()) {
            Ok(read) => return Ok(read),
            Err(why) => person.tell(&why),
        }
    }
    Err(format!("{PATIENCE} answers did not fit; `tokenwheel init --help` lists the flags"))
}

fn which(base: Option<&Url>) -> String {
    match base.and_then(Url::host_str) {
        Some(host) => format!("the forge at {host}, gitlab or github"),
        None => "the forge, gitlab or github".to_owned(),
    }
}

/// Holds that the flags and the remote tell where the project is, where nobody can be asked. What is not understood is
/// not repeated: it may hold a password.
fn enough(facts: &Facts, wishes: &Wishes, remote: Option<&Remote>) -> Result<(), String> {
    let told = remote.filter(|remote| !remote.is_alias()).map(|remote| remote.base.clone());
    let base = wishes.url.as_deref().and_then(|url| web(url).ok()).or(told);
    let host = base.as_ref().and_then(Url::host_str);
    let mut missing = Vec::new();
    if wishes.forge.is_none() && host.and_then(Forge::guess).is_none() {
        missing.push("--forge gitlab or --forge github");
    }
    if wishes.url.is_none() && base.is_none() {
        missing.push("--url, the address of the forge");
    }
    if wishes.project.is_none() && remote.is_none() {
        missing.push("--project, its path there");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let why = match (&facts.remote, remote, host) {
        (_, Some(remote), _) if remote.is_alias() => {
            format!("`{}` in the remote is a name that only SSH knows", remote.base.host_str().unwrap_or_default())
        }
        (_, Some(_), host) => format!("what {} is does not show in its name", host.unwrap_or("it")),
        (Some(_), None, _) => "the remote is not the address of a project at a forge".to_owned(),
        (None, None, _) => "there is no remote `origin` that tells where this is".to_owned(),
    };
    Err(format!("{why}: say {}", missing.join("; ")))
}

/// The address of a forge's web pages.
fn web(text: &str) -> Result<Url, String> {
    let mut url = match Url::parse(text.trim()) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            return Err("nobody logs in with it: leave the user and the password out".to_owned());
        }
        _ => address(text.trim())?,
    };
    // GitHub's own have their API at a host beside.
    let host = url.host_str().and_then(|host| host.strip_prefix("api.")).map(str::to_owned);
    if let Some(host) = host.filter(|host| host == "github.com" || host.ends_with(".ghe.com")) {
        url.set_host(Some(&host)).map_err(|why| why.to_string())?;
    }
    let path = url.path().trim_end_matches('/').to_owned();
    let path = ["/api/v4", "/api/v3"].iter().find_map(|api| path.strip_suffix(api)).unwrap_or(&path).to_owned();
    url.set_path(&path);
    let plain = url.path().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.'));
    if plain { Ok(url) } else { Err("the url is that of the forge, without anything behind it".to_owned()) }
}

/// A forge that is below a path has it before every project's in an address of HTTPS.
fn below(base: &Url, path: &str) -> String {
    let folder = format!("{}/", base.path().trim_matches('/'));
    path.strip_prefix(&folder).unwrap_or(path).to_owned()
}

fn the_project(forge: Forge, path: &str) -> Result<String, String> {
    let shown = text::plain(path);
    let path = project(path).ok_or_else(|| format!("`{shown}` is not the path of a project, such as acme/app"))?;
    let deep = forge == Forge::GitHub && path.matches('/').count() > 1;
    if deep { Err(format!("`{path}` is not a repository of GitHub, such as acme/app")) } else { Ok(path) }
}

fn kinds(forge: Forge, kinds: &[String]) -> Result<Vec<&'static Start>, String> {
    let mut starts: Vec<&'static Start> = Vec::new();
    for kind in kinds {
        let start = Start::find(kind, forge)?;
        if !starts.iter().any(|one| one.kind == start.kind) {
            starts.push(start);
        }
    }
    if starts.is_empty() { Err("name one at least".to_owned()) } else { Ok(starts) }
}

fn fits(every: Every, longest: Every, starts: &[&'static Start]) -> Result<Every, String> {
    if every <= longest {
        return Ok(every);
    }
    let why = starts.iter().find(|start| Every::read(start.every).is_ok_and(|own| own < every));
    let kind = why.map(|start| start.kind).unwrap_or_default();
    Err(format!("`{kind}` does not live long enough for a run every {}; say {} or less", every.word(), longest.word()))
}

/// Whether that is a public key by its form. Another key is not repeated in any message.
fn is_public_key(key: &str) -> bool {
    key.starts_with("age1") && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

fn named(owner: &str) -> Result<Option<String>, String> {
    if owner.chars().any(char::is_control) {
        return Err("a name has no line breaks in it".to_owned());
    }
    Ok(Some(owner.trim().to_owned()).filter(|owner| !owner.is_empty()))
}

fn yes_or_no(answer: &str) -> Result<bool, String> {
    match answer.to_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("it is yes or no".to_owned()),
    }
}

fn client(answer: &str) -> Result<Option<String>, String> {
    let fits = answer.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if fits {
        Ok(Some(answer.to_owned()).filter(|id| !id.is_empty()))
    } else {
        Err("a client id has letters and digits only".to_owned())
    }
}

fn number(answer: &str) -> Result<Option<u64>, String> {
    if answer.is_empty() {
        return Ok(None);
    }
    answer
        .parse()
        .map(Some)
        .map_err(|_| "it is the number at the end of the address of the installation's page".to_owned())
}
