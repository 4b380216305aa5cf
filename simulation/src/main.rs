//! `cargo run --profile simulation -p tokenwheel-simulation -- --seeds 100000`

use std::process::ExitCode;
use std::time::Instant;

use tokenwheel_simulation::faulty::Check;
use tokenwheel_simulation::history::{Choice, play};
use tokenwheel_simulation::tally::play_all;

const HELP: &str = "\
plays seeded histories of whole wheels, and holds them against the laws

  --seeds N            so many histories (1000)
  --from S             from this seed on (1)
  --seed S             this one only, with its story
  --scenario PART      only estates of this part, such as `styra-blind`
  --without-check C    with a check switched off: how often that is noticed
  --checks             each check switched off in turn, as a table
";

/// What was asked for.
struct Asked {
    seeds: u64,
    from: u64,
    only: Option<u64>,
    checks: bool,
    choice: Choice,
}

fn asked(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked { seeds: 1000, from: 1, only: None, checks: false, choice: Choice::default() };
    while let Some(word) = words.next() {
        let mut next = || words.next().ok_or_else(|| format!("{word} wants a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
        match word.as_str() {
            "--seeds" => asked.seeds = number(next()?)?,
            "--from" => asked.from = number(next()?)?,
            "--seed" => asked.only = Some(number(next()?)?),
            "--scenario" => asked.choice.part = Some(next()?),
            "--without-check" => {
                let name = next()?;
                let known: Vec<&str> = Check::ALL.iter().map(|(_, word, ..)| *word).collect();
                let check = Check::named(&name);
                asked.choice.without =
                    Some(check.ok_or_else(|| format!("no check `{name}`; there are {}", known.join(", ")))?);
            }
            "--checks" => asked.checks = true,
            _ => return Err(HELP.to_owned()),
        }
    }
    Ok(asked)
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it prints what was played; every value in it is made up"
)]
#[expect(clippy::disallowed_methods, reason = "a program of its own, with arguments of its own")]
fn main() -> ExitCode {
    let mut asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    if let Some(seed) = asked.only {
        asked.choice.told = true;
        let played = play(seed, &asked.choice);
        println!("{}", played.story);
        println!(
            "{}",
            if played.broken.is_empty() { "no law was broken".to_owned() } else { played.broken.join("\n") }
        );
        return if played.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if asked.checks {
        println!("| law | switched off | histories that broke a law | the first of them |\n|---|---|---|---|");
        let mut missed = false;
        for (check, word, law, what) in Check::ALL {
            let choice = Choice { without: Some(check), ..asked.choice.clone() };
            let tally = play_all(asked.from, asked.seeds, &choice);
            let first = tally.broken.iter().next();
            let first = first.map(|(seed, broken)| {
                let what = broken.first().map(|what| what.lines().next().unwrap_or_default());
                format!("seed {seed}: {}", what.unwrap_or_default())
            });
            println!(
                "| {law} | `{word}`: {what} | {} of {} | {} |",
                tally.broken.len(),
                tally.histories,
                first.unwrap_or_default()
            );
            missed |= tally.broken.is_empty();
        }
        return if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let begun = Instant::now();
    let tally = play_all(asked.from, asked.seeds, &asked.choice);
    println!("{}", tally.table());
    let seconds = begun.elapsed().as_secs();
    println!("{} histories in {seconds} s", tally.histories);
    for (seed, broken) in tally.broken.iter().take(10) {
        println!("\nseed {seed}, again with --seed {seed}:");
        broken.iter().take(3).for_each(|what| println!("  {what}"));
    }
    if tally.broken.is_empty() || asked.choice.without.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
