//! The contracts of `src/issuer.rs`, `src/destination.rs` and `src/shelf.rs`, held against every kind of the catalogue.
//! A kind without a fixture fails the suite; a new one needs a fixture and nothing else here.

#[cfg(test)]
mod common;

#[cfg(test)]
mod contract {
    mod atlassian;
    mod bench;
    mod clusters;
    mod credentials;
    mod destinations;
    mod faults;
    mod fixtures;
    mod general;
    mod github_issuers;
    mod github_places;
    mod issuers;
    mod leases;
    mod ledgers;
    mod places;
    mod shelves;
    mod variables;
    mod vault;
    mod webhooks;
    mod zendesk;
}
