//! How long a schedule may leave us alone: the longest time between two of its starts.
//!
//! The five fields of cron, as GitHub and GitLab read them: days of the month and of the week are joined where both are
//! named, and a week begins with Sunday, which is 0 and 7. Whatever else a service understands is not understood here,
//! and said to be so. The crate `cron` counts days of the week from 1 and wants both days to fit.

use chrono::{Datelike as _, NaiveDate, TimeDelta};

/// When a schedule starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether days of the month are named.
    by_day: bool,
    /// Whether days of the week are named.
    by_weekday: bool,
}

const MONTHS: &[&str] = &["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Words for what is most used. <https://docs.gitlab.com/topics/cron/>
const WORDS: &[(&str, &str)] = &[
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl Cron {
    /// Reads five fields; `None` for what is not understood here.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = WORDS.iter().find(|(word, _)| *word == text).map_or(text, |(_, fields)| fields);
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else { return None };
        let week = field(weekdays, (0, 7), WEEKDAYS)?;
        Some(Self {
            minutes: field(minutes, (0, 59), &[])?,
            hours: field(hours, (0, 23), &[])?,
            days: field(days, (1, 31), &[])?,
            months: field(months, (1, 12), MONTHS)?,
            weekdays: (week | week >> 7) & 0x7f,
            by_day: !days.starts_with('*'),
            by_weekday: !weekdays.starts_with('*'),
        })
    }

    fn is_on(&self, date: NaiveDate) -> bool {
        let has = |set: u64, bit: u32| set & (1 << bit) != 0;
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().num_days_from_sunday());
        let fits = if self.by_day && self.by_weekday { day || weekday } else { day && weekday };
        has(self.months, date.month()) && fits
    }

    /// The minutes of a day.
    fn times(&self) -> Vec<i64> {
        let has = |set: u64, bit: i64| set & (1 << bit) != 0;
        let hours = (0..24).filter(|hour| has(self.hours, *hour));
        hours.flat_map(|hour| (0..60).filter(|minute| has(self.minutes, *minute)).map(move |m| hour * 60 + m)).collect()
    }
}

/// One field as a set of bits: `*`, `5`, `1-5`, `*/15`, `1-30/10`, `mon,wed`.
fn field(text: &str, (least, most): (u32, u32), names: &[&str]) -> Option<u64> {
    let number = |text: &str| -> Option<u32> {
        let named = || names.iter().position(|name| !name.is_empty() && name.eq_ignore_ascii_case(text));
        let number = text.parse().ok().or_else(|| u32::try_from(named()?).ok())?;
        (least <= number && number <= most).then_some(number)
    };
    let mut set = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (first, last) = match (range, range.split_once('-')) {
            ("*", _) => (least, most),
            (_, Some((first, last))) => (number(first)?, number(last)?),
            // `5/10` goes on from 5.
            (one, None) => (number(one)?, if step.is_some() { most } else { number(one)? }),
        };
        if first > last {
            return None;
        }
        let step = usize::try_from(step.unwrap_or(1)).ok()?;
        set |= (first..=last).step_by(step).fold(0, |set, bit| set | 1 << bit);
    }
    Some(set)
}

/// The longest time between two starts by any of these, by the clock on the wall; `None` where there is no second one.
pub(super) fn longest_gap(crons: &[Cron]) -> Option<TimeDelta> {
    // From one leap year over the next one, so that a 29 February comes twice.
    const DAYS: i64 = 366 * 5;
    let start = NaiveDate::from_ymd_opt(2024, 1, 1)?;
    let times: Vec<Vec<i64>> = crons.iter().map(Cron::times).collect();
    let (mut last, mut longest) = (None, None);
    for (day, date) in (0..DAYS).zip(start.iter_days()) {
        let on = crons.iter().zip(&times).filter(|(cron, _)| cron.is_on(date));
        let mut today: Vec<i64> = on.flat_map(|(_, times)| times).map(|time| day * 1440 + time).collect();
        today.sort_unstable();
        for now in today {
            if let Some(before) = last {
                longest = longest.max(Some(now - before));
            }
            last = Some(now);
        }
    }
    longest.map(TimeDelta::minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(texts: &[&str]) -> Option<i64> {
        let crons: Vec<Cron> = texts.iter().map(|text| Cron::parse(text).unwrap()).collect();
        longest_gap(&crons).map(|gap| gap.num_minutes())
    }

    #[test]
    fn the_longest_gap_counts_and_not_the_usual_one() {
        const HOUR: i64 = 60;
        const DAY: i64 = 24 * HOUR;
        for (cron, expected) in [
            ("* * * * *", 1),
            ("*/15 * * * *", 15),
            ("7 * * * *", HOUR),
            ("0 */6 * * *", 6 * HOUR),
            ("0 */5 * * *", 5 * HOUR),
            ("0 4 * * *", DAY),
            ("17 4,16 * * *", 12 * HOUR),
            ("0 9-17 * * *", 16 * HOUR),
            ("0 4 * * 1-5", 3 * DAY),
            ("0 4 * * MON", 7 * DAY),
            ("0 4 * * 7", 7 * DAY),
            ("0 0 1 * *", 31 * DAY),
            ("0 0 1 jan *", 366 * DAY),
            ("0 0 29 2 *", 1461 * DAY),
            ("5/20 3 * * *", 23 * HOUR + 20),
            ("@daily", DAY),
        ] {
            assert_eq!(gap(&[cron]), Some(expected), "{cron}");
        }
    }

    #[test]
    fn several_schedules_share_the_work() {
        assert_eq!(gap(&["0 4 * * *", "0 16 * * *"]), Some(12 * 60));
        assert_eq!(gap(&["0 4 * * *", "0 5 * * *"]), Some(23 * 60));
    }

    #[test]
    fn days_of_the_month_and_of_the_week_are_joined_where_both_are_named() {
        // The first of a month, and every Monday.
        assert_eq!(gap(&["0 0 1 * 1"]), Some(7 * 24 * 60));
        assert_eq!(gap(&["0 0 31 * *"]), Some(61 * 24 * 60));
        // Sunday is 0 and 7.
        assert_eq!(Cron::parse("0 0 * * 0"), Cron::parse("0 0 * * sun"));
        assert_eq!(Cron::parse("0 0 * * 7"), Cron::parse("0 0 * * 0"));
    }

    #[test]
    fn what_is_not_understood_is_none_and_what_never_comes_has_no_gap() {
        for text in [
            "",
            "0 4 * *",
            "0 0 4 * * *",
            "60 * * * *",
            "0 24 * * *",
            "0 0 * * mon#1",
            "0 0 L * *",
            "*/0 * * * *",
            "0 4 * * 5-1",
            "every day at noon",
            "0 0 0 * *",
            "a * * * *",
        ] {
            assert_eq!(Cron::parse(text), None, "{text}");
        }
        assert_eq!(gap(&["0 0 30 2 *"]), None);
    }
}
