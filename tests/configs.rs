//! The config: what it takes, and every message about what it does not take.

#[cfg(test)]
mod common;

#[cfg(test)]
mod configs {
    mod against;
    mod agree;
    mod connections;
    mod good;
    mod includes;
    mod keys;
    mod references;
    mod schema;
    mod secrets;
    mod stage;
    mod values;
    mod yaml;
}
