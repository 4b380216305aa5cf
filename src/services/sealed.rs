//! Values that are kept for others: encrypted for those who may read them.

pub(super) mod file;
