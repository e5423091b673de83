//! Owns: the one line that is logged for each request, and what must not stand in it.
//! Never knows: the answer.

use std::{fmt::Write, net::SocketAddr};

use http::{Method, header, request::Parts};
use serde_json::Value;
use tracing::info;

use super::settings::RequestLog;

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

/// `GET /path?query, client=…, headers=[…], payload=…`, as the original's request log has it.
fn line(settings: &RequestLog, parts: &Parts, peer: SocketAddr, body: Option<&[u8]>) -> String {
    let mut line = format!("{} {}", method(&parts.method), parts.uri.path());
    if let (true, Some(query)) = (settings.include_query_string, parts.uri.query()) {
        line.push('?');
        line.push_str(&without_user_info(query));
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
            format!("{name}:\"***\"")
        } else {
            // `Debug` escapes what is not printable.
            format!("{name}:{value:?}")
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// A JSON body without its secrets. What is not JSON could have them anywhere, so only its length is shown.
fn payload(body: &[u8], max_length: usize) -> String {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return format!("({} bytes that are no JSON)", body.len());
    };
    hide_secrets(&mut value);
    let mut text = value.to_string();
    if text.len() > max_length {
        let cut = (0..=max_length)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(cut);
    }
    text
}

fn hide_secrets(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if (name == "token" || name == "sessionId") && member.is_string() {
                    *member = Value::from("***");
                } else {
                    hide_secrets(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_secrets),
        Value::String(text) => {
            if text.contains("://") {
                *text = without_user_info(text);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces `user:password` of URLs by `***`, in plain text and in escaped queries.
fn without_user_info(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((authority_at, is_escaped)) = authority(rest) {
        shown.push_str(&rest[..authority_at]);
        rest = &rest[authority_at..];
        let end = authority_end(rest);
        // The last `@` counts: a password may have one, too.
        let user_info_end = if is_escaped {
            rest[..end].rfind("%40").max(rest[..end].rfind('@'))
        } else {
            rest[..end].rfind('@')
        };
        if let Some(at) = user_info_end {
            shown.push_str("***");
            rest = &rest[at..];
        }
    }
    shown.push_str(rest);
    shown
}

/// Where the next URL's authority begins, and whether the URL is percent-escaped.
fn authority(text: &str) -> Option<(usize, bool)> {
    let plain = text.find("://").map(|at| (at + 3, false));
    let escaped = [
        "%3A%2F%2F",
        "%3a%2f%2f",
        ":%2F%2F",
        ":%2f%2f",
        "%3A//",
        "%3a//",
    ]
    .iter()
    .filter_map(|mark| text.find(mark).map(|at| (at + mark.len(), true)))
    .min();
    match (plain, escaped) {
        (Some(p), Some(e)) => Some(p.min(e)),
        (p, e) => p.or(e),
    }
}

fn authority_end(text: &str) -> usize {
    ["/", "?", "#", "&", " ", "%2F", "%2f", "%3F", "%3f", "%23"]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .unwrap_or(text.len())
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
    fn passwords_in_urls_are_hidden() {
        for (text, shown) in [
            ("identifier=http://u:p@h/x", "identifier=http://***@h/x"),
            (
                "identifier=http%3A%2F%2Fu%3Ap%40h%2Fx%40y&z=a@b",
                "identifier=http%3A%2F%2F***%40h%2Fx%40y&z=a@b",
            ),
            ("http://u:p@q@h", "http://***@h"),
            ("http://h/a@b http://u@h", "http://h/a@b http://***@h"),
            ("a@b", "a@b"),
        ] {
            assert_eq!(without_user_info(text), shown);
        }
        let body = br#"{"track":{"identifier":"https://u:p@h/"}}"#;
        assert_eq!(
            payload(body, 1000),
            r#"{"track":{"identifier":"https://***@h/"}}"#
        );
    }
}
