//! Owns: what unlocking links with the script itself is held to, with a site that has one script made by hand.
//! Never knows: how scripts are read.

use super::{
    testing::SCRIPT,
    tests::{LOCKED, cipher_server, player, sealed, serving, site, with_server},
    *,
};
use crate::{
    error::Severity,
    net::testing::Server,
    source::site::testing::{json, status},
};
use serde_json::json;

const UNLOCKED: &str =
    "https://r1.googlevideo.com/videoplayback?expire=1&n=9ujxssbolji52ygq&sig=576843210";

#[tokio::test]
async fn links_are_unlocked_with_one_fetch_however_many_ask() {
    let (site, server) = site().await;
    let cipher = Cipher::new(site, Settings::default());
    let player = player();
    let all = (0..20).map(|_| cipher.solve(&player, sealed()));
    for url in futures_util::future::join_all(all).await {
        assert_eq!(url.expect("unlocked").as_str(), UNLOCKED);
    }
    assert_eq!(cipher.timestamp(&player).await.expect("a number"), 20472);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn the_script_takes_the_place_of_a_server_that_fails() {
    let (site, _proxy) = site().await;
    for answer in [
        status(500),
        json(&json!({"error": "no"})),
        json(&json!({"resolved_url": "https://elsewhere.example/videoplayback"})),
        json(&json!({"resolved_url": LOCKED})),
    ] {
        let server = cipher_server(move |_| answer.clone()).await;
        let cipher = with_server(&site, &server);
        let url = cipher.solve(&player(), sealed()).await;
        assert_eq!(url.expect("unlocked").as_str(), UNLOCKED);
        assert_eq!(cipher.timestamp(&player()).await.expect("a number"), 20472);
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_left_alone_for_a_while() {
    let (site, _proxy) = site().await;
    let server = Server::start(|_| vec![]).await;
    let cipher = with_server(&site, &server);
    for _ in 0..3 {
        let url = cipher.solve(&player(), sealed()).await;
        assert_eq!(url.expect("unlocked").as_str(), UNLOCKED);
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_script_that_is_not_understood_is_suspicious() {
    let other = SCRIPT.replace("\"alr\"", "\"arl\"");
    let (site, _proxy) = serving(other).await;
    let cipher = Cipher::new(site, Settings::default());
    // that much can still be read
    assert_eq!(cipher.timestamp(&player()).await.expect("a number"), 20472);
    let failure = cipher
        .solve(&player(), sealed())
        .await
        .expect_err("no function");
    assert_eq!(failure.severity, Severity::Suspicious);
    assert_eq!(
        failure.root_cause(),
        "no function of the script is known to unlock links"
    );
}
