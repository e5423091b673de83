//! Owns: asking Twitch: its GraphQL API, and usher, which gives the playlist of a stream to whoever has a token for it.
//! Never knows: what clients see of the answers.

use super::{Facts, Query};
use crate::{
    error::Failure,
    media::hls::{
        choose::choose,
        playlist::{self, Playlist},
    },
    net::{NetError, address::Address, call::Call},
    source::site::{
        Site,
        json::{self, Pick},
    },
    units::Secret,
};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

/// As which web client requests present themselves.
const CLIENT_ID: HeaderName = HeaderName::from_static("client-id");
/// How much of an error's text is kept for the log, in characters.
const MAX_REASON: usize = 200;

/// What the API says instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the API says: {0}")]
struct Refused(String);

/// There is no playlist with sound that can be played.
#[derive(Debug, thiserror::Error)]
#[error("the playlist of the stream has no form with sound in a supported codec")]
struct NoSound;

/// Why something must not be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is for those who pay the channel.
    Subscribers,
    /// Its owner has no rights for it in the node's country.
    Country,
    /// The node's address is taken for one of a proxy, which are not let in where countries count.
    Proxy,
    /// Twitch does not say why.
    Forbidden,
}

impl Refusal {
    /// What a client is told.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        Failure::common(match self {
            Self::Subscribers => "This is for subscribers of the Twitch channel only.",
            Self::Country => "Twitch must not show this in the node's country.",
            Self::Proxy => {
                "Twitch shows this in some countries only, and takes the node's address for that of a proxy."
            }
            Self::Forbidden => "Twitch does not let this be heard without an account.",
        })
    }
}

/// Something with a playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream<'a> {
    /// What a channel sends.
    Live(&'a str),
    /// A recording.
    Video(u64),
}

/// Says to usher that a stream may be heard.
struct Token {
    value: Secret,
    signature: Secret,
}

/// Asks the API.
pub struct Api {
    site: Site,
}

impl Api {
    /// Asks through `site`.
    #[must_use]
    pub const fn new(site: Site) -> Self {
        Self { site }
    }

    /// The site that it belongs to.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// What a query finds as `field`; `None` when there is no such thing.
    ///
    /// # Errors
    /// When the site refuses, or does not work.
    pub async fn find(
        &self,
        query: impl FnOnce(&Facts) -> &Query,
        variables: Value,
        field: &'static str,
    ) -> Result<Option<Value>, Failure> {
        let data = self.site.data();
        let facts = &data.twitch;
        let query = query(facts);
        let wanted = json!({
            "operationName": query.name, "query": query.text, "variables": variables,
        });
        let client = HeaderValue::try_from(&facts.client_id).map_err(|error| {
            Failure::fault("The client id of Twitch in the data of sites is no header.")
                .because(error)
        })?;
        let call = Call::post_json(self.site.address(&facts.api, &[])?, &wanted);
        let answer = self.site.ask(call.with(CLIENT_ID, client)).await?;
        // the client id or the query is not known any more
        if matches!(answer.status, 400 | 404) {
            return Err(self.site.changed(NetError::Status(answer.status)));
        }
        let Some(answer) = self.site.accept(answer)? else {
            return Ok(None);
        };
        let mut answer = self.site.json(&answer)?;
        if let Some(found) = answer.get_mut("data").and_then(|data| data.get_mut(field))
            && !found.is_null()
        {
            return Ok(Some(found.take()));
        }
        if let Some(error) = answer.list("errors").first() {
            let reason = error.text("message").unwrap_or_default();
            return Err(self.refused(reason));
        }
        match answer.pick("data") {
            Some(_) => Ok(None),
            None => Err(self.site.changed(json::Unexpected::Missing {
                path: "data",
                wanted: "object",
            })),
        }
    }

    fn refused(&self, reason: &str) -> Failure {
        let reason = reason.chars().take(MAX_REASON).collect();
        Failure::suspicious(
            "Twitch answered with an error. If that stays so, it wants a browser, or has changed.",
        )
        .because(Refused(reason))
    }

    /// Where the playlist of a stream's sound is; `None` when there is nothing to be heard, or not any more.
    ///
    /// # Errors
    /// When it must not be heard, or the site refuses, or does not work.
    pub async fn playlist(&self, stream: &Stream<'_>) -> Result<Option<Address>, Failure> {
        let Some(token) = self.token(stream).await? else {
            return Ok(None);
        };
        let data = self.site.data();
        let facts = &data.twitch;
        let base = match stream {
            Stream::Live(login) => format!("{}{}{login}.m3u8", facts.usher, facts.live_path),
            Stream::Video(id) => format!("{}{}{id}.m3u8", facts.usher, facts.video_path),
        };
        let mut query: Vec<(&str, &str)> = facts
            .usher_query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        query.push(("sig", token.signature.expose()));
        query.push(("token", token.value.expose()));
        let answer = self
            .site
            .ask(Call::get(self.site.address(&base, &query)?))
            .await?;
        if let Some(refusal) = refusal(&answer.body) {
            return Err(refusal.into_failure());
        }
        let Some(answer) = self.site.accept(answer)? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&answer.body);
        let read = playlist::parse(&text).map_err(|error| self.site.changed(error))?;
        let Playlist::Master(master) = read else {
            return Ok(Some(answer.address));
        };
        let chosen = choose(&master).and_then(|link| answer.address.join(link));
        chosen.map(Some).ok_or_else(|| self.site.changed(NoSound))
    }

    async fn token(&self, stream: &Stream<'_>) -> Result<Option<Token>, Failure> {
        let (field, login, id) = match stream {
            Stream::Live(login) => ("streamPlaybackAccessToken", *login, String::new()),
            Stream::Video(id) => ("videoPlaybackAccessToken", "", id.to_string()),
        };
        let is_live = !login.is_empty();
        let data = self.site.data();
        let variables = json!({
            "isLive": is_live, "login": login, "isVod": !is_live, "vodID": id,
            "playerType": data.twitch.player_type, "platform": "web",
        });
        let found = self.find(|facts| &facts.token, variables, field).await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let changed = |error| self.site.changed(error);
        let value = found.needed_text("value").map_err(changed)?;
        let signature = found.needed_text("signature").map_err(changed)?;
        if let Some(refusal) = forbidden(value) {
            return Err(refusal.into_failure());
        }
        Ok(Some(Token {
            value: Secret::new(value),
            signature: Secret::new(signature),
        }))
    }
}

/// What a token itself says against being used: its value is JSON.
fn forbidden(value: &str) -> Option<Refusal> {
    let value = json::read(value.as_bytes()).ok()?;
    match value.text("geoblock_reason").unwrap_or_default() {
        "" => {}
        "anonymizer_blocked" => return Some(Refusal::Proxy),
        _ => return Some(Refusal::Country),
    }
    let is_forbidden = value.pick("authorization.forbidden")?.as_bool()?;
    is_forbidden.then_some(Refusal::Forbidden)
}

/// What usher says instead of a playlist: a list of errors with codes.
fn refusal(body: &[u8]) -> Option<Refusal> {
    if !body.starts_with(b"[") {
        return None;
    }
    let errors = json::read(body).ok()?;
    match errors.text("0.error_code")? {
        "vod_manifest_restricted" | "unauthorized_entitlements" => Some(Refusal::Subscribers),
        code if code.contains("geoblock") => Some(Refusal::Country),
        _ => None,
    }
}
