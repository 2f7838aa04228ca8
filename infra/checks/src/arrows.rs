//! Which package of the workspace may depend on which, and who may name certain crates.

use crate::{DependencyKind, Finding, Package};

/// The allowed arrows: a package, and the packages of this workspace that it may depend on.
///
/// A package that is missing here is a finding, so that a new crate is a decision.
pub const ARROWS: &[(&str, &[&str])] = &[
    ("insula-types", &[]),
    ("insula-kernel", &["insula-types"]),
    ("insula-agent-core", &["insula-types"]),
    ("insula-proto", &["insula-types"]),
    ("insula-store", &["insula-types"]),
    ("insula-broker", &["insula-types", "insula-proto"]),
    ("insula-telemetry", &["insula-types"]),
    ("insula-pipeline", &["insula-types", "insula-kernel"]),
    ("insula-client", &["insula-types", "insula-proto"]),
    (
        "insula-sim",
        &[
            "insula-types",
            "insula-kernel",
            "insula-pipeline",
            "insula-agent-core",
        ],
    ),
    (
        "insula-server",
        &[
            "insula-types",
            "insula-kernel",
            "insula-pipeline",
            "insula-proto",
            "insula-store",
            "insula-broker",
            "insula-telemetry",
        ],
    ),
    ("insula-isolation", &[]),
    (
        "insula-agent",
        &[
            "insula-types",
            "insula-agent-core",
            "insula-proto",
            "insula-isolation",
            "insula-telemetry",
        ],
    ),
    (
        "insula-wasm-executor",
        &["insula-types", "insula-proto", "insula-telemetry"],
    ),
    (
        "insula-cli",
        &[
            "insula-client",
            "insula-server",
            "insula-agent",
            "insula-wasm-executor",
            "insula-telemetry",
            "insula-types",
        ],
    ),
    (
        "insula-loadtest",
        &[
            "insula-types",
            "insula-kernel",
            "insula-agent-core",
            "insula-proto",
            "insula-client",
            "insula-telemetry",
        ],
    ),
    (
        "insula-faults",
        &["insula-types", "insula-proto", "insula-client"],
    ),
    ("insula-observability", &["insula-faults"]),
    ("insula-sdk", &[]),
    ("insula-checks", &[]),
];

/// What tests, examples and benches may use beyond [`ARROWS`], because they play the other side.
pub const ARROWS_OF_TESTS: &[(&str, &[&str])] = &[
    ("insula-server", &["insula-client", "insula-agent-core"]),
    ("insula-agent", &["insula-wasm-executor"]),
    ("insula-cli", &["insula-proto"]),
    ("insula-loadtest", &["insula-server"]),
    ("insula-telemetry", &["insula-faults"]),
];

/// Crates from outside that only some packages may name, and why.
pub const RESERVED: &[(&str, &[&str], &str)] = &[
    ("sqlx", &["insula-store"], "SQL stands in the store only"),
    (
        "redis",
        &["insula-broker"],
        "Redis stands in the broker only",
    ),
    (
        "libc",
        &["insula-isolation", "insula-wasm-executor"],
        "system calls stand behind isolation and the Wasm sandbox",
    ),
    (
        "nix",
        &["insula-isolation", "insula-wasm-executor"],
        "system calls stand behind isolation and the Wasm sandbox",
    ),
    (
        "wasmtime",
        &["insula-wasm-executor"],
        "the Wasm engine is a process of its own",
    ),
    (
        "wasmtime-wasi",
        &["insula-wasm-executor"],
        "the Wasm engine is a process of its own",
    ),
];

/// Dependencies between packages of the workspace follow [`ARROWS`] and [`ARROWS_OF_TESTS`].
pub fn dependencies_follow_the_arrows(packages: &[Package]) -> Vec<Finding> {
    packages
        .iter()
        .flat_map(|package| package_follows_the_arrows(package, packages))
        .collect()
}

fn package_follows_the_arrows(package: &Package, packages: &[Package]) -> Vec<Finding> {
    let Some(allowed) = lookup(ARROWS, &package.name) else {
        return vec![Finding::new(
            manifest(package),
            format!(
                "{} has no row in ARROWS (infra/checks/src/arrows.rs): decide what it may use",
                package.name
            ),
        )];
    };
    let for_tests = lookup(ARROWS_OF_TESTS, &package.name).unwrap_or_default();
    let internal = |name: &str| packages.iter().any(|other| other.name == name);
    package
        .dependencies
        .iter()
        .filter(|dependency| internal(&dependency.name))
        .filter(|dependency| {
            let name = dependency.name.as_str();
            let test = dependency.kind == DependencyKind::Test;
            !(allowed.contains(&name) || test && for_tests.contains(&name))
        })
        .map(|dependency| {
            Finding::new(
                manifest(package),
                format!(
                    "{} must not depend on {}: move what is needed to a crate that both may use, \
                     or change the arrow in infra/checks/src/arrows.rs and say why in an ADR",
                    package.name, dependency.name
                ),
            )
        })
        .collect()
}

/// Only the packages named in [`RESERVED`] depend on the crates named there.
pub fn reserved_crates_stay_with_their_owners(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        for dependency in &package.dependencies {
            let reserved = RESERVED.iter().find(|(name, ..)| *name == dependency.name);
            let Some((name, owners, why)) = reserved else {
                continue;
            };
            if !owners.contains(&package.name.as_str()) {
                let message = format!("{} must not depend on {name}: {why}", package.name);
                findings.push(Finding::new(manifest(package), message));
            }
        }
    }
    findings
}

fn lookup<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    table
        .iter()
        .find(|(row, _)| *row == name)
        .map(|(_, allowed)| *allowed)
}

fn manifest(package: &Package) -> String {
    format!("{}/Cargo.toml", package.folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dependency;

    fn package(name: &str, dependencies: &[(&str, DependencyKind)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind)| Dependency {
                name: (*name).to_owned(),
                kind: *kind,
            })
            .collect();
        Package {
            name: name.to_owned(),
            folder: "somewhere".to_owned(),
            dependencies,
        }
    }

    #[test]
    fn a_forbidden_arrow_is_found_and_an_allowed_one_is_not() {
        let packages = [
            package("insula-store", &[]),
            package("insula-types", &[]),
            package(
                "insula-kernel",
                &[
                    ("insula-store", DependencyKind::Normal),
                    ("insula-types", DependencyKind::Normal),
                ],
            ),
        ];
        let findings = dependencies_follow_the_arrows(&packages);
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0]
                .message
                .contains("insula-kernel must not depend on insula-store")
        );
    }

    #[test]
    fn tests_may_play_the_other_side_and_shipped_code_may_not() {
        let client = package("insula-client", &[]);
        let of = |kind| {
            [
                client.clone(),
                package("insula-server", &[("insula-client", kind)]),
            ]
        };
        assert_eq!(
            dependencies_follow_the_arrows(&of(DependencyKind::Test)),
            []
        );
        assert_eq!(
            dependencies_follow_the_arrows(&of(DependencyKind::Normal)).len(),
            1
        );
    }

    #[test]
    fn a_package_without_a_row_is_found() {
        let findings = dependencies_follow_the_arrows(&[package("insula-surprise", &[])]);
        assert!(findings[0].message.contains("insula-surprise has no row"));
    }

    #[test]
    fn a_reserved_crate_is_found_in_every_table() {
        for kind in [
            DependencyKind::Normal,
            DependencyKind::Test,
            DependencyKind::Build,
        ] {
            let packages = [
                package("insula-server", &[("sqlx", kind)]),
                package("insula-store", &[("sqlx", kind)]),
            ];
            assert_eq!(reserved_crates_stay_with_their_owners(&packages).len(), 1);
        }
    }
}
