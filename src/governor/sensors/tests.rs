//! Owns: what the sensors are held to, on machines made of files as the kernel documents them.
//! Never knows: this machine.
#![expect(clippy::disallowed_methods, reason = "tests begin at any moment")]

use super::*;
use crate::governor::moment::{Frequency, FrequencyGovernor, Processor, Throttling};
use std::fs;

mod machines;

/// A machine of files.
struct Made(tempfile::TempDir);

impl Made {
    fn new(files: &[(&str, &str)]) -> Self {
        let machine = Self(tempfile::tempdir().expect("a folder"));
        for (path, text) in files {
            machine.write(path, text);
        }
        machine
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn remove(&self, path: &str) {
        fs::remove_dir_all(self.0.path().join(path)).expect("removed");
    }

    fn sensors(&self) -> Sensors {
        Sensors::new(self.0.path())
    }

    fn moment(&self) -> Snapshot {
        self.sensors().read(Instant::now())
    }

    fn zone(&self, number: usize, kind: &str, temp: &str) {
        let folder = format!("sys/class/thermal/thermal_zone{number}");
        self.write(&format!("{folder}/type"), format!("{kind}\n"));
        self.write(&format!("{folder}/temp"), format!("{temp}\n"));
    }
}

/// Version 2 of control groups, where systemd mounts it.
const MOUNT: (&str, &str) = (
    "proc/self/mountinfo",
    "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
);

fn near(value: Option<f32>, wanted: f32) -> bool {
    value.is_some_and(|value| (value - wanted).abs() < 0.1)
}

#[test]
fn a_machine_that_tells_nothing_has_no_readings() {
    assert_eq!(Made::new(&[]).moment(), Snapshot::default());
}

#[test]
fn processors_are_an_average_since_the_last_moment() {
    let own = |ticks| format!("7 (node) S 1 7 7 0 -1 0 1 0 0 0 {ticks} 0 0 0 20 0 1 0 1 2");
    let machine = Made::new(&[
        ("proc/stat", "cpu  100 0 100 800 0 0 0 0 50 0\ncpu0 1\n"),
        ("proc/self/stat", &own(10)),
    ]);
    let mut sensors = machine.sensors();
    let now = Instant::now();
    assert_eq!(sensors.read(now).cpu_percent, None);
    machine.write("proc/stat", "cpu  150 0 125 820 5 0 0 0 90 0\n");
    machine.write("proc/self/stat", own(30));
    // 75 of 100 ticks, waiting for a disk is idle; 20 of them our own
    let second = now + Duration::from_secs(1);
    let moment = sensors.read(second);
    assert_eq!(
        (moment.cpu_percent, moment.machine_cpu_percent),
        (Some(75.0), Some(75.0))
    );
    assert_eq!(moment.own_cpu_percent, Some(20.0));
    // at the same tick nothing new is known
    assert_eq!(sensors.read(second).cpu_percent, Some(75.0));
    // a file that is gone says nothing
    machine.write("proc/stat", "");
    let later = sensors.read(now + Duration::from_secs(2));
    assert_eq!((later.cpu_percent, later.own_cpu_percent), (None, None));
}

#[test]
fn the_quota_that_is_used_most_counts() {
    let machine = Made::new(&[
        ("proc/stat", "cpu  0 0 0 1000 0 0 0 0 0 0\n"),
        ("proc/self/cgroup", "0::/box/node\n"),
        MOUNT,
        ("sys/fs/cgroup/box/node/cpu.max", "200000 100000\n"),
        (
            "sys/fs/cgroup/box/node/cpu.stat",
            "usage_usec 1000000\nnr_periods 10\nnr_throttled 0\n",
        ),
        ("sys/fs/cgroup/box/cpu.max", "50000 100000\n"),
        (
            "sys/fs/cgroup/box/cpu.stat",
            "usage_usec 1000000\nnr_periods 10\nnr_throttled 2\n",
        ),
    ]);
    let mut sensors = machine.sensors();
    let now = Instant::now();
    sensors.read(now);
    machine.write("proc/stat", "cpu  45 0 0 1155 0 0 0 0 0 0\n");
    machine.write(
        "sys/fs/cgroup/box/node/cpu.stat",
        "usage_usec 1450000\nnr_periods 20\nnr_throttled 0\n",
    );
    machine.write(
        "sys/fs/cgroup/box/cpu.stat",
        "usage_usec 1450000\nnr_periods 20\nnr_throttled 7\n",
    );
    let moment = sensors.read(now + Duration::from_secs(1));
    // 0.45 s of 0.5 s; of the machine's 200 ticks 45
    assert!(near(moment.cpu_percent, 90.0), "{moment:?}");
    assert!(near(moment.machine_cpu_percent, 22.5));
    assert_eq!(moment.group.cores, Some(0.5));
    assert!(near(moment.group.throttled_percent, 50.0));
}

#[test]
fn the_tighter_limit_of_a_group_counts_and_what_can_be_dropped_is_free() {
    let machine = Made::new(&[
        (
            "proc/meminfo",
            "MemTotal: 1000 kB\nMemAvailable: 400 kB\nSwapTotal: 64 kB\nSwapFree: 64 kB\n",
        ),
        ("proc/self/cgroup", "0::/a\n"),
        MOUNT,
        ("sys/fs/cgroup/a/memory.max", "204800\n"),
        ("sys/fs/cgroup/a/memory.current", "194560\n"),
        (
            "sys/fs/cgroup/a/memory.stat",
            "anon 1\ninactive_file 51200\n",
        ),
    ]);
    let moment = machine.moment();
    let wanted = Memory {
        total: 204_800,
        available: 61_440,
        swap_total: 65_536,
        swap_free: 65_536,
    };
    assert_eq!(moment.memory, Some(wanted));
    assert_eq!(moment.memory_percent, Some(70.0));
    machine.write("sys/fs/cgroup/a/memory.max", "max\n");
    assert_eq!(machine.moment().memory_percent, Some(60.0));
}

#[test]
fn the_zone_near_the_processor_is_taken_whatever_others_say() {
    let machine = Made::new(&[]);
    machine.zone(0, "battery", "91000");
    machine.zone(1, "cpu-thermal", "48312");
    machine.zone(2, "gpu-thermal", "60000");
    let moment = machine.moment();
    assert_eq!(moment.temperature, Some(48.312));
    assert_eq!(moment.surroundings.sensor.as_deref(), Some("cpu-thermal"));
    assert_eq!(moment.surroundings.heat.len(), 3);
    // one that is not connected is none: the same chip's other sensor stands in, the battery never
    machine.zone(1, "cpu-thermal", "-273000");
    assert_eq!(machine.moment().temperature, Some(60.0));
    machine.zone(2, "gpu-thermal", "0");
    assert_eq!(machine.moment().temperature, None);
    // some kernels tell whole degrees
    machine.zone(1, "cpu-thermal", "51");
    assert_eq!(machine.moment().temperature, Some(51.0));
}

#[test]
fn of_many_processors_the_hottest_counts_each_time() {
    let machine = Made::new(&[]);
    machine.zone(0, "cpu0-thermal", "41000");
    machine.zone(1, "cpu1-thermal", "45000");
    let mut sensors = machine.sensors();
    let now = Instant::now();
    assert_eq!(sensors.read(now).temperature, Some(45.0));
    machine.zone(0, "cpu0-thermal", "70000");
    let later = sensors.read(now + Duration::from_secs(1));
    assert_eq!(later.temperature, Some(70.0));
}

#[test]
fn without_zones_the_monitor_tells_and_disks_are_left_asleep() {
    let machine = Made::new(&[
        ("sys/class/hwmon/hwmon0/name", "drivetemp\n"),
        ("sys/class/hwmon/hwmon0/temp1_input", "70000\n"),
        ("sys/class/hwmon/hwmon1/name", "k10temp\n"),
        ("sys/class/hwmon/hwmon1/temp1_input", "55000\n"),
    ]);
    let moment = machine.moment();
    assert_eq!(moment.temperature, Some(55.0));
    assert_eq!(moment.surroundings.heat.len(), 1, "the disk was not asked");
}

#[test]
fn a_sensor_that_goes_away_says_nothing_and_one_that_comes_is_found() {
    let machine = Made::new(&[]);
    machine.zone(0, "cpu-thermal", "50000");
    let mut sensors = machine.sensors();
    let now = Instant::now();
    assert_eq!(sensors.read(now).temperature, Some(50.0));
    machine.remove("sys/class/thermal");
    let at = |seconds| now + Duration::from_secs(seconds);
    assert_eq!(sensors.read(at(1)).temperature, None);
    machine.zone(3, "soc-thermal", "52000");
    assert_eq!(sensors.read(at(59)).temperature, None);
    assert_eq!(sensors.read(at(60)).temperature, Some(52.0));
}

#[test]
fn broken_sensors_break_nothing() {
    let cpu = "sys/devices/system/cpu/cpufreq/policy0";
    let machine = Made::new(&[
        ("proc/stat", "cpu  what\n"),
        ("proc/meminfo", "MemTotal: many kB\n"),
        ("proc/pressure/memory", "some avg10=\n"),
        ("proc/self/cgroup", "0::/../../etc\n"),
        ("proc/self/mountinfo", "a b - c\n"),
        ("proc/self/status", "VmRSS: x\n"),
        ("proc/cpuinfo", "CPU implementer : 0x\nCPU part\n:\n"),
        (&format!("{cpu}/scaling_cur_freq"), "<unknown>\n"),
        (&format!("{cpu}/cpuinfo_max_freq"), "99999999999999999999\n"),
        (
            "sys/devices/platform/soc/soc:firmware/get_throttled",
            "oops\n",
        ),
        ("sys/class/hwmon/hwmon0/name", "rpi_volt\n"),
    ]);
    machine.write("proc/device-tree/model", [0xFF, 0, 0xFE]);
    machine.write("proc/self/auxv", [1, 2, 3]);
    for (number, temp) in ["", "nan", "127500", "-40000", "99999999999"]
        .iter()
        .enumerate()
    {
        machine.zone(number, "cpu-thermal", temp);
    }
    // a folder where a file should be: reading fails, as it does where it is not permitted
    machine.write("proc/pressure/cpu/x", "");
    assert_eq!(machine.moment(), Snapshot::default());
    let found = machine.sensors().machine();
    assert_eq!((found.board, found.page_bytes), (None, None));
    assert_eq!(found.processors, []);
}

#[test]
fn thousands_of_zones_do_not_hold_it_up() {
    let machine = Made::new(&[]);
    for number in 0..300 {
        machine.zone(number, "cpu-thermal", "40000");
    }
    let moment = machine.moment();
    assert_eq!(moment.temperature, Some(40.0));
    assert!(moment.surroundings.heat.len() <= 256);
}

#[test]
fn held_back_is_told_by_limits_brakes_and_the_supply() {
    let cpu = "sys/devices/system/cpu/cpufreq/policy0";
    let machine = Made::new(&[
        (&format!("{cpu}/scaling_cur_freq"), "600000\n"),
        (&format!("{cpu}/scaling_max_freq"), "1500000\n"),
        (&format!("{cpu}/cpuinfo_max_freq"), "1500000\n"),
        ("sys/class/thermal/cooling_device0/type", "pwm-fan\n"),
        ("sys/class/thermal/cooling_device0/cur_state", "3\n"),
        ("sys/class/thermal/cooling_device1/type", "cpufreq-cpu0\n"),
        ("sys/class/thermal/cooling_device1/cur_state", "0\n"),
    ]);
    let moment = machine.moment();
    let wanted = Frequency {
        current: 600,
        limit: 1500,
        max: 1500,
    };
    assert_eq!(moment.frequency, Some(wanted));
    assert_eq!(
        moment.throttling.is_on(),
        Some(false),
        "a fan cools, it does not slow down"
    );
    machine.write(&format!("{cpu}/scaling_max_freq"), "1000000\n");
    machine.write("sys/class/thermal/cooling_device1/cur_state", "2\n");
    let wanted = Throttling {
        heat: Some(true),
        limit: Some(true),
        ..Throttling::default()
    };
    assert_eq!(machine.moment().throttling, wanted);
}

#[test]
fn the_firmwares_word_is_read_bit_by_bit() {
    // bits as raspberrypi.com/documentation has them for vcgencmd get_throttled
    let of = |word: &str| {
        let machine = Made::new(&[]);
        machine.write("sys/devices/platform/soc/soc:firmware/get_throttled", word);
        let it = machine.moment().throttling;
        [it.heat, it.power, it.limit, it.has_happened].map(|it| it == Some(true))
    };
    let [no, yes] = [false, true];
    assert_eq!(of("0\n"), [no, no, no, no]);
    assert_eq!(
        of("50000\n"),
        [no, no, no, yes],
        "it has happened, and does not now"
    );
    assert_eq!(of("50005\n"), [no, yes, no, yes], "too little voltage");
    assert_eq!(
        of("80008\n"),
        [yes, no, no, yes],
        "the soft limit of temperature"
    );
    assert_eq!(of("0x20002\n"), [no, no, yes, yes], "capped");
    assert_eq!(of("4\n"), [yes, no, no, no]);
}

#[test]
fn powersave_is_slow_unless_the_driver_means_something_else_by_it() {
    for (driver, governor, is_slow) in [
        ("cpufreq-dt", "powersave", true),
        ("cpufreq-dt", "schedutil", false),
        ("acpi-cpufreq", "powersave", true),
        // Documentation/admin-guide/pm/intel_pstate.rst, active mode
        ("intel_pstate", "powersave", false),
        ("amd-pstate-epp", "powersave", false),
        ("intel_cpufreq", "powersave", true),
    ] {
        let cpu = "sys/devices/system/cpu/cpufreq/policy0";
        let machine = Made::new(&[
            (&format!("{cpu}/scaling_driver"), driver),
            (&format!("{cpu}/scaling_governor"), governor),
        ]);
        let wanted = FrequencyGovernor {
            name: governor.into(),
            is_slow,
        };
        let found = machine.moment().surroundings.frequency_governor.clone();
        assert_eq!(found, Some(wanted), "{driver}");
    }
}
