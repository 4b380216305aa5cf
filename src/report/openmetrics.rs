//! The report as OpenMetrics: gauges that an alert can be written on. <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::fmt;

use chrono::{DateTime, Utc};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{RunReport, TokenReport};
use crate::text;

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge>;

pub(super) fn render(report: &RunReport) -> String {
    let mut registry = Registry::with_prefix("tokenwheel");
    let mut of_tokens = |name: &str, help: &str, value: &dyn Fn(&TokenReport) -> Option<i64>| {
        let gauges = Gauges::default();
        for token in &report.tokens {
            if let Some(value) = value(token) {
                gauges.get_or_create(&labels(token)).set(value);
            }
        }
        registry.register(name, help, gauges);
    };
    let second = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp());
    of_tokens("token_created_timestamp_seconds", "When the token was made", &|token| second(token.created));
    of_tokens("token_due_timestamp_seconds", "When the token turns", &|token| second(token.due));
    of_tokens("token_expiry_timestamp_seconds", "When the token dies", &|token| second(token.dies));
    of_tokens("token_level", "How bad it is, as an exit code: 0 well, 3 later, 4 now", &|token| {
        Some(token.level().code().into())
    });
    of_tokens("token_at_risk", "Whether no live token would be left before the next run", &|token| {
        Some(token.at_risk.into())
    });
    let outcomes = Gauges::default();
    for token in &report.tokens {
        let mut labels = labels(token);
        labels.push(("outcome", token.outcome.word().to_owned()));
        outcomes.get_or_create(&labels).set(1);
    }
    registry.register("token_outcome", "What became of the token", outcomes);
    let (up, dies) = (Gauges::default(), Gauges::default());
    for connection in &report.connections {
        let labels = vec![("connection", plain(&connection.name)), ("host", plain(&connection.host))];
        up.get_or_create(&labels).set((!connection.dead).into());
        if let Some(at) = second(connection.dies) {
            dies.get_or_create(&labels).set(at);
        }
    }
    registry.register("connection_up", "Whether a credential of the connection is alive", up);
    registry.register("connection_expiry_timestamp_seconds", "When the credential that is logged in dies", dies);
    let of_run = |value: i64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(value);
        gauge
    };
    registry.register("run_timestamp_seconds", "When the run began", of_run(report.started.timestamp()));
    registry.register("run_next_timestamp_seconds", "When the next run comes", of_run(report.next_run.timestamp()));
    registry.register("run_level", "How bad it is in all, as an exit code", of_run(report.level().code().into()));
    let mut out = String::new();
    // Only a writer that fails makes this fail, and a string is none.
    let written: fmt::Result = encode(&mut out, &registry);
    written.map_or_else(|_| String::new(), |()| out)
}

fn labels(token: &TokenReport) -> Labels {
    let owner = token.owner.as_deref().map(plain).unwrap_or_default();
    vec![("token", plain(&token.name)), ("issuer", token.issuer.clone()), ("owner", owner)]
}

/// A label in one line; the encoder escapes what else has a meaning.
fn plain(label: &str) -> String {
    text::plain(label)
}
