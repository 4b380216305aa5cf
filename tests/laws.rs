//! The laws of docs/design.md that only a whole run can keep or break, each as a story over the sandbox.

#[cfg(test)]
mod common;

#[cfg(test)]
mod laws {
    mod dates;
    mod elsewhere;
    mod first_run;
    mod forms;
    mod guards;
    mod itself;
    mod lease;
    mod memory;
    mod order;
    mod pair;
    mod pipeline;
    mod readers;
    mod single;
    mod stage;
    mod strangers;
    mod truth;
}
