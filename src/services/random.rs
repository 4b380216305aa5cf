//! `random/…`: what is made here, of the randomness of this machine, and is known to no service.

pub(super) mod secret;
