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

/// `PATCH /v4/sessions/{session}`.
pub async fn configure(app: &App, session: &str, body: &[u8]) -> Result<Answer, Problem> {
    let update = SessionUpdate::parse(body)?;
    let session = find(app, session).await?;
    Ok(json(&session.configure(update).await))
}

/// `GET /v4/sessions/{session}/players`.
pub async fn list(app: &App, session: &str) -> Result<Answer, Problem> {
    Ok(json(&find(app, session).await?.players().await))
}

/// `GET /v4/sessions/{session}/players/{guild}`.
pub async fn get(app: &App, session: &str, guild: &str) -> Result<Answer, Problem> {
    let guild = guild_id(guild)?;
    let player = find(app, session).await?.player(guild).await;
    let player = player.ok_or_else(|| Problem::told(StatusCode::NOT_FOUND, "Player not found"))?;
    Ok(json(&player))
}

/// `PATCH /v4/sessions/{session}/players/{guild}`.
pub async fn update(
    app: &App,
    session: &str,
    guild: &str,
    query: &Query,
    body: &[u8],
) -> Result<Answer, Problem> {
    let guild = guild_id(guild)?;
    let no_replace = match query.first("noReplace") {
        None => false,
        Some(word) => query::boolean(word).ok_or_else(|| {
            Problem::unreadable("noReplace: expected true or false, yes or no, on or off, 1 or 0")
        })?,
    };
    let update = PlayerUpdate::parse(body)?;
    let session = find(app, session).await?;
    let player = session.patch_player(guild, update, no_replace).await?;
    Ok(json(&player))
}

/// `DELETE /v4/sessions/{session}/players/{guild}`.
pub async fn destroy(app: &App, session: &str, guild: &str) -> Result<Answer, Problem> {
    let guild = guild_id(guild)?;
    find(app, session).await?.destroy_player(guild).await;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Sessions that wait to be resumed are not found (reference, 1.6).
async fn find(app: &App, id: &str) -> Result<SessionHandle, Problem> {
    let session = app.sessions.find(id).await;
    session.ok_or_else(|| Problem::told(StatusCode::NOT_FOUND, "Session not found"))
}

fn guild_id(text: &str) -> Result<GuildId, Problem> {
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
