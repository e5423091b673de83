//! Owns: what all sites have in common: asking them, telling their refusals apart, and what is known of them.
//! Never knows: what any site is, or what its answers mean.

pub mod cache;
pub mod check;
pub mod data;
pub mod html;
pub mod json;
pub mod link;
pub mod quota;
#[cfg(test)]
pub mod testing;

use crate::{
    error::Failure,
    media::{backoff::chance, ranges::Retry},
    net::{
        Clients, NO_ADDRESS, NetError,
        address::Address,
        call::{Answer, Call},
    },
};
use data::SiteData;
use http::{HeaderValue, header};
use serde_json::Value;
use std::{error::Error, sync::Arc, time::Duration};
use tokio::sync::watch;
use url::{Host, Url};

/// The longest answer of a site, in bytes. Pages of Bandcamp take 300 KB, a SoundCloud set of 500 tracks 100 KB more.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// How long a helping server may be silent, at least: it may have to run a script that it has never seen.
const HELPER_THINKS: Duration = Duration::from_secs(10);

/// Asks one site. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    /// As people write it.
    name: &'static str,
    clients: Clients,
    data: watch::Receiver<Arc<SiteData>>,
}

impl Site {
    /// The site that people call `name`, asked through `clients`.
    #[must_use]
    pub fn new(name: &'static str, clients: Clients, data: watch::Receiver<Arc<SiteData>>) -> Self {
        Self {
            name,
            clients: clients.for_site(),
            data,
        }
    }

    /// The same, asked through other clients.
    #[must_use]
    pub fn through(self, clients: Clients) -> Self {
        Self { clients, ..self }
    }

    /// What is known of sites right now.
    #[must_use]
    pub fn data(&self) -> Arc<SiteData> {
        self.data.borrow().clone()
    }

    /// A server at `at` that the operator named, as people write it, to help with this site. It may be in a private network; one
    /// of this machine is not asked through the proxy. It may think for longer than a site. It is asked from any address: those of
    /// the route planner are for sites.
    #[must_use]
    pub fn helper(&self, name: &'static str, at: &Url) -> Self {
        let mut settings = self.clients.settings().clone();
        settings.block_private_addresses = false;
        settings.routes = None;
        settings.read_timeout = settings.read_timeout.max(HELPER_THINKS);
        let is_near = match at.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if is_near {
            settings.proxy = None;
        }
        Self {
            name,
            clients: Clients::new(settings),
            data: self.data.clone(),
        }
    }

    /// Asks, once. Any status is a success here.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask_once(&self, call: Call) -> Result<Answer, Failure> {
        let call = self.presented(call)?;
        let answer = self.clients.call(call, MAX_ANSWER).await;
        answer.map_err(|error| self.unreachable(error))
    }

    /// The call, with the user agent that sites see unless it has its own.
    fn presented(&self, call: Call) -> Result<Call, Failure> {
        let agent = HeaderValue::try_from(&self.data().user_agent);
        let agent = agent.map_err(|error| {
            Failure::fault("The user agent for sites is no header.").because(error)
        })?;
        Ok(call.or(header::USER_AGENT, agent))
    }

    /// Asks, again when that may help. Any other status is a success here.
    ///
    /// # Errors
    /// When there is no usable answer.
    pub async fn ask(&self, call: Call) -> Result<Answer, Failure> {
        let call = self.presented(call)?;
        let mut retry = Retry::default();
        loop {
            let error = match self.clients.call(call.clone(), MAX_ANSWER).await {
                Ok(answer) => match NetError::Status(answer.status) {
                    // asking at once for what was asked too often makes it worse
                    error if error.is_retryable() && answer.status != 429 => error,
                    _ => return Ok(answer),
                },
                Err(error) => error,
            };
            let delay = match error.is_retryable() {
                true => retry.failed(chance()),
                false => None,
            };
            let Some(delay) = delay else {
                return Err(self.unreachable(error));
            };
            tracing::debug!(site = self.name, %error, "asked again");
            tokio::time::sleep(delay).await;
        }
    }

    /// An address of the site: `base` comes from what is known of it, `query` is added.
    ///
    /// # Errors
    /// When the base is no address.
    pub fn address(&self, base: &str, query: &[(&str, &str)]) -> Result<Address, Failure> {
        let known = Url::parse(base).ok().and_then(|mut url| {
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            Address::parse(url.as_str())
        });
        let name = self.name;
        known.ok_or_else(|| {
            Failure::fault(format!(
                "An address of {name} in the data of sites is none."
            ))
        })
    }

    /// The answer, if there is what was asked for; `None` when there is not.
    ///
    /// # Errors
    /// When the site refuses, or does not work.
    pub fn accept(&self, answer: Answer) -> Result<Option<Answer>, Failure> {
        let name = self.name;
        let error = NetError::Status(answer.status);
        let failure = match answer.status {
            200..=206 => return Ok(Some(answer)),
            404 | 410 => return Ok(None),
            401 | 403 => Failure::suspicious(format!(
                "{name} refuses to answer; it may be blocking this node's address."
            )),
            429 => Failure::suspicious(format!(
                "{name} was asked too often from this node's address. Try again later."
            )),
            451 => Failure::common(format!("{name} must not show this in the node's country.")),
            _ => return Err(self.unreachable(error)),
        };
        Err(failure.because(error))
    }

    /// Reads the JSON of an answer.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self, answer: &Answer) -> Result<Value, Failure> {
        json::read(&answer.body).map_err(|error| self.changed(error))
    }

    /// As [`json`](Self::json), with the fields that are `wanted` only.
    ///
    /// # Errors
    /// When it is none.
    pub fn json_of(&self, answer: &Answer, wanted: fn(&str) -> bool) -> Result<Value, Failure> {
        json::read_only(&answer.body, wanted).map_err(|error| self.changed(error))
    }

    /// The site does not answer as it used to.
    #[must_use]
    pub fn changed(&self, why: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
        let name = self.name;
        Failure::suspicious(format!(
            "{name} answered in a way that is not understood; the site may have changed."
        ))
        .because(why)
    }

    /// The site wants to be left alone for so long.
    #[must_use]
    pub fn busy(&self, left: Duration) -> Failure {
        let (name, seconds) = (self.name, left.as_secs_f64().ceil());
        Failure::suspicious(format!(
            "{name} was asked too often from this node's address. Try again in {seconds} s."
        ))
    }

    fn unreachable(&self, error: NetError) -> Failure {
        let name = self.name;
        match error {
            NetError::Exhausted(_) => Failure::suspicious(NO_ADDRESS),
            NetError::Setup(_) => Failure::fault(format!("Connecting to {name} failed.")),
            NetError::Blocked(_) => Failure::common(format!(
                "{name} leads to a private address, and private addresses are blocked."
            )),
            NetError::TooLong(_) => {
                Failure::suspicious(format!("The answer of {name} is too long."))
            }
            NetError::Status(500..) => {
                Failure::suspicious(format!("{name} has an error of its own. Try again later."))
            }
            _ => Failure::suspicious(format!("Connecting to {name} failed.")),
        }
        .because(error)
    }
}

/// Whether the host of a URL is one of `hosts`, or below one.
#[must_use]
pub fn is_below(url: &Url, hosts: &[String]) -> bool {
    let host = url.host_str().unwrap_or_default();
    hosts.iter().any(|known| {
        host.strip_suffix(known.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests;
