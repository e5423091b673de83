//! Owns: a player's place in its session: what the player itself does not keep (shown filters, frame statistics).
//! Never knows: other players, the client.

use super::view;
use crate::{
    player::{Admission, Full, Permit, Player, note::Note, outlet::Route},
    protocol::{diagnosis::Diagnosis, filters::Filters, rest},
    stats::frames::{FrameCounter, Minute},
    units::GuildId,
};
use std::time::{Duration, Instant};

/// So long after a track its player may begin the next one whatever the machine is short of: clients send it when they
/// have heard of the end.
const BETWEEN_TRACKS: Duration = Duration::from_secs(60);

/// Both clocks, read once for everything that happens at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// For deadlines.
    pub(super) at: Instant,
    /// Unix milliseconds, for clients and statistics.
    pub(super) unix_ms: i64,
}

/// A player and what belongs to it.
pub(super) struct Seat {
    /// Tells this player's events from those of an older one in the same guild.
    pub(super) serial: u64,
    /// When the player is to be ticked, as the session has noted it.
    pub(super) deadline: Option<Instant>,
    /// As what the session has counted it, if it plays.
    pub(super) counted_playing: Option<Route>,
    /// As the client sent them.
    pub(super) filters: Filters,
    player: Player,
    /// As long as there is a track.
    permit: Option<Permit>,
    /// When there was a track last.
    ended: Option<Instant>,
    frames: FrameCounter,
    /// Frames and misses of the current playback that have been counted.
    counted: (u64, u64),
}

impl Seat {
    pub(super) fn new(serial: u64, player: Player) -> Self {
        Self {
            serial,
            deadline: None,
            counted_playing: None,
            filters: Filters::default(),
            player,
            permit: None,
            ended: None,
            frames: FrameCounter::default(),
            counted: (0, 0),
        }
    }

    pub(super) fn player(&self) -> &Player {
        &self.player
    }

    /// Whether it has a track and is not paused.
    pub(super) fn is_playing(&self) -> bool {
        self.player.has_track() && !self.player.is_paused()
    }

    /// Takes the right to play a track; who has one keeps it.
    ///
    /// # Errors
    /// When the node takes on nothing new and this player has not played lately, or as many tracks play as may.
    pub(super) fn admit(&mut self, admission: &Admission, now: Instant) -> Result<(), Full> {
        if self.permit.is_none() {
            self.check(admission, now)?;
            self.permit = Some(admission.take_place()?);
        }
        Ok(())
    }

    /// Whether a track that is not there yet would be let in, as far as this can be known.
    pub(super) fn check(&self, admission: &Admission, now: Instant) -> Result<(), Full> {
        let has_played = |at| now.saturating_duration_since(at) <= BETWEEN_TRACKS;
        if self.permit.is_some() || self.ended.is_some_and(has_played) {
            return Ok(());
        }
        admission.newcomer()
    }

    /// To be called after anything that may have ended the track: makes room for another player's.
    pub(super) fn settle(&mut self, now: Instant) {
        if !self.player.has_track() && self.permit.take().is_some() {
            self.ended = Some(now);
        }
    }

    /// Does something to the player, and counts its frames before and after.
    pub(super) fn act<R>(
        &mut self,
        now: Now,
        act: impl FnOnce(&mut Player) -> R,
        notes: impl FnOnce(&R) -> &[Note],
    ) -> R {
        self.count(now);
        let was_playing = self.is_playing();
        let result = act(&mut self.player);
        let (mut has_ended, mut has_started) = (false, false);
        for note in notes(&result) {
            has_ended |= matches!(note, Note::TrackEnd(..));
            has_started |= matches!(note, Note::TrackStart(..));
        }
        let is_playing = self.is_playing();
        if was_playing && (has_ended || !is_playing) {
            self.frames.end(now.unix_ms);
        }
        if has_started {
            self.counted = (0, 0);
        }
        if is_playing && (has_started || !was_playing) {
            self.frames.start(now.unix_ms);
        }
        result
    }

    /// The same for what gives nothing but notes.
    pub(super) fn tell(
        &mut self,
        now: Now,
        act: impl FnOnce(&mut Player) -> Vec<Note>,
    ) -> Vec<Note> {
        self.act(now, act, |notes| notes)
    }

    fn count(&mut self, now: Now) {
        if let Some((sent, missed)) = self.player.frame_counts() {
            let since = Minute {
                sent: sent.saturating_sub(self.counted.0).cast_signed(),
                nulled: missed.saturating_sub(self.counted.1).cast_signed(),
            };
            self.counted = (sent, missed);
            self.frames.observe(now.unix_ms, since);
        }
    }

    /// The last whole minute, if it counts (reference, 1.3).
    pub(super) fn last_minute(&mut self, now: Now) -> Option<Minute> {
        if !self.is_playing() {
            return None;
        }
        self.count(now);
        self.frames.last_minute(now.unix_ms)
    }

    /// How it is doing.
    pub(super) fn diagnosis(&self, guild_id: GuildId, now: Now) -> Diagnosis {
        view::diagnosis(guild_id, self.player.diagnosis(now.at), now)
    }

    /// As clients see it.
    pub(super) fn view(&self, guild_id: GuildId, now: Now) -> rest::Player {
        let (track, state) = self.player.look(now.at);
        rest::Player {
            guild_id,
            track: track.as_ref().map(view::track),
            volume: i32::from(self.player.volume()),
            paused: self.player.is_paused(),
            state: view::state(state, now.unix_ms),
            voice: view::voice(self.player.voice()),
            filters: self.filters.clone(),
            output: view::output(self.player.choice()),
        }
    }
}
