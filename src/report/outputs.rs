//! What a later step or job may act on: a handful of facts, each in one line. Never a value.

use chrono::SecondsFormat;

use super::{Level, RunReport, TokenReport, table};
use crate::text;

/// The longest list of names; a later job's variables are few and short.
const LONGEST: usize = 1000;

impl RunReport {
    /// The facts by name, as GitHub names outputs.
    pub fn outputs(&self) -> Vec<(&'static str, String)> {
        let names = |is: &dyn Fn(&TokenReport) -> bool| {
            let names = self.tokens.iter().filter(|token| is(token)).map(|token| text::harmless(&token.name));
            joined(&names.collect::<Vec<_>>())
        };
        let next = self.tokens.iter().filter_map(|token| token.due).filter(|due| *due > self.started).min();
        vec![
            ("exit-code", self.level().code().to_string()),
            ("summary", text::harmless(&table::summary(self))),
            ("rotated", names(&|token| token.outcome.is_rotated())),
            ("failed", names(&|token| !matches!(token.level(), Level::Well | Level::Due))),
            ("at-risk", names(&|token| token.level() == Level::Now)),
            ("next-due", next.map(|due| due.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default()),
        ]
    }

    /// The same as a dotenv file. GitLab takes neither spaces nor quotes there, so that the sentence stays away.
    /// <https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv>
    pub fn dotenv(&self) -> String {
        let facts = self.outputs().into_iter().filter(|(name, _)| *name != "summary");
        let line = |(name, fact): (&str, String)| {
            let name = name.to_uppercase().replace('-', "_");
            let fact: String = fact.chars().map(|c| if c.is_whitespace() { '_' } else { c }).collect();
            format!("TOKENWHEEL_{name}={fact}\n")
        };
        facts.map(line).collect::<Vec<_>>().concat()
    }
}

/// Names with commas between them; those for which there is no room are counted.
fn joined(names: &[String]) -> String {
    let mut out = String::new();
    for (index, name) in names.iter().enumerate() {
        if out.len() + name.len() > LONGEST {
            return format!("{out},+{}", names.len() - index);
        }
        if index > 0 {
            out.push(',');
        }
        out.push_str(name);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_names_ends_with_the_number_of_those_left_out() {
        let names: Vec<String> = (0..300).map(|number| format!("token-{number}")).collect();
        let list = joined(&names);
        let (told, more) = list.rsplit_once(",+").unwrap();
        assert_eq!(told.split(',').count() + more.parse::<usize>().unwrap(), 300);
        assert!(list.len() < LONGEST + 10, "{}", list.len());
        assert_eq!((joined(&[]), joined(&names[..2])), (String::new(), "token-0,token-1".to_owned()));
    }
}
