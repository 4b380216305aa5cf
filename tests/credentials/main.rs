//! Deploy tokens, agents' and runners' tokens, and the places that are no variable of a project: a schedule's variable, a
//! secret of Styra, a sealed file. All of it by the built binary over the sandbox on loopback.

#[cfg(test)]
mod agent;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod runner;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod sealed;
#[cfg(test)]
mod secret;
#[cfg(test)]
mod stage;
#[cfg(test)]
#[path = "../wheel/stage.rs"]
#[expect(dead_code, reason = "it serves another suite too")]
mod wheel;
