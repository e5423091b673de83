//! Owns: an account for requests to YouTube: signing in, and access tokens as they are needed.
//! Never knows: which requests carry them.

pub mod flow;
#[cfg(test)]
mod tests;

use crate::{
    error::Failure,
    media::backoff::chance,
    net::{address::Address, call::Call},
    source::site::{
        Site,
        check::{self, Wrong},
        json::Pick,
    },
    units::Secret,
};
use flow::{Access, Answer, Code, End, Flow, Step, Tokens};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::Mutex as Gate,
    time::{Instant, sleep_until},
};

/// How long an access token holds when nothing is said, as youtube-source has it.
const HOLDS: Duration = Duration::from_secs(300);
/// How long a code holds and how often to ask when nothing is said (RFC 8628, 3.2 for the latter).
const CODE_HOLDS: Duration = Duration::from_secs(1800);
const INTERVAL: Duration = Duration::from_secs(5);
/// The longest time that is taken from an answer.
const LONGEST: u64 = 24 * 3600;
/// How long after a failure a code is asked for again.
const AGAIN: Duration = Duration::from_secs(60);

/// What is known of signing in: a part of `sites.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// Where a code is asked for.
    pub device_code: String,
    /// Where tokens are.
    pub token: String,
    /// Which program asks: the site's own for televisions. No secret, every television carries it.
    pub client_id: String,
    /// What goes with it.
    pub client_secret: String,
    /// What is asked for.
    pub scope: String,
    /// As which television the node presents itself.
    pub device_model: String,
}

impl Facts {
    /// What fits, but cannot work.
    ///
    /// # Errors
    /// When there is such a value.
    pub fn check(&self) -> Result<(), Wrong> {
        check::addresses([("deviceCode", &self.device_code), ("token", &self.token)])
    }
}

/// What the configuration says (`plugins.youtube.oauth`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether there is an account (`enabled`).
    pub enabled: bool,
    /// What an earlier sign-in gave (`refreshToken`); empty: nothing.
    pub refresh_token: Secret,
    /// Whether nobody is asked to sign in when there is no refresh token (`skipInitialization`).
    pub skip_initialization: bool,
}

/// The site refuses a refresh token, by the name of the error (RFC 6749, 5.2).
#[derive(Debug, thiserror::Error)]
#[error("the token was refused: {0}")]
struct Refused(String);

/// Gives access tokens. Cheap to clone.
#[derive(Clone)]
pub struct OAuth(Arc<Inner>);

struct Inner {
    site: Site,
    enabled: bool,
    // held for a look or a change
    flow: Mutex<Flow>,
    /// Held by who renews the token.
    renewing: Gate<()>,
}

impl OAuth {
    /// Asks through `site`. Where a person is to sign in, a task on the current runtime sees to it as long as the account is
    /// used.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(site: Site, settings: Settings) -> Self {
        let account = Self(Arc::new(Inner::new(site, settings)));
        if account.0.flow().step() != Step::Done {
            tokio::spawn(sign_in(Arc::downgrade(&account.0)));
        }
        account
    }

    /// The token that requests carry in `Authorization: Bearer`, renewed if need be. `None` without an account, or as long as
    /// nobody has signed in.
    ///
    /// # Errors
    /// When it cannot be renewed. Requests may work without it.
    pub async fn bearer(&self) -> Result<Option<Secret>, Failure> {
        let inner = &self.0;
        if !inner.enabled {
            return Ok(None);
        }
        if let Access::Have(token) = inner.access() {
            return Ok(Some(token));
        }
        let _renewing = inner.renewing.lock().await;
        match inner.access() {
            Access::Have(token) => Ok(Some(token)),
            Access::None => Ok(None),
            Access::Failing => Err(Failure::suspicious(
                "Renewing the access token for YouTube failed a moment ago.",
            )),
            Access::Renew(refresh) => inner.renew(&refresh).await.map(Some),
        }
    }
}

impl Inner {
    fn new(site: Site, settings: Settings) -> Self {
        let refresh = Some(settings.refresh_token).filter(|it| !it.expose().is_empty());
        let is_skipped = settings.skip_initialization || !settings.enabled;
        Self {
            site,
            enabled: settings.enabled,
            flow: Mutex::new(Flow::new(refresh, is_skipped)),
            renewing: Gate::new(()),
        }
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn access(&self) -> Access {
        self.flow().access(Instant::now())
    }

    async fn renew(&self, refresh: &Secret) -> Result<Secret, Failure> {
        let data = self.site.data();
        let facts = &data.youtube.oauth;
        let body = json!({
            "client_id": facts.client_id,
            "client_secret": facts.client_secret,
            "refresh_token": refresh.expose(),
            "grant_type": "refresh_token",
        });
        let outcome = match self.tokens(&facts.token, &body).await {
            Ok(Answer::Tokens(tokens)) => Ok(tokens),
            Ok(Answer::Refused(error)) => Err(refused(error)),
            Ok(Answer::Pending | Answer::TooOften) => Err(refused("authorization_pending".into())),
            Err(failure) => Err(failure),
        };
        let now = Instant::now();
        match outcome {
            Ok(tokens) => {
                let access = tokens.access.clone();
                self.flow().renewed(tokens, now);
                tracing::debug!("the access token for YouTube was renewed");
                Ok(access)
            }
            Err(failure) => {
                self.flow().failed(now);
                tracing::warn!(why = %failure.trace(), "the access token for YouTube was not renewed");
                Err(failure)
            }
        }
    }

    async fn code(&self) -> Result<Code, Failure> {
        let data = self.site.data();
        let facts = &data.youtube.oauth;
        let body = json!({
            "client_id": facts.client_id,
            "scope": facts.scope,
            "device_id": format!("{:016x}{:016x}", chance(), chance()),
            "device_model": facts.device_model,
        });
        let (status, answer) = self.post(&facts.device_code, &body).await?;
        if let Some(error) = answer.text("error") {
            return Err(refused(error.to_owned()));
        }
        code(&answer).map_err(|error| match status {
            200..=299 => self.site.changed(error),
            status => refused(format!("status {status}")),
        })
    }

    async fn poll(&self, device_code: &Secret) -> Result<Answer, Failure> {
        let data = self.site.data();
        let facts = &data.youtube.oauth;
        let body = json!({
            "client_id": facts.client_id,
            "client_secret": facts.client_secret,
            "code": device_code.expose(),
            "grant_type": "http://oauth.net/grant_type/device/1.0",
        });
        self.tokens(&facts.token, &body).await
    }

    async fn tokens(&self, address: &str, body: &Value) -> Result<Answer, Failure> {
        let (status, answer) = self.post(address, body).await?;
        // errors come with 200 from here, and with 400 by the standard
        if let Some(error) = answer.text("error") {
            return Ok(match error {
                "authorization_pending" => Answer::Pending,
                "slow_down" => Answer::TooOften,
                other => Answer::Refused(other.to_owned()),
            });
        }
        match (status, tokens(&answer)) {
            (200..=299, Ok(tokens)) => Ok(Answer::Tokens(tokens)),
            (200..=299, Err(error)) => Err(self.site.changed(error)),
            (status, _) => Ok(Answer::Refused(format!("status {status}"))),
        }
    }

    async fn post(&self, address: &str, body: &Value) -> Result<(u16, Value), Failure> {
        let address = Address::parse(address)
            .ok_or_else(|| Failure::fault("The address for signing in to YouTube is none."))?;
        let answer = self.site.ask(Call::post_json(address, body)).await?;
        Ok((answer.status, self.site.json(&answer)?))
    }
}

/// What a person does about it.
fn refused(error: String) -> Failure {
    let failure = match &*error {
        "invalid_grant" => Failure::common(
            "YouTube refuses the refresh token (plugins.youtube.oauth.refreshToken); it was withdrawn or is wrong. Leave \
             it out to sign in again.",
        ),
        _ => Failure::suspicious("YouTube refuses to sign this node in."),
    };
    failure.because(Refused(error))
}

fn seconds(answer: &Value, path: &str) -> Option<Duration> {
    let seconds = u64::try_from(answer.number(path)?).ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST)))
}

fn code(answer: &Value) -> Result<Code, crate::source::site::json::Unexpected> {
    Ok(Code {
        address: answer.needed_text("verification_url")?.to_owned(),
        user_code: answer.needed_text("user_code")?.to_owned(),
        device_code: Secret::new(answer.needed_text("device_code")?),
        interval: seconds(answer, "interval").unwrap_or(INTERVAL),
        holds: seconds(answer, "expires_in").unwrap_or(CODE_HOLDS),
    })
}

fn tokens(answer: &Value) -> Result<Tokens, crate::source::site::json::Unexpected> {
    Ok(Tokens {
        access: Secret::new(answer.needed_text("access_token")?),
        holds: seconds(answer, "expires_in").unwrap_or(HOLDS),
        refresh: answer.text("refresh_token").map(Secret::new),
    })
}

/// Sees to it that a person can sign in, until one has or has refused.
async fn sign_in(account: Weak<Inner>) {
    loop {
        let Some(inner) = account.upgrade() else {
            return;
        };
        let step = inner.flow().step();
        let wake = match step {
            Step::Done => return,
            Step::AskCode => match inner.code().await {
                Ok(code) => {
                    tell_how(&code);
                    inner.flow().told(&code, Instant::now());
                    continue;
                }
                Err(failure) => {
                    tracing::warn!(why = %failure.trace(), "YouTube gives no code to sign in with");
                    Instant::now() + AGAIN
                }
            },
            Step::Poll(at, device_code) if at <= Instant::now() => {
                let answer = inner.poll(&device_code).await;
                if let Err(failure) = &answer {
                    tracing::debug!(why = %failure.trace(), "YouTube does not say whether anybody has signed in");
                }
                let end = inner.flow().polled(answer.ok(), Instant::now());
                if let Some(end) = end {
                    tell_end(&end);
                }
                continue;
            }
            Step::Poll(at, _) => at,
        };
        // nobody who sleeps keeps the account
        drop(inner);
        sleep_until(wake).await;
    }
}

/// As youtube-source words it, which guides describe.
fn tell_how(code: &Code) {
    let Code {
        address, user_code, ..
    } = code;
    tracing::warn!("==================================================");
    tracing::warn!("!!! DO NOT AUTHORISE WITH YOUR MAIN ACCOUNT, USE A BURNER !!!");
    tracing::warn!(
        "OAUTH INTEGRATION: to give this node access to an account, go to {address} and enter code {user_code}"
    );
    tracing::warn!("!!! DO NOT AUTHORISE WITH YOUR MAIN ACCOUNT, USE A BURNER !!!");
    tracing::warn!("==================================================");
}

fn tell_end(end: &End) {
    match end {
        // the one place where it is seen: an operator has to write it down
        End::SignedIn(refresh) => tracing::warn!(
            "OAUTH INTEGRATION: signed in. Keep this token as plugins.youtube.oauth.refreshToken, so that nobody has to sign in \
             again: {}",
            refresh.expose()
        ),
        End::TooLate => tracing::error!(
            "OAUTH INTEGRATION: the code was not entered in time. Restart the node for another."
        ),
        End::Refused(error) => tracing::error!(error, "OAUTH INTEGRATION: signing in was refused"),
    }
}
