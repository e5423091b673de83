//! Owns: reading a request's body: its type, its length, its time, and where long ones are parsed.
//! Never knows: what the body says.

use std::error::Error;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;

use super::{answer::Problem, settings::Limits};

/// A longer body is not parsed between other requests: that is some milliseconds of work.
pub const QUICK_BYTES: usize = 256 * 1024;

/// Hands a body to what parses it, beside the threads of the network when it is long.
pub fn parse<T>(body: &[u8], parser: impl FnOnce(&[u8]) -> T) -> T {
    if body.len() <= QUICK_BYTES {
        return parser(body);
    }
    // the runtime's other tasks go on in another thread
    tokio::task::block_in_place(|| parser(body))
}

/// Reads a JSON body, undecoded.
///
/// # Errors
/// 415 for other media types, 413 for too many bytes (at once when the header says so), 408 when they take too long,
/// 400 when the connection breaks.
pub async fn read_json<B>(headers: &HeaderMap, body: B, limits: &Limits) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    check_type(headers)?;
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<u64>().ok());
    if declared.is_some_and(|len| len > limits.body_bytes as u64) {
        return Err(too_large(limits));
    }
    let whole = Limited::new(body, limits.body_bytes).collect();
    match tokio::time::timeout(limits.request_timeout, whole).await {
        Ok(Ok(bytes)) => Ok(bytes.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(too_large(limits)),
        Ok(Err(e)) => Err(Problem::unreadable(format!("the body breaks off: {e}"))),
        Err(_) => Err(Problem::told(
            StatusCode::REQUEST_TIMEOUT,
            "The body took too long to arrive",
        )),
    }
}

fn too_large(limits: &Limits) -> Problem {
    Problem::told(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("The body is longer than {} bytes", limits.body_bytes),
    )
}

/// Takes `application/json` and `application/*+json`, with any parameters (reference, R.1.15).
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    // Without a type a body counts as bytes.
    let full = match headers.get(header::CONTENT_TYPE) {
        Some(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        None => "application/octet-stream".to_owned(),
    };
    let (kind, parameters) = full.split_once(';').unwrap_or((&full, ""));
    let kind = kind.trim().to_ascii_lowercase();
    let is_json =
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    if is_json {
        return Ok(());
    }
    let parameters = parameters.trim();
    let shown = match (headers.contains_key(header::CONTENT_TYPE), parameters) {
        (false, _) => kind,
        (true, "") => format!("{kind};charset=UTF-8"),
        (true, parameters) => format!("{kind};{parameters}"),
    };
    Err(Problem::told(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        format!("Content-Type '{shown}' is not supported."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;
    use std::{convert::Infallible, time::Duration};

    fn typed(content_type: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers
    }

    fn limits() -> Limits {
        Limits {
            body_bytes: 10,
            request_timeout: Duration::from_secs(5),
            ..Limits::default()
        }
    }

    fn status(problem: &Problem) -> u16 {
        match problem {
            Problem::Silent(status) | Problem::Told { status, .. } => status.as_u16(),
        }
    }

    async fn read(headers: &HeaderMap, body: &'static str) -> Result<Bytes, u16> {
        let body = Full::new(Bytes::from(body));
        let read = read_json(headers, body, &limits()).await;
        read.map_err(|p| status(&p))
    }

    #[tokio::test]
    async fn json_types_are_taken() {
        for kind in [
            "application/json",
            "application/json; charset=utf-8",
            "APPLICATION/JSON",
            "application/vnd.api+json",
        ] {
            assert_eq!(
                read(&typed(kind), "{}").await,
                Ok(Bytes::from("{}")),
                "{kind}"
            );
        }
    }

    #[tokio::test]
    async fn other_types_are_415() {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/xml",
            "*/*",
            "text/json",
        ] {
            assert_eq!(read(&typed(kind), "{}").await, Err(415), "{kind}");
        }
        assert_eq!(read(&HeaderMap::new(), "{}").await, Err(415));
    }

    #[test]
    fn the_message_names_the_type_as_the_original_does() {
        let message = |headers: HeaderMap| match check_type(&headers) {
            Err(Problem::Told { message, .. }) => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            message(typed("text/plain")),
            "Content-Type 'text/plain;charset=UTF-8' is not supported."
        );
        assert_eq!(
            message(HeaderMap::new()),
            "Content-Type 'application/octet-stream' is not supported."
        );
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_413() {
        let mut headers = typed("application/json");
        assert_eq!(read(&headers, "0123456789").await, Ok("0123456789".into()));
        assert_eq!(read(&headers, "0123456789a").await, Err(413));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("11"));
        assert_eq!(read(&headers, "").await, Err(413));
    }

    #[tokio::test]
    async fn a_body_that_never_comes_is_408() {
        let never = futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>();
        let body = StreamBody::new(never);
        let limits = Limits {
            request_timeout: Duration::from_millis(1),
            ..limits()
        };
        let problem = read_json(&typed("application/json"), body, &limits).await;
        assert_eq!(status(&problem.unwrap_err()), 408);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_long_body_stops_no_other_task() {
        let (another, ran) = std::sync::mpsc::channel();
        let parsing = tokio::spawn(async move {
            let other = tokio::spawn(async move { another.send(()) });
            let body = vec![b' '; QUICK_BYTES + 1];
            let has_run = parse(&body, |_| ran.recv_timeout(Duration::from_secs(10)));
            let _ = other.await;
            has_run
        });
        assert_eq!(parsing.await.expect("no panic"), Ok(()));
    }
}
