//! What is done with a token, and why: tables of cases, one a row, and laws that hold for every input.

#[cfg(test)]
mod planning {
    mod dates;
    mod laws;
    mod limits;
    mod pairs;
    mod reasons;
    mod refusals;
    mod retire;
    mod strategies;
    mod table;
}
