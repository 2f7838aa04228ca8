//! Rules, dashboards and the runbook name only what there is, and all of it that they should.

#![allow(clippy::unwrap_used, reason = "a test may end here")]

use std::path::PathBuf;

use insula_observability::{Dashboard, Table, faults, files_in, infra, read, rules};

const NONE: [String; 0] = [];

fn document(name: &str) -> String {
    read(&infra().join("../control-plane/docs").join(name))
}

fn table() -> Table {
    let table = Table::parse(&document("metrics.md"));
    assert!(table.len() > 50, "metrics.md has {} metrics", table.len());
    table
}

fn rule_files() -> Vec<PathBuf> {
    files_in(&infra().join("prometheus/rules"), ".yml")
}

fn of_rules(names: fn(&str) -> Vec<String>) -> Vec<String> {
    let files = rule_files();
    files.iter().flat_map(|file| names(&read(file))).collect()
}

fn dashboards() -> Vec<Dashboard> {
    let files = files_in(&infra().join("grafana/dashboards"), ".json");
    files
        .iter()
        .map(|file| {
            Dashboard::parse(&read(file))
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        })
        .collect()
}

#[test]
fn rules_name_only_what_there_is() {
    let (table, recorded) = (table(), of_rules(rules::recorded));
    assert!(!recorded.is_empty());
    for file in rule_files() {
        let text = rules::without_comments(&read(&file));
        assert_eq!(faults(&text, &table, &recorded), NONE, "{}", file.display());
    }
}

#[test]
fn tests_of_rules_feed_them_only_what_there_is() {
    let (table, recorded) = (table(), of_rules(rules::recorded));
    for file in files_in(&infra().join("prometheus/tests"), ".test.yml") {
        let text = rules::without_comments(&read(&file));
        assert_eq!(faults(&text, &table, &recorded), NONE, "{}", file.display());
    }
}

#[test]
fn dashboards_name_only_what_there_is() {
    let (table, recorded) = (table(), of_rules(rules::recorded));
    for dashboard in dashboards() {
        let mut count = 0;
        for (panel, expression) in dashboard.expressions() {
            let title = &dashboard.title;
            assert_eq!(
                faults(expression, &table, &recorded),
                NONE,
                "{title}, {panel}: {expression}"
            );
            count += 1;
        }
        assert!(count > 5, "{} shows next to nothing", dashboard.title);
    }
}

#[test]
fn there_is_a_dashboard_for_the_service_a_cell_and_a_tenant() {
    let mut uids: Vec<_> = dashboards().into_iter().map(|all| all.uid).collect();
    uids.sort();
    assert_eq!(uids, ["insula-cell", "insula-service", "insula-tenant"]);
}

#[test]
fn every_panel_has_a_place_a_title_and_asks_the_chosen_source() {
    for dashboard in dashboards() {
        for (index, panel) in dashboard.panels.iter().enumerate() {
            let what = format!("{}, {}", dashboard.title, panel.title);
            assert!(
                !panel.title.is_empty() && !panel.expressions.is_empty(),
                "{what}"
            );
            let [left, _, width, height] = panel.place;
            assert!(width > 0 && height > 0 && left + width <= 24, "{what}");
            assert!(
                panel.sources.iter().all(|source| source == "${datasource}"),
                "{what}: {:?}",
                panel.sources
            );
            let others = &dashboard.panels[index + 1..];
            let other = others.iter().find(|other| panel.overlaps(other));
            assert!(other.is_none(), "{what} lies upon {}", other.unwrap().title);
        }
    }
}

#[test]
fn every_recorded_series_is_used() {
    let mut users: Vec<String> = rule_files().iter().map(|file| read(file)).collect();
    for dashboard in dashboards() {
        users.extend(
            dashboard
                .expressions()
                .map(|(_, expression)| expression.to_owned()),
        );
    }
    for name in of_rules(rules::recorded) {
        let record = format!("record: {name}\n");
        let uses = |text: &String| text.matches(&name).count() - text.matches(&record).count();
        assert!(
            users.iter().map(uses).sum::<usize>() > 0,
            "nobody uses {name}"
        );
    }
}

#[test]
fn every_alert_has_a_section_in_the_runbook_and_every_section_an_alert() {
    let runbook = document("runbook.md");
    let sections = runbook.lines().filter_map(|line| line.strip_prefix("### "));
    let mut sections: Vec<String> = sections.map(str::to_owned).collect();
    let mut alerts = of_rules(rules::alerts);
    sections.sort();
    alerts.sort();
    assert_eq!(sections, alerts);
    for file in rule_files() {
        let text = read(&file);
        for alert in rules::alerts(&text) {
            let line = format!(
                "runbook: control-plane/docs/runbook.md#{}\n",
                alert.to_lowercase()
            );
            assert!(text.contains(&line), "{alert} leads elsewhere");
        }
    }
}

#[test]
fn every_alert_is_seen_firing_in_a_test_of_rules() {
    let tests = files_in(&infra().join("prometheus/tests"), ".test.yml");
    let tests: String = tests.iter().map(|file| read(file)).collect();
    for alert in of_rules(rules::alerts) {
        let fires = format!("alertname=\"{alert}\"");
        assert!(tests.contains(&fires), "no test of rules has {alert} fire");
    }
}
