//! What changes of a token: what mints it, where it goes, when it turns.

use super::super::super::setup::Turning;
use super::{Comparison, Grade, Side, changed, local, over, span};
use crate::config::{PlaceSpec, TokenSpec};
use crate::plan::Seat;
use crate::text;

impl Comparison<'_> {
    pub(super) fn tokens(&mut self) {
        let after = self.after;
        let old = |name: &str| self.before.and_then(|side| Some((side, name.to_owned(), side.wheel.tokens.get(name)?)));
        let mut pairs = Vec::new();
        for (name, token) in &after.wheel.tokens {
            // As `rotate` reads it: a name that still stands there was not renamed.
            let was = token.spec.was.as_deref().filter(|was| !after.wheel.tokens.contains_key(*was));
            pairs.push((name, token, old(name).or_else(|| old(was?))));
        }
        let kept: Vec<String> = pairs.iter().filter_map(|(_, _, old)| Some(old.as_ref()?.1.clone())).collect();
        for (name, token, old) in pairs {
            let of = format!("token {name}");
            match old {
                None => self.new_token(&of, token),
                Some((side, was, old)) => {
                    if was != *name {
                        self.say(Grade::Other, &of, format!("renamed; it was {was}"));
                    }
                    self.token(&of, (side, old), token);
                }
            }
        }
        let all = self.before.into_iter().flat_map(|side| side.wheel.tokens.keys());
        for name in all.filter(|name| !kept.contains(name)).collect::<Vec<_>>() {
            let what = "it is gone: nothing turns it any more; it is forgotten, and not revoked";
            self.say(Grade::Guard, &format!("token {name}"), what);
        }
    }

    fn new_token(&mut self, of: &str, token: &Turning) {
        let after = self.after;
        let spec = &token.spec;
        let mut places: Vec<String> = Vec::new();
        for (place, to) in spec.destinations.iter().zip(&token.destinations) {
            places.push(local(after.config, to.address().as_str()));
            self.keys(of, None, &place.part.keys);
        }
        let places = if places.is_empty() { "nowhere".to_owned() } else { text::list(&places) };
        let verb = if spec.watch { "watched" } else { "turned" };
        self.say(Grade::Place, of, format!("new: {} would be {verb}, and go to {places}", token.issuer.subject()));
        self.keys(of, None, &spec.issuer.keys);
        if let Some(source) = &spec.own {
            self.say(Grade::Credential, of, format!("it rotates itself with {source}"));
        }
        if let Some(login) = &spec.login {
            self.say(Grade::Credential, of, format!("it is minted as token {login}"));
        }
        if let Some(seat) = &spec.refreshes {
            self.say(Grade::Credential, of, format!("it is what {} logs in with", seated(seat)));
        }
        if let Some(why) = &spec.accept_risk {
            self.say(Grade::Guard, of, format!("one refresher is accepted: {why}"));
        }
    }

    fn token(&mut self, of: &str, (side, was): (Side<'_>, &Turning), token: &Turning) {
        let (old, new) = (&was.spec, &token.spec);
        self.issuer(of, (side, was), token);
        self.destinations(of, (side, was), token);
        self.logins(of, old, new);
        self.times(of, old, new);
        if old.owner != new.owner {
            self.say(Grade::Other, of, changed("owner", old.owner.as_ref(), new.owner.as_ref()));
        }
    }

    fn issuer(&mut self, of: &str, (side, was): (Side<'_>, &Turning), token: &Turning) {
        let (old, new) = (&was.spec.issuer, &token.spec.issuer);
        if was.connection != token.connection {
            let what = format!("it is minted over connection {}, no longer over {}", token.connection, was.connection);
            self.say(Grade::Credential, of, what);
        }
        let subject = token.issuer.subject().to_string();
        let before = self.at_its_new_host(side, &was.connection, &was.issuer.subject().to_string());
        if old.kind != new.kind {
            let what = format!("another token is turned: {subject}, no longer {before}");
            self.say(Grade::Place, of, what);
            self.keys(of, None, &new.keys);
            return;
        }
        if subject != before && was.connection == token.connection {
            self.say(Grade::Place, of, format!("another token is turned: {subject}, no longer {before}"));
        }
        self.keys_besides(of, (Some(&old.keys), &before), (&new.keys, &subject));
    }

    /// What a text of the old config says where only the host of its connection moved, which is told of the connection.
    fn at_its_new_host(&self, side: Side<'_>, connection: &str, text: &str) -> String {
        let moved =
            |side: Side<'_>| side.wheel.connections.get(connection).map(|linked| linked.connection.host().to_owned());
        match (moved(side), moved(self.after)) {
            (Some(from), Some(to)) if !from.is_empty() => text.replace(&from, &to),
            _ => text.to_owned(),
        }
    }

    fn destinations(&mut self, of: &str, (side, was): (Side<'_>, &Turning), token: &Turning) {
        type At<'p> = (String, &'p PlaceSpec);
        let after = self.after;
        let mut old: Vec<At<'_>> = Vec::new();
        for (place, to) in was.spec.destinations.iter().zip(&was.destinations) {
            let address = local(side.config, to.address().as_str());
            let address = match over(side.config, &place.part) {
                Some(connection) => self.at_its_new_host(side, connection, &address),
                None => address,
            };
            old.push((address, place));
        }
        let mut fresh: Vec<At<'_>> = Vec::new();
        for (place, to) in token.spec.destinations.iter().zip(&token.destinations) {
            let address = local(after.config, to.address().as_str());
            match old.iter().position(|(known, _)| *known == address) {
                Some(at) => {
                    let (_, known) = old.remove(at);
                    self.place(of, (&address, &address), (side, known), place);
                }
                None => fresh.push((address, place)),
            }
        }
        for (address, place) in fresh {
            // One of the same kind that is gone is this one, moved.
            if let Some(at) = old.iter().position(|(_, gone)| gone.part.kind == place.part.kind) {
                let (from, gone) = old.remove(at);
                self.say(Grade::Place, of, format!("it would go to {address}, no longer to {from}"));
                self.place(of, (&from, &address), (side, gone), place);
            } else {
                self.say(Grade::Place, of, format!("it would also go to {address}"));
                self.keys(of, None, &place.part.keys);
            }
        }
        for (address, _) in old {
            self.say(Grade::Guard, of, format!("it no longer goes to {address}, which keeps what it holds"));
        }
    }

    fn place(
        &mut self,
        of: &str,
        (before, address): (&str, &str),
        (side, old): (Side<'_>, &PlaceSpec),
        new: &PlaceSpec,
    ) {
        let of = &format!("{of} at {address}");
        let config = self.after.config;
        let (from, to) = (over(side.config, &old.part), over(config, &new.part));
        if from != to {
            self.say(Grade::Credential, of, changed("connection", from.as_ref(), to.as_ref()));
        }
        self.keys_besides(of, (Some(&old.part.keys), before), (&new.part.keys, address));
        if old.form != new.form {
            self.say(Grade::Other, of, "the form in which it is given changes (`as:` or `part:`)");
        }
        if old.first != new.first {
            let what =
                if new.first { "it is given before the others" } else { "it is no longer given before the others" };
            self.say(Grade::Other, of, what);
        }
    }

    fn logins(&mut self, of: &str, old: &TokenSpec, new: &TokenSpec) {
        if old.own != new.own {
            self.say(Grade::Credential, of, changed("self", old.own.as_ref(), new.own.as_ref()));
        }
        if old.login != new.login {
            self.say(Grade::Credential, of, changed("login", old.login.as_ref(), new.login.as_ref()));
        }
        if old.refreshes != new.refreshes {
            let named = |spec: &TokenSpec| spec.refreshes.as_ref().map(seated);
            self.say(Grade::Credential, of, changed("refreshes", named(old).as_ref(), named(new).as_ref()));
        }
        if old.accept_risk != new.accept_risk {
            let grade = if new.accept_risk.is_some() { Grade::Guard } else { Grade::Other };
            self.say(grade, of, changed("accept_risk", old.accept_risk.as_ref(), new.accept_risk.as_ref()));
        }
    }

    fn times(&mut self, of: &str, old: &TokenSpec, new: &TokenSpec) {
        match (old.watch, new.watch) {
            (true, false) => self.say(Grade::Guard, of, "it would be turned; so far it was only watched"),
            (false, true) => self.say(Grade::Guard, of, "it would only be watched; nothing turns it any more"),
            _ => {}
        }
        if old.ttl != new.ttl {
            let longer = new.ttl.is_none_or(|ttl| old.ttl.is_some_and(|old| ttl > old));
            let (was, is) = (old.ttl.map(span), new.ttl.map(span));
            let grade = if longer { Grade::Rights } else { Grade::Other };
            self.say(grade, of, changed("ttl", was.as_ref(), is.as_ref()));
        }
        if old.overlap != new.overlap {
            let grade = if new.overlap > old.overlap { Grade::Guard } else { Grade::Other };
            let (was, is) = (old.overlap.map(span), new.overlap.map(span));
            self.say(grade, of, changed("overlap", was.as_ref(), is.as_ref()));
        }
        if old.rule != new.rule {
            self.say(Grade::Other, of, format!("it turns when {}, no longer when {}", new.rule, old.rule));
        }
    }
}

fn seated((connection, seat): &(String, Seat)) -> String {
    match seat {
        Seat::Primary => connection.clone(),
        Seat::Spare => format!("{connection}.spare"),
    }
}
