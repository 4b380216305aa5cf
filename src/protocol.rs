//! Protocols that more than one service speaks. They know the door to the network and what a token is, and nothing of
//! any service.

pub(crate) mod cluster;
pub(crate) mod disk;
pub(crate) mod oauth;
pub(crate) mod proof;
pub(crate) mod request;
pub(crate) mod sealed;
pub(crate) mod seen;
pub(crate) mod template;
