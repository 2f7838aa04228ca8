//! Compiles every `.proto` file below `proto/`, without a protoc on the machine.
//!
//! Two things come out: Rust code, one module per package, nested as the packages are; and the
//! descriptors of all of it, from which `src/schema.rs` learns names, numbers and required fields.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const ROOT: &str = "proto";

/// Large fields that are rarely set. Kept inline they would make every resource a kilobyte long and
/// every operation seven, and a body of many empty ones a way to take the memory of everybody.
const BOXED: [&str; 14] = [
    ".mesos.v1.Offer.Operation.create_disk",
    ".mesos.v1.Offer.Operation.destroy_disk",
    ".mesos.v1.Offer.Operation.grow_volume",
    ".mesos.v1.Offer.Operation.launch_group",
    ".mesos.v1.Offer.Operation.shrink_volume",
    ".mesos.v1.Resource.disk",
    ".mesos.v1.Resource.reservation",
    ".mesos.v1.TaskInfo.check",
    ".mesos.v1.TaskInfo.container",
    ".mesos.v1.TaskInfo.discovery",
    ".mesos.v1.TaskInfo.executor",
    ".mesos.v1.TaskInfo.health_check",
    ".mesos.v1.Volume.image",
    ".mesos.v1.Volume.source",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.include_imports(true);
    compiler.open_files(proto_files(Path::new(ROOT))?)?;
    fs::write(
        out.join("descriptors.bin"),
        compiler.encode_file_descriptor_set(),
    )?;

    // Comments are kept for the generated code only, where they become its documentation.
    compiler.include_source_info(true);
    let mut config = tonic_prost_build::Config::new();
    config
        .bytes(["."])
        .btree_map(["."])
        .enable_type_names()
        .include_file("packages.rs");
    for field in BOXED {
        config.boxed(field);
    }
    tonic_prost_build::configure()
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}

/// All `.proto` files below `folder`, sorted, so that the build does not depend on directory order.
fn proto_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(proto_files(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
