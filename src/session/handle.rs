//! Owns: what the server may ask of one session, step by step where a request takes several.
//! Never knows: HTTP, and the players themselves.

use super::{
    Context, Rejection,
    plan::{self, NewTrack, Next, Plan, Rules, Start},
    task::{Applied, Command, Opened, PluginCommand},
};
use crate::{
    error::{Failure, Severity},
    player::Refusal,
    protocol::{diagnosis::Diagnosis, rest},
    track::{LoadResult, Track},
    units::GuildId,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// How long an answer waits for its events to be written to the client's socket. After that the client is slow, and
/// the order of answer and events is its own affair.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(250);

/// Reaches one session. Cheap to clone. A session that has ended answers as one that never was.
#[derive(Clone)]
pub struct SessionHandle {
    /// Bounded: whoever sends to a busy session waits.
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) context: Arc<Context>,
}

impl SessionHandle {
    async fn ask<R>(&self, command: impl FnOnce(oneshot::Sender<R>) -> Command) -> Option<R> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }

    /// All players, by guild id.
    pub async fn players(&self) -> Vec<rest::Player> {
        self.ask(Command::Players).await.unwrap_or_default()
    }

    /// One player, if it exists.
    pub async fn player(&self, guild: GuildId) -> Option<rest::Player> {
        self.ask(|reply| Command::Player(guild, reply))
            .await
            .flatten()
    }

    /// How a player is doing, if it exists.
    pub async fn diagnosis(&self, guild: GuildId) -> Option<Diagnosis> {
        self.ask(|reply| Command::Diagnosis(guild, reply))
            .await
            .flatten()
    }

    /// Destroys a player; nothing happens when there is none. Returns when its last events have been written.
    pub async fn destroy_player(&self, guild: GuildId) {
        if let Some(flushed) = self
            .ask(|reply| Command::Destroy(guild, reply))
            .await
            .flatten()
        {
            flush(Some(flushed)).await;
        }
    }

    /// What a player plays: `None` without a player, `Some(None)` when it plays nothing.
    pub async fn track(&self, guild: GuildId) -> Option<Option<Arc<Track>>> {
        self.ask(|reply| Command::Plugin(guild, PluginCommand::Track(reply)))
            .await
            .flatten()
    }

    /// Tells lines of lyrics from now on, of this track and the next ones (whether not from a track's own source), or not any
    /// more (`None`). Says whether there is such a player.
    pub async fn want_lyrics(&self, guild: GuildId, skip_track_source: Option<bool>) -> bool {
        let wish = |reply| PluginCommand::Lyrics(skip_track_source, reply);
        let flushed = self.ask(|reply| Command::Plugin(guild, wish(reply))).await;
        let Some(flushed) = flushed.flatten() else {
            return false;
        };
        flush(flushed).await;
        true
    }

    /// The kinds of segments that a player skips, if it exists.
    pub async fn categories(&self, guild: GuildId) -> Option<Vec<String>> {
        self.ask(|reply| Command::Plugin(guild, PluginCommand::Categories(reply)))
            .await
            .flatten()
    }

    /// Lets a player, created if needed, skip these kinds of segments from now on.
    ///
    /// # Errors
    /// When the session is over, or has too many players.
    pub async fn set_categories(
        &self,
        guild: GuildId,
        categories: Vec<String>,
    ) -> Result<(), Rejection> {
        let wish = |reply| PluginCommand::SetCategories(categories, reply);
        let flushed = self.ask(|reply| Command::Plugin(guild, wish(reply))).await;
        flush(flushed.ok_or_else(Rejection::no_session)??).await;
        Ok(())
    }

    /// Changes whether and how long the session may be resumed (reference, 2.7).
    pub async fn configure(&self, update: rest::SessionUpdate) -> rest::Session {
        self.ask(|reply| Command::Configure(update, reply))
            .await
            .unwrap_or(rest::Session {
                resuming: false,
                timeout: 0,
            })
    }

    /// Changes a player, creating it if needed (reference, 2.6). Returns when the events that this caused have been
    /// written. May take as long as the voice server and the sources do, without keeping others waiting.
    ///
    /// # Errors
    /// A [`Rejection`] for everything that the reference answers with an error. What was done before stays done.
    pub async fn patch_player(
        &self,
        guild: GuildId,
        update: rest::PlayerUpdate,
        no_replace: bool,
    ) -> Result<rest::Player, Rejection> {
        let plan = {
            // not across an await: a server needs futures that can move between threads
            let rules = Rules {
                disabled_filters: &self.context.settings.disabled_filters,
                has_source: &|name| self.context.world.has_source(name),
                device: self.context.settings.device(),
            };
            plan::plan(update, no_replace, &rules)?
        };
        let mut flushed = None;
        let result = self.carry_out(guild, plan, &mut flushed).await;
        flush(flushed).await;
        result
    }

    async fn carry_out(
        &self,
        guild: GuildId,
        mut plan: Plan,
        flushed: &mut Flushed,
    ) -> Result<rest::Player, Rejection> {
        let (output, voice) = (plan.output.take(), plan.voice.take());
        let mut opened = self
            .ask(|reply| Command::Open(guild, output, voice, reply))
            .await
            .ok_or_else(Rejection::no_session)??;
        let serial = opened.serial;
        self.wait_for_device(guild, &mut opened).await?;
        self.wait_for_voice(guild, opened).await?;
        let applied = self
            .ask(|reply| Command::Apply(guild, serial, Box::new(plan), reply))
            .await
            .ok_or_else(Rejection::no_session)??;
        match applied {
            Applied::Done { player, flush } => {
                *flushed = flush;
                Ok(*player)
            }
            Applied::Refused { why, flush } => {
                *flushed = flush;
                Err(why)
            }
            Applied::Load {
                identifier,
                start,
                flush,
            } => {
                *flushed = flush;
                let track = self.load(identifier).await?;
                self.play(guild, serial, track, start, flushed).await
            }
        }
    }

    /// Waits until the voice gateway has been reached, or has not.
    async fn wait_for_voice(&self, guild: GuildId, opened: Opened) -> Result<(), Rejection> {
        let Some(attempt) = opened.attempt else {
            return Ok(());
        };
        let limit = self.context.settings.voice_timeout;
        let (status, why) = match timeout(limit, attempt.outcome).await {
            // dropped without a word: another request has taken the connection elsewhere
            Ok(Ok(Ok(())) | Err(_)) => return Ok(()),
            Ok(Ok(Err(failure))) => (blame(&failure), in_a_line(&failure)),
            Err(_) => {
                self.ask(|reply| Command::GiveUp(guild, opened.serial, attempt.generation, reply))
                    .await;
                (500, format!("no answer within {} s", limit.as_secs()))
            }
        };
        tracing::warn!(%guild, why, "a voice server was not reached");
        Err(Rejection {
            status,
            message: format!("Failed to connect to voice server: {why}"),
        })
    }

    /// Waits until a device that was asked for is open, or is refused.
    async fn wait_for_device(&self, guild: GuildId, opened: &mut Opened) -> Result<(), Rejection> {
        let Some(attempt) = opened.device.take() else {
            return Ok(());
        };
        let limit = self.context.settings.voice_timeout;
        let refusal = match timeout(limit, attempt.outcome).await {
            // dropped without a word: another request has led the sound elsewhere
            Ok(Ok(Ok(())) | Err(_)) => return Ok(()),
            Ok(Ok(Err(refusal))) => refused_device(&refusal),
            Err(_) => {
                self.ask(|reply| Command::GiveUp(guild, opened.serial, attempt.generation, reply))
                    .await;
                Rejection {
                    status: 500,
                    message: format!(
                        "output.device: the device did not open within {} s",
                        limit.as_secs()
                    ),
                }
            }
        };
        tracing::warn!(%guild, why = refusal.message, "a device is not played on");
        Err(refusal)
    }

    async fn load(&self, identifier: String) -> Result<Track, Rejection> {
        match self.context.world.load(identifier).await {
            Ok(LoadResult::Track(track)) => Ok(*track),
            Ok(LoadResult::Playlist(_) | LoadResult::Search(_)) => Err(Rejection::bad_request(
                "Cannot play a playlist or search result",
            )),
            Ok(LoadResult::Empty) => Err(Rejection::bad_request("No matches found for identifier")),
            Err(failure) => Err(Rejection::bad_request(failure.message)),
        }
    }

    async fn play(
        &self,
        guild: GuildId,
        serial: u64,
        track: Track,
        start: Start,
        flushed: &mut Flushed,
    ) -> Result<rest::Player, Rejection> {
        let plan = Plan {
            voice: None,
            output: None,
            change: Default::default(),
            filters: None,
            next: Some(NewTrack {
                next: Next::Decoded(Ok(Box::new(track))),
                no_replace: false,
                // set before the load; whoever changed it meanwhile meant it
                is_paused: None,
                start,
            }),
        };
        let applied = self
            .ask(|reply| Command::Apply(guild, serial, Box::new(plan), reply))
            .await
            .ok_or_else(Rejection::no_session)??;
        match applied {
            Applied::Done { player, flush } => {
                *flushed = flush;
                Ok(*player)
            }
            Applied::Refused { why, .. } => Err(why),
            Applied::Load { .. } => unreachable!("the track is loaded"),
        }
    }
}

/// The status of a failure: the caller's mistake or not.
fn blame(failure: &Failure) -> u16 {
    match failure.severity {
        Severity::Common => 400,
        Severity::Suspicious | Severity::Fault => 500,
    }
}

/// A failure with all that caused it.
fn in_a_line(failure: &Failure) -> String {
    failure.trace().replace("\nCaused by: ", ": ")
}

/// Names the field, and says what to do.
fn refused_device(refusal: &Refusal) -> Rejection {
    let (status, message) = match refusal {
        Refusal::Unknown(_) => (
            400,
            format!("output.device: {refusal}; GET /v4/outputs lists those that there are"),
        ),
        Refusal::Busy(_) => (
            409,
            format!("output.device: {refusal}; stop what plays there, or choose another one"),
        ),
        Refusal::Unsupported(_) => (400, format!("output.device: {refusal}")),
        Refusal::Absent(_) => (
            400,
            format!("output.type: expected discord or none, as {refusal}"),
        ),
        Refusal::Failed(failure) => (
            blame(failure),
            format!("output.device: {}", in_a_line(failure)),
        ),
    };
    Rejection { status, message }
}

/// Resolves when what was told has been written; `None` when nobody is there to read.
pub(super) type Flushed = Option<oneshot::Receiver<()>>;

async fn flush(flushed: Flushed) {
    if let Some(flushed) = flushed {
        // too late, or lost: the answer goes out all the same
        let _ = timeout(FLUSH_TIMEOUT, flushed).await;
    }
}
