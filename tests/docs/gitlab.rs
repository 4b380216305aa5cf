//! What is shipped for GitLab: the template and the component are one, and no input can become a command or a value.

use serde_json::{Map, Value};

use crate::page::{Page, root};
use crate::yaml;

const TEMPLATE: &str = ".gitlab-ci-template.yml";
const COMPONENT: &str = "templates/rotate.yml";
const LOGGED_IN: [&str; 2] = [":rotate", ":emergency"];

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The header with the inputs, and the jobs.
fn documents() -> (Value, Map<String, Value>) {
    let text = read(TEMPLATE);
    let (header, jobs) = text.split_once("\n---\n").unwrap();
    (yaml::json(header), yaml::json(jobs).as_object().unwrap().clone())
}

fn inputs() -> Map<String, Value> {
    documents().0.pointer("/spec/inputs").and_then(Value::as_object).unwrap().clone()
}

/// A job with what it extends; what it says itself goes before.
fn job(jobs: &Map<String, Value>, ending: &str) -> Map<String, Value> {
    let key = format!("$[[ inputs.job-prefix ]]{ending}");
    let own = jobs.get(&key).or_else(|| jobs.get(&format!(".{key}"))).unwrap_or_else(|| panic!("no job {key}"));
    let own = own.as_object().unwrap();
    let mut whole = own.get("extends").and_then(Value::as_str).map_or_else(Map::new, |of| {
        job(jobs, of.trim_start_matches('.').strip_prefix("$[[ inputs.job-prefix ]]").unwrap())
    });
    for (name, value) in own {
        match (whole.get_mut(name), value) {
            (Some(Value::Object(under)), Value::Object(over)) => under.extend(over.clone()),
            _ => drop(whole.insert(name.clone(), value.clone())),
        }
    }
    whole
}

#[test]
fn the_component_is_the_template() {
    let of = |path: &str| read(path).split_once("\nspec:\n").map(|(_, rest)| rest.to_owned()).unwrap();
    assert_eq!(of(TEMPLATE), of(COMPONENT), "make {COMPONENT} of {TEMPLATE}: from `spec:` on they are the same");
}

#[test]
fn every_input_is_described_has_a_default_and_bounds_where_it_is_used_as_more_than_text() {
    for (name, input) in inputs() {
        assert!(input["description"].as_str().is_some_and(|text| text.ends_with('.')), "{name} is not described");
        assert!(input.get("default").is_some(), "{name}: a pipeline that starts by itself fills in nothing");
        let free = ["stage", "audience"].contains(&name.as_str());
        assert!(free || input.get("options").is_some() || input.get("regex").is_some(), "{name} has no bounds");
        // A pipeline may have no more than twenty.
        assert!(inputs().len() <= 20);
    }
}

#[test]
fn no_input_stands_in_a_script_and_none_is_expanded() {
    let (_, jobs) = documents();
    let mut handed_on = 0;
    for (name, job) in &jobs {
        for part in ["script", "before_script", "after_script"] {
            let told = job.get(part).map(Value::to_string).unwrap_or_default();
            assert!(!told.contains("$[["), "{name}: an input in a {part} is a command");
        }
        for (key, value) in job.get("variables").and_then(Value::as_object).into_iter().flatten() {
            if value.to_string().contains("$[[") {
                assert_eq!(
                    value["expand"],
                    Value::Bool(false),
                    "{name}: {key} would have the values of variables put in"
                );
                handed_on += 1;
            }
        }
    }
    assert!(handed_on >= 7, "{handed_on}");
}

#[test]
fn what_is_compared_in_a_rule_cannot_end_its_quotes() {
    let (_, jobs) = documents();
    let rules: Vec<String> = jobs.values().map(|job| job["rules"].to_string()).collect();
    for (name, input) in inputs() {
        if rules.iter().any(|rules| rules.contains(&format!("inputs.{name} "))) {
            let bounds = input.get("options").or_else(|| input.get("regex")).unwrap().to_string();
            assert!(!bounds.contains(r#"\""#) && !bounds.contains('\'') && !bounds.contains("[^"), "{name}: {bounds}");
        }
    }
}

#[test]
fn a_job_that_logs_in_is_never_cut_off_repeated_or_doubled_and_is_alone() {
    let (_, jobs) = documents();
    for ending in LOGGED_IN {
        let job = job(&jobs, ending);
        assert_eq!((&job["interruptible"], &job["retry"]), (&Value::Bool(false), &Value::from(0)), "{ending}");
        assert!(job.get("parallel").is_none(), "{ending}");
        assert_eq!(job["resource_group"], "$[[ inputs.resource-group ]]");
        assert_eq!(job["artifacts"]["when"], "always");
        assert_eq!(job["artifacts"]["access"], "developer");
        for part in ["before_script", "after_script", "cache", "needs"] {
            assert_eq!(job[part], Value::Array(Vec::new()), "{ending}: {part}");
        }
        let first: Vec<&Value> = job["rules"].as_array().unwrap().iter().take(2).collect();
        assert!(first.iter().all(|rule| rule["when"] == "never"), "{first:?}");
        assert!(first[0]["if"].as_str().unwrap().starts_with("$CI_COMMIT_REF_PROTECTED != "), "{first:?}");
        assert!(first[1]["if"].as_str().unwrap().starts_with("$CI_DEBUG_TRACE =~ "), "{first:?}");
        // Two variables of which one is empty are not what they seem in GitLab: `"" || $X` is empty.
        for rule in job["rules"].as_array().unwrap() {
            assert!(!rule["if"].as_str().unwrap().contains("||"), "{rule}");
        }
    }
    assert_eq!(job(&jobs, ":rotate")["allow_failure"]["exit_codes"], serde_json::json!([3]));
    let emergency = job(&jobs, ":emergency");
    assert!(emergency.get("allow_failure").is_none(), "an emergency that left something to do is not over");
    assert!(emergency["manual_confirmation"].as_str().is_some());
    for rule in emergency["rules"].as_array().unwrap() {
        assert!(["manual", "never"].contains(&rule["when"].as_str().unwrap()), "{rule}");
    }
}

#[test]
fn a_job_of_a_merge_request_has_no_identity_and_no_place_where_secrets_are() {
    let (_, jobs) = documents();
    for ending in [":base", ":check"] {
        let job = job(&jobs, ending);
        for part in ["id_tokens", "environment", "secrets"] {
            assert!(job.get(part).is_none(), "{ending} has {part}");
        }
        assert_eq!(job["rules"].as_array().unwrap().len(), 1);
    }
    assert!(job(&jobs, ":check")["script"].to_string().contains("--offline"));
}

#[test]
fn image_and_addresses_are_of_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    let image = format!("ghcr.io/tokenwheel/tokenwheel:{version}-gitlab");
    assert_eq!(inputs()["image"]["default"].as_str(), Some(image.as_str()));
    assert!(read(TEMPLATE).contains(&format!("/v{version}/{TEMPLATE}")));
    assert!(read(COMPONENT).contains(&format!("/rotate@{version}")));
    for entry in std::fs::read_dir(root().join("examples/gitlab")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for (at, _) in text.match_indices("/tokenwheel/tokenwheel/") {
            let rest = &text[at + "/tokenwheel/tokenwheel/".len()..];
            assert!(
                rest.starts_with(&format!("v{version}/")) || rest.starts_with(&format!("rotate@{version}")),
                "{}",
                rest.lines().next().unwrap_or_default()
            );
        }
    }
}

#[test]
fn the_page_has_every_input_with_its_default() {
    let page = Page::read("docs/gitlab.md");
    for (name, input) in inputs() {
        let default = match &input["default"] {
            Value::String(text) if text.is_empty() => String::new(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let row = format!("| `{name}` | {default} |").replace("|  |", "| |");
        assert!(page.text.contains(&row), "docs/gitlab.md has no row {row}");
    }
}
