//! Owns: whole machines: what each would tell, file by file.
//! Never knows: how single sensors are read.
//!
//! Shapes of the files are those of the kernel's documentation: filesystems/proc.rst, admin-guide/cgroup-v2.rst,
//! accounting/psi.rst, driver-api/thermal/sysfs-api.rst, admin-guide/pm/cpufreq.rst; names are those of the boards' device trees in
//! its sources (arch/arm64/boot/dts/broadcom/bcm2711-rpi-4-b.dts, arch/arm/boot/dts/amlogic/meson8b-odroidc1.dts).

use super::*;

/// Pairs of words, as this machine has them.
fn auxv(pairs: &[(usize, usize)]) -> Vec<u8> {
    let words = pairs.iter().flat_map(|(key, value)| [*key, *value]);
    words.flat_map(usize::to_ne_bytes).collect()
}

fn processors(machine: &Machine) -> Vec<(&str, u32)> {
    let all = machine.processors.iter();
    all.map(|Processor { name, count }| (name.as_str(), *count))
        .collect()
}

#[test]
fn a_raspberry_pi_4() {
    let cpu = "sys/devices/system/cpu/cpufreq/policy0";
    let block = "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\n\
                 CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n\n";
    let made = Made::new(&[
        ("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0"),
        (
            "proc/device-tree/compatible",
            "raspberrypi,4-model-b\0brcm,bcm2711\0",
        ),
        (
            "proc/cpuinfo",
            &format!(
                "{}Revision\t: c03114\nSerial\t\t: 10000000deadbeef\n",
                block.repeat(4)
            ),
        ),
        ("proc/sys/kernel/osrelease", "6.12.25+rpt-rpi-v8\n"),
        (
            "proc/self/limits",
            "Max realtime priority     0                    0                    \n",
        ),
        (
            "proc/self/status",
            "VmRSS:\t   9000 kB\nRssAnon:\t    4000 kB\nVmSwap:\t      12 kB\nCapEff:\t0000000000000000\n",
        ),
        (
            "proc/meminfo",
            "MemTotal:        3884152 kB\nMemFree:         2900000 kB\nMemAvailable:    3400000 kB\nSwapTotal:        102396 kB\nSwapFree:         102396 kB\n",
        ),
        (
            "proc/pressure/cpu",
            "some avg10=1.50 avg60=0.90 avg300=0.30 total=123456\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        ),
        (
            "proc/pressure/memory",
            "some avg10=0.10 avg60=0.00 avg300=0.00 total=9\nfull avg10=0.05 avg60=0.00 avg300=0.00 total=4\n",
        ),
        ("sys/class/hwmon/hwmon0/name", "cpu_thermal\n"),
        ("sys/class/hwmon/hwmon0/temp1_input", "62318\n"),
        ("sys/class/hwmon/hwmon1/name", "rpi_volt\n"),
        ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"),
        (&format!("{cpu}/scaling_driver"), "cpufreq-dt\n"),
        (&format!("{cpu}/scaling_governor"), "ondemand\n"),
        (&format!("{cpu}/scaling_cur_freq"), "1000000\n"),
        (&format!("{cpu}/scaling_max_freq"), "1800000\n"),
        (&format!("{cpu}/cpuinfo_max_freq"), "1800000\n"),
        (
            "sys/devices/platform/soc/soc:firmware/get_throttled",
            "50005\n",
        ),
    ]);
    made.zone(0, "cpu-thermal", "62318");
    made.write(
        "proc/self/auxv",
        auxv(&[(33, 7), (16, 0x8ff), (6, 4096), (0, 0)]),
    );
    let mut files = Files::new(made.0.path());
    let machine = board::machine(&mut files, "aarch64");
    assert_eq!(
        machine.board.as_deref(),
        Some("Raspberry Pi 4 Model B Rev 1.4")
    );
    assert_eq!(
        machine.compatible,
        ["raspberrypi,4-model-b", "brcm,bcm2711"]
    );
    assert_eq!(processors(&machine), [("Cortex-A72", 4)]);
    assert_eq!(machine.kernel.as_deref(), Some("6.12.25+rpt-rpi-v8"));
    assert_eq!(
        (
            machine.page_bytes,
            machine.has_neon,
            machine.realtime_priority
        ),
        (Some(4096), Some(true), Some(0))
    );
    let moment = made.moment();
    assert_eq!(moment.temperature, Some(62.318));
    assert_eq!(
        moment.surroundings.heat.len(),
        1,
        "zone and monitor are one sensor"
    );
    let memory = moment.memory.expect("told");
    assert_eq!(
        (memory.total, memory.swap_total),
        (3_884_152 << 10, 102_396 << 10)
    );
    let own = moment.own_memory.expect("told");
    assert_eq!(
        (own.resident, own.private, own.swapped),
        (9000 << 10, 4000 << 10, 12 << 10)
    );
    assert_eq!(
        (moment.cpu_pressure, moment.memory_pressure),
        (Some(1.5), Some(0.1))
    );
    assert_eq!(moment.memory_pressure_full, Some(0.05));
    // throttled, because of the supply
    let throttling = moment.throttling;
    assert_eq!(
        (throttling.power, throttling.heat),
        (Some(true), Some(false))
    );
    assert_eq!(
        moment.frequency.map(|it| (it.current, it.limit, it.max)),
        Some((1000, 1800, 1800))
    );
}

#[test]
fn a_raspberry_pi_5_has_its_firmware_elsewhere() {
    let made = Made::new(&[]);
    made.write(
        "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled",
        "1\n",
    );
    assert_eq!(made.moment().throttling.power, Some(true));
}

#[test]
fn a_tv_box_of_32_bits_with_an_old_kernel() {
    // an S805 with Amlogic's kernel 3.10: no MemAvailable, no PSI, no RssAnon, one folder for each processor
    let cpu = |n| format!("sys/devices/system/cpu/cpu{n}/cpufreq");
    let made = Made::new(&[
        ("proc/device-tree/model", "AMLOGIC\0"),
        ("proc/device-tree/compatible", "amlogic,meson8b\0"),
        (
            "proc/cpuinfo",
            "Processor\t: ARMv7 Processor rev 1 (v7l)\nprocessor\t: 0\nBogoMIPS\t: 3.27\n\nFeatures\t: swp half thumb fastmult vfp \
             edsp neon vfpv3 tls vfpv4\nCPU implementer\t: 0x41\nCPU architecture: 7\nCPU variant\t: 0x0\nCPU part\t: 0xc05\n\
             CPU revision\t: 1\n\nHardware\t: Amlogic Meson8B\n",
        ),
        (
            "proc/meminfo",
            "MemTotal:         452000 kB\nMemFree:           40000 kB\nBuffers: 1000 kB\nCached:           150000 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n",
        ),
        ("proc/self/status", "VmRSS:\t   7000 kB\n"),
        (&format!("{}/scaling_governor", cpu(0)), "powersave\n"),
        (&format!("{}/scaling_cur_freq", cpu(0)), "96000\n"),
        (&format!("{}/cpuinfo_max_freq", cpu(0)), "1536000\n"),
        (&format!("{}/scaling_cur_freq", cpu(1)), "96000\n"),
        (&format!("{}/cpuinfo_max_freq", cpu(1)), "1536000\n"),
    ]);
    made.zone(0, "aml_thermal", "58");
    let mut files = Files::new(made.0.path());
    // 0x1fb8d7 is what a Cortex-A7 says, neon among it
    made.write("proc/self/auxv", auxv(&[(16, 0x1f_b8d7), (6, 4096)]));
    let machine = board::machine(&mut files, "arm");
    assert_eq!(processors(&machine), [("Cortex-A5", 1)]);
    assert_eq!(machine.has_neon, Some(true));
    made.write("proc/self/auxv", auxv(&[(16, 0x1f_b8d7 & !(1 << 12))]));
    assert_eq!(board::machine(&mut files, "arm").has_neon, Some(false));
    let moment = made.moment();
    assert_eq!(moment.temperature, Some(58.0), "whole degrees");
    let memory = moment.memory.expect("told");
    assert_eq!((memory.available, memory.swap_total), (190_000 << 10, 0));
    assert_eq!(moment.own_memory.map(|own| own.private), Some(7000 << 10));
    assert_eq!(
        moment.frequency.map(|it| (it.current, it.limit, it.max)),
        Some((96, 1536, 1536))
    );
    assert_eq!(moment.cpu_pressure, None);
    assert_eq!(moment.throttling.is_on(), None);
    let governor = moment.surroundings.frequency_governor.clone();
    assert!(governor.expect("told").is_slow);
}

#[test]
fn big_and_little_processors_are_told_apart() {
    // RK3399: four Cortex-A53 and two Cortex-A72, each with a clock of its own
    let block = |part| format!("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: {part}\n\n");
    let made = Made::new(&[
        (
            "proc/cpuinfo",
            &(block("0xd03").repeat(4) + &block("0xd08").repeat(2)),
        ),
        (
            "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq",
            "408000\n",
        ),
        (
            "sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq",
            "1416000\n",
        ),
        (
            "sys/devices/system/cpu/cpufreq/policy4/scaling_cur_freq",
            "1200000\n",
        ),
        (
            "sys/devices/system/cpu/cpufreq/policy4/scaling_max_freq",
            "1608000\n",
        ),
        (
            "sys/devices/system/cpu/cpufreq/policy4/cpuinfo_max_freq",
            "1800000\n",
        ),
    ]);
    let machine = board::machine(&mut Files::new(made.0.path()), "aarch64");
    assert_eq!(processors(&machine), [("Cortex-A53", 4), ("Cortex-A72", 2)]);
    let moment = made.moment();
    assert_eq!(
        moment.frequency.map(|it| (it.current, it.limit, it.max)),
        Some((1200, 1608, 1800))
    );
    assert_eq!(moment.throttling.limit, Some(true));
}

#[test]
fn a_virtual_machine_without_sensors() {
    let made = Made::new(&[
        (
            "proc/cpuinfo",
            "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) Processor @ 2.90GHz\n\nprocessor\t: 1\nmodel name\t: Intel(R) Xeon(R) Processor @ 2.90GHz\n",
        ),
        ("sys/class/dmi/id/sys_vendor", "QEMU\n"),
        ("sys/class/dmi/id/product_name", "To Be Filled By O.E.M.\n"),
        (
            "proc/self/status",
            "VmRSS: 5 kB\nCapEff:\t000001ffffffffff\n",
        ),
    ]);
    let machine = board::machine(&mut Files::new(made.0.path()), "x86_64");
    assert_eq!(machine.board.as_deref(), Some("QEMU"));
    assert_eq!(
        processors(&machine),
        [("Intel(R) Xeon(R) Processor @ 2.90GHz", 2)]
    );
    assert_eq!(
        (machine.has_neon, machine.realtime_priority),
        (None, Some(99))
    );
    let moment = made.moment();
    assert_eq!((moment.temperature, moment.frequency), (None, None));
    assert_eq!(moment.throttling, Throttling::default());
}

#[test]
fn real_time_is_a_matter_of_limits_and_of_the_group() {
    let limits = |soft| {
        (
            "proc/self/limits",
            format!("Max realtime priority     {soft}                    95                   \n"),
        )
    };
    let of = |files: &[(&str, String)]| {
        let made = Made::new(&[("proc/self/status", "CapEff:\t0000000000000000\n")]);
        for (path, text) in files {
            made.write(path, text);
        }
        board::machine(&mut Files::new(made.0.path()), "x86_64")
    };
    assert_eq!(of(&[]).realtime_priority, None);
    assert_eq!(of(&[limits("0")]).realtime_priority, Some(0));
    assert_eq!(of(&[limits("95")]).realtime_priority, Some(95));
    assert_eq!(of(&[limits("unlimited")]).realtime_priority, Some(99));
    let group = [
        limits("95"),
        ("proc/self/cgroup", "3:cpu:/docker/x\n".to_owned()),
        (
            "proc/self/mountinfo",
            "3 2 0:3 /docker/x /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n".to_owned(),
        ),
        ("sys/fs/cgroup/cpu/cpu.rt_runtime_us", "0\n".to_owned()),
    ];
    let machine = of(&group);
    assert_eq!(
        (machine.realtime_priority, machine.is_kept_from_realtime),
        (Some(0), true)
    );
}
