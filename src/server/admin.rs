//! Owns: what the server tells about itself: version, information, statistics, metrics.
//! Never knows: sessions beyond their totals.

use std::time::Instant;

use super::{
    answer::{Answer, json, text},
    app::App,
    query::Query,
    system,
};
use crate::{
    governor::{ladder::Ladder, policy::Resource, quality::Status},
    protocol::server::{Cpu, Git, Info, Memory, Plugin, Stats, Version},
    session,
    source::{RouteCounts, resolves},
    stats::{
        prometheus::{self, Figures, Player, Quality, RoutePlanner, Underruns},
        system::System,
    },
};

/// Version of Lavalink whose API this is. Clients choose theirs by it, so it is not our own version.
const LAVALINK: Version = Version {
    semver: String::new(),
    major: 4,
    minor: 2,
    patch: 2,
    pre_release: String::new(),
};

/// `4.2.2`.
fn version_text() -> String {
    let Version {
        major,
        minor,
        patch,
        ..
    } = LAVALINK;
    format!("{major}.{minor}.{patch}")
}

/// The answer of `GET /v4/info`, made once.
pub fn info(source_managers: Vec<String>, filters: Vec<String>, plugins: Vec<Plugin>) -> Info {
    let own = env!("CARGO_PKG_VERSION");
    Info {
        version: Version {
            semver: version_text(),
            ..LAVALINK
        },
        build_time: unix_millis(option_env!("BUILD_TIME")),
        git: Git {
            branch: option_env!("BUILD_BRANCH").unwrap_or("unknown").to_owned(),
            commit: option_env!("BUILD_COMMIT").unwrap_or("unknown").to_owned(),
            commit_time: unix_millis(option_env!("BUILD_COMMIT_TIME")),
        },
        jvm: format!("none (lavalink-rust {own})"),
        lavaplayer: format!("lavalink-rust {own}"),
        source_managers,
        filters,
        plugins,
    }
}

/// From the build's Unix seconds (`build.rs`); 0 = unknown.
fn unix_millis(seconds: Option<&str>) -> i64 {
    let seconds: i64 = seconds.and_then(|s| s.parse().ok()).unwrap_or(0);
    seconds.saturating_mul(1000)
}

/// `GET /version`, with the original's content type.
pub fn version() -> Answer {
    text("text/plain;charset=ISO-8859-1", version_text())
}

/// What the machine's figures look like to clients: statistics without players and frames.
#[must_use]
pub fn machine(system: &System, now: Instant) -> Stats {
    let memory = system.memory();
    let cpu = system.cpu(now);
    Stats {
        frame_stats: None,
        players: 0,
        playing_players: 0,
        uptime: millis(system.uptime(now)),
        memory: Memory {
            free: memory.allocated.saturating_sub(memory.used),
            used: memory.used,
            allocated: memory.allocated,
            reservable: memory.reservable,
        },
        cpu: Cpu {
            cores: cpu.cores,
            system_load: cpu.system_load,
            lavalink_load: cpu.process_load,
        },
    }
}

/// `GET /v4/stats`.
pub fn stats(app: &App, now: Instant) -> Answer {
    let totals = app.sessions.totals();
    json(&Stats {
        players: totals.players,
        playing_players: totals.playing_players,
        ..machine(&app.system, now)
    })
}

/// The page for Prometheus; `name[]` chooses samples.
pub fn metrics(app: &App, query: &Query, now: Instant) -> Answer {
    let totals = app.sessions.totals();
    let has_players = app.settings.metrics.as_ref().is_some_and(|m| m.has_players);
    let figures = Figures {
        players: totals.players,
        playing_players: totals.playing_players,
        playing_by_output: session::Route::ALL
            .map(session::Route::label)
            .into_iter()
            .zip(totals.playing_by_route)
            .collect(),
        panics: app.sessions.panics(),
        underruns: underruns(&app.sessions.underruns()),
        rejoins: app.sessions.rejoins().counts().collect(),
        resolves: resolves(app.sources.resolves()),
        route_planner: app.sources.routes().map(|r| route_planner(&r.counts())),
        retries: app.sources.retries().collect(),
        machine: system::figures(app.monitor.as_ref().ok()),
        quality: app
            .governor
            .as_ref()
            .map(|board| quality(&board.status()))
            .unwrap_or_default(),
        tracks: app.sessions.admission().playing() as u64,
        refusals: app.sessions.admission().refusals(),
        each_player: has_players.then(|| each_player(app)),
        uptime_ms: millis(app.system.uptime(now)),
        memory: app.system.memory(),
        cpu: app.system.cpu(now),
        process: app.system.process(),
    };
    let names: Vec<&str> = query.all("name[]").collect();
    text(
        prometheus::CONTENT_TYPE,
        prometheus::render(&figures, &names),
    )
}

fn quality(status: &Status) -> Vec<Quality> {
    let of_ladder = |ladder: Ladder| {
        let standing = status.of(ladder);
        let resources = ladder.resources().iter();
        let lowered = resources.map(|it: &Resource| (it.label(), *standing.lowered.of(*it)));
        Quality {
            ladder: ladder.label(),
            level: standing.level.into(),
            changes: lowered.chain([("calm", standing.raised)]).collect(),
        }
    };
    Ladder::ALL.map(of_ladder).into()
}

fn underruns(counters: &session::Underruns) -> Vec<Underruns> {
    let of_cause = |cause: session::Cause| {
        let count = counters.count(cause);
        Underruns {
            cause: cause.label(),
            gaps: count.gaps,
            frames: count.frames,
        }
    };
    session::Cause::ALL.map(of_cause).into()
}

fn each_player(app: &App) -> Vec<Player> {
    let all = app.sessions.underruns_of_players().into_iter();
    all.map(|(session, guild, counters)| Player {
        session,
        guild: guild.0,
        underruns: underruns(&counters),
    })
    .collect()
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn resolves(counts: resolves::Counts) -> prometheus::Resolves {
    prometheus::Resolves {
        hits: counts.hits,
        misses: counts.misses,
        shared: counts.shared,
        evictions: counts.evictions,
        entries: counts.entries,
        bytes: counts.bytes,
    }
}

fn route_planner(counts: &RouteCounts) -> RoutePlanner {
    let tested = &counts.tested;
    RoutePlanner {
        failing: counts.failing,
        marks: vec![
            ("refused", counts.refused),
            ("unbindable", counts.unbindable),
        ],
        retries: counts.retries,
        exhausted: counts.exhausted,
        tested: vec![
            ("working", tested.working),
            ("unbindable", tested.unbindable),
            ("unreachable", tested.unreachable),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_version_is_lavalinks_and_consistent() {
        let info = info(vec!["http".into()], vec!["volume".into()], Vec::new());
        assert_eq!(info.version.semver, "4.2.2");
        assert_eq!(
            (info.version.major, info.version.minor, info.version.patch),
            (4, 2, 2)
        );
        assert_eq!(info.version.pre_release, "");
    }

    #[test]
    fn the_build_tells_its_commit() {
        let git = |arguments: &[&str]| {
            let folder = env!("CARGO_MANIFEST_DIR");
            let output = Command::new("git")
                .current_dir(folder)
                .args(arguments)
                .output();
            let output = output.ok().filter(|o| o.status.success())?;
            Some(
                String::from_utf8(output.stdout)
                    .expect("text")
                    .trim()
                    .to_owned(),
            )
        };
        let is_repository = git(&["rev-parse", "--show-prefix"]).as_deref() == Some("");
        let at_commit = |format: &str| git(&["log", "-1", format]).filter(|_| is_repository);
        let info = info(Vec::new(), Vec::new(), Vec::new());
        let commit = at_commit("--format=%h").unwrap_or_else(|| "unknown".to_owned());
        let seconds = at_commit("--format=%ct").map_or(0, |s| s.parse().expect("seconds"));
        assert_eq!(
            (info.git.commit, info.git.commit_time),
            (commit, seconds * 1000)
        );
        assert!(info.build_time > 0);
    }
}
