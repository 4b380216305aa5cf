//! Groups and projects: finding them, and the roles people have in them.

use http::Method;
use http::header::HOST;

use super::GitLab;
use super::auth::Caller;
use super::model::Place;
use super::refusal::Refusal;
use crate::exchange::Request;

/// The roles that the API asks for.
pub(crate) const REPORTER: u8 = 20;
pub(crate) const DEVELOPER: u8 = 30;
pub(crate) const MAINTAINER: u8 = 40;
pub(crate) const OWNER: u8 = 50;

impl GitLab {
    /// The place that a path like `projects/acme%2Fapp` names, if the caller may see it.
    ///
    /// A project that moved is answered with its URL by number; only GET may follow it (GitLab 16.7).
    pub(crate) fn place(&self, request: &Request, caller: Caller, kind: &str, name: &str) -> Result<Place, Refusal> {
        let (found, missing) = match kind {
            "projects" => (self.project_named(name).map(Place::Project), "Project"),
            _ => (self.group_named(name).map(Place::Group), "Group"),
        };
        let moved = || self.moved.get(name).filter(|_| kind == "projects").map(|id| Place::Project(*id));
        let place = found.or_else(moved);
        let place = place.filter(|place| self.sees(caller, *place)).ok_or(Refusal::Missing(missing))?;
        match found {
            Some(_) => Ok(place),
            None if request.method == Method::GET => Err(Refusal::Moved(by_number(request, place.number()))),
            None => Err(Refusal::NotAllowed("Non GET methods are not allowed for moved projects")),
        }
    }

    /// The role of a user in a place: the highest of their own and of those in the groups around it.
    pub(crate) fn role(&self, user: u64, place: Place) -> u8 {
        let path = self.path_of(place).unwrap_or_default();
        let around = std::iter::successors(parent(path), |path| parent(path));
        let places = around.filter_map(|path| self.paths.get(path).copied()).chain([place]);
        places.filter_map(|place| self.members.get(&(place, user)).copied()).max().unwrap_or_default()
    }

    /// Whether the caller has at least this role, or administers the instance.
    pub(crate) fn has_role(&self, caller: Caller, place: Place, role: u8) -> bool {
        caller.admin || self.role(caller.user, place) >= role
    }

    fn sees(&self, caller: Caller, place: Place) -> bool {
        self.has_role(caller, place, 1)
    }

    /// The full path of a place.
    pub(crate) fn path_of(&self, place: Place) -> Option<&str> {
        match place {
            Place::Project(id) => self.projects.get(&id),
            Place::Group(id) => self.groups.get(&id),
            Place::Instance => None,
        }
        .map(String::as_str)
    }

    /// A project by number or path.
    pub(crate) fn project_named(&self, name: &str) -> Option<u64> {
        let number = name.parse().ok().filter(|id| self.projects.contains_key(id));
        let path = || match self.paths.get(name)? {
            Place::Project(id) => Some(*id),
            _ => None,
        };
        number.or_else(path)
    }

    /// A group by number or path.
    pub(crate) fn group_named(&self, name: &str) -> Option<u64> {
        let number = name.parse().ok().filter(|id| self.groups.contains_key(id));
        let path = || match self.paths.get(name)? {
            Place::Group(id) => Some(*id),
            _ => None,
        };
        number.or_else(path)
    }
}

/// The URL that a request came in by, up to the path.
pub(crate) fn origin(request: &Request) -> String {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let host = header(HOST.as_str()).unwrap_or(&request.host);
    format!("{}://{host}", header("x-forwarded-proto").unwrap_or("http"))
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent)
}

/// The same URL with the number in place of the path.
fn by_number(request: &Request, id: u64) -> String {
    const BEFORE: &str = "/api/v4/projects/";
    let rest = request.target.strip_prefix(BEFORE).unwrap_or_default();
    let after = rest.find(['/', '?']).and_then(|end| rest.get(end..)).unwrap_or_default();
    format!("{}{BEFORE}{id}{after}", origin(request))
}
