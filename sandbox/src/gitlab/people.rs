//! Users, and the few answers about users, groups and projects that a token's owner is found by.

use serde_json::{Value, json};

use super::GitLab;
use super::auth::Caller;
use super::model::{Kind, Place, User};
use super::places::origin;
use super::refusal::Refusal;
use super::route::Outcome;
use super::tokens::put;
use crate::exchange::{Answer, Request};

impl GitLab {
    /// `GET /user`.
    pub(crate) fn current_user(&self, request: &Request, caller: Caller) -> Outcome {
        let user = self.users.get(&caller.user).ok_or(Refusal::Unauthorized)?;
        let mut shown = brief(request, user);
        put(&mut shown, "bot", json!(user.kind != Kind::Human));
        put(&mut shown, "email", json!(format!("{}@example.com", user.username)));
        if user.admin {
            put(&mut shown, "is_admin", json!(true));
        }
        Ok(Answer::json(200, &shown))
    }

    /// `GET /projects/:id` and `GET /groups/:id`.
    pub(crate) fn show_place(&self, request: &Request, caller: Caller, place: Place) -> Outcome {
        let path = self.path_of(place).ok_or(Refusal::Missing(""))?;
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let at = origin(request);
        let shown = match place {
            Place::Project(id) => json!({
                "id": id,
                "description": null,
                "name": name,
                "path": name,
                "path_with_namespace": path,
                "default_branch": "main",
                "visibility": "private",
                "archived": false,
                "web_url": format!("{at}/{path}"),
                "permissions": self.permissions(caller, place),
            }),
            _ => json!({
                "id": place.number(),
                "description": "",
                "name": name,
                "path": name,
                "full_path": path,
                "visibility": "private",
                "web_url": format!("{at}/groups/{path}"),
            }),
        };
        Ok(Answer::json(200, &shown))
    }

    /// `GET /metadata`.
    pub(crate) fn metadata() -> Answer {
        Answer::json(200, &json!({ "version": "19.5.0-ee", "revision": "5a4db0c5a4d", "enterprise": true }))
    }

    /// Enters a user.
    pub(crate) fn enrol(&mut self, username: &str, name: &str, admin: bool, kind: Kind) -> u64 {
        self.last.user += 1;
        let id = self.last.user;
        let user = User { id, username: username.to_owned(), name: name.to_owned(), admin, kind };
        self.users.insert(id, user);
        id
    }

    /// The caller's own role in the project, and the one that the groups around it give.
    fn permissions(&self, caller: Caller, place: Place) -> Value {
        let own = self.members.get(&(place, caller.user)).copied();
        let inherited = Some(self.role(caller.user, place)).filter(|role| *role > 0 && Some(*role) != own);
        let level = |level: Option<u8>| level.map(|level| json!({ "access_level": level, "notification_level": 3 }));
        json!({ "project_access": level(own), "group_access": level(inherited) })
    }
}

/// A user as other answers mention them.
pub(crate) fn brief(request: &Request, user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "state": "active",
        "locked": false,
        "avatar_url": null,
        "web_url": format!("{}/{}", origin(request), user.username),
    })
}
