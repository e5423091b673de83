//! Owns: the one line that is logged for each request, and what must not stand in it.
//! Never knows: the answer.

use std::{fmt::Write, net::SocketAddr};

use http::{Method, StatusCode, header, request::Parts};
use serde_json::Value;
use tracing::{debug, info, warn};

use super::{
    answer::Problem,
    body::QUICK_BYTES,
    scrub::{HIDDEN, beginning, without_user_info},
    settings::RequestLog,
};

/// Logs a request that is about to be handled, when asked to.
pub fn before(settings: &RequestLog, parts: &Parts, peer: SocketAddr) {
    if settings.enabled && settings.before_request {
        info!("Before: {}", line(settings, parts, peer, None));
    }
}

/// Logs a request that was handled; `body` is what was read of it.
pub fn after(settings: &RequestLog, parts: &Parts, peer: SocketAddr, body: Option<&[u8]>) {
    if settings.enabled {
        info!("{}", line(settings, parts, peer, body));
    }
}

/// Logs why a request was not done. What keeps a bot out as a whole is told so that its owner finds it.
pub fn refused(parts: &Parts, peer: SocketAddr, problem: &Problem) {
    let path = parts.uri.path();
    match problem {
        Problem::Silent(status) => {
            warn!(%peer, path, "refused with {status}: {}", reason(parts, *status))
        }
        Problem::Told { .. } => debug!(path, ?problem, "refused"),
    }
}

fn reason(parts: &Parts, status: StatusCode) -> &'static str {
    if status == StatusCode::BAD_REQUEST {
        "the header User-Id is missing, or is no user's id"
    } else if parts.headers.contains_key(header::AUTHORIZATION) {
        "the header Authorization is not the password"
    } else {
        "the header Authorization, which is the password, is missing"
    }
}

/// `GET /path?query, client=…, headers=[…], payload=…`, as the original's request log has it.
fn line(settings: &RequestLog, parts: &Parts, peer: SocketAddr, body: Option<&[u8]>) -> String {
    let mut line = format!("{} {}", method(&parts.method), parts.uri.path());
    if let (true, Some(query)) = (settings.include_query_string, parts.uri.query()) {
        line.push('?');
        line.push_str(&without_user_info(query, settings.max_payload_length));
    }
    if settings.include_client_info {
        write!(line, ", client={}", peer.ip()).expect("a string takes all that is written");
    }
    if settings.include_headers {
        line.push_str(", headers=[");
        line.push_str(&headers(parts));
        line.push(']');
    }
    if let (true, Some(body)) = (settings.include_payload, body.filter(|b| !b.is_empty())) {
        line.push_str(", payload=");
        line.push_str(&payload(body, settings.max_payload_length));
    }
    line
}

/// A method may be any word of any length.
fn method(method: &Method) -> &str {
    let name = method.as_str();
    name.get(..16).unwrap_or(name)
}

fn headers(parts: &Parts) -> String {
    let shown = parts.headers.iter().map(|(name, value)| {
        let is_secret = [
            header::AUTHORIZATION,
            header::PROXY_AUTHORIZATION,
            header::COOKIE,
        ]
        .contains(name);
        if is_secret {
            format!("{name}:\"{HIDDEN}\"")
        } else {
            // `Debug` escapes what is not printable.
            format!("{name}:{value:?}")
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// A JSON body without its secrets. What is not JSON could have them anywhere, so only its length is shown, as of a
/// body that takes long to read.
fn payload(body: &[u8], max_length: usize) -> String {
    if body.len() > QUICK_BYTES {
        return format!("({} bytes)", body.len());
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return format!("({} bytes that are no JSON)", body.len());
    };
    hide_secrets(&mut value, max_length);
    beginning(&value.to_string(), max_length).to_owned()
}

/// No string is kept beyond `max_length` bytes, as no more is shown of the whole.
fn hide_secrets(value: &mut Value, max_length: usize) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if (name == "token" || name == "sessionId") && member.is_string() {
                    *member = Value::from(HIDDEN);
                } else {
                    hide_secrets(member, max_length);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                hide_secrets(item, max_length);
            }
        }
        Value::String(text) => *text = without_user_info(text, max_length),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(uri: &str) -> Parts {
        let request = Request::patch(uri)
            .header("Authorization", "youshallnotpass")
            .header("Client-Name", "bot/1")
            .body(());
        request.unwrap().into_parts().0
    }

    fn all() -> RequestLog {
        RequestLog {
            include_client_info: true,
            include_headers: true,
            ..RequestLog::default()
        }
    }

    fn peer() -> SocketAddr {
        "127.0.0.1:5".parse().unwrap()
    }

    #[test]
    fn everything_that_was_asked_for_stands_in_the_line() {
        let body = br#"{"volume": 5}"#;
        assert_eq!(
            line(&all(), &parts("/v4/x?trace=true"), peer(), Some(body)),
            r#"PATCH /v4/x?trace=true, client=127.0.0.1, headers=[authorization:"***", client-name:"bot/1"], payload={"volume":5}"#
        );
        let nothing = RequestLog {
            include_query_string: false,
            include_payload: false,
            ..RequestLog::default()
        };
        assert_eq!(
            line(&nothing, &parts("/v4/x?trace=true"), peer(), Some(body)),
            "PATCH /v4/x"
        );
    }

    #[test]
    fn voice_tokens_are_hidden_wherever_they_stand() {
        let body = br#"{"voice":{"token":"abc","endpoint":"e","sessionId":"def","channelId":"1"},"x":[{"token":"ghi"}]}"#;
        assert_eq!(
            payload(body, 1000),
            r#"{"voice":{"token":"***","endpoint":"e","sessionId":"***","channelId":"1"},"x":[{"token":"***"}]}"#
        );
        assert_eq!(
            payload(b"{\"token\":\"abc\"", 1000),
            "(14 bytes that are no JSON)"
        );
    }

    #[test]
    fn payloads_are_cut_between_letters() {
        assert_eq!(payload("{\"a\":\"ééé\"}".as_bytes(), 9), "{\"a\":\"é");
    }

    #[test]
    fn passwords_in_urls_are_hidden_wherever_they_stand() {
        let uri = "/v4/loadtracks?identifier=http://u:p@h/x";
        assert_eq!(
            line(&RequestLog::default(), &parts(uri), peer(), None),
            "PATCH /v4/loadtracks?identifier=http://***@h/x"
        );
        let body = br#"{"track":{"identifier":"https://u:p@h/"}}"#;
        assert_eq!(
            payload(body, 1000),
            r#"{"track":{"identifier":"https://***@h/"}}"#
        );
    }

    #[test]
    fn who_is_kept_out_can_read_why() {
        let mut asked = parts("/v4/websocket");
        asked.headers.clear();
        let missing = reason(&asked, StatusCode::UNAUTHORIZED);
        assert!(missing.contains("Authorization") && missing.contains("missing"));
        let user = reason(&asked, StatusCode::BAD_REQUEST);
        assert!(user.contains("User-Id"));
        let value = header::HeaderValue::from_static("guess");
        asked.headers.insert(header::AUTHORIZATION, value);
        let wrong = reason(&asked, StatusCode::FORBIDDEN);
        assert!(wrong.contains("not the password"));
    }

    #[test]
    fn long_queries_are_cut_and_long_bodies_not_read() {
        let settings = RequestLog {
            max_payload_length: 4,
            ..RequestLog::default()
        };
        assert_eq!(
            line(&settings, &parts("/v4/x?a=bcd"), peer(), Some(b"[1,2,3]")),
            "PATCH /v4/x?a=bc, payload=[1,2"
        );
        let long = format!("[{}1]", " ".repeat(QUICK_BYTES));
        assert_eq!(payload(long.as_bytes(), usize::MAX), "(262147 bytes)");
    }
}
