//! Reads the repository once: its packages as Cargo sees them, and its text files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use serde_json::Value;

/// The packages and text files of one checkout.
#[derive(Debug)]
pub struct Repository {
    /// The folder that holds the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// The members of the workspace, in Cargo's order.
    pub packages: Vec<Package>,
    /// Every text file that is not a build product, sorted by path.
    pub files: Vec<File>,
}

/// One member of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The package name, for example `insula-kernel`.
    pub name: String,
    /// Its folder, relative to the root, for example `control-plane/kernel`.
    pub folder: String,
    /// What its manifest names, tests and build scripts included.
    pub dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependency tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The name of the package depended on, also where the manifest renames it.
    pub name: String,
    /// In which table it stands.
    pub kind: DependencyKind,
}

/// The table that a dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyKind {
    /// `[dependencies]`
    Normal,
    /// `[dev-dependencies]`: tests, examples, benches.
    Test,
    /// `[build-dependencies]`
    Build,
}

/// One text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative to the root, with `/`.
    pub path: String,
    /// The whole content.
    pub text: String,
}

/// Why a repository could not be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Cargo did not start or reported an error.
    #[error("cargo metadata failed in {root}: {reason}")]
    Metadata {
        /// Where it ran.
        root: PathBuf,
        /// What it said.
        reason: String,
    },
    /// A file or folder could not be read.
    #[error("cannot read {path}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Repository {
    /// Reads the checkout that this crate was built in.
    ///
    /// # Errors
    /// When Cargo cannot describe the workspace, or a file cannot be read.
    pub fn open() -> Result<Self, OpenError> {
        Self::open_at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
    }

    fn open_at(root: &Path) -> Result<Self, OpenError> {
        let root = root.canonicalize().map_err(|source| OpenError::Read {
            path: root.into(),
            source,
        })?;
        let metadata = cargo_metadata(&root)?;
        let packages = parse_packages(&metadata, &root);
        let mut files = Vec::new();
        read_folder(&root, &root, &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self {
            root,
            packages,
            files,
        })
    }

    /// The files with this extension, for example `rs`.
    pub fn files_ending<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| {
            Path::new(&file.path)
                .extension()
                .is_some_and(|found| found == extension)
        })
    }
}

/// Without `--offline` Cargo could touch the network, and without `--no-deps` it would have to.
fn cargo_metadata(root: &Path) -> Result<Value, OpenError> {
    let failed = |reason: String| OpenError::Metadata {
        root: root.into(),
        reason,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root)
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
}

fn parse_packages(metadata: &Value, root: &Path) -> Vec<Package> {
    array(&metadata["packages"])
        .map(|package| parse_package(package, root))
        .collect()
}

fn parse_package(package: &Value, root: &Path) -> Package {
    let manifest = Path::new(text(&package["manifest_path"]));
    let folder = manifest.parent().unwrap_or(manifest);
    Package {
        name: text(&package["name"]).to_owned(),
        folder: relative(folder, root),
        dependencies: array(&package["dependencies"])
            .map(parse_dependency)
            .collect(),
    }
}

fn parse_dependency(dependency: &Value) -> Dependency {
    let kind = match dependency["kind"].as_str() {
        Some("dev") => DependencyKind::Test,
        Some("build") => DependencyKind::Build,
        _ => DependencyKind::Normal,
    };
    Dependency {
        name: text(&dependency["name"]).to_owned(),
        kind,
    }
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

fn read_folder(folder: &Path, root: &Path, files: &mut Vec<File>) -> Result<(), OpenError> {
    let unreadable = |path: &Path| {
        let path = path.to_path_buf();
        move |source| OpenError::Read { path, source }
    };
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let kind = path
            .symlink_metadata()
            .map_err(unreadable(&path))?
            .file_type();
        if kind.is_dir() && !is_product(&path, root) {
            read_folder(&path, root, files)?;
        } else if kind.is_file() {
            let bytes = fs::read(&path).map_err(unreadable(&path))?;
            // What is not UTF-8 is not text, and no rule is about it.
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(File {
                    path: relative(&path, root),
                    text,
                });
            }
        }
    }
    Ok(())
}

/// History, packages and everything that Cargo or another tool marked as a cache.
fn is_product(folder: &Path, root: &Path) -> bool {
    folder == root.join(".git")
        || folder == root.join("dist")
        || folder.join("CACHEDIR.TAG").exists()
        || folder.file_name().is_some_and(|name| name == "__pycache__")
}
