//! Owns: the routes about sessions and their players.
//! Never knows: how a session does what it is told.

use http::StatusCode;

use super::{
    answer::{Answer, Problem, empty, json},
    app::App,
    query::{self, Query},
};
use crate::{
    protocol::rest::{PlayerUpdate, SessionUpdate},
    session::{Rejection, SessionHandle},
    units::GuildId,
};

/// The body of `PATCH /v4/sessions/{session}`.
pub fn session_update(body: &[u8]) -> Result<SessionUpdate, Problem> {
    Ok(SessionUpdate::parse(body)?)
}

/// `PATCH /v4/sessions/{session}`.
pub async fn configure(app: &App, session: &str, update: SessionUpdate) -> Result<Answer, Problem> {
    let session = find(app, session)?;
    Ok(json(&session.configure(update).await))
}

/// `GET /v4/sessions/{session}/players`.
pub async fn list(app: &App, session: &str) -> Result<Answer, Problem> {
    Ok(json(&find(app, session)?.players().await))
}

/// `GET /v4/sessions/{session}/players/{guild}`.
pub async fn get(app: &App, session: &str, guild: &str) -> Result<Answer, Problem> {
    let guild = guild_id(guild)?;
    let player = find(app, session)?.player(guild).await;
    Ok(json(&player.ok_or_else(no_player)?))
}

/// What `PATCH /v4/sessions/{session}/players/{guild}` asks for.
pub struct Change {
    guild: GuildId,
    update: PlayerUpdate,
    no_replace: bool,
}

impl Change {
    /// Reads path, query and body; the first that is wrong is told.
    pub fn read(guild: &str, query: &Query, body: &[u8]) -> Result<Self, Problem> {
        let guild = guild_id(guild)?;
        let no_replace = switch(query, "noReplace")?;
        Ok(Self {
            guild,
            update: PlayerUpdate::parse(body)?,
            no_replace,
        })
    }
}

/// `PATCH /v4/sessions/{session}/players/{guild}`.
pub async fn update(app: &App, session: &str, change: Change) -> Result<Answer, Problem> {
    let Change {
        guild,
        update,
        no_replace,
    } = change;
    let session = find(app, session)?;
    let player = session.patch_player(guild, update, no_replace).await?;
    Ok(json(&player))
}

/// `GET /v4/sessions/{session}/players/{guild}/diagnosis`.
pub async fn diagnosis(app: &App, session: &str, guild: &str) -> Result<Answer, Problem> {
    let guild = guild_id(guild)?;
    let diagnosis = find(app, session)?.diagnosis(guild).await;
    Ok(json(&diagnosis.ok_or_else(no_player)?))
}

/// `DELETE /v4/sessions/{session}/players/{guild}`.
pub async fn destroy(app: &App, session: &str, guild: &str) -> Result<Answer, Problem> {
    let guild = guild_id(guild)?;
    find(app, session)?.destroy_player(guild).await;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// A parameter that is on or off; off when it is not there.
pub fn switch(query: &Query, name: &str) -> Result<bool, Problem> {
    let Some(word) = query.first(name) else {
        return Ok(false);
    };
    query::boolean(word).ok_or_else(|| {
        Problem::unreadable(format!(
            "{name}: expected true or false, yes or no, on or off, 1 or 0"
        ))
    })
}

/// Sessions that wait to be resumed are not found (reference, 1.6).
pub fn find(app: &App, id: &str) -> Result<SessionHandle, Problem> {
    let session = app.sessions.find(id);
    session.ok_or_else(|| Problem::told(StatusCode::NOT_FOUND, "Session not found"))
}

/// There is no player for the guild.
pub fn no_player() -> Problem {
    Problem::told(StatusCode::NOT_FOUND, "Player not found")
}

/// What stands for a guild's id in a path.
pub fn guild_id(text: &str) -> Result<GuildId, Problem> {
    query::guild_id(text)
        .ok_or_else(|| Problem::unreadable("guildId: expected a whole number of 64 bits"))
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let status =
            StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::told(status, rejection.message)
    }
}
