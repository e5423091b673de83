//! Owns: one thing that is fetched, perhaps several times: ranges, redirects, its password.
//! Never knows: what it is, or how connections are made.

use super::{
    Clients, MAX_REDIRECTS, NetError, Response, Settings, address::Address, connect, redirect,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use std::fmt;

/// The bytes that are asked for, as the header has them (RFC 9110, section 14.1.2).
#[derive(Clone, Copy)]
struct Range {
    from: u64,
    /// Offset behind the last one.
    until: Option<u64>,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes={}-", self.from)?;
        match self.until {
            Some(until) => write!(f, "{}", until.saturating_sub(1)),
            None => Ok(()),
        }
    }
}

/// What a request carries besides its address and range.
#[derive(Clone, Copy, Default)]
struct With {
    password: bool,
    titles: bool,
}

/// One thing to be fetched, perhaps several times: remembers whether it has asked for a password.
pub struct Resource {
    clients: Clients,
    address: Address,
    until: Option<u64>,
    with: With,
}

impl Resource {
    /// What is at an address.
    #[must_use]
    pub fn new(clients: Clients, address: Address) -> Self {
        Self {
            clients,
            address,
            until: None,
            with: With::default(),
        }
    }

    /// Asks radio stations for titles between the bytes (`Icy-MetaData`), too; who reads must take them out again.
    #[must_use]
    pub const fn with_titles(mut self) -> Self {
        self.with.titles = true;
        self
    }

    /// Of it, never more is asked for than the bytes before this offset: it is a part of a larger file.
    #[must_use]
    pub const fn ending_at(mut self, until: Option<u64>) -> Self {
        self.until = until;
        self
    }

    /// The next request asks for the bytes before this offset only.
    pub const fn end_at(&mut self, until: Option<u64>) {
        self.until = until;
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The clients' limits.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.clients.settings()
    }

    /// What it is fetched with.
    #[must_use]
    pub const fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Asks for all, or for everything from an offset on. An answer of any status is a success here, also a redirect.
    /// The password of the address is sent once the server has asked for it, and never anywhere else.
    ///
    /// # Errors
    /// When there is no answer. Cancel-safe: dropping the future drops the connection.
    pub async fn ask(&mut self, from: Option<u64>) -> Result<Response, NetError> {
        let response = self.send(from).await?;
        if self.with.password || !self.may_answer(&response) {
            return Ok(response);
        }
        self.with.password = true;
        self.send(from).await
    }

    async fn send(&self, from: Option<u64>) -> Result<Response, NetError> {
        let clients = &self.clients;
        let mut request = clients.request(Method::GET, &self.address, Bytes::new())?;
        let headers = request.headers_mut();
        if let Some(from) = from {
            let range = Range {
                from,
                until: self.until,
            };
            let range = HeaderValue::try_from(range.to_string()).expect("numbers are ASCII");
            headers.insert(header::RANGE, range);
        }
        if self.with.titles {
            let name = HeaderName::from_static("icy-metadata");
            headers.insert(name, HeaderValue::from_static("1"));
        }
        if let (true, Some((user, password))) = (self.with.password, self.address.credentials()) {
            headers.insert(header::AUTHORIZATION, connect::basic(user, password));
        }
        clients.send(&self.address, request).await
    }

    /// As [`ask`](Self::ask), but goes where redirects lead.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and when redirects do not end or lead out of HTTP.
    pub async fn ask_following(&mut self, from: Option<u64>) -> Result<Response, NetError> {
        Ok(self.follow(from).await?.0)
    }

    /// As [`ask_following`](Self::ask_following); also tells where the answer came from.
    ///
    /// # Errors
    /// As [`ask_following`](Self::ask_following).
    pub async fn follow(&mut self, from: Option<u64>) -> Result<(Response, Address), NetError> {
        let mut response = self.ask(from).await?;
        let mut address = self.address.clone();
        for _ in 0..MAX_REDIRECTS {
            let Some(location) = redirect(&response) else {
                return Ok((response, address));
            };
            address = address.join(&location).ok_or(NetError::BadRedirect)?;
            // a resource of its own, so that this one's password stays here
            let mut next = Self::new(self.clients.clone(), address.clone()).ending_at(self.until);
            next.with.titles = self.with.titles;
            response = Box::pin(next.ask(from)).await?;
        }
        match redirect(&response) {
            Some(_) => Err(NetError::TooManyRedirects),
            None => Ok((response, address)),
        }
    }

    fn may_answer(&self, response: &Response) -> bool {
        response.status() == StatusCode::UNAUTHORIZED
            && self.address.credentials().is_some()
            && response
                .headers()
                .get_all(header::WWW_AUTHENTICATE)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .any(|value| value.to_ascii_lowercase().contains("basic"))
    }
}
