//! What kinds may use besides their connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::credentials;
use super::setup::Setup;
use crate::config::{Config, Source};
use crate::connection::Means;
use crate::http::{Hosts, Http};
use crate::token::TokenValue;

/// From the environment and the transport that were handed in.
pub(super) fn means(config: &Config, setup: &Setup, hosts: Hosts) -> Means {
    let folder = config.folder().to_owned();
    let (environment, offline) = (Arc::clone(&setup.environment), setup.offline);
    let carrier = Arc::clone(&setup.carrier);
    // One door for each set of roots, so that connections to one host share its budget.
    let doors: Mutex<BTreeMap<Option<String>, Arc<Http>>> = Mutex::default();
    let secrets = folder.clone();
    Means {
        folder,
        secret: Arc::new(move |text| {
            let source = Source::parse(text).map_err(anyhow::Error::msg)?;
            // Offline nothing is sent, so that nothing is looked up either.
            if offline {
                return Ok(TokenValue::new("not-looked-up-offline")?);
            }
            let found = credentials::read(&source, &environment, &secrets).map_err(anyhow::Error::msg)?;
            TokenValue::of_lines(&found).map_err(|why| anyhow::anyhow!("{source}: {why}"))
        }),
        door: Arc::new(move |private| {
            let private = private.map(str::to_owned);
            let mut doors = doors.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(http) = doors.get(&private) {
                return Ok(Arc::clone(http));
            }
            let http = Arc::new(Http::new((carrier)(private.as_deref())?).only(hosts.clone()));
            doors.insert(private, Arc::clone(&http));
            Ok(http)
        }),
        random: Arc::clone(&setup.random),
        offline,
    }
}
