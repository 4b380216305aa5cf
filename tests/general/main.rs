//! The general kinds through the built binary: any OAuth server, any API over HTTP, and what only a person makes.

#[cfg(test)]
mod api;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod presets;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod stage;
#[cfg(test)]
#[path = "../wheel/stage.rs"]
#[expect(dead_code, reason = "it serves another suite too")]
mod wheel;
