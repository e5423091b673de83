//! Owns: what the `spotify` source is held to when it may not ask, or not now.
//! Never knows: what it finds when it may.

use super::*;
use crate::net::testing::{Server, Step};

#[tokio::test]
async fn the_site_is_left_alone_when_it_wants_to_be() {
    let world = world_with(settings(), |path, asked| match (path, asked.before) {
        ("/tracks/soon", 0) => response(429, &[("Retry-After", "0"), ("Content-Length", "0")], b""),
        ("/tracks/soon", _) => json(&full("soon")),
        ("/tracks/later", _) => {
            response(429, &[("Retry-After", "60"), ("Content-Length", "0")], b"")
        }
        _ => status(404),
    })
    .await;
    assert_eq!(
        world.track("spotify:track:soon").await.info.identifier,
        "soon"
    );
    let wanted = "Spotify was asked too often from this node's address. Try again in 60 s.";
    for _ in 0..2 {
        let refused = world.refused("spotify:track:later").await;
        assert_eq!(refused, (wanted.to_owned(), Severity::Suspicious));
    }
    assert_eq!(world.count("/tracks/later"), 1);
}

#[tokio::test]
async fn missing_and_wrong_credentials_are_told() {
    let none = Settings {
        credentials: None,
        ..settings()
    };
    let world = world_with(none, |_, _| status(404)).await;
    let (text, severity) = world.refused("spotify:track:t").await;
    assert!(text.contains("set clientId and clientSecret"), "{text}");
    assert_eq!(severity, Severity::Common);
    assert!(world.asked().is_empty());

    let world = World::with(
        |_| response(400, &[("Content-Length", "0")], b""),
        |all| source::Settings {
            spotify: Some(settings()),
            ..all
        },
    )
    .await;
    let (text, severity) = world.refused("spotify:track:t").await;
    assert!(text.contains("does not accept the credentials"), "{text}");
    assert_eq!(severity, Severity::Common);

    let world = world_with(settings(), |_, _| status(403)).await;
    let (text, severity) = world.refused("spotify:playlist:p").await;
    assert!(
        text.contains("does not show this to the credentials"),
        "{text}"
    );
    assert_eq!(severity, Severity::Common);
}

fn endpoint(at: &str) -> Settings {
    Settings {
        credentials: Some(Credentials::Endpoint(Secret::new(at))),
        ..settings()
    }
}

#[tokio::test]
async fn a_token_may_come_from_elsewhere() {
    let world = world_with(
        endpoint("http://tokens.example/api/token"),
        |path, _| match path {
            "http://tokens.example/api/token" => json(
                &json!({"accessToken": "T", "accessTokenExpirationTimestampMs": 9_999_999_999_999_u64}),
            ),
            "/tracks/t" => json(&full("t")),
            _ => status(404),
        },
    )
    .await;
    assert_eq!(world.track("spotify:track:t").await.info.identifier, "t");
}

#[tokio::test]
async fn who_gives_tokens_may_be_on_this_machine_and_is_asked_without_the_proxy() {
    let giver = Server::start(|asked| {
        assert_eq!(asked.path, "/token?key=k");
        vec![Step::Send(json(&json!({"accessToken": "T"})))]
    })
    .await;
    let at = giver.url("/token?key=k").as_str().to_owned();
    let world = World::with(
        |asked: &Asked| match &*asked.path {
            "http://api.spotify.com/v1/tracks/t" => json(&full("t")),
            _ => status(404),
        },
        |mut all| {
            all.network.block_private_addresses = true;
            source::Settings {
                spotify: Some(endpoint(&at)),
                ..all
            }
        },
    )
    .await;
    assert_eq!(world.track("spotify:track:t").await.info.identifier, "t");
    assert_eq!(giver.seen().len(), 1);
}

#[tokio::test]
async fn who_gives_tokens_may_be_busy_while_the_site_is_not() {
    let world = world_with(endpoint("http://tokens.example/token"), |_, _| {
        response(
            429,
            &[("Retry-After", "3600"), ("Content-Length", "0")],
            b"",
        )
    })
    .await;
    let (text, _) = world.refused("spotify:track:t").await;
    let wanted = "The token endpoint for Spotify was asked too often from this node's address. Try again later.";
    assert_eq!(text, wanted);
}
