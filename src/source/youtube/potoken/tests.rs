//! Owns: what proofs of origin are held to, with a provider of the shape of bgutil-ytdlp-pot-provider's. There are no recordings.
//! Never knows: how tokens are made.

use super::*;
use crate::{
    error::Severity,
    net::testing::{Server, Step},
    source::site::testing::{json, status, told},
};

/// Answers with what `answer` says of how often it was asked before.
async fn provider(answer: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> Server {
    Server::start(move |asked| vec![Step::Send(answer(asked.before))]).await
}

fn settings(server: &Server) -> Settings {
    Settings {
        provider: Some(Url::parse(&server.url("/")).expect("a URL")),
        ..Settings::default()
    }
}

fn fixed() -> Settings {
    Settings {
        token: Secret::new("fixed"),
        visitor_data: "visitor".into(),
        provider: None,
    }
}

async fn of(tokens: &PoToken, binding: &str) -> Option<(String, Option<String>)> {
    let token = tokens.of(binding).await.expect("no failure")?;
    Some((token.token.expose().to_owned(), token.visitor_data))
}

#[tokio::test]
async fn the_token_of_the_configuration_comes_with_its_visitor() {
    let server = provider(|_| status(500)).await;
    let site = Site::served_by("YouTube", &server, "{}");
    let both = Some(("fixed".to_owned(), Some("visitor".to_owned())));
    assert_eq!(of(&PoToken::new(&site, fixed()), "video").await, both);
    let half = Settings {
        visitor_data: String::new(),
        ..fixed()
    };
    assert_eq!(of(&PoToken::new(&site, half), "video").await, None);
    assert_eq!(
        of(&PoToken::new(&site, Settings::default()), "video").await,
        None
    );
    assert_eq!(server.seen().len(), 0);
    // it is better than nothing, too, when the provider fails
    let provider = settings(&server).provider;
    let with_provider = Settings {
        provider,
        ..fixed()
    };
    assert_eq!(of(&PoToken::new(&site, with_provider), "video").await, both);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_provider_is_asked_once_for_a_binding() {
    let server = provider(|before| {
        json(&json!({
            "poToken": format!("token {before}"), "contentBinding": "x",
            "expiresAt": "2199-01-01T00:00:00.000Z",
        }))
    })
    .await;
    let site = Site::served_by("YouTube", &server, "{}");
    let tokens = PoToken::new(&site, settings(&server));
    for (binding, wanted) in [("a", "token 0"), ("b", "token 1"), ("a", "token 0")] {
        assert_eq!(of(&tokens, binding).await, Some((wanted.to_owned(), None)));
    }
    let seen = server.seen();
    assert_eq!((&*seen[0].method, &*seen[0].path), ("POST", "/get_pot"));
    let body: Value = serde_json::from_slice(&seen[0].body).expect("JSON");
    assert_eq!(body, json!({"content_binding": "a"}));
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn a_token_that_has_run_out_is_not_taken() {
    let server = provider(|before| {
        let expires = ["2020-01-01T00:00:00.000Z", "2199-01-01T00:00:00.000Z"][before.min(1)];
        json(&json!({"poToken": "t", "contentBinding": "x", "expiresAt": expires}))
    })
    .await;
    let site = Site::served_by("YouTube", &server, "{}");
    let tokens = PoToken::new(&site, settings(&server));
    let failure = tokens.of("a").await.expect_err("old");
    assert_eq!(failure.root_cause(), "the token has run out already");
    assert!(of(&tokens, "b").await.is_some());
}

#[tokio::test]
async fn a_provider_that_fails_is_told() {
    let server = provider(|_| status(500)).await;
    let site = Site::served_by("YouTube", &server, "{}");
    let failure = PoToken::new(&site, settings(&server)).of("a").await;
    let wanted = "The po-token provider could not make a token.".to_owned();
    assert_eq!(
        told(failure.expect_err("500")),
        (wanted, Severity::Suspicious)
    );
}

#[test]
fn answers_of_old_and_new_providers_are_read() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let read =
        |answer: Value| made(&answer, now).map(|it| (it.token.expose().to_owned(), it.until));
    let new = json!({"poToken": "a", "expiresAt": "2026-11-21T23:05:00.250Z"});
    let until = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_302_300);
    assert_eq!(read(new).expect("read"), ("a".to_owned(), until));
    let old = json!({"po_token": "b"});
    assert_eq!(read(old).expect("read"), ("b".to_owned(), now + HOLDS));
    for odd in [
        json!({}),
        json!({"poToken": ""}),
        json!({"poToken": "x".repeat(9000)}),
    ] {
        assert!(read(odd).is_err());
    }
}

#[test]
fn moments_are_read_as_javascript_writes_them() {
    // `new Date(text).getTime() / 1000` in Node
    for (text, wanted) in [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2000-02-29T12:30:15Z", 951_827_415),
        ("2024-12-31T23:59:59.999Z", 1_735_689_599),
        ("2026-11-21T23:05:00.000Z", 1_795_302_300),
        ("2100-03-01T00:00:00.000Z", 4_107_542_400),
    ] {
        let wanted = SystemTime::UNIX_EPOCH + Duration::from_secs(wanted);
        assert_eq!(moment(text), Some(wanted), "{text}");
    }
    for text in [
        "",
        "2026-11-21",
        "2026-11-21T23:05:00",
        "2026-00-21T23:05:00Z",
        "0000-01-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-21T24:00:00Z",
        "99999999999999999999-01-01T00:00:00Z",
        "2026-11-21T23:05Z",
        "a-b-cTd:e:fZ",
    ] {
        assert_eq!(moment(text), None, "{text}");
    }
}

#[test]
fn a_token_is_not_used_in_its_last_minute() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let made = |left| Made {
        token: Secret::new("t"),
        until: now + Duration::from_secs(left),
    };
    assert!(made(61).holds(now) && !made(60).holds(now));
}
