//! Owns: asking a cipher server (the protocol of kikkia/yt-cipher, as youtube-source speaks it; reference, 8.2).
//! Never knows: how it unlocks anything, what is done when it fails.

use super::{Puzzle, Sealed, Settings};
use crate::{
    error::Failure,
    net::{address::Address, call::Call},
    source::site::{
        Site,
        cache::{Cache, Limits},
        json::Pick,
    },
    units::Secret,
};
use http::{HeaderName, HeaderValue, header};
use serde_json::{Value, json};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use url::Url;

/// Timestamps of scripts: one script has one for ever.
const TIMESTAMPS: Limits = Limits {
    keep: Duration::from_secs(24 * 3600),
    keep_failure: Duration::from_secs(10),
    entries: 8,
};
/// How long a server that could not be reached is left alone: without that, every track would wait for it.
const REST: Duration = Duration::from_secs(30);
/// The version of youtube-source whose protocol this is, for the server's own figures.
const PLUGIN_VERSION: HeaderValue =
    HeaderValue::from_static(concat!("lavalink-rust-", env!("CARGO_PKG_VERSION")));

/// Why the answer of a server is not taken.
#[derive(Debug, thiserror::Error)]
enum Odd {
    #[error("the timestamp is no number")]
    Timestamp,
    #[error("the link leads to another host")]
    Host,
    #[error("the link is still locked")]
    Locked,
    #[error("it could not be reached lately")]
    Resting,
}

/// A cipher server.
pub struct Remote {
    site: Site,
    base: Url,
    password: Secret,
    user_agent: HeaderValue,
    timestamps: Cache<Url, u32>,
    /// When it may be asked again.
    rests_until: Mutex<Option<Instant>>,
}

impl Remote {
    /// The server of the configuration, if there is one.
    pub fn new(site: &Site, settings: Settings) -> Option<Self> {
        let base = settings.url?;
        let user_agent = HeaderValue::try_from(settings.user_agent).unwrap_or_else(|_| {
            tracing::warn!("plugins.youtube.remoteCipher.userAgent is no header, and is not sent");
            HeaderValue::from_static(crate::net::USER_AGENT)
        });
        Some(Self {
            site: site.helper("The cipher server", &base),
            base,
            password: settings.password,
            user_agent,
            timestamps: Cache::new(TIMESTAMPS),
            rests_until: Mutex::new(None),
        })
    }

    /// The signature timestamp of a script.
    ///
    /// # Errors
    /// When there is no usable answer.
    pub async fn timestamp(&self, player_url: &Url) -> Result<u32, Failure> {
        let asking = async {
            let body = json!({ "player_url": player_url.as_str() });
            let answer = self.ask("get_sts", &body).await?;
            // a text, as yt-cipher has it; others send a number
            let number = match answer.pick("sts") {
                Some(Value::String(text)) => text.parse().ok(),
                Some(value) => value.as_u64().and_then(|it| u32::try_from(it).ok()),
                None => None,
            };
            number.ok_or_else(|| self.site.changed(Odd::Timestamp))
        };
        self.timestamps.get(player_url, asking).await
    }

    /// The link, unlocked.
    ///
    /// # Errors
    /// When there is no usable answer.
    pub async fn solve(
        &self,
        player_url: &Url,
        sealed: &Sealed,
        puzzle: &Puzzle,
    ) -> Result<Url, Failure> {
        let mut body = json!({
            "stream_url": sealed.url.as_str(),
            "player_url": player_url.as_str(),
        });
        let more = [
            ("encrypted_signature", &puzzle.signature),
            ("n_param", &puzzle.n),
            ("signature_key", &sealed.signature_key),
        ];
        for (name, value) in more {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        let answer = self.ask("resolve_url", &body).await?;
        let text = answer.needed_text("resolved_url");
        let text = text.map_err(|error| self.site.changed(error))?;
        let url = Url::parse(text).map_err(|error| self.site.changed(error))?;
        if url.scheme() != sealed.url.scheme() || url.host_str() != sealed.url.host_str() {
            return Err(self.site.changed(Odd::Host));
        }
        let is_locked = puzzle.n.as_ref().is_some_and(|n| {
            url.query_pairs()
                .any(|(name, value)| name == "n" && value == n.as_str())
        });
        if is_locked {
            return Err(self.site.changed(Odd::Locked));
        }
        Ok(url)
    }

    async fn ask(&self, route: &str, body: &Value) -> Result<Value, Failure> {
        let rests_until = *self.rest();
        if rests_until.is_some_and(|until| Instant::now() < until) {
            let failure = Failure::suspicious("The cipher server could not be reached lately.");
            return Err(failure.because(Odd::Resting));
        }
        let address = format!("{}/{route}", self.base.as_str().trim_end_matches('/'));
        let address = Address::parse(&address).ok_or_else(|| {
            Failure::common("plugins.youtube.remoteCipher.url is no address of a server.")
        })?;
        let mut call = Call::post_json(address, body)
            .with(header::USER_AGENT, self.user_agent.clone())
            .with(HeaderName::from_static("plugin-version"), PLUGIN_VERSION);
        if !self.password.expose().is_empty() {
            let password = HeaderValue::try_from(self.password.expose());
            let mut password = password.map_err(|error| {
                Failure::common("plugins.youtube.remoteCipher.password is no header.")
                    .because(error)
            })?;
            password.set_sensitive(true);
            call = call.with(header::AUTHORIZATION, password);
        }
        let answer = match self.site.ask_once(call).await {
            Ok(answer) => answer,
            Err(failure) => {
                *self.rest() = Some(Instant::now() + REST);
                return Err(failure);
            }
        };
        match answer.status {
            200..=299 => self.site.json(&answer),
            401 | 403 => Err(Failure::common(
                "The cipher server asks for another password: plugins.youtube.remoteCipher.password.",
            )),
            status => Err(Failure::suspicious(format!(
                "The cipher server could not read YouTube's player script (status {status})."
            ))),
        }
    }

    fn rest(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.rests_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
