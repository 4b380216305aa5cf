//! `gitlab/webhook`: what is changed in place, what is made anew, and what becomes of it when a run dies half-way.

#[cfg(test)]
mod anew;
#[cfg(test)]
mod binary;
#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;
#[cfg(test)]
mod cut_off;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod in_place;
#[cfg(test)]
mod signing;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod together;
#[cfg(test)]
#[path = "../wheel/stage.rs"]
#[expect(dead_code, reason = "it serves another suite too")]
mod wheel;
