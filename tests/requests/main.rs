//! What a run costs: no more requests than the floor of its kinds, none of them twice, and many at a time.

#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;
#[cfg(test)]
mod estate;
#[cfg(test)]
mod floor;
#[cfg(test)]
mod side_by_side;
