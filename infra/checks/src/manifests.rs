//! Workspace inheritance, and packages that must not come in.

use crate::{File, Finding};

/// Packages that would cost every user a tool chain or a second TLS, and why they are refused.
pub const REFUSED: &[(&str, &str)] = &[
    ("openssl-sys", "TLS is rustls with ring"),
    ("native-tls", "TLS is rustls with ring"),
    (
        "aws-lc-sys",
        "the one provider of rustls is ring; two make it panic, and this one needs cmake",
    ),
    ("cmake", "a C compiler is all that a build may need"),
    ("protobuf-src", "protox stands in for protoc"),
    ("protoc-bin-vendored", "protox stands in for protoc"),
];

/// `Cargo.lock` holds none of [`REFUSED`].
pub fn the_lock_file_holds_no_refused_package(lock: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in lock.text.lines().enumerate() {
        let Some(name) = line
            .strip_prefix("name = \"")
            .and_then(|rest| rest.strip_suffix('"'))
        else {
            continue;
        };
        if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| name == *refused) {
            let message =
                format!("{name} came in: {why}; find who wants it with `cargo tree -i {name}`");
            findings.push(Finding::at(&lock.path, index + 1, message));
        }
    }
    findings
}

/// Each dependency of a member says `workspace = true`, so that versions and features are decided
/// once, in the root manifest.
pub fn dependencies_are_inherited(manifests: &[&File]) -> Vec<Finding> {
    manifests
        .iter()
        .flat_map(|manifest| own_dependencies(manifest))
        .collect()
}

fn own_dependencies(manifest: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_dependencies = false;
    for (index, line) in manifest.text.lines().enumerate() {
        let line = line.trim();
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            in_dependencies = table.ends_with("dependencies");
            if table.contains("dependencies.") {
                let message =
                    "write the dependency on one line of its table, with `workspace = true`";
                findings.push(Finding::at(&manifest.path, index + 1, message));
            }
        } else if in_dependencies
            && line.contains('=')
            && !line.starts_with('#')
            && !is_inherited(line)
        {
            let message = format!(
                "`{line}` decides a version here: put it into [workspace.dependencies] of the root \
                 manifest and write `.workspace = true`"
            );
            findings.push(Finding::at(&manifest.path, index + 1, message));
        }
    }
    findings
}

fn is_inherited(line: &str) -> bool {
    let compact: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    compact.contains(".workspace=true")
        || compact.contains("{workspace=true")
        || compact.contains(",workspace=true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File {
            path: "x/Cargo.toml".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_refused_package_is_found_with_its_line() {
        let lock = file("[[package]]\nname = \"openssl-sys\"\nversion = \"0.9\"\n");
        assert_eq!(
            the_lock_file_holds_no_refused_package(&lock)[0].place,
            "x/Cargo.toml:2"
        );
        assert_eq!(
            the_lock_file_holds_no_refused_package(&file("name = \"openssl-probe\"")),
            []
        );
    }

    #[test]
    fn a_version_in_a_member_is_found_in_every_table() {
        for table in [
            "dependencies",
            "dev-dependencies",
            "build-dependencies",
            "target.'cfg(unix)'.dependencies",
        ] {
            let manifest = file(&format!(
                "[package]\nname = \"x\"\n[{table}]\nserde = \"1\"\n"
            ));
            assert_eq!(dependencies_are_inherited(&[&manifest]).len(), 1, "{table}");
        }
    }

    #[test]
    fn a_table_for_one_dependency_is_found() {
        let manifest = file("[dependencies.serde]\nversion = \"1\"\n");
        assert_eq!(dependencies_are_inherited(&[&manifest]).len(), 1);
    }

    #[test]
    fn inherited_dependencies_are_not_found() {
        let manifest = file(
            "[dependencies]\n# why\nserde.workspace = true\ntokio = { workspace = true, features = [\"x\"] }\n[lints]\nworkspace = true\n",
        );
        assert_eq!(dependencies_are_inherited(&[&manifest]), []);
    }
}
