//! `/sinks/…`: places that take a value, and keep what else they have.

use http::Method;
use serde_json::{Value, json};

use super::model::Key;
use super::{HttpApi, body};
use crate::exchange::{Answer, Request};

impl HttpApi {
    /// GET shows it, PATCH changes the fields that are sent.
    pub(crate) fn sink_at(&mut self, caller: Option<&Key>, request: &Request, name: &str) -> Answer {
        let Some(caller) = caller else { return Answer::json(401, &json!({ "ok": false, "error": "invalid_auth" })) };
        let (readable, keeps, softly) = (self.sinks_readable, self.sinks_keep, self.sinks_refuse_softly);
        let Some(sink) = self.sinks.get_mut(name) else {
            return Answer::json(404, &json!({ "ok": false, "error": "not_found" }));
        };
        if request.method == Method::GET {
            let mut shown = json!({ "ok": true, "name": name, "note": sink.note, "version": sink.version });
            if let (true, Value::Object(fields)) = (readable, &mut shown) {
                fields.insert("value".to_owned(), Value::from(sink.value.clone()));
            }
            return Answer::json(200, &shown);
        }
        if request.method != Method::PATCH {
            return Answer::json(405, &json!({ "ok": false, "error": "method_not_allowed" }));
        }
        if sink.guarded && !caller.admin {
            return Answer::json(403, &json!({ "ok": false, "error": "forbidden" }));
        }
        if softly {
            return Answer::json(200, &json!({ "ok": false, "error": "not_allowed" }));
        }
        let sent = body(request);
        let text = |name: &str| sent.get(name).and_then(Value::as_str).map(str::to_owned);
        if let (Some(value), Some(longest)) = (text("value"), sink.longest)
            && value.len() > longest
        {
            return Answer::json(422, &json!({ "ok": false, "error": "too_long" }));
        }
        if keeps {
            if let Some(value) = text("value") {
                self.mint.remember(&value);
                sink.value = value;
            }
            if let Some(note) = text("note") {
                sink.note = note;
            }
            sink.version += 1;
        }
        Answer::json(200, &json!({ "ok": true, "version": sink.version }))
    }
}
