//! Owns: what the sensors are held to, on machines made of files as the kernel documents them.
//! Never knows: this machine.
#![expect(clippy::disallowed_methods, reason = "tests begin at any moment")]

use super::*;

struct Machine(tempfile::TempDir);

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let machine = Self(tempfile::tempdir().expect("a folder"));
        for (path, text) in files {
            machine.write(path, text);
        }
        machine
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn moment(&self) -> Snapshot {
        Sensors::new(self.0.path()).read(Instant::now())
    }
}

#[test]
fn a_machine_that_tells_nothing_has_no_readings() {
    assert_eq!(Machine::new(&[]).moment(), Snapshot::default());
}

#[test]
fn processors_are_an_average_since_the_last_moment() {
    let machine = Machine::new(&[("proc/stat", "cpu  100 0 100 800 0 0 0 0 50 0\ncpu0 1\n")]);
    let mut sensors = Sensors::new(machine.0.path());
    let now = Instant::now();
    assert_eq!(sensors.read(now).cpu_percent, None);
    machine.write("proc/stat", "cpu  150 0 125 820 5 0 0 0 90 0\n");
    // 75 of 100 ticks; waiting for a disk is idle
    assert_eq!(
        sensors.read(now + Duration::from_secs(1)).cpu_percent,
        Some(75.0)
    );
}

#[test]
fn a_group_that_may_use_half_a_processor_is_full_when_it_does() {
    let machine = Machine::new(&[
        ("proc/stat", "cpu  0 0 0 1000 0 0 0 0 0 0\n"),
        ("proc/self/cgroup", "0::/box/node\n"),
        ("sys/fs/cgroup/box/cpu.max", "50000 100000\n"),
        (
            "sys/fs/cgroup/box/cpu.stat",
            "usage_usec 1000000\nuser_usec 1\n",
        ),
    ]);
    let mut sensors = Sensors::new(machine.0.path());
    let now = Instant::now();
    sensors.read(now);
    machine.write("proc/stat", "cpu  45 0 0 1155 0 0 0 0 0 0\n");
    machine.write(
        "sys/fs/cgroup/box/cpu.stat",
        "usage_usec 1450000\nuser_usec 1\n",
    );
    let percent = sensors
        .read(now + Duration::from_secs(1))
        .cpu_percent
        .expect("known");
    assert!((percent - 90.0).abs() < 0.1, "{percent}");
}

const MEMINFO: &str = "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable:  400 kB\nCached: 200 kB\nSwapTotal: 64 kB\n";

#[test]
fn memory_is_what_can_be_had() {
    let machine = Machine::new(&[("proc/meminfo", MEMINFO)]);
    let moment = machine.moment();
    let wanted = Memory {
        total: 1_024_000,
        available: 409_600,
        swap_total: 65_536,
    };
    assert_eq!(
        (moment.memory, moment.memory_percent),
        (Some(wanted), Some(60.0))
    );
    machine.write("proc/meminfo", &MEMINFO.replace("MemAvailable", "Other"));
    assert_eq!(
        machine.moment().memory.expect("known").available,
        300 * 1024
    );
}

#[test]
fn the_tighter_limit_of_a_group_counts_and_what_can_be_dropped_is_free() {
    let machine = Machine::new(&[
        ("proc/meminfo", MEMINFO),
        ("proc/self/cgroup", "12:memory:/old\n0::/a\n"),
        ("sys/fs/cgroup/a/memory.max", "204800\n"),
        ("sys/fs/cgroup/a/memory.current", "153600\n"),
        (
            "sys/fs/cgroup/a/memory.stat",
            "anon 1\ninactive_file 51200\n",
        ),
    ]);
    let moment = machine.moment();
    assert_eq!(moment.memory_percent, Some(50.0));
    machine.write("sys/fs/cgroup/a/memory.max", "max\n");
    assert_eq!(machine.moment().memory_percent, Some(60.0));
}

#[test]
fn pressure_is_the_share_of_the_last_ten_seconds() {
    let text = "some avg10=3.25 avg60=1.00 avg300=0.00 total=5\nfull avg10=9.00 avg60=0 avg300=0 total=1\n";
    let machine = Machine::new(&[("proc/pressure/memory", text)]);
    assert_eq!(machine.moment().memory_pressure, Some(3.25));
}

#[test]
fn the_zone_near_the_processor_is_taken_whatever_others_say() {
    let zone = |n: usize, kind: &str, temp: &str| {
        let folder = format!("sys/class/thermal/thermal_zone{n}");
        [
            (format!("{folder}/type"), kind.to_owned()),
            (format!("{folder}/temp"), temp.to_owned()),
        ]
    };
    let all = [
        zone(0, "battery", "91000"),
        zone(1, "cpu-thermal", "48312"),
        zone(2, "gpu-thermal", "60000"),
    ];
    let files: Vec<(&str, &str)> = all
        .iter()
        .flatten()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let machine = Machine::new(&files);
    assert_eq!(machine.moment().temperature, Some(48.312));
    // one that is not connected is none
    machine.write("sys/class/thermal/thermal_zone1/temp", "-273000\n");
    assert_eq!(machine.moment().temperature, Some(91.0));
    // some kernels tell whole degrees
    machine.write("sys/class/thermal/thermal_zone1/temp", "51\n");
    assert_eq!(machine.moment().temperature, Some(51.0));
}

#[test]
fn without_zones_the_hardware_monitor_tells() {
    let machine = Machine::new(&[
        ("sys/class/hwmon/hwmon0/name", "nvme\n"),
        ("sys/class/hwmon/hwmon0/temp1_input", "70000\n"),
        ("sys/class/hwmon/hwmon1/name", "k10temp\n"),
        ("sys/class/hwmon/hwmon1/temp1_input", "55000\n"),
    ]);
    assert_eq!(machine.moment().temperature, Some(55.0));
}

#[test]
fn held_back_is_told_by_the_firmware_or_by_limits() {
    let cpu = "sys/devices/system/cpu/cpu0/cpufreq";
    let machine = Machine::new(&[
        (&format!("{cpu}/scaling_cur_freq"), "600000\n"),
        (&format!("{cpu}/scaling_max_freq"), "1500000\n"),
        (&format!("{cpu}/cpuinfo_max_freq"), "1500000\n"),
    ]);
    let moment = machine.moment();
    assert_eq!(
        (moment.frequency, moment.is_throttled),
        (Some((600, 1500)), Some(false))
    );
    machine.write(&format!("{cpu}/scaling_max_freq"), "1000000\n");
    assert_eq!(machine.moment().is_throttled, Some(true));
    let firmware = "sys/devices/platform/soc/soc:firmware/get_throttled";
    // it happened since the start, and does not now
    machine.write(firmware, "50000\n");
    assert_eq!(machine.moment().is_throttled, Some(false));
    machine.write(firmware, "0x50005\n");
    assert_eq!(machine.moment().is_throttled, Some(true));
}
