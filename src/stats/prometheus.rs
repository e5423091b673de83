//! Owns: the text that Prometheus reads: metric names of Lavalink (reference, 7), exposition format 0.0.4.
//! Never knows: HTTP, or where the figures come from.

mod machine;
mod quality;
mod sources;

use std::fmt::{Display, Write};

use super::system::{Cpu, Memory, Process};
pub use machine::Machine;
pub use quality::Quality;
pub use sources::{Resolves, RoutePlanner};

/// Content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of Lavalink's histogram of garbage collections, in seconds.
const GC_BUCKETS: [&str; 8] = ["0.025", "0.05", "0.1", "0.2", "0.4", "0.8", "1.6", "+Inf"];

/// Gaps that listeners have heard, for one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Underruns {
    /// The cause, as a label's value.
    pub cause: &'static str,
    /// How many gaps.
    pub gaps: u64,
    /// How many frames of 20 ms they lack together.
    pub frames: u64,
}

/// One player's part of the figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Player {
    /// Id of its session: letters and digits.
    pub session: String,
    /// Its guild.
    pub guild: u64,
    /// Its gaps by cause.
    pub underruns: Vec<Underruns>,
}

/// The figures behind the metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Players of connected sessions.
    pub players: u64,
    /// Of those, players with a track and not paused.
    pub playing_players: u64,
    /// Those by where their sound goes, as a label's value.
    pub playing_by_output: Vec<(&'static str, u64)>,
    /// Playbacks that ended by a panic.
    pub panics: u64,
    /// Gaps of all players since the start, by cause.
    pub underruns: Vec<Underruns>,
    /// How often stations were joined again since the start, with the reason as a label's value.
    pub rejoins: Vec<(&'static str, u64)>,
    /// What became of loads.
    pub resolves: Resolves,
    /// What became of the route planner's addresses, if there is one.
    pub route_planner: Option<RoutePlanner>,
    /// How often something was asked for again since the start, with the layer as a label's value.
    pub retries: Vec<(&'static str, u64)>,
    /// How the machine is doing, if it is watched.
    pub machine: Option<Machine>,
    /// Where the ladders of quality stand.
    pub quality: Vec<Quality>,
    /// Tracks that play.
    pub tracks: u64,
    /// Players and tracks that were not taken on since the start.
    pub refusals: u64,
    /// Players that exist, if their own series are wanted.
    pub each_player: Option<Vec<Player>>,
    /// Milliseconds since the start.
    pub uptime_ms: u64,
    /// Memory.
    pub memory: Memory,
    /// Processors.
    pub cpu: Cpu,
    /// The process.
    pub process: Process,
}

/// Writes the metrics; with `names` (of samples, as in the query `name[]`) only those.
#[must_use]
pub fn render(figures: &Figures, names: &[impl AsRef<str>]) -> String {
    let mut page = Page {
        text: String::new(),
        is_wanted: |name: &str| names.is_empty() || names.iter().any(|n| n.as_ref() == name),
    };
    lavalink(&mut page, figures);
    page.sample(
        "lavalink_rust_playback_panics_total",
        "Tracks that ended because a decoder or a filter broke.",
        "counter",
        Some(figures.panics),
    );
    page.gauges(
        "lavalink_rust_playing_players",
        "Players currently playing, by where their sound goes.",
        figures
            .playing_by_output
            .iter()
            .map(|(output, count)| (format!("output=\"{output}\""), *count)),
    );
    underruns(&mut page, figures);
    quality::quality(&mut page, figures);
    sources::resolves(&mut page, &figures.resolves);
    sources::route_planner(&mut page, figures.route_planner.as_ref());
    machine::machine(&mut page, figures.machine.as_ref());
    process(&mut page, &figures.process);
    page.text
}

fn lavalink(page: &mut Page<impl Fn(&str) -> bool>, figures: &Figures) {
    let Figures { memory, cpu, .. } = figures;
    page.gauge(
        "lavalink_players_total",
        "Total number of players connected.",
        Some(figures.players),
    );
    page.gauge(
        "lavalink_playing_players_total",
        "Number of players currently playing.",
        Some(figures.playing_players),
    );
    page.gauge(
        "lavalink_uptime_milliseconds",
        "Uptime of the node in milliseconds.",
        Some(figures.uptime_ms),
    );
    let free = memory.allocated.saturating_sub(memory.used);
    for (name, help, bytes) in [
        (
            "lavalink_memory_free_bytes",
            "Memory allocated and not used.",
            free,
        ),
        ("lavalink_memory_used_bytes", "Memory used.", memory.used),
        (
            "lavalink_memory_allocated_bytes",
            "Memory allocated.",
            memory.allocated,
        ),
        (
            "lavalink_memory_reservable_bytes",
            "Memory that can be had.",
            memory.reservable,
        ),
    ] {
        page.gauge(name, help, Some(bytes));
    }
    page.gauge(
        "lavalink_cpu_cores",
        "Number of processors.",
        Some(cpu.cores),
    );
    page.gauge(
        "lavalink_cpu_system_load_percentage",
        "Load of the machine, 0 to 1.",
        Some(cpu.system_load),
    );
    page.gauge(
        "lavalink_cpu_lavalink_load_percentage",
        "Load by this process, 0 to 1.",
        Some(cpu.process_load),
    );
    page.empty_histogram(
        "lavalink_gc_pauses_seconds",
        "Pauses of garbage collection: none here.",
    );
}

fn underruns(page: &mut Page<impl Fn(&str) -> bool>, figures: &Figures) {
    let of_all = |value: fn(&Underruns) -> u64| {
        let all = figures.underruns.iter();
        all.map(move |u| (format!("cause=\"{}\"", u.cause), value(u)))
    };
    page.counters(
        "lavalink_rust_underruns_total",
        "Gaps that listeners have heard.",
        of_all(|u| u.gaps),
    );
    page.counters(
        "lavalink_rust_underrun_frames_total",
        "Frames of 20 ms that were missing in these gaps.",
        of_all(|u| u.frames),
    );
    page.counters(
        "lavalink_rust_stream_rejoins_total",
        "Radio stations that were joined again, by why they were left.",
        figures
            .rejoins
            .iter()
            .map(|(reason, count)| (format!("reason=\"{reason}\""), *count)),
    );
    page.counters(
        "lavalink_rust_fetch_retries_total",
        "Requests, rests of answers and links that were asked for again.",
        figures
            .retries
            .iter()
            .map(|(layer, count)| (format!("layer=\"{layer}\""), *count)),
    );
    let Some(players) = &figures.each_player else {
        return;
    };
    let of_each = |value: fn(&Underruns) -> u64| {
        players.iter().flat_map(move |player| {
            let Player { session, guild, .. } = player;
            player.underruns.iter().map(move |u| {
                let cause = u.cause;
                let labels = format!("session=\"{session}\",guild=\"{guild}\",cause=\"{cause}\"");
                (labels, value(u))
            })
        })
    };
    page.counters(
        "lavalink_rust_player_underruns_total",
        "Gaps that the listeners of a player have heard.",
        of_each(|u| u.gaps),
    );
    page.counters(
        "lavalink_rust_player_underrun_frames_total",
        "Frames of 20 ms that were missing in these gaps.",
        of_each(|u| u.frames),
    );
}

fn process(page: &mut Page<impl Fn(&str) -> bool>, process: &Process) {
    page.sample(
        "process_cpu_seconds_total",
        "Processor time used, in seconds.",
        "counter",
        process.cpu_seconds,
    );
    page.gauge(
        "process_start_time_seconds",
        "Unix time of the start, in seconds.",
        process.started_seconds,
    );
    for (name, help, value) in [
        (
            "process_open_fds",
            "Open file descriptors.",
            process.open_fds,
        ),
        (
            "process_max_fds",
            "Limit of open file descriptors.",
            process.max_fds,
        ),
        (
            "process_virtual_memory_bytes",
            "Address space in bytes.",
            process.virtual_bytes,
        ),
        (
            "process_resident_memory_bytes",
            "Resident memory in bytes.",
            process.resident_bytes,
        ),
    ] {
        page.gauge(name, help, value);
    }
}

struct Page<F> {
    text: String,
    is_wanted: F,
}

impl<F: Fn(&str) -> bool> Page<F> {
    fn gauge(&mut self, name: &str, help: &str, value: Option<impl Display>) {
        self.sample(name, help, "gauge", value);
    }

    fn sample(&mut self, name: &str, help: &str, kind: &str, value: Option<impl Display>) {
        if let Some(value) = value.filter(|_| (self.is_wanted)(name)) {
            self.head(name, help, kind);
            self.line(&format!("{name} {value}"));
        }
    }

    fn counters(&mut self, name: &str, help: &str, series: impl Iterator<Item = (String, u64)>) {
        self.series(name, help, "counter", series);
    }

    fn gauges(&mut self, name: &str, help: &str, series: impl Iterator<Item = (String, u64)>) {
        self.series(name, help, "gauge", series);
    }

    fn series(
        &mut self,
        name: &str,
        help: &str,
        kind: &str,
        series: impl Iterator<Item = (String, u64)>,
    ) {
        if (self.is_wanted)(name) {
            self.head(name, help, kind);
            for (labels, value) in series {
                self.line(&format!("{name}{{{labels}}} {value}"));
            }
        }
    }

    fn empty_histogram(&mut self, name: &str, help: &str) {
        let bucket = format!("{name}_bucket");
        let (count, sum) = (format!("{name}_count"), format!("{name}_sum"));
        // The filter goes by names of samples; that of the family itself is taken, too.
        let all = (self.is_wanted)(name);
        let wants = [&bucket, &count, &sum].map(|n| all || (self.is_wanted)(n));
        if wants.contains(&true) {
            self.head(name, help, "histogram");
        }
        if wants[0] {
            for bound in GC_BUCKETS {
                self.line(&format!("{bucket}{{le=\"{bound}\"}} 0"));
            }
        }
        for (wanted, sample) in [(wants[1], count), (wants[2], sum)] {
            if wanted {
                self.line(&format!("{sample} 0"));
            }
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.line(&format!("# HELP {name} {help}"));
        self.line(&format!("# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("a string takes all that is written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures {
            players: 3,
            playing_players: 2,
            playing_by_output: vec![("discord", 2), ("device", 0)],
            panics: 1,
            underruns: vec![Underruns {
                cause: "send_error",
                gaps: 2,
                frames: 17,
            }],
            rejoins: vec![("stalled", 3)],
            resolves: Resolves {
                hits: 7,
                ..Resolves::default()
            },
            route_planner: None,
            retries: vec![("fragment", 4)],
            machine: None,
            quality: vec![Quality {
                ladder: "sound",
                level: 2,
                changes: vec![("cpu", 3), ("calm", 1)],
            }],
            tracks: 2,
            refusals: 9,
            each_player: None,
            uptime_ms: 86_400_000,
            memory: Memory {
                used: 512,
                allocated: 1024,
                reservable: 4096,
            },
            cpu: Cpu {
                cores: 8,
                system_load: 0.25,
                process_load: 0.0,
            },
            process: Process {
                open_fds: Some(12),
                ..Process::default()
            },
        }
    }

    #[test]
    fn every_family_of_lavalink_is_there() {
        let text = render(&figures(), &[] as &[&str]);
        let families: Vec<_> = text
            .lines()
            .filter_map(|l| l.strip_prefix("# TYPE lavalink_"))
            // what is ours beside it
            .filter(|l| !l.starts_with("rust_"))
            .collect();
        assert_eq!(
            families,
            [
                "players_total gauge",
                "playing_players_total gauge",
                "uptime_milliseconds gauge",
                "memory_free_bytes gauge",
                "memory_used_bytes gauge",
                "memory_allocated_bytes gauge",
                "memory_reservable_bytes gauge",
                "cpu_cores gauge",
                "cpu_system_load_percentage gauge",
                "cpu_lavalink_load_percentage gauge",
                "gc_pauses_seconds histogram",
            ]
        );
        assert!(text.contains("\nlavalink_rust_playback_panics_total 1\n"));
        assert!(text.contains("\nlavalink_rust_playing_players{output=\"discord\"} 2\n"));
        assert!(text.contains("\nlavalink_rust_resolve_cache_hits_total 7\n"));
        assert!(text.contains("\nlavalink_rust_fetch_retries_total{layer=\"fragment\"} 4\n"));
        for line in [
            "quality_level{ladder=\"sound\"} 2",
            "quality_changes_total{ladder=\"sound\",cause=\"cpu\"} 3",
            "quality_changes_total{ladder=\"sound\",cause=\"calm\"} 1",
            "tracks 2",
            "refusals_total 9",
        ] {
            assert!(
                text.contains(&format!("\nlavalink_rust_{line}\n")),
                "{line}"
            );
        }
        assert!(text.contains("\nlavalink_memory_free_bytes 512\n"));
        assert!(text.contains("\nlavalink_cpu_system_load_percentage 0.25\n"));
        assert!(text.contains("\nlavalink_gc_pauses_seconds_bucket{le=\"+Inf\"} 0\n"));
    }

    #[test]
    fn what_the_system_does_not_tell_is_left_out() {
        let text = render(&figures(), &[] as &[&str]);
        assert!(text.contains("\nprocess_open_fds 12\n"));
        assert!(!text.contains("process_max_fds"));
    }

    #[test]
    fn players_have_series_of_their_own_where_they_are_wanted() {
        let mut figures = figures();
        let names = &[
            "lavalink_rust_underruns_total",
            "lavalink_rust_player_underrun_frames_total",
        ];
        let samples = |figures: &Figures| -> Vec<String> {
            let text = render(figures, names);
            let samples = text.lines().filter(|l| !l.starts_with('#'));
            samples.map(str::to_owned).collect()
        };
        let all = r#"lavalink_rust_underruns_total{cause="send_error"} 2"#;
        assert_eq!(samples(&figures), [all]);
        figures.each_player = Some(vec![Player {
            session: "abc".into(),
            guild: 5,
            underruns: figures.underruns.clone(),
        }]);
        let one = r#"lavalink_rust_player_underrun_frames_total{session="abc",guild="5",cause="send_error"} 17"#;
        assert_eq!(samples(&figures), [all, one]);
    }

    #[test]
    fn names_choose_samples() {
        assert_eq!(
            render(&figures(), &["lavalink_players_total", "nope"]),
            "# HELP lavalink_players_total Total number of players connected.\n# TYPE lavalink_players_total gauge\nlavalink_players_total 3\n"
        );
        let sum = render(&figures(), &["lavalink_gc_pauses_seconds_sum"]);
        assert!(
            sum.ends_with("histogram\nlavalink_gc_pauses_seconds_sum 0\n")
                && !sum.contains("bucket")
        );
    }
}
