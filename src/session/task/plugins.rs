//! Owns: what can be asked of a session about what plugins of Lavalink add to a player: lyrics, segments.
//! Never knows: how lines and segments are timed.

use super::Session;
use crate::{
    session::{Rejection, handle::Flushed, seat::Now},
    track::Track,
    units::GuildId,
};
use std::sync::Arc;
use tokio::sync::oneshot;

/// What can be asked about a player. Replies to askers that have gone are dropped.
pub(in crate::session) enum PluginCommand {
    /// What it plays; `None` without a player, `Some(None)` when it plays nothing.
    Track(oneshot::Sender<Option<Option<Arc<Track>>>>),
    /// Tells lines of lyrics from now on (whether not from the track's own source), or not any more (`None`). `None` comes
    /// back when there is no player.
    Lyrics(Option<bool>, oneshot::Sender<Option<Flushed>>),
    /// The kinds of segments that it skips; `None` without a player.
    Categories(oneshot::Sender<Option<Vec<String>>>),
    /// Skips these kinds from now on. The player is made if it is missing, but not for nothing.
    SetCategories(Vec<String>, oneshot::Sender<Result<Flushed, Rejection>>),
}

impl Session {
    pub(super) fn obey_plugin(&mut self, guild: GuildId, command: PluginCommand, now: Now) {
        match command {
            PluginCommand::Track(reply) => {
                let seat = self.seats.get(&guild);
                let track = seat.map(|seat| seat.player().look(now.at).0.map(|it| it.track));
                let _ = reply.send(track);
            }
            PluginCommand::Lyrics(wish, reply) => {
                let seat = self.seats.get_mut(&guild);
                let notes = seat.map(|seat| seat.tell(now, |player| player.want_lyrics(wish)));
                let is_there = notes.is_some();
                self.after(guild, notes.unwrap_or_default(), now);
                let _ = reply.send(is_there.then(|| self.flush()));
            }
            PluginCommand::Categories(reply) => {
                self.uses_sponsorblock = true;
                let seat = self.seats.get(&guild);
                let _ = reply.send(seat.map(|seat| seat.player().categories().to_vec()));
            }
            PluginCommand::SetCategories(categories, reply) => {
                self.uses_sponsorblock = true;
                if categories.is_empty() && !self.seats.contains_key(&guild) {
                    let _ = reply.send(Ok(self.flush()));
                    return;
                }
                let opened = self.open(guild, None, None, now);
                let done = opened.map(|opened| {
                    self.with_seat(guild, opened.serial, now, |player| {
                        player.want_segments(categories)
                    });
                    self.flush()
                });
                let _ = reply.send(done);
            }
        }
    }
}
