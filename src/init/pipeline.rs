//! The pipeline of the forge: the examples as they are, with this repository's own schedule and credentials in them.

use std::fmt::Write as _;

use super::{Beginning, Forge};

const GITLAB: &str = include_str!("../../examples/gitlab/.gitlab-ci.yml");
const GITLAB_INCLUDED: &str = include_str!("../../examples/gitlab/minimal.yml");
const GITHUB: &str = include_str!("../../examples/github/tokenwheel-rotate.yml");

/// The file of the pipeline.
pub struct Pipeline {
    /// Its path below the root.
    pub path: &'static str,
    /// Its text.
    pub text: String,
    /// What is to be added to one that is there already; where nothing can be added, it may not be there.
    pub addition: Option<String>,
}

/// The pipeline of a beginning.
pub(super) fn of(beginning: &Beginning) -> Pipeline {
    match beginning.forge {
        Forge::GitLab => {
            // Inputs of a pipeline are above everything else in its file: in one that is there, only the jobs are.
            let jobs = GITLAB_INCLUDED.lines().filter(|line| !line.starts_with('#') && *line != "---");
            let addition = jobs.fold(String::new(), |text, line| text + line + "\n");
            Pipeline { path: ".gitlab-ci.yml", text: GITLAB.to_owned(), addition: Some(addition) }
        }
        Forge::GitHub => Pipeline { path: ".github/workflows/tokenwheel.yml", text: github(beginning), addition: None },
    }
}

fn github(beginning: &Beginning) -> String {
    let own = std::iter::once("WHEEL_APP_KEY");
    let others = beginning.starts.iter().flat_map(|start| start.credentials).map(|credential| credential.name);
    let mut names = Some(own.chain(others));
    let mut out = String::from(
        "# Turns the tokens of tokenwheel.yml, by the clock and by hand. The secrets are of the environment `rotation`;\n\
         # those who must agree when somebody presses the button are reviewers of the environment `rotation-by-hand`.\n",
    );
    for line in GITHUB.lines().skip_while(|line| line.starts_with('#')) {
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.trim_start().starts_with("- cron: ") {
            let _ = writeln!(out, "{indent}- cron: \"{}\"", beginning.every.cron(&beginning.project));
        } else if line.contains(": ${{ secrets.") {
            // The credentials of the example stand together, and give way to those of this config.
            for name in names.take().into_iter().flatten() {
                let _ = writeln!(out, "{indent}{name}: ${{{{ secrets.{name} }}}}");
            }
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::{Facts, Wishes, settle};

    fn begun(forge: Forge, kind: &str) -> Pipeline {
        let facts = Facts { root: ".".into(), remote: Some(format!("https://{}.com/acme/app", forge.word())) };
        let wishes = Wishes { tokens: vec![kind.to_owned()], ..Wishes::default() };
        of(&settle(&facts, wishes, None).unwrap())
    }

    #[test]
    fn the_workflow_has_the_schedule_and_the_credentials_of_this_config_and_no_others() {
        let text = begun(Forge::GitHub, "zendesk/oauth-token").text;
        assert_eq!(text.matches("- cron: \"43 */12 * * *\"").count(), 1, "{text}");
        assert_eq!(text.matches("- cron: ").count(), 1, "{text}");
        let env: Vec<&str> = text.lines().map(str::trim).filter(|line| line.contains("secrets.")).collect();
        assert_eq!(
            env,
            [
                "WHEEL_APP_KEY: ${{ secrets.WHEEL_APP_KEY }}",
                "ZENDESK_SECRET: ${{ secrets.ZENDESK_SECRET }}",
                "ZENDESK_SPARE: ${{ secrets.ZENDESK_SPARE }}"
            ]
        );
        assert!(text.contains("    environment: rotation\n"), "the config names that environment: {text}");
        let rest = |text: &str| {
            let own = |line: &&str| !line.contains("secrets.") && !line.contains("- cron: ") && !line.starts_with('#');
            text.lines().filter(own).map(str::to_owned).collect::<Vec<String>>()
        };
        assert_eq!(rest(&text), rest(GITHUB), "all else is the example, line by line");
    }

    #[test]
    fn the_pipeline_at_gitlab_is_the_example_and_the_addition_its_shortest_form() {
        let pipeline = begun(Forge::GitLab, "gitlab/deploy-token");
        assert_eq!(pipeline.text, GITLAB);
        let addition = pipeline.addition.unwrap();
        assert!(addition.starts_with("include:\n  - "), "{addition}");
        for line in addition.lines() {
            assert!(GITLAB.contains(line.trim()), "the two would include something else: {line}");
        }
    }
}
