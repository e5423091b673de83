//! Owns: the WebSocket handshake: who may connect, and the answer (reference, 1.1; RFC 6455, 4.2).
//! Never knows: what is said afterwards.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::answer::{Answer, Problem, empty};
use crate::{session::ClientHello, units::UserId};

const USER_ID: &str = "user-id";
const CLIENT_NAME: &str = "client-name";
const SESSION_ID: &str = "session-id";
const SESSION_RESUMED: HeaderName = HeaderName::from_static("session-resumed");

/// A handshake that was accepted.
pub struct Accepted {
    /// Gives the connection once the answer is out.
    pub on_upgrade: OnUpgrade,
    /// Who connects.
    pub hello: ClientHello,
}

/// Answers a handshake of a client that knows the password. `resumed` is told before the socket is open.
///
/// # Errors
/// 400 for what is no handshake, 426 for one of another version.
pub fn answer(
    parts: &mut Parts,
    hello: ClientHello,
    resumed: bool,
) -> Result<(Answer, Accepted), Problem> {
    let accept = accept_key(&parts.headers)?;
    // Only a connection that can be upgraded has one: not HTTP/2.
    let on_upgrade = parts
        .extensions
        .remove::<OnUpgrade>()
        .ok_or_else(|| Problem::bad_request("This connection cannot become a WebSocket"))?;

    let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(
        SESSION_RESUMED,
        HeaderValue::from_static(if resumed { "true" } else { "false" }),
    );
    Ok((answer, Accepted { on_upgrade, hello }))
}

/// Who connects.
///
/// # Errors
/// 400, without a body for a bad user id.
pub fn hello(headers: &HeaderMap) -> Result<ClientHello, Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let user = text(USER_ID)
        .and_then(|id| id.parse::<i64>().ok())
        .filter(|id| *id != 0)
        .ok_or(Problem::Silent(StatusCode::BAD_REQUEST))?;
    Ok(ClientHello {
        user: UserId(user.cast_unsigned()),
        client_name: text(CLIENT_NAME).map(str::to_owned),
        // Some clients send an empty one when they have none (reference, 10.1).
        session_id: text(SESSION_ID)
            .filter(|id| !id.is_empty())
            .map(str::to_owned),
    })
}

/// Checks that this is a WebSocket handshake, version 13.
fn accept_key(headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let has = |name: HeaderName, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|word| word.trim().eq_ignore_ascii_case(token))
    };
    if !has(header::UPGRADE, "websocket") || !has(header::CONNECTION, "upgrade") {
        return Err(Problem::bad_request(
            "Can \"Upgrade\" only to \"WebSocket\".",
        ));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        // RFC 6455, 4.4
        return Err(Problem::Told {
            status: StatusCode::UPGRADE_REQUIRED,
            message: "The WebSocket version must be 13".to_owned(),
            header: Some((header::SEC_WEBSOCKET_VERSION, "13")),
        });
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let is_key = |key: &&HeaderValue| {
        BASE64_STANDARD
            .decode(key.as_bytes())
            .is_ok_and(|nonce| nonce.len() == 16)
    };
    let key = key
        .filter(is_key)
        .ok_or_else(|| Problem::bad_request("Sec-WebSocket-Key must be 16 bytes in base64"))?;
    let accept = derive_accept_key(key.as_bytes());
    Ok(HeaderValue::try_from(accept).expect("base64 is plain text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    /// The handshake of RFC 6455, section 1.3, with Lavalink's headers.
    fn handshake() -> Request<()> {
        Request::get("/v4/websocket")
            .header("Upgrade", "websocket")
            .header("Connection", "keep-alive, Upgrade")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("User-Id", "1006550348453187624")
            .body(())
            .unwrap()
    }

    fn without(name: &str) -> HeaderMap {
        let mut headers = handshake().into_parts().0.headers;
        headers.remove(name);
        headers
    }

    #[test]
    fn the_key_of_the_rfc_gives_its_answer() {
        let headers = handshake().into_parts().0.headers;
        assert_eq!(
            accept_key(&headers).unwrap(),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        for (name, refusal) in [
            ("upgrade", 400),
            ("connection", 400),
            ("sec-websocket-version", 426),
            ("sec-websocket-key", 400),
        ] {
            assert!(
                matches!(accept_key(&without(name)), Err(Problem::Told { status, .. }) if status == refusal),
                "{name}"
            );
        }
        let mut headers = without("");
        headers.insert("sec-websocket-key", HeaderValue::from_static("short"));
        assert!(accept_key(&headers).is_err());
    }

    #[test]
    fn user_ids_are_numbers_but_zero() {
        let user = |id: &'static str| {
            let mut headers = without("");
            headers.insert("user-id", HeaderValue::from_static(id));
            hello(&headers).map(|h| h.user)
        };
        assert_eq!(
            user("1006550348453187624").ok(),
            Some(UserId(1_006_550_348_453_187_624))
        );
        assert!(user("+5").is_ok() && user("-1").is_ok());
        for wrong in ["", "0", "abc", "-", "1.5", "99999999999999999999999", "0x1"] {
            assert_eq!(
                user(wrong).err(),
                Some(Problem::Silent(StatusCode::BAD_REQUEST)),
                "{wrong}"
            );
        }
        assert!(hello(&without("user-id")).is_err());
    }

    #[test]
    fn an_empty_session_id_is_none() {
        let mut headers = without("");
        headers.insert("session-id", HeaderValue::from_static(""));
        assert_eq!(hello(&headers).unwrap().session_id, None);
    }

    #[test]
    fn a_connection_that_cannot_be_upgraded_is_refused() {
        let (mut parts, ()) = handshake().into_parts();
        let hello = hello(&parts.headers).unwrap();
        assert!(answer(&mut parts, hello, true).is_err());
    }
}
