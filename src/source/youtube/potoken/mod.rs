//! Owns: proofs of origin (po-tokens): those of the configuration, and those that a provider makes (the protocol of
//! bgutil-ytdlp-pot-provider, as its README has it: `POST /get_pot`).
//! Never knows: how a token is made, which client sends it where.

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
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use url::Url;

/// Tokens that were made. What is bound to a visitor is needed again for hours, what is bound to a video for minutes.
const TOKENS: Limits = Limits {
    keep: HOLDS,
    keep_failure: Duration::from_secs(10),
    entries: 256,
};
/// How long a token is taken to hold when the provider does not say; its own cache keeps them as long.
const HOLDS: Duration = Duration::from_secs(6 * 3600);
/// How long before its end a token is not used any more.
const MARGIN: Duration = Duration::from_secs(60);
/// The longest token, in bytes. They have about two hundred.
const MAX_TOKEN: usize = 8192;

/// What the configuration says (`plugins.youtube.pot`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// A token that the operator has made (`token`); empty: none.
    pub token: Secret,
    /// The visitor that it is bound to (`visitorData`); empty: none.
    pub visitor_data: String,
    /// Where a provider is that makes them (`provider`; not a key of youtube-source).
    pub provider: Option<Url>,
}

/// A proof of origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What is sent.
    pub token: Secret,
    /// The visitor that requests with it must name, when it is not the one that was asked for.
    pub visitor_data: Option<String>,
}

/// Why the answer of a provider is not taken.
#[derive(Debug, thiserror::Error)]
enum Odd {
    #[error("the provider answered with the status {0}")]
    Status(u16),
    #[error("the token has no usable length")]
    Length,
    #[error("the token has run out already")]
    Old,
}

/// Gives proofs of origin. Cheap to clone.
#[derive(Clone)]
pub struct PoToken(Arc<Inner>);

struct Inner {
    fixed: Option<Token>,
    provider: Option<Provider>,
}

struct Provider {
    site: Site,
    base: Url,
    tokens: Cache<String, Made>,
}

/// What a provider has made.
#[derive(Clone)]
struct Made {
    token: Secret,
    until: SystemTime,
}

impl Made {
    /// Whether it may still be used.
    fn holds(&self, now: SystemTime) -> bool {
        now + MARGIN < self.until
    }
}

impl PoToken {
    /// Asks a provider beside `site`.
    #[must_use]
    pub fn new(site: &Site, settings: Settings) -> Self {
        let token = Some(settings.token).filter(|it| !it.expose().is_empty());
        let visitor = Some(settings.visitor_data).filter(|it| !it.is_empty());
        if token.is_some() != visitor.is_some() {
            tracing::warn!(
                "plugins.youtube.pot.token and visitorData belong together: neither is used without the other"
            );
        }
        let fixed = token.zip(visitor).map(|(token, visitor)| Token {
            token,
            visitor_data: Some(visitor),
        });
        let provider = settings.provider.map(|base| Provider {
            site: site.helper("The po-token provider", &base),
            base,
            tokens: Cache::new(TOKENS),
        });
        Self(Arc::new(Inner { fixed, provider }))
    }

    /// Whether there are tokens, or somebody who makes them.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.0.fixed.is_some() || self.0.provider.is_some()
    }

    /// A token bound to `binding`, which is visitor data or the id of a video, from the provider; the one of the configuration,
    /// whatever the binding, when there is no provider or it fails. `None` when there is neither.
    ///
    /// # Errors
    /// When the provider fails, and nothing takes its place.
    pub async fn of(&self, binding: &str) -> Result<Option<Token>, Failure> {
        let Some(provider) = &self.0.provider else {
            return Ok(self.0.fixed.clone());
        };
        match (provider.token(binding).await, &self.0.fixed) {
            (Ok(token), _) => Ok(Some(Token {
                token,
                visitor_data: None,
            })),
            (Err(failure), Some(fixed)) => {
                tracing::debug!(why = %failure.trace(), "the po-token of the configuration is used");
                Ok(Some(fixed.clone()))
            }
            (Err(failure), None) => Err(failure),
        }
    }
}

impl Provider {
    async fn token(&self, binding: &str) -> Result<Secret, Failure> {
        let key = binding.to_owned();
        let made = self.tokens.get(&key, self.make(binding)).await?;
        if made.holds(clock()) {
            return Ok(made.token);
        }
        self.tokens.forget(&key, Duration::ZERO);
        Ok(self.tokens.get(&key, self.make(binding)).await?.token)
    }

    async fn make(&self, binding: &str) -> Result<Made, Failure> {
        let address = format!("{}/get_pot", self.base.as_str().trim_end_matches('/'));
        let address = Address::parse(&address).ok_or_else(|| {
            Failure::common("plugins.youtube.pot.provider is no address of a server.")
        })?;
        let call = Call::post_json(address, &json!({ "content_binding": binding }));
        let answer = self.site.ask_once(call).await?;
        if !(200..=299).contains(&answer.status) {
            let failure = Failure::suspicious("The po-token provider could not make a token.");
            return Err(failure.because(Odd::Status(answer.status)));
        }
        let now = clock();
        let made =
            made(&self.site.json(&answer)?, now).map_err(|error| self.site.changed(error))?;
        match made.holds(now) {
            true => Ok(made),
            false => Err(self.site.changed(Odd::Old)),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "providers say by the calendar until when a token holds"
)]
fn clock() -> SystemTime {
    SystemTime::now()
}

/// What an answer of the provider says: `poToken` and `expiresAt`, or `po_token` alone in versions before 1.0.
fn made(answer: &Value, now: SystemTime) -> Result<Made, Box<dyn std::error::Error + Send + Sync>> {
    let token = match answer.text("poToken") {
        Some(token) => token,
        None => answer.needed_text("po_token")?,
    };
    if token.is_empty() || token.len() > MAX_TOKEN {
        return Err(Odd::Length.into());
    }
    let until = answer.text("expiresAt").and_then(moment);
    Ok(Made {
        token: Secret::new(token),
        until: until.unwrap_or(now + HOLDS),
    })
}

/// A moment as JavaScript writes it, `2026-11-21T23:05:00.000Z`; `None` for all else.
fn moment(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, mark: char| {
        let mut parts = text.split(mark).map(|part| part.parse::<u64>().ok());
        let three = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(three)
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time.split('.').next()?, ':')?;
    let is_sane = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !is_sane {
        return None;
    }
    // days since 1970 with the year begun in March, so that the day of a leap year comes last
    let (years, months) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let days = (years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day)
        .checked_sub(719_469)?;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
