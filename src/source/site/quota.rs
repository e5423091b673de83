//! Owns: keeping away from a site for as long as it asks for (`Retry-After`: RFC 9110, 10.2.3).
//! Never knows: what is asked for.

use super::Site;
use crate::{
    error::Failure,
    net::call::{Answer, Call},
};
use http::header;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The longest wait that a load bears.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is waited when the site does not say.
const UNSAID: Duration = Duration::from_secs(2);
/// The longest time that is kept away, whatever a site says.
const LONGEST: Duration = Duration::from_secs(3600);

/// Until when a site wants to be left alone.
#[derive(Default)]
pub struct Quota(Mutex<Option<Instant>>);

impl Quota {
    /// Asks, after the pause that the site wants; once more, when it wants one now that is short.
    ///
    /// # Errors
    /// When there is no usable answer, or the pause is too long to wait.
    pub async fn ask(&self, site: &Site, call: Call) -> Result<Answer, Failure> {
        self.wait(site).await?;
        let answer = site.ask(call.clone()).await?;
        if answer.status != 429 {
            return Ok(answer);
        }
        self.begin(Instant::now(), pause(&answer));
        self.wait(site).await?;
        let answer = site.ask(call).await?;
        if answer.status == 429 {
            self.begin(Instant::now(), pause(&answer));
        }
        Ok(answer)
    }

    async fn wait(&self, site: &Site) -> Result<(), Failure> {
        match self.left(Instant::now()) {
            Some(left) if left > PATIENCE => Err(site.busy(left)),
            Some(left) => {
                tokio::time::sleep(left).await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn begin(&self, now: Instant, pause: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + pause);
    }

    fn left(&self, now: Instant) -> Option<Duration> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until?
            .checked_duration_since(now)
            .filter(|left| !left.is_zero())
    }
}

/// The pause that an answer asks for, in whole seconds; dates are not read, because clocks differ.
fn pause(answer: &Answer) -> Duration {
    let said = answer.headers.get(header::RETRY_AFTER);
    let seconds = said.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    seconds.map_or(UNSAID, Duration::from_secs).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends() {
        let quota = Quota::default();
        assert_eq!(quota.left(Instant::now()), None);
        quota.begin(Instant::now(), Duration::from_secs(9));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(quota.left(Instant::now()), Some(Duration::from_secs(5)));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(quota.left(Instant::now()), None);
    }
}
