//! Owns: what reading control groups is held to, with files as the kernel documents them.
//! Never knows: this machine's groups.

use super::*;
use std::fs;

/// Version 2 as systemd mounts it (proc_pid_mountinfo(5)).
const TWO: &str = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n";

struct Tree(tempfile::TempDir);

impl Tree {
    fn new(own: &str, mounts: &str, files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().expect("a folder"));
        tree.write("proc/self/cgroup", own);
        tree.write("proc/self/mountinfo", mounts);
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn memory(&self) -> Option<GroupMemory> {
        let mut files = Files::new(self.0.path());
        Groups::find(&mut files).memory(&mut files)
    }

    fn quotas(&self) -> Vec<Quota> {
        let mut files = Files::new(self.0.path());
        Groups::find(&mut files).quotas(&mut files)
    }
}

#[test]
fn the_tightest_limit_on_the_way_up_counts() {
    let group = "sys/fs/cgroup/machine.slice";
    let tree = Tree::new(
        "0::/machine.slice/node.service\n",
        TWO,
        &[
            (&format!("{group}/node.service/memory.max"), "400000000\n"),
            (&format!("{group}/node.service/memory.high"), "max\n"),
            (
                &format!("{group}/node.service/memory.current"),
                "150000000\n",
            ),
            (
                &format!("{group}/node.service/memory.stat"),
                "anon 90000000\nfile 60000000\ninactive_file 50000000\n",
            ),
            (&format!("{group}/memory.max"), "1000000000\n"),
            (&format!("{group}/memory.current"), "950000000\n"),
            (&format!("{group}/memory.stat"), "inactive_file 0\n"),
        ],
    );
    let wanted = GroupMemory {
        limit: 400_000_000,
        available: 50_000_000,
        share: 0.95,
    };
    assert_eq!(tree.memory(), Some(wanted));
    // `high` holds back before `max` kills
    tree.write(&format!("{group}/node.service/memory.high"), "120000000\n");
    assert_eq!(tree.memory().map(|it| it.limit), Some(120_000_000));
}

#[test]
fn without_limits_there_is_nothing_to_say() {
    let tree = Tree::new(
        "0::/a\n",
        TWO,
        &[
            ("sys/fs/cgroup/a/memory.max", "max\n"),
            ("sys/fs/cgroup/a/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/a/memory.current", "5\n"),
        ],
    );
    assert_eq!((tree.memory(), tree.quotas()), (None, Vec::new()));
    let old = Tree::new(
        "4:memory:/\n1:cpu,cpuacct:/\n",
        "31 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n32 23 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
        &[
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ],
    );
    assert_eq!((old.memory(), old.quotas()), (None, Vec::new()));
}

#[test]
fn every_quota_on_the_way_up_is_told() {
    let tree = Tree::new(
        "0::/box/node\n",
        TWO,
        &[
            ("sys/fs/cgroup/box/node/cpu.max", "150000 100000\n"),
            (
                "sys/fs/cgroup/box/node/cpu.stat",
                "usage_usec 700\nuser_usec 1\nnr_periods 10\nnr_throttled 4\n",
            ),
            ("sys/fs/cgroup/box/cpu.max", "50000 100000\n"),
        ],
    );
    let node = Quota {
        cores: 1.5,
        used_us: Some(700),
        periods: Some((10, 4)),
    };
    let above = Quota {
        cores: 0.5,
        used_us: None,
        periods: None,
    };
    assert_eq!(tree.quotas(), [node, above]);
}

#[test]
fn a_container_of_version_1_is_shown_its_own_group_as_the_root() {
    // Docker without a namespace of groups: the path is the host's, what is mounted is the container's own
    let tree = Tree::new(
        "5:cpu,cpuacct:/docker/4f1c\n4:memory:/docker/4f1c\n0::/\n",
        "500 490 0:31 /docker/4f1c /sys/fs/cgroup/cpu,cpuacct ro,nosuid master:15 - cgroup cgroup rw,cpu,cpuacct\n\
         501 490 0:32 /docker/4f1c /sys/fs/cgroup/memory ro,nosuid master:16 - cgroup cgroup rw,memory\n",
        &[
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "134217728\n"),
            (
                "sys/fs/cgroup/memory/memory.stat",
                "inactive_file 7\ntotal_inactive_file 67108864\n",
            ),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "5000000\n"),
            (
                "sys/fs/cgroup/cpu,cpuacct/cpu.stat",
                "nr_periods 100\nnr_throttled 3\nthrottled_time 9\n",
            ),
        ],
    );
    let memory = GroupMemory {
        limit: 256 << 20,
        available: 192 << 20,
        share: 0.25,
    };
    assert_eq!(tree.memory(), Some(memory));
    let quota = Quota {
        cores: 2.0,
        used_us: Some(5000),
        periods: Some((100, 3)),
    };
    assert_eq!(tree.quotas(), [quota]);
}

#[test]
fn a_path_outside_of_what_is_shown_is_the_mount_itself() {
    let mount = Mount::read(TWO.trim_end()).expect("a mount");
    assert_eq!(mount.folders("/../other"), [Path::new("/sys/fs/cgroup")]);
    assert_eq!(mount.folders("/"), [Path::new("/sys/fs/cgroup")]);
    assert_eq!(mount.folders("/a/b").len(), 3);
    let deep = "/x".repeat(1000);
    assert_eq!(mount.folders(&deep).len(), DEEPEST);
}

#[test]
fn both_versions_at_once_and_controllers_apart() {
    // as systemd's hybrid hierarchy has it
    let tree = Tree::new(
        "4:memory:/a\n2:cpuacct:/a\n1:cpu:/a\n0::/a\n",
        "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n34 31 0:31 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n\
         35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        &[
            ("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpuacct/a/cpuacct.usage", "7000\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000\n"),
            ("sys/fs/cgroup/cpu/a/cpu.rt_runtime_us", "0\n"),
        ],
    );
    let quotas = tree.quotas();
    assert_eq!(quotas.len(), 1);
    assert_eq!((quotas[0].cores, quotas[0].used_us), (0.5, Some(7)));
    assert_eq!(tree.memory().map(|it| it.limit), Some(1000));
    let mut files = Files::new(tree.0.path());
    let groups = Groups::find(&mut files);
    assert!(groups.is_kept_from_realtime(&mut files));
}

#[test]
fn garbage_is_no_group() {
    for (own, mounts) in [
        ("", ""),
        ("::::\n\n7\n", "- - -\n"),
        ("0::/x\n", "nonsense"),
        ("0::", TWO),
    ] {
        let tree = Tree::new(own, mounts, &[("sys/fs/cgroup/memory.max", "-5\n")]);
        assert_eq!((tree.memory(), tree.quotas()), (None, Vec::new()));
    }
}
