//! Which cgroup hierarchies are mounted where, and where in them this process is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// Where it is mounted.
    pub(super) mount: PathBuf,
    /// The directory of this process's own group: `mount` or below it.
    pub(super) own: PathBuf,
}

/// All hierarchies of this machine that this process can see itself in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) unified: Option<Hierarchy>,
    /// By controller; hierarchies with two controllers stand here twice.
    pub(super) v1: BTreeMap<String, Hierarchy>,
}

impl Layout {
    pub(super) fn read() -> io::Result<Layout> {
        Ok(Layout::parse(
            &fs::read_to_string("/proc/self/mountinfo")?,
            &fs::read_to_string("/proc/self/cgroup")?,
        ))
    }

    /// `mountinfo` as in proc_pid_mountinfo(5), `membership` as in cgroups(7), `/proc/[pid]/cgroup`.
    fn parse(mountinfo: &str, membership: &str) -> Layout {
        let mut layout = Layout::default();
        for mount in mountinfo.lines().filter_map(Mount::parse) {
            if mount.kind == "cgroup2" {
                let own = group_of(membership, |controllers| controllers.is_empty());
                layout.unified = layout.unified.or_else(|| mount.hierarchy(own));
                continue;
            }
            for controller in mount.options.split(',') {
                let own = group_of(membership, |controllers| {
                    controllers.split(',').any(|name| name == controller)
                });
                if let Some(hierarchy) = mount.hierarchy(own) {
                    layout.v1.entry(controller.to_owned()).or_insert(hierarchy);
                }
            }
        }
        layout
    }
}

/// The path in a line `id:controllers:path` whose controllers match.
fn group_of(membership: &str, matches: impl Fn(&str) -> bool) -> Option<&str> {
    membership.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        matches(controllers).then_some(path)
    })
}

struct Mount<'a> {
    root: PathBuf,
    point: PathBuf,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    /// `None` for mounts of other file systems.
    fn parse(line: &'a str) -> Option<Mount<'a>> {
        let (place, filesystem) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (unescape(place.next()?), unescape(place.next()?));
        let mut filesystem = filesystem.split(' ');
        let kind = filesystem.next()?;
        let options = filesystem.nth(1)?;
        matches!(kind, "cgroup" | "cgroup2").then_some(Mount {
            root,
            point,
            kind,
            options,
        })
    }

    /// A container may see only a part of the hierarchy, which starts at `root`; a group outside it cannot be used.
    fn hierarchy(&self, own: Option<&str>) -> Option<Hierarchy> {
        let below = Path::new(own?).strip_prefix(&self.root).ok()?;
        if below.components().any(|part| part.as_os_str() == "..") {
            return None;
        }
        let own = if below.as_os_str().is_empty() {
            self.point.clone()
        } else {
            self.point.join(below)
        };
        Some(Hierarchy {
            mount: self.point.clone(),
            own,
        })
    }
}

/// mountinfo writes blanks and backslashes as a backslash and three octal digits.
fn unescape(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = (first == b'\\').then(|| tail.get(..3)).flatten();
        let value =
            octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match value {
            Some(byte) => (bytes.push(byte), rest = &tail[3..]),
            None => (bytes.push(first), rest = tail),
        };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Hierarchy, Layout, unescape};
    use std::path::Path;

    fn hierarchy(mount: &str, own: &str) -> Hierarchy {
        Hierarchy {
            mount: mount.into(),
            own: own.into(),
        }
    }

    #[test]
    fn pure_v2_under_systemd() {
        let layout = Layout::parse(
            "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n22 1 8:1 / / rw - ext4 /dev/sda1 rw\n",
            "0::/system.slice/insula-agent.service\n",
        );
        let own = "/sys/fs/cgroup/system.slice/insula-agent.service";
        assert_eq!(layout.unified, Some(hierarchy("/sys/fs/cgroup", own)));
        assert!(layout.v1.is_empty());
    }

    #[test]
    fn hybrid_with_two_controllers_in_one_hierarchy() {
        let layout = Layout::parse(
            "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
             35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
             41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            "4:memory:/machine/x\n1:cpu,cpuacct:/\n0::/\n",
        );
        assert_eq!(
            layout.unified,
            Some(hierarchy(
                "/sys/fs/cgroup/unified",
                "/sys/fs/cgroup/unified"
            ))
        );
        let cpu = hierarchy("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct");
        assert_eq!(
            (layout.v1.get("cpu"), layout.v1.get("cpuacct")),
            (Some(&cpu), Some(&cpu))
        );
        assert_eq!(
            layout.v1["memory"],
            hierarchy("/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/machine/x")
        );
        assert_eq!(layout.v1.get("rw"), None);
    }

    #[test]
    fn a_container_that_sees_only_its_own_part() {
        let mountinfo = "30 24 0:26 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let inside = Layout::parse(mountinfo, "0::/docker/ab/x\n");
        assert_eq!(
            inside.unified,
            Some(hierarchy("/sys/fs/cgroup", "/sys/fs/cgroup/x"))
        );
        assert_eq!(Layout::parse(mountinfo, "0::/elsewhere\n").unified, None);
        assert_eq!(
            Layout::parse("30 24 0:26 / /c rw - cgroup2 c rw\n", "0::/../x\n").unified,
            None
        );
    }

    #[test]
    fn blanks_in_paths_are_octal() {
        assert_eq!(unescape(r"/mnt/a\040b\134"), Path::new("/mnt/a b\\"));
        assert_eq!(unescape(r"/a\04"), Path::new(r"/a\04"));
    }
}
