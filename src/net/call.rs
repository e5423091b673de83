//! Owns: requests for texts: what an API or a page answers, whole, with its limits.
//! Never knows: which site is asked, or what a text means.

use super::{Clients, MAX_REDIRECTS, NetError, Response, address::Address, redirect};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderValue, Method, header};
use std::io::Read;
use url::Url;

/// What is asked for. Prints without its headers and body.
#[derive(Clone)]
pub struct Call {
    method: Method,
    address: Address,
    headers: HeaderMap,
    body: Bytes,
    follows: bool,
}

/// What was answered, with any status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// Where it came from, after redirects.
    pub address: Address,
    /// The body.
    pub body: Vec<u8>,
}

impl Call {
    fn new(method: Method, address: Address, follows: bool) -> Self {
        Self {
            method,
            address,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            follows,
        }
    }

    /// A page, or what an API answers without being told anything.
    #[must_use]
    pub fn get(address: Address) -> Self {
        Self::new(Method::GET, address, true)
    }

    /// The headers alone; a redirect is not followed, but seen.
    #[must_use]
    pub fn head(address: Address) -> Self {
        Self::new(Method::HEAD, address, false)
    }

    /// Tells an API something.
    #[must_use]
    pub fn post_json(address: Address, body: &serde_json::Value) -> Self {
        let mut call = Self::new(Method::POST, address, true);
        call.body = body.to_string().into();
        let json = HeaderValue::from_static("application/json");
        call.headers.insert(header::CONTENT_TYPE, json);
        call
    }

    /// With one header more, or another value of one. Headers go to the host that is asked first, not to where it redirects.
    #[must_use]
    pub fn with(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With that header, unless it has one of its own.
    #[must_use]
    pub fn with_default(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.entry(name).or_insert(value);
        self
    }
}

impl Answer {
    /// Where it redirects to, whatever kind of link that is.
    #[must_use]
    pub fn redirect(&self) -> Option<Url> {
        let location = self.headers.get(header::LOCATION)?;
        let location = String::from_utf8_lossy(location.as_bytes());
        self.address.url().join(location.trim()).ok()
    }
}

impl Clients {
    /// Asks, and reads the answer, of at most `limit` bytes. Any status is a success here.
    ///
    /// # Errors
    /// When there is no answer, or not a whole one, or redirects do not end or lead out of HTTP.
    pub async fn call(&self, mut call: Call, limit: usize) -> Result<Answer, NetError> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send_call(&call).await?;
            let status = response.status().as_u16();
            let location = redirect(&response).filter(|_| call.follows);
            let Some(location) = location else {
                return self.read(call, response, limit).await;
            };
            let target = call.address.join(&location).ok_or(NetError::BadRedirect)?;
            if target.url().origin() != call.address.url().origin() {
                call.headers.clear();
            }
            // RFC 9110, 15.4: only these two keep what was to be done
            if !matches!(status, 307 | 308) && call.method == Method::POST {
                call.method = Method::GET;
                call.body = Bytes::new();
                call.headers.remove(header::CONTENT_TYPE);
            }
            call.address = target;
        }
        Err(NetError::TooManyRedirects)
    }

    async fn send_call(&self, call: &Call) -> Result<Response, NetError> {
        let mut request = self.request(call.method.clone(), &call.address, call.body.clone())?;
        let gzip = HeaderValue::from_static("gzip");
        request.headers_mut().insert(header::ACCEPT_ENCODING, gzip);
        for (name, value) in &call.headers {
            request.headers_mut().insert(name, value.clone());
        }
        self.send(&call.address, request).await
    }

    async fn read(&self, call: Call, response: Response, limit: usize) -> Result<Answer, NetError> {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let patience = self.settings().read_timeout;
        let body = response.whole(limit, patience).await?;
        let is_packed = headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"gzip"));
        Ok(Answer {
            status,
            address: call.address,
            body: if is_packed && !body.is_empty() {
                unpack(&body, limit)?
            } else {
                body
            },
            headers,
        })
    }
}

/// The text in a gzip member, or in several (RFC 1952).
fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, NetError> {
    let mut text = Vec::new();
    // a thousand times its length is possible
    MultiGzDecoder::new(packed)
        .take(limit as u64 + 1)
        .read_to_end(&mut text)
        .map_err(NetError::of)?;
    if text.len() > limit {
        return Err(NetError::TooLong(limit));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{
        guard::Guard,
        testing::{Server, Step, clients, quick, response, whole},
    };
    use serde_json::json;

    fn moved(status: u16, to: &str) -> Vec<Step> {
        let headers = [("Location", to), ("Content-Length", "0")];
        vec![Step::Send(response(status, &headers, b""))]
    }

    #[tokio::test]
    async fn a_text_is_read_whole_up_to_its_limit() {
        let server = Server::start(|_| vec![Step::Send(whole(&[b'x'; 50_000], &[]))]).await;
        let call = || Call::get(server.address("/"));
        let answer = clients().call(call(), 50_000).await.expect("a text");
        assert_eq!((answer.status, answer.body.len()), (200, 50_000));
        let error = clients().call(call(), 49_999).await.expect_err("too long");
        assert!(matches!(error, NetError::TooLong(49_999)));
    }

    /// A thousand times `a`, packed by `gzip -9n`.
    const PACKED: &[u8] = &[
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 75, 76, 28, 5, 163, 96, 20, 12, 119, 0, 0, 3, 218, 56,
        154, 232, 3, 0, 0,
    ];

    #[tokio::test]
    async fn packed_texts_are_unpacked_up_to_their_limit() {
        let server = Server::start(|asked| {
            let packed = match &*asked.path {
                "/cut" => &PACKED[..PACKED.len() - 9],
                _ => PACKED,
            };
            let headers = [("Content-Encoding", "gzip")];
            vec![Step::Send(whole(packed, &headers))]
        })
        .await;
        let call = |path| Call::get(server.address(path));
        let answer = clients().call(call("/"), 1000).await.expect("a text");
        assert_eq!(answer.body, b"a".repeat(1000));
        let error = clients().call(call("/"), 999).await.expect_err("too long");
        assert!(matches!(error, NetError::TooLong(999)));
        clients().call(call("/cut"), 1000).await.expect_err("cut");
        let asked = &server.seen()[0];
        assert_eq!(asked.header("accept-encoding"), Some("gzip"));
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        let server = Server::start(|_| {
            let begun = response(200, &[("Content-Length", "9")], b"abc");
            vec![Step::Send(begun), Step::Hang]
        })
        .await;
        let error = clients().call(Call::get(server.address("/")), 99).await;
        assert!(matches!(error, Err(NetError::Timeout(_))), "{error:?}");
    }

    #[tokio::test]
    async fn what_was_to_be_done_is_kept_by_some_redirects_only() {
        let server = Server::start(|asked| match &*asked.path {
            "/303" => moved(303, "/end"),
            "/307" => moved(307, "/end"),
            _ => vec![Step::Send(whole(b"ok", &[]))],
        })
        .await;
        for (path, method, body) in [("/303", "GET", &b""[..]), ("/307", "POST", br#"{"a":1}"#)] {
            let call = Call::post_json(server.address(path), &json!({ "a": 1 }));
            let answer = clients().call(call, 99).await.expect("an answer");
            assert_eq!(answer.address.url().path(), "/end");
            let last = server.seen().pop().expect("asked");
            assert_eq!((&*last.method, &*last.body), (method, body), "{path}");
        }
    }

    #[tokio::test]
    async fn headers_stay_with_their_host() {
        let other = Server::start(|_| vec![Step::Send(whole(b"", &[]))]).await;
        let elsewhere = other.url("/");
        let server = Server::start(move |_| moved(302, &elsewhere)).await;
        let call = Call::get(server.address("/"))
            .with(header::AUTHORIZATION, HeaderValue::from_static("secret"));
        clients().call(call, 99).await.expect("an answer");
        assert_eq!(server.seen()[0].header("authorization"), Some("secret"));
        assert_eq!(other.seen()[0].header("authorization"), None);
    }

    #[tokio::test]
    async fn redirects_end_and_do_not_lead_into_private_networks() {
        let server = Server::start(|asked| match &*asked.path {
            "/in" => moved(302, "http://10.1.2.3/"),
            "/out" => moved(302, "file:///etc/passwd"),
            _ => moved(302, "/round"),
        })
        .await;
        let guarded = Clients::with_guard(quick(), Guard::with_exempt(server.address));
        let error = async |path| {
            let call = Call::get(server.address(path));
            guarded.call(call, 99).await.expect_err("refused")
        };
        assert!(matches!(error("/in").await, NetError::Blocked(_)));
        assert!(matches!(error("/out").await, NetError::BadRedirect));
        assert!(matches!(error("/round").await, NetError::TooManyRedirects));
        assert_eq!(server.seen().len(), 2 + MAX_REDIRECTS + 1);
    }

    #[tokio::test]
    async fn a_redirect_can_be_looked_at_instead() {
        let server = Server::start(|_| moved(302, "/there?x")).await;
        let call = Call::head(server.address("/here"));
        let answer = clients().call(call, 99).await.expect("an answer");
        let target = answer.redirect().expect("a redirect");
        assert_eq!(
            (answer.status, target.as_str()),
            (302, &*server.url("/there?x"))
        );
        assert_eq!(server.seen()[0].method, "HEAD");
    }
}
