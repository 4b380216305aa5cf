//! How long files are, and how much of the tree is tests.

use crate::none;
use crate::source::rust;

const LONGEST: usize = 500;

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let files = rust(&["src", "sandbox", "simulation", "tests"]);
    let long = files.iter().map(|file| (file, file.text.lines().count())).filter(|(_, lines)| *lines > LONGEST);
    let findings: Vec<String> = long.map(|(file, lines)| format!("{}: {lines} lines", file.path)).collect();
    none(&findings, "split it with `mod`; files stay near 200 lines");
}

#[test]
fn the_tests_are_at_least_as_long_as_the_code() {
    let source = rust(&["src"]);
    let code: usize = source.iter().map(|file| file.outside_tests().lines().count()).sum();
    let inside: usize = source.iter().map(super::source::File::lines_of_tests).sum();
    let outside: usize = rust(&["tests", "sandbox/tests"]).iter().map(|file| file.text.lines().count()).sum();
    let tests = inside + outside;
    let told = format!("{code} lines of code, {tests} lines of tests ({inside} beside the code, {outside} in suites)");
    assert!(tests >= code, "{told}: something that was added is not tested yet");
    // The captured output is shown with `--nocapture`.
    #[expect(clippy::print_stdout, reason = "the numbers are what this test is for")]
    {
        println!("{told}");
    }
}
