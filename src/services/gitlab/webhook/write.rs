//! Writing the one secret, in the way that this webhook allows.

use std::sync::PoisonError;

use serde_json::{Map, json};

use super::address::encoded;
use super::desk::Slot;
use super::hook::Hook;
use super::part::Way;
use super::{Webhook, anew, secrets};
use crate::destination::Receipt;
use crate::token::TokenValue;

impl Webhook {
    /// Writes it. Others may turn other secrets of the same webhook in this run: one after the other.
    pub(super) async fn write(&self, value: &TokenValue) -> anyhow::Result<Receipt> {
        let (place, desk) = (&self.place, self.place.desk());
        let seen = self.look().await?;
        let _turn = desk.turn(seen.id()).await;
        match self.way(&seen)? {
            Way::Field(field) => {
                let fields = Map::from_iter([(field.to_owned(), json!(value.expose()))]);
                for id in self.standing(&seen).await? {
                    place.put(id, &fields).await?;
                }
                desk.gave(seen.id(), Slot(field, String::new()), value.clone());
                self.gave(value, seen);
            }
            Way::Entry(list, key) => {
                for id in self.standing(&seen).await? {
                    place.put_in(id, list, &key, value.expose()).await?;
                }
                desk.gave(seen.id(), Slot(list, key), value.clone());
                self.gave(value, seen);
            }
            Way::Url => {
                let seen = place.get(desk.now(seen.id())).await?;
                let url = self.part.replaced(seen.url(), value.expose())?;
                let mut fields = self.other_secrets(&seen, None)?;
                fields.insert("url".to_owned(), json!(url));
                place.put(seen.id(), &fields).await?;
                desk.gave(seen.id(), Slot("url", String::new()), value.clone());
                self.gave(value, seen.at(&url));
            }
            Way::Anew { .. } => return self.renew(value).await,
        }
        Ok(Receipt::default())
    }

    /// Makes it anew, unless this run did so for this very value.
    async fn renew(&self, value: &TokenValue) -> anyhow::Result<Receipt> {
        let moved = |id: u64| Receipt { moved_to: Some(id.to_string()), ..Receipt::default() };
        if let Some((_, meant)) = self.given().filter(|(last, _)| last.same_as(value)) {
            return Ok(moved(self.place.desk().now(meant.id())));
        }
        let (place, desk) = (&self.place, self.place.desk());
        // Its settings are copied, so they are to be those of this moment.
        let all = place.all(true).await?;
        let stands = place.choose(&all)?;
        let now = desk.now(stands.id());
        let old = all.iter().find(|hook| hook.id() == now).unwrap_or(&stands);
        let Way::Anew { variable, encodes } = self.way(old)? else {
            anyhow::bail!("{} was changed by somebody else meanwhile; the next run looks again", place.name)
        };
        let mut secrets = self.other_secrets(old, variable.as_deref())?;
        let (url, slot, text) = match variable {
            Some(variable) => {
                let text = if encodes { TokenValue::new(&encoded(value.expose()))? } else { value.clone() };
                secrets::add(&mut secrets, "url_variables", &variable, text.expose());
                (old.url().to_owned(), Slot("url_variables", variable), text)
            }
            None => (self.part.replaced(old.url(), value.expose())?, Slot("url", String::new()), value.clone()),
        };
        let new = anew::make(place, (stands.id(), old), &url, secrets, &self.nonce()).await?;
        desk.moved(old.id(), new.id());
        desk.gave(new.id(), slot, text);
        let id = new.id();
        self.gave(value, new);
        Ok(moved(id))
    }

    /// Where to write in place: to it, and where this run made it anew to both while both stand.
    async fn standing(&self, seen: &Hook) -> anyhow::Result<Vec<u64>> {
        let now = self.place.desk().now(seen.id());
        let older = now != seen.id() && self.place.stands(seen.id()).await?;
        Ok(if older { vec![now, seen.id()] } else { vec![now] })
    }

    fn nonce(&self) -> String {
        let mut bytes = [0; 8];
        (self.means.random)(&mut bytes);
        crate::text::hex(bytes)
    }

    pub(super) fn given(&self) -> Option<(TokenValue, Hook)> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn gave(&self, value: &TokenValue, meant: Hook) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some((value.clone(), meant));
    }
}
