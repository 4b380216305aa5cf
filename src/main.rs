//! The binary: parse, call, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    tokenwheel::cli::main()
}
