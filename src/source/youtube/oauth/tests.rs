//! Owns: what signing in is held to, with a site that answers as documented (RFC 8628; the calls of youtube-source). There are
//! no recordings.
//! Never knows: which requests carry tokens.

use super::*;
use crate::{
    error::Severity,
    net::testing::{Asked, Server, Step, response},
    source::site::testing::{json, told},
};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Plain addresses, because the proxy is no end of TLS.
const PARTS: &str = r#"{"youtube": {"oauth": {
    "deviceCode": "http://www.youtube.com/o/oauth2/device/code", "token": "http://www.youtube.com/o/oauth2/token",
    "clientId": "id", "clientSecret": "sesame", "scope": "scopes", "deviceModel": "model"
}}}"#;
const TOKEN: &str = "http://www.youtube.com/o/oauth2/token";

/// A site that signs in with these answers to questions for tokens, the last of them again and again.
async fn site(answers: Vec<Vec<u8>>) -> (Site, Server) {
    let asked_for_tokens = AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        let answer = match &*asked.path {
            TOKEN => answers[asked_for_tokens.fetch_add(1, Relaxed).min(answers.len() - 1)].clone(),
            _ => json(&json!({
                "device_code": "device", "user_code": "ABC-DEF-GHI", "expires_in": 1800, "interval": 1,
                "verification_url": "https://www.google.com/device",
            })),
        };
        vec![Step::Send(answer)]
    })
    .await;
    (Site::served_by("YouTube", &server, PARTS), server)
}

fn settings(refresh: &str) -> Settings {
    Settings {
        enabled: true,
        refresh_token: Secret::new(refresh),
        skip_initialization: false,
    }
}

fn body(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).expect("JSON")
}

fn access(token: &str) -> Value {
    json!({"access_token": token, "expires_in": 3600, "scope": "s", "token_type": "Bearer"})
}

async fn bearer(account: &OAuth) -> Option<String> {
    let token = account.bearer().await.expect("no failure");
    token.map(|it| it.expose().to_owned())
}

#[tokio::test]
async fn a_refresh_token_gives_access_once_for_all_who_ask() {
    let (site, server) = site(vec![json(&access("first"))]).await;
    let account = OAuth::new(site, settings("long"));
    let all = futures_util::future::join_all((0..10).map(|_| bearer(&account))).await;
    assert!(all.iter().all(|it| it.as_deref() == Some("first")));
    let seen = server.seen();
    assert_eq!((seen.len(), &*seen[0].path), (1, TOKEN));
    let wanted = json!({
        "client_id": "id", "client_secret": "sesame", "refresh_token": "long", "grant_type": "refresh_token",
    });
    assert_eq!(body(&seen[0]), wanted);
}

#[tokio::test]
async fn a_person_signs_in_with_a_code() {
    let mut granted = access("first");
    granted["refresh_token"] = json!("long");
    let pending = json!({"error": "authorization_pending"});
    let (site, server) = site(vec![json(&pending), json(&granted)]).await;
    let inner = Arc::new(Inner::new(site, settings("")));
    let account = OAuth(inner.clone());
    assert_eq!(bearer(&account).await, None);
    sign_in(Arc::downgrade(&inner)).await;
    assert_eq!(bearer(&account).await.as_deref(), Some("first"));
    let seen = server.seen();
    let code = body(&seen[0]);
    assert_eq!(code["device_id"].as_str().map(str::len), Some(32));
    assert_eq!(
        (&code["client_id"], &code["scope"], &code["device_model"]),
        (&json!("id"), &json!("scopes"), &json!("model"))
    );
    let wanted = json!({
        "client_id": "id", "client_secret": "sesame", "code": "device",
        "grant_type": "http://oauth.net/grant_type/device/1.0",
    });
    assert_eq!(
        (seen.len(), body(&seen[1]), body(&seen[2])),
        (3, wanted.clone(), wanted)
    );
}

#[tokio::test]
async fn a_refusal_ends_the_sign_in() {
    // the standard's status for it
    let denied = response(
        400,
        &[("Content-Length", "25")],
        br#"{"error":"access_denied"}"#,
    );
    let (site, server) = site(vec![denied]).await;
    let inner = Arc::new(Inner::new(site, settings("")));
    sign_in(Arc::downgrade(&inner)).await;
    assert_eq!(server.seen().len(), 2);
    assert_eq!(bearer(&OAuth(inner)).await, None);
}

#[tokio::test]
async fn a_refresh_token_that_is_refused_is_told_and_not_tried_at_once() {
    let refused = json!({"error": "invalid_grant", "error_description": "Bad Request"});
    let (site, server) = site(vec![json(&refused)]).await;
    let account = OAuth::new(site, settings("long"));
    let failure = account.bearer().await.expect_err("refused");
    assert_eq!(failure.root_cause(), "the token was refused: invalid_grant");
    let (message, severity) = told(failure);
    assert!(
        message.contains("plugins.youtube.oauth.refreshToken"),
        "{message}"
    );
    assert_eq!(severity, Severity::Common);
    let failure = account.bearer().await.expect_err("too soon");
    assert_eq!(failure.severity, Severity::Suspicious);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn without_an_account_nothing_is_asked() {
    let (site, server) = site(vec![json(&access("first"))]).await;
    let off = Settings {
        enabled: false,
        ..settings("long")
    };
    let skipped = Settings {
        skip_initialization: true,
        ..settings("")
    };
    for settings in [off, skipped] {
        assert_eq!(bearer(&OAuth::new(site.clone(), settings)).await, None);
    }
    assert_eq!(server.seen().len(), 0);
}
