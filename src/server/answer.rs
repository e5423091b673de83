//! Owns: how answers look: JSON, text, nothing, and errors with their body.
//! Never knows: why something went wrong.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use super::query::Malformed;
use crate::protocol::{Invalid, rest::ErrorBody};

/// An answer; its body is in memory.
pub type Answer = Response<Full<Bytes>>;

/// Stands on every answer (reference, 1.1).
const API_VERSION: HeaderName = HeaderName::from_static("lavalink-api-version");

/// Puts on what every answer has.
pub fn finish(mut answer: Answer) -> Answer {
    answer
        .headers_mut()
        .insert(API_VERSION, HeaderValue::from_static("4"));
    answer
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// 200 with a JSON body.
pub fn json(value: &impl Serialize) -> Answer {
    with_json(StatusCode::OK, value)
}

/// 200 with text.
pub fn text(content_type: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn with_json(status: StatusCode, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).expect("wire types have string keys and always serialize");
    let mut answer = text("application/json", body);
    *answer.status_mut() = status;
    answer
}

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A status and nothing else: 401, 403, and refused handshakes.
    Silent(StatusCode),
    /// A status with Lavalink's error body.
    Told {
        /// The status.
        status: StatusCode,
        /// `message` of the body.
        message: String,
        /// A header that belongs to the status, such as the `Allow` of a 405.
        header: Option<(HeaderName, &'static str)>,
    },
}

impl Problem {
    /// A status with a message of its own.
    pub fn told(status: StatusCode, message: impl Into<String>) -> Self {
        Self::Told {
            status,
            message: message.into(),
            header: None,
        }
    }

    /// 400 with a message of its own.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::told(StatusCode::BAD_REQUEST, message)
    }

    /// 400 for what cannot be parsed. The original says `Bad Request` and no more (reference, R.1.16); here follows why.
    pub fn unreadable(why: impl std::fmt::Display) -> Self {
        Self::bad_request(format!("Bad Request: {why}"))
    }

    /// 405 with the methods that would do.
    pub fn wrong_method(method: &http::Method, allow: &'static str) -> Self {
        Self::Told {
            status: StatusCode::METHOD_NOT_ALLOWED,
            message: format!("Method '{method}' is not supported."),
            header: Some((header::ALLOW, allow)),
        }
    }

    /// The answer to a request for `path`.
    pub fn into_answer(self, path: &str, is_traced: bool, now_ms: i64) -> Answer {
        let (status, message, header) = match self {
            Self::Silent(status) => return empty(status),
            Self::Told {
                status,
                message,
                header,
            } => (status, message, header),
        };
        let reason = status.canonical_reason().unwrap_or("None");
        let trace = is_traced.then(|| format!("{status}: {message}"));
        let body = ErrorBody {
            timestamp: now_ms,
            status: status.as_u16(),
            error: reason.to_owned(),
            trace,
            message,
            path: path.to_owned(),
        };
        let mut answer = with_json(status, &body);
        if let Some((name, value)) = header {
            let headers = answer.headers_mut();
            headers.insert(name, HeaderValue::from_static(value));
        }
        answer
    }
}

impl From<Malformed> for Problem {
    fn from(error: Malformed) -> Self {
        Self::unreadable(error)
    }
}

impl From<Invalid> for Problem {
    fn from(error: Invalid) -> Self {
        Self::unreadable(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn body(answer: Answer) -> String {
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn an_error_has_lavalinks_body() {
        let problem = Problem::told(StatusCode::NOT_FOUND, "Session not found");
        let answer = problem.into_answer("/v4/sessions/x", false, 5);
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(
            body(answer).await,
            r#"{"timestamp":5,"status":404,"error":"Not Found","message":"Session not found","path":"/v4/sessions/x"}"#
        );
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_named_and_the_trace_comes_when_asked_for() {
        let problem = Problem::unreadable("voice.channelId: is missing");
        let plain = body(problem.clone().into_answer("/x", false, 5)).await;
        assert!(plain.contains(r#""message":"Bad Request: voice.channelId: is missing""#));
        assert!(!plain.contains("trace"));
        let traced = body(problem.into_answer("/x", true, 5)).await;
        assert!(traced.contains(r#""trace":"400 Bad Request: Bad Request: voice.channelId"#));
    }

    #[test]
    fn a_wrong_method_lists_those_that_would_do() {
        let answer =
            Problem::wrong_method(&http::Method::PUT, "GET").into_answer("/v4/info", false, 5);
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.headers()["allow"], "GET");
    }

    #[tokio::test]
    async fn a_silent_refusal_has_no_body() {
        let answer = finish(Problem::Silent(StatusCode::FORBIDDEN).into_answer("/", true, 5));
        assert_eq!(answer.headers()["lavalink-api-version"], "4");
        assert_eq!(body(answer).await, "");
    }
}
