//! Words for people: times, durations, counts, and text that came from elsewhere.

use chrono::{DateTime, TimeDelta, Utc};

/// Text that came from a server or a file, made harmless for a terminal and for a job's log: no control characters,
/// nothing that hides or turns round what people read, no runner commands (GitHub reads `::` at the start of a line and
/// `##[` anywhere, GitLab `section_start:` and `section_end:`).
pub fn harmless(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if unseen(c) { ' ' } else { c };
        if c == ':' && clean.ends_with(':') {
            clean.push(' ');
        }
        clean.push(c);
    }
    let clean = clean.trim().replace("##[", "## [");
    clean.replace("section_start:", "section_start :").replace("section_end:", "section_end :")
}

/// Whether a character is not seen itself, and changes how others are: controls, line and paragraph separators, the marks
/// and overrides of direction, joiners, tags. <https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The same, line by line: what begins a line is kept, so that a list stays one.
pub fn harmless_lines(text: &str) -> String {
    let line = |line: &str| {
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        format!("{indent}{}", harmless(line))
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The same, and not endless.
pub fn plain(text: &str) -> String {
    let start: String = text.chars().take(300).collect();
    harmless(&start)
}

/// A point in time as people read it: `3 May 14:00 UTC`, with the year where it is another one than that of `now`.
pub fn when(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let same_year = at.format("%Y").to_string() == now.format("%Y").to_string();
    at.format(if same_year { "%-d %b %H:%M UTC" } else { "%-d %b %Y %H:%M UTC" }).to_string()
}

/// A length of time in its largest unit that keeps it honest: `45 min`, `7 h`, `12 d`.
pub fn span(length: TimeDelta) -> String {
    let minutes = length.num_minutes().abs();
    match minutes {
        0 => "less than a minute".to_owned(),
        1..=119 => format!("{minutes} min"),
        120..=2879 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.into_iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// `1 token`, `3 tokens`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Names in a sentence: `a`, `a and b`, `a, b and c`.
pub fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_elsewhere_gives_no_orders_to_a_terminal_or_a_runner() {
        assert_eq!(plain("a\x1b[31m\r\n::add-mask::x ##[set"), "a [31m  : :add-mask: :x ## [set");
        assert_eq!(plain("a:::b::::c"), "a: : :b: : : :c");
        assert_eq!(plain("1\u{202e}2\u{2028}3\u{200b}4\u{2066}5\u{feff}6\u{9b}7"), "1 2 3 4 5 6 7");
        assert_eq!(plain("section_start:1:x\r\x1b[0K section_end:2:x"), "section_start :1:x  [0K section_end :2:x");
        assert_eq!(plain(&"x".repeat(1000)).len(), 300);
    }

    #[test]
    fn lines_stay_lines_and_each_is_harmless() {
        assert_eq!(harmless_lines("fatal: a\n  b\r\n::error::c"), "fatal: a\n  b\n: :error: :c");
    }

    #[test]
    fn times_say_their_year_only_when_it_is_another_one() {
        let now: DateTime<Utc> = "2026-05-01T00:00:00Z".parse().unwrap();
        assert_eq!(when("2026-05-03T14:00:00Z".parse().unwrap(), now), "3 May 14:00 UTC");
        assert_eq!(when("2027-05-03T14:00:00Z".parse().unwrap(), now), "3 May 2027 14:00 UTC");
    }

    #[test]
    fn spans_are_told_in_one_unit() {
        let told: Vec<String> = [30, 60 * 45, 3600 * 7, 86400 * 12].map(|s| span(TimeDelta::seconds(s))).into();
        assert_eq!(told, ["less than a minute", "45 min", "7 h", "12 d"]);
    }

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(
            (list(&names[..1]), list(&names[..2]), list(&names)),
            ("a".into(), "a and b".into(), "a, b and c".into())
        );
        assert_eq!((count(1, "token"), count(2, "token")), ("1 token".into(), "2 tokens".into()));
    }
}
