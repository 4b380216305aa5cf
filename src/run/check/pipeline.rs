//! The pipeline that a check runs in: whether anything starts it, often enough, and with the values that are rotated.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::super::Run;
use super::cron::{Cron, longest_gap};
use super::workflow;
use crate::config::{Config, Source};
use crate::connection::{Job, Pipeline, Schedule};
use crate::destination::Given;
use crate::text;

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// What is to be mended.
    pub(super) troubles: Vec<String>,
    /// What could not be looked at.
    pub(super) notes: Vec<String>,
    /// How long the schedule may leave us alone, where that is longer than the config says.
    pub(super) gap: Option<TimeDelta>,
}

/// What this pipeline is given by name, and from where.
struct Names {
    levels: Vec<String>,
    /// What is rotated and given to its jobs.
    rotated: Vec<Given>,
    /// What the config reads from the environment.
    read: BTreeSet<String>,
}

impl Run {
    /// Looks at the pipeline that this job is part of.
    pub(super) async fn pipeline(&self, config: &Config) -> Found {
        let mut found = Found::default();
        let Some(job) = &self.wheel.job else { return found };
        if let Some(file) = job.workflow.as_ref().filter(|file| !workflow::is_here(config, file)) {
            found.notes.push(format!(
                "{file} is not checked out beside the config, and its cron was not compared with `every:`"
            ));
        }
        let environments = job.workflow.as_ref().map(|file| workflow::environments(config, file)).unwrap_or_default();
        let job = &Job { environments, ..job.clone() };
        let of_this_server = self.wheel.connections.iter().filter(|(name, linked)| {
            let in_ = self.connections.get(*name).is_some_and(|state| state.login.is_some() || state.arrived.is_some());
            in_ && linked.service == job.service && linked.connection.host() == job.host
        });
        let Some((_, linked)) = of_this_server.into_iter().next() else {
            let what = format!("no connection is logged in to {}", job.host);
            found.notes.push(format!("what starts the pipeline of {} was not looked at: {what}", job.project));
            return found;
        };
        let names = self.names(linked.connection.levels(job));
        match linked.connection.pipeline(job, &names.to_look_for()).await {
            Ok(pipeline) => names.judge(job, &pipeline, config.every, &mut found),
            Err(why) => {
                found
                    .notes
                    .push(format!("what starts the pipeline of {} could not be looked at: {why:#}", job.project));
            }
        }
        found
    }

    fn names(&self, levels: Vec<String>) -> Names {
        let places =
            self.wheel.tokens.values().filter(|token| !token.wanted.watch).flat_map(|token| &token.destinations);
        let rotated = places.filter_map(|place| place.gives()).collect();
        let credentials = self.wheel.connections.values().flat_map(|linked| linked.credentials.values());
        let own = self.wheel.tokens.values().filter_map(|token| token.own.as_ref());
        let name = |source: &Source| match source {
            Source::Environment(name) => Some(name.clone()),
            _ => None,
        };
        let read = credentials.chain(own).filter_map(|credential| name(&credential.source)).collect();
        Names { levels, rotated, read }
    }
}

impl Names {
    /// What would beat a rotated variable, by its place and its name.
    fn to_look_for(&self) -> Vec<(String, String)> {
        let mut wanted = BTreeSet::new();
        for given in &self.rotated {
            let Some(at) = self.levels.iter().position(|level| *level == given.by) else { continue };
            let stronger = self.levels.iter().take(at).filter(|level| !self.is_rotated(level, &given.name));
            wanted.extend(stronger.map(|level| (level.clone(), given.name.clone())));
        }
        wanted.into_iter().collect()
    }

    fn is_rotated(&self, by: &str, name: &str) -> bool {
        self.rotated.iter().any(|given| given.by == by && given.name == name)
    }

    fn judge(&self, job: &Job, pipeline: &Pipeline, every: TimeDelta, found: &mut Found) {
        let seen = |what: &String| format!("of the pipeline of {}, this could not be looked at: {what}", job.project);
        found.notes.extend(pipeline.unseen.iter().map(seen));
        found.troubles.extend(pipeline.stopped.clone());
        if let Some(schedules) = &pipeline.schedules {
            self.judge_schedules(job, schedules, every, found);
        }
        for (level, name) in &pipeline.found {
            let rotated = self.rotated.iter().filter(|given| given.name == *name && self.levels.contains(&given.by));
            let rotated: Vec<String> = rotated.map(|given| given.by.clone()).collect();
            found.troubles.push(format!(
                "{level} has a {name} of its own, which beats the rotated one of {}: its jobs never see what is rotated; \
                 remove one of the two",
                text::list(&rotated)
            ));
        }
    }

    fn judge_schedules(&self, job: &Job, schedules: &[Schedule], every: TimeDelta, found: &mut Found) {
        let project = &job.project;
        let starts = |schedule: &&Schedule| schedule.stopped.is_none() && schedule.protected != Some(false);
        let starting: Vec<&Schedule> = schedules.iter().filter(starts).collect();
        if starting.is_empty() {
            let whys: Vec<String> = schedules.iter().map(|schedule| self.why_not(schedule)).collect();
            let often = format!("one that runs at least every {} on a protected branch", text::span(every));
            found.troubles.push(if whys.is_empty() {
                format!("nothing starts this pipeline by itself: {project} has no pipeline schedule; make {often}")
            } else {
                format!("nothing starts this pipeline by itself: {}; {project} needs {often}", whys.join("; "))
            });
            return;
        }
        let mut zones: BTreeMap<&str, Vec<Cron>> = BTreeMap::new();
        for schedule in &starting {
            match Cron::parse(&schedule.cron) {
                Some(cron) => zones.entry(&schedule.zone).or_default().push(cron),
                None => found.notes.push(format!(
                    "{} of {project}: its cron `{}` is not understood here, and was not compared with `every:`",
                    schedule.name,
                    text::plain(&schedule.cron)
                )),
            }
            self.judge_variables(schedule, project, found);
        }
        // Schedules of one zone share the work; what those of two zones make together is not reckoned.
        let gap = zones.iter().filter_map(|(zone, crons)| Some(with_clock_change(longest_gap(crons)?, zone))).min();
        let named: Vec<String> = starting.iter().map(|schedule| schedule.name.clone()).collect();
        if let Some(gap) = gap.filter(|gap| is_too_slow(*gap, every)) {
            found.troubles.push(too_slow(&format!("{} of {project}", text::list(&named)), gap, every));
            found.gap = Some(gap);
        }
    }

    /// Why a schedule starts nothing that rotates.
    fn why_not(&self, schedule: &Schedule) -> String {
        if let Some(why) = &schedule.stopped {
            return format!("{}: {why}", schedule.name);
        }
        let held_back: BTreeSet<&str> = self
            .rotated
            .iter()
            .filter(|given| given.protected && self.levels.contains(&given.by))
            .map(|given| given.name.as_str())
            .collect();
        let held_back: Vec<String> = held_back.into_iter().map(str::to_owned).collect();
        let held_back = if held_back.is_empty() {
            String::new()
        } else {
            format!(", so that its jobs are not given {}", text::list(&held_back))
        };
        format!("{} runs on {}, which is not protected{held_back}", schedule.name, text::plain(&schedule.on))
    }

    /// What a schedule gives beats all that is kept elsewhere.
    fn judge_variables(&self, schedule: &Schedule, project: &str, found: &mut Found) {
        for name in &schedule.gives {
            let rotated = self.rotated.iter().any(|given| given.name == *name && self.levels.contains(&given.by));
            if self.is_rotated(&schedule.by, name) || !(rotated || self.read.contains(name)) {
                continue;
            }
            found.troubles.push(format!(
                "{} of {project} gives its pipelines a {} of its own, which beats the one that is kept in the project: \
                 they never see what is rotated; take it out of the schedule",
                schedule.name,
                text::plain(name)
            ));
        }
    }
}

/// Where the clocks are changed, a night is an hour longer once a year.
fn with_clock_change(gap: TimeDelta, zone: &str) -> TimeDelta {
    let steady = matches!(zone, "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT" | "Z" | "");
    if steady || gap <= TimeDelta::hours(1) { gap } else { gap + TimeDelta::hours(1) }
}

/// Whether a schedule leaves us alone for longer than the config reckons with, lateness included.
pub(super) fn is_too_slow(gap: TimeDelta, every: TimeDelta) -> bool {
    gap > every + every / 2
}

/// That a schedule is too slow, and what to write.
pub(super) fn too_slow(schedule: &str, gap: TimeDelta, every: TimeDelta) -> String {
    format!(
        "{schedule} may leave {} between two runs, and `every:` counts on one every {}: write `every: {}`, or let it run \
         more often",
        text::span(gap),
        text::span(every),
        written(gap)
    )
}

/// A length of time as the config has it.
fn written(length: TimeDelta) -> String {
    let minutes = length.num_minutes();
    match minutes {
        _ if minutes > 2880 && minutes % 1440 == 0 => format!("{}d", minutes / 1440),
        _ if minutes % 60 == 0 => format!("{}h", minutes / 60),
        _ => format!("{minutes}min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_as_the_config_reads_it() {
        let as_text = |minutes| written(TimeDelta::minutes(minutes));
        assert_eq!([90, 120, 1440, 1500, 4320].map(as_text), ["90min", "2h", "24h", "25h", "3d"]);
    }

    #[test]
    fn a_night_of_the_clock_change_is_an_hour_longer() {
        let hours = |zone| with_clock_change(TimeDelta::hours(24), zone).num_hours();
        assert_eq!((hours("UTC"), hours("Europe/London"), hours("Pacific Time (US & Canada)")), (24, 25, 25));
        assert_eq!(with_clock_change(TimeDelta::minutes(30), "Europe/London"), TimeDelta::minutes(30));
    }
}
