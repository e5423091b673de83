//! Owns: answers, and their bodies piece by piece.
//! Never knows: who asked, or what the bytes mean.

use super::NetError;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;

/// The answer to a request. Dropped before its body is read, it closes the connection.
pub struct Response(http::Response<Incoming>);

impl Response {
    pub(super) const fn new(response: http::Response<Incoming>) -> Self {
        Self(response)
    }

    /// The status; any is possible.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// What the connector tells of the connection.
    pub(super) fn extensions(&self) -> &http::Extensions {
        self.0.extensions()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// The next bytes of the body, at most [`MAX_CHUNK`](super::MAX_CHUNK) of them; `None` at its end. They are an
    /// allocation of their own: a piece of the connection's buffer would keep all of it, also for the 1,448 bytes of one
    /// TCP segment. Cancel-safe.
    ///
    /// # Errors
    /// [`NetError::Connection`] when the connection breaks, also before the announced length.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, NetError> {
        while let Some(frame) = self.0.body_mut().frame().await {
            // trailers say nothing of the bytes
            if let Ok(data) = frame.map_err(NetError::of)?.into_data() {
                return Ok(Some(Bytes::copy_from_slice(&data)));
            }
        }
        Ok(None)
    }

    /// The rest of the body, at most `limit` bytes. `patience` is the longest wait for any more of it.
    ///
    /// # Errors
    /// When the connection breaks, nothing comes in time, or it is longer.
    pub async fn whole(mut self, limit: usize, patience: Duration) -> Result<Vec<u8>, NetError> {
        let mut body = Vec::new();
        loop {
            let chunk = tokio::time::timeout(patience, self.chunk()).await;
            let Some(chunk) = chunk.map_err(|_| NetError::Timeout(patience))?? else {
                return Ok(body);
            };
            if body.len() + chunk.len() > limit {
                return Err(NetError::TooLong(limit));
            }
            body.extend_from_slice(&chunk);
        }
    }
}

/// Where a response redirects to, as it says it.
#[must_use]
pub fn redirect(response: &Response) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use crate::net::{
        MAX_CHUNK, Resource,
        testing::{Server, Step, clients, response, whole},
    };
    use std::time::Duration;

    #[tokio::test]
    async fn a_chunk_holds_no_more_memory_than_its_bytes() {
        let server = Server::start(|asked| match &*asked.path {
            "/big" => vec![Step::Send(whole(&vec![7; 1_000_000], &[]))],
            _ => vec![
                Step::Send(response(200, &[("Content-Length", "6")], b"abc")),
                Step::Wait(Duration::from_millis(10)),
                Step::Send(b"def".to_vec()),
            ],
        })
        .await;
        for (path, len) in [("/big", 1_000_000), ("/small", 6)] {
            let mut resource = Resource::new(clients(), server.address(path));
            let mut response = resource.ask(None).await.expect("an answer");
            let mut got = 0;
            while let Some(chunk) = response.chunk().await.expect("bytes") {
                got += chunk.len();
                assert!(chunk.len() <= MAX_CHUNK, "{}", chunk.len());
                let len = chunk.len();
                let owned = chunk
                    .try_into_mut()
                    .expect("not shared with the connection");
                assert_eq!(owned.capacity(), len);
            }
            assert_eq!(got, len);
        }
    }

    #[tokio::test]
    async fn a_body_that_ends_early_is_an_error() {
        let cut = |_: &_| {
            vec![Step::Send(response(
                200,
                &[("Content-Length", "9")],
                b"abc",
            ))]
        };
        let server = Server::start(cut).await;
        let mut resource = Resource::new(clients(), server.address("/"));
        let mut response = resource.ask(None).await.expect("an answer");
        let first = response.chunk().await.expect("bytes");
        assert_eq!(first.as_deref(), Some(&b"abc"[..]));
        let error = response.chunk().await.expect_err("cut");
        assert!(error.is_retryable(), "{error:?}");
    }
}
