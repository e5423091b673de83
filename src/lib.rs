//! lavalink-rust: an audio node that speaks the Lavalink v4 protocol.
//!
//! A bot's client library tells it over HTTP what to play; it fetches the sound, makes Opus frames of it, and sends them to
//! a Discord voice server, end-to-end encrypted. This page is the map: read it first, then the head of the file that you
//! need. Every file begins with what it owns and what it never knows.
//!
//! # The way of the sound
//! ```text
//!  client ──HTTP──▶ server ──commands──▶ session task ──▶ player/machine (decides)
//!    ▲                │ identifier            │ effects
//!    │                ▼                       ▼
//!    │         source/registry ─▶ Track   player/mod (acts) ── the ring's reader ──────────────────────┐
//!    │                                        │ starts, through the trait World (node)                 │
//!    │                                        ▼                                                        ▼
//!    │  fetch task ─▶ byte window ─▶ demux ─▶ decode ─▶ resample ─▶ filters ─▶ encode ─▶ frame ring ─▶ output/voice
//!    │  media/http,   media/window   media/   media/    dsp         dsp,       playback  frame         gateway, dave,
//!    │  media/file, media/hls        demux    codec                 playback                           pacer
//!    │                                  └───────── Opus packets that fit pass by ──────────▶           │
//!    │                                        │ events                                                 │ events
//!    └──WebSocket── session/outbox ◀── session task ◀── opened, started, drained, failed, closed … ◀───┘
//! ```
//!
//! | Station | Type | Shape and unit |
//! |---|---|---|
//! | bytes | [`ByteWindow`](media::window::ByteWindow) | bytes from an offset on; length known or not |
//! | packets | [`Packet`](media::demux::Packet) | `pts`, `duration` in samples at the stream's own rate |
//! | samples | [`PcmBlock`](pcm::PcmBlock) | planar `f32`, `[2][n]`, nominal ±1; at 48 kHz after the resampler |
//! | frames | [`frame`] | 960 samples (20 ms): Opus of at most 1275 bytes, or samples for files |
//! | position | [`Samples`](units::Samples) | at 48 kHz from the track's start, also when it plays faster; [`Millis`](units::Millis) on the wire |
//!
//! # Three arrows
//! Commands go down, frames go right, events come up; nothing calls back. Going down, a function says what is wanted and
//! returns; the latest wish counts. Coming up, closures post to the session's channel with the generation of the
//! playback or connection that they speak of, and the machine ignores generations that are gone.
//!
//! The sound side (`media`, `dsp`, `playback`, `output`, `frame`) never imports the control side (`server`, `session`,
//! `player`); `playback` and `output` meet only in [`frame`]; how things look on the wire is known to `protocol`, `session` and
//! `server` alone. `tests/house_rules.rs` reads the imports and fails on any other arrow.
//!
//! # Who owns what
//! | Thing | Owner | Others get |
//! |---|---|---|
//! | session table | `session/registry` (a lock, held for one map operation) | a [`SessionHandle`](session::SessionHandle): a bounded sender |
//! | players | their session's task, as plain values | replies and notes |
//! | what a player is doing | [`player::machine`], without clock or thread | effects |
//! | demuxer, decoder, filters, encoder | the playback's job on the decode pool | the latest wishes, behind a lock held for a copy |
//! | frame ring | its writer (pool) and its reader (pacer, file), without a lock | [`Progress`](frame::Progress): position, counters, whether bytes are missing; [`Underruns`](frame::Underruns): gaps by cause |
//! | where a player's sound goes | `player/outlet` and its machine | the [`Output`](output::Output) that has the reader |
//! | voice gateway, MLS group | the connection's task in `output/voice` | [`OutputEvent`](output::OutputEvent)s |
//! | UDP sockets, frame keys, the 20 ms clock | the pacing threads | commands |
//! | a sound card and its clock | one thread for each open card in `output/alsa` | commands; [delay and players](output::device::Device) |
//! | the level of quality | `governor/steering`, on the thread "sensors" | [`Dial`](playback::dial::Dial)s, read between frames; a [`Board`](governor::steering::Board) |
//! | messages for a client that is away | `session/resume` | – |
//! | how the machine is doing | the thread "sensors" of [`governor`] | the last [`Report`](governor::moment::Report) |
//! | configuration | [`node`] cuts it into each module's `Settings` | only their own |
//!
//! # How a playback works
//! A playback is a plain state object ([`playback`]): *opening*, *seeking*, *running*, *drained* or *failed*. It is a job on
//! the **decode pool**, a fixed number of threads for all players. It is woken when bytes have arrived, frames have been
//! taken or a wish has changed; it makes up to twelve frames and returns. Demuxers are sans-IO: they read a **byte window** that
//! never waits, and a call that lacks bytes changes nothing, says how many it needs, and is made again. So opening and
//! seeking run on the pool like everything else, where other programs give blocking I/O threads of their own; a slow site
//! holds no thread, and thousands of tracks may open at once. The fetch task reads ahead by a credit in bytes. (A look-up
//! reads headers with the same demuxers; it has no playback, so it takes a blocking thread of the runtime for each step.)
//!
//! Frames are made ahead by the length of the **ring** (400 ms) and no more; what is read far ahead is compressed. When the
//! volume, a filter or the position changes, frames that nobody has taken are **made again from the play head**: the writer
//! takes them back, the packets of the last moments are still held, decoder and encoder are warmed up on the frames before.
//! The change is heard after one frame, sample-exact, without a click: what frames were made from (the filters' state) is kept
//! every few frames. What a time-scale holds would delay a change; there, sound is made anew from the place that is heard, and
//! faded into. The same step leads from Opus packets passed on as they are (volume 100, no filter, 20 ms
//! packets; others are split or joined to such where Opus allows it) to encoded frames and back.
//!
//! A panic in a decoder ends that one track with the severity *fault*; the pool goes on.
//!
//! # Voice
//! The node has a voice client of its own (`output/voice`), because Lavalink's API shows what libraries for bots hide (ping,
//! close codes with their side), and because one pacing thread with absolute deadlines serves a thousand connections. What
//! is said to the gateway and when is decided by a sans-IO machine; MLS comes from `davey`.
//!
//! # Without std
//! What decides and calculates is a library of its own, with the feature `no-std-compat` in place of `node`: [`track`],
//! [`protocol`] (but for times of day), [`dsp`] over [`kernel`] and [`pcm`], [`player::machine`], `governor::policy`,
//! [`units`], [`error`], and the events that the machine is told. These files name `core` and `alloc`, never `std`; moments are
//! [`units::Instant`], sines and the like come through `float`. All else needs threads, sockets, files or a clock; the
//! frame ring needs atomics of 64 bits. Which file is in which build stands below, in the list of modules.
//!
//! # Where is…
//! | Looking for | File |
//! |---|---|
//! | start, stop, everything put together | `node.rs`; memory given back to the system: `node/memory.rs` |
//! | commands, exit codes; what health checks ask | `cli/mod.rs`; `cli/health.rs` |
//! | ready, alive, stopping: told to systemd | `node/supervisor.rs`; the unit: `systemd/` |
//! | a configuration key | `config/schema/table/` (one row each), `config/settings.rs` |
//! | the order of events; what a PATCH leads to | `player/machine.rs`; the checks before it: `session/plan.rs` |
//! | what is sent to a slow or absent client | `session/outbox.rs`, `session/resume.rs` |
//! | shapes on the wire | `protocol/`; made from the inside's values in `session/view.rs` |
//! | routes, checks of a request, error bodies | `server/routes.rs`, `server/dispatch.rs`, `server/answer.rs` |
//! | the log: request lines, secrets in them, levels by name | `server/log.rs`, `server/scrub.rs`, `config/logger.rs` |
//! | password check, WebSocket handshake | `server/auth.rs`, `server/handshake.rs` |
//! | severity and text of a failure | where it happens, as an [`error::Failure`] |
//! | encoded tracks (base64) | `track/codec.rs` |
//! | sources without sound (Spotify, Apple Music, Deezer…); which hit stands for a track | `source/mirror/mod.rs`; `source/mirror/score.rs` |
//! | the last resort: yt-dlp; how it is run; its way to the network; standing in for YouTube | `source/ytdlp/`; `source/ytdlp/process.rs`; `net/gate.rs`; `source/stand_in.rs` |
//! | what LavaSrc tells of tracks and of lists; words of titles | `track/extended.rs`; `source/list.rs`; `source/words.rs` |
//! | a source; references and playlists | `source/` (one file or folder, one line in `registry.rs`); `source/playlist.rs` |
//! | searches for several kinds of things; lyrics; segments to skip | `source/findings.rs`; `source/lrclib/`; `source/sponsorblock.rs`; what follows from marks: `player/machine/marks.rs`; routes: `server/plugins.rs` |
//! | YouTube: its clients and their order; lists; which form is played; why not | `source/youtube/` (`facts.rs`; `items.rs`, `lists.rs`; `play.rs`; `refusal.rs`) |
//! | asking a site; its refusals; JSON, pages, links | `source/site/` (`net/call.rs` below it); what is found out once for all: `source/site/cache.rs`; sites that want to be left alone: `source/site/quota.rs` |
//! | what changes weekly: hosts, patterns, formats of sites | `source/sites.json`, replaced in parts by a file: `source/site/data.rs`, `source/site/check.rs` |
//! | YouTube: locked links; po-tokens; accounts | `source/youtube/cipher/` (the script itself: `local/`); `potoken/`; `oauth/` |
//! | connections, proxies, refused addresses | `net/connect.rs`, `net/guard.rs`; names remembered: `net/dns.rs`; redirects: `net/resource.rs` |
//! | which of our addresses a request leaves from | `net/route_planner/` decides, `net/routes.rs` does; `server/route_planner.rs` |
//! | what is remembered of loads, and how long; memories of limited size | `source/resolves.rs`, `net/freshness.rs`; `source/shelf.rs` |
//! | a container; which one it is | `media/demux/` (one file or folder each); `media/demux/probe.rs` |
//! | HLS: playlists, which segment when, keys; segments as one stream | `media/hls/`; `media/demux/sections/` |
//! | links that expire, found anew | `media/located.rs` |
//! | the longest that loads and searches for sound take | `net/patience.rs` |
//! | retries and ranges of a fetch | `media/ranges.rs`, `media/http/fetcher/recover.rs`; waits between them: `media/backoff.rs` |
//! | more than one connection for a track | `media/pace.rs` decides; `media/http/fetcher/ahead.rs`, `media/fragment.rs`; by site: `net/manner.rs` |
//! | a codec; what packets tell without decoding | `media/codec/`; `media/demux/codecs/` |
//! | many channels made two; HE-AAC, where nothing announces it | `media/codec/downmix.rs`; `media/codec/he_aac.rs` |
//! | radio stations: joined again, titles, `ICY 200 OK` | `media/live.rs`, `media/icy.rs`, `net/icy.rs`; `media/demux/sections/station.rs`; left in a pause: `media/http/fetcher/pause.rs` |
//! | a station's clock that is not ours | `playback/drift.rs` |
//! | gapless trims, exact seeks | `playback/feed/timeline.rs`; packets held to make sound again: `playback/feed/packets.rs` |
//! | how a frame is made, passthrough; frames made again | `playback/pipeline/frames.rs`; `playback/pipeline/remake.rs` |
//! | Opus packets of other durations | `playback/repack.rs`; what is in a packet: `media/opus.rs` |
//! | what is kept to make frames again, the fade under a time-scale | `playback/render.rs`, `playback/splice.rs` |
//! | filters against recordings of the original | `tests/filters.rs`; all of them: `scripts/filters.sh` |
//! | a filter's formula, its place in the chain | `dsp/filters/`, `dsp/chain.rs`; allowed values: `dsp/spec.rs` |
//! | the volume curve, the resampler | `dsp/volume.rs`, `dsp/resample.rs` |
//! | SIMD: the innermost loops, which of them this machine runs | `kernel/mod.rs` (one file for each instruction set; `neon.c`), `kernel/chosen.rs` |
//! | samples as integers, interleaved, mixed | `pcm/convert.rs` |
//! | tempo without pitch: pieces, joins, attacks | `dsp/wsola.rs`, `dsp/wsola/` |
//! | sound cards: the way to them; which output takes frames, devices lost and tried again; frames of another format | `output/device.rs`; `player/machine/outlet.rs`, `player/outputs.rs`; `playback/pipeline/remake.rs` |
//! | the 20 ms clock; RTP and its encryption | `output/voice/pacer/`, `output/voice/transport.rs` |
//! | sound cards: what a card is given and when; its errors; players on one card mixed | `output/alsa/feed.rs`; `health.rs`; `desk.rs` |
//! | devices that a client may name; formats and buffers that are agreed | `output/alsa/names.rs`; `card.rs` |
//! | voice close codes and reconnecting | `output/voice/gateway/close.rs` |
//! | why a listener heard a gap | `frame/gap.rs`, `frame/reader.rs`; told and remembered: `player/diagnosis.rs` |
//! | what plugins do elsewhere: routes, the names announced | `server/plugins.rs`; shapes: `protocol/plugins.rs` |
//! | when lines of lyrics come and segments are skipped | `player/machine/marks.rs`; look-ups: `player/look_ups.rs` |
//! | lyrics, LRC; SponsorBlock | `source/lrclib/`; `source/sponsorblock.rs` |
//! | quality that is lowered when the machine runs short: when; what each level means; who heeds it | `governor/policy.rs`, `governor/quality.rs`; `governor/ladder.rs`; `playback/dial.rs` |
//! | how many tracks play at once, and who is turned away | `playback/admission.rs`, `session/seat.rs` |
//! | events that Lavalink does not have, and who is told | `protocol/message.rs`, `session/audience.rs` |
//! | statistics, metrics; files of `/proc`, control groups | `stats/`; their routes: `server/admin.rs` |
//! | processors, memory, heat, the board | `governor/sensors/`, read by `governor/monitor.rs`; shown by `server/system.rs`; advice at the start: `governor/advice.rs` |
//! | streams in which nothing is found | `media/window/reader/mod.rs` |
//! | default numbers by build and by `arm.profile` | `config/profile.rs` |
//! | the core without std, at work | `tests/no_std/`, `scripts/no_std.sh` |
//! | hostile input | `fuzz/`, `tests/hostile/`; limits: `server/settings.rs`, `limits` in `application.yml` |

#![cfg_attr(not(any(feature = "node", test)), no_std)]

#[macro_use]
extern crate alloc;

#[cfg(not(any(feature = "node", feature = "no-std-compat")))]
compile_error!(
    "take the feature `node`, the whole program, or `no-std-compat`, what decides and calculates in it, without std"
);

// What needs no std, in every build.
#[cfg_attr(
    any(feature = "node", test),
    allow(
        unused_imports,
        reason = "floats can without `Float` what std is there for"
    )
)]
pub mod dsp;
pub mod error;
#[cfg_attr(
    any(feature = "node", test),
    allow(
        unused_imports,
        reason = "floats can without `Float` what std is there for"
    )
)]
pub mod kernel;
pub mod pcm;
#[cfg_attr(
    any(feature = "node", test),
    allow(
        unused_imports,
        reason = "floats can without `Float` what std is there for"
    )
)]
pub mod protocol;
pub mod track;
pub mod units;

// What the program has besides.
#[cfg(feature = "node")]
pub mod cli;
#[cfg(feature = "node")]
pub mod config;
#[cfg(feature = "node")]
pub mod frame;
#[cfg(feature = "node")]
pub mod governor;
#[cfg(feature = "node")]
pub mod log;
#[cfg(feature = "node")]
pub mod media;
#[cfg(feature = "node")]
pub mod net;
#[cfg(feature = "node")]
pub mod node;
#[cfg(feature = "node")]
pub mod output;
#[cfg(feature = "node")]
pub mod playback;
#[cfg(feature = "node")]
pub mod player;
#[cfg(feature = "node")]
pub mod server;
#[cfg(feature = "node")]
pub mod session;
#[cfg(feature = "node")]
pub mod source;
#[cfg(feature = "node")]
pub mod stats;

// What std has, and what stands in for it.
#[cfg(feature = "node")]
mod float {
    #[expect(dead_code, reason = "named where other builds need it")]
    pub(crate) trait Float {}
}
#[cfg(not(feature = "node"))]
mod float;
#[cfg(feature = "node")]
mod instant {
    pub use std::time::Instant;
}
#[cfg(not(feature = "node"))]
mod instant;

// Without std: of modules that live on threads and sockets, the files that only decide, and what those are told.

/// What is told of frames.
#[cfg(not(feature = "node"))]
pub mod frame {
    mod event;
    pub use event::{Cause, Gap, ReaderEvent};
}
/// When quality is lowered, and when it comes back.
#[cfg(not(feature = "node"))]
pub mod governor {
    pub mod policy;
}
/// What is told of radio stations.
#[cfg(not(feature = "node"))]
pub mod media {
    pub mod station;
}
/// What outputs tell.
#[cfg(not(feature = "node"))]
pub mod output {
    mod event;
    pub use event::OutputEvent;
}
/// What playbacks tell.
#[cfg(not(feature = "node"))]
pub mod playback {
    mod event;
    pub use event::{Event, Lost, Rejoined, Title};
}
/// What a player decides.
#[cfg(not(feature = "node"))]
pub mod player {
    mod link;
    pub mod machine;
    pub mod note;
    pub mod outlet;
}
