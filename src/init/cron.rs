//! How often the schedule runs: as `every:` says it, and as the five fields of cron.

/// The intervals that cron can keep, the shortest first; all of them divide a day or a week.
const KNOWN: &[(&str, u32)] = &[
    ("15m", 15),
    ("30m", 30),
    ("1h", 60),
    ("2h", 120),
    ("3h", 180),
    ("4h", 240),
    ("6h", 360),
    ("8h", 480),
    ("12h", 720),
    ("24h", 1440),
    ("1d", 1440),
    ("7d", 10080),
];

/// One of the intervals that cron can keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Every {
    minutes: u32,
    word: &'static str,
}

impl Every {
    /// The interval of that word.
    pub(super) fn read(word: &str) -> Result<Self, String> {
        let known = KNOWN.iter().find(|(known, _)| *known == word.trim());
        known.map(|(word, minutes)| Self { minutes: *minutes, word }).ok_or_else(|| {
            let all: Vec<&str> = KNOWN.iter().map(|(word, _)| *word).collect();
            format!("a schedule cannot run every `{}`; it can every {}", crate::text::plain(word), all.join(", "))
        })
    }

    /// As the config says it.
    pub(super) const fn word(self) -> &'static str {
        self.word
    }

    /// Five fields. The minute is never the full hour, when everybody's schedule runs and GitHub drops some, and it is
    /// another one for another project. <https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule>
    pub(super) fn cron(self, project: &str) -> String {
        let sum = project.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let minute = 1 + sum % (self.minutes.min(60) - 1);
        let minutes: Vec<String> =
            (minute..60).step_by(self.minutes.min(60) as usize).map(|at| at.to_string()).collect();
        let hours = match self.minutes {
            ..=60 => "*".to_owned(),
            1440.. => (1 + sum % 5).to_string(),
            minutes => format!("*/{}", minutes / 60),
        };
        let day = if self.minutes > 1440 { "1" } else { "*" };
        format!("{} {hours} * * {day}", minutes.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interval_has_its_five_fields() {
        let all: Vec<String> =
            KNOWN.iter().map(|(word, _)| format!("{word}: {}", Every::read(word).unwrap().cron("acme/app"))).collect();
        insta::assert_snapshot!(all.join("\n"), @"
        15m: 2,17,32,47 * * * *
        30m: 8,38 * * * *
        1h: 43 * * * *
        2h: 43 */2 * * *
        3h: 43 */3 * * *
        4h: 43 */4 * * *
        6h: 43 */6 * * *
        8h: 43 */8 * * *
        12h: 43 */12 * * *
        24h: 43 5 * * *
        1d: 43 5 * * *
        7d: 43 5 * * 1
        ");
    }

    #[test]
    fn no_project_runs_at_the_full_hour_and_not_all_at_the_same_minute() {
        let projects: Vec<String> = (0..200).map(|number| format!("acme/app-{number}")).collect();
        for (word, _) in KNOWN {
            let every = Every::read(word).unwrap();
            let crons: std::collections::BTreeSet<String> =
                projects.iter().map(|project| every.cron(project)).collect();
            assert!(crons.len() > 5, "{word}: {crons:?}");
            assert!(crons.iter().all(|cron| !cron.starts_with("0 ") && !cron.starts_with("0,")), "{word}: {crons:?}");
            assert!(crons.iter().all(|cron| cron.split(' ').count() == 5), "{word}: {crons:?}");
        }
    }

    #[test]
    fn what_cron_cannot_keep_is_refused_with_what_it_can() {
        assert_eq!(
            Every::read("5h").unwrap_err(),
            "a schedule cannot run every `5h`; it can every 15m, 30m, 1h, 2h, 3h, 4h, 6h, 8h, 12h, 24h, 1d, 7d"
        );
        assert!(Every::read("").is_err() && Every::read("12 h").is_err());
        assert!(Every::read("30m").unwrap() < Every::read("12h").unwrap());
    }
}
