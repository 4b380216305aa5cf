//! What only a person can make. No service stands behind it, and so no connection.

pub(super) mod token;
