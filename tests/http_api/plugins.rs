//! Owns: the routes that plugins of Lavalink have made standard: statuses, bodies, and who hears of what.
//! Never knows: sites, and where lyrics and segments come from.

use super::{
    socket::{connect, session_id, text},
    *,
};

#[tokio::test]
async fn plugins_are_announced_by_the_names_that_clients_look_for() {
    let node = Node::start(settings()).await;
    let info = node.get("/v4/info").await.json();
    let plugins = info["plugins"].as_array().unwrap();
    let names: Vec<_> = plugins.iter().map(|plugin| &plugin["name"]).collect();
    assert_eq!(
        names,
        ["lavasearch-plugin", "sponsorblock-plugin", "youtube-plugin"]
    );
    for plugin in plugins {
        let version = plugin["version"].as_str().unwrap();
        let is_number = |part: &str| part.parse::<u8>().is_ok();
        assert!(version.split('.').count() == 3 && version.split('.').all(is_number));
    }
}

#[tokio::test]
async fn a_search_that_nobody_knows_finds_nothing() {
    let node = Node::start(settings()).await;
    let reply = node.get("/v4/loadsearch").await;
    let message = "Required parameter 'query' is not present.";
    assert_error(&reply, 400, "/v4/loadsearch", message);
    for query in [
        "query=xxsearch:abc",
        "query=abc&types=track,album",
        "query=bcsearch:",
    ] {
        let reply = node.get(&format!("/v4/loadsearch?{query}")).await;
        assert_eq!((reply.status, &*reply.body), (204, ""), "{query}");
    }
    let reply = node.call("POST", "/v4/loadsearch", AUTHORIZED, "").await;
    assert_eq!(reply.status, 405);
    assert_eq!(
        node.call("GET", "/v4/loadsearch?query=x", "", "")
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn lyrics_of_an_encoded_track() {
    let node = Node::start(settings()).await;
    let path = "/v4/lyrics";
    let reply = node.get(path).await;
    assert_error(
        &reply,
        400,
        path,
        "Required parameter 'track' is not present.",
    );
    let reply = node.get(&format!("{path}?track=nonsense")).await;
    assert_eq!(reply.status, 400);
    let reply = node
        .get(&format!("{path}?track={ENCODED}&skipTrackSource=maybe"))
        .await;
    assert_error(
        &reply,
        400,
        path,
        "Bad Request: skipTrackSource: expected true or false",
    );
    // no source here has any
    for skip in ["", "&skipTrackSource=true", "&skipTrackSource=false"] {
        let reply = node.get(&format!("{path}?track={ENCODED}{skip}")).await;
        assert_eq!((reply.status, &*reply.body), (204, ""), "{skip}");
    }
}

#[tokio::test]
async fn lyrics_of_a_player_and_who_subscribes_to_them() {
    let node = Node::start(settings()).await;
    let nowhere = "/v4/sessions/nope/players/5";
    let reply = node.get(&format!("{nowhere}/track/lyrics")).await;
    assert_error(
        &reply,
        404,
        &format!("{nowhere}/track/lyrics"),
        "Session not found",
    );
    let subscribe = |player: &str| format!("{player}/lyrics/subscribe");
    let post = async |player: &str| node.call("POST", &subscribe(player), AUTHORIZED, "").await;
    let delete = async |player: &str| {
        node.call("DELETE", &subscribe(player), AUTHORIZED, "")
            .await
    };
    assert_error(
        &post(nowhere).await,
        404,
        &subscribe(nowhere),
        "Session not found",
    );
    assert_eq!(delete(nowhere).await.status, 204);

    let (mut socket, _) = connect(&node, None).await;
    let session = session_id(&mut socket).await;
    let player = format!("/v4/sessions/{session}/players/5");
    let words = format!("{player}/track/lyrics");
    assert_error(&node.get(&words).await, 404, &words, "Player not found");
    assert_error(
        &post(&player).await,
        404,
        &subscribe(&player),
        "Player not found",
    );
    node.call("PATCH", &player, JSON, "{}").await;
    assert_error(&node.get(&words).await, 404, &words, "No track playing");
    let body = format!(r#"{{"encodedTrack":"{ENCODED}"}}"#);
    assert_eq!(node.call("PATCH", &player, JSON, &body).await.status, 200);
    assert_eq!(node.get(&words).await.status, 204);
    assert_eq!(post(&player).await.status, 204);
    let told = loop {
        let message = text(&mut socket).await;
        if message["type"] == "LyricsNotFoundEvent" {
            break message;
        }
    };
    assert_eq!(
        told.to_string(),
        r#"{"op":"event","type":"LyricsNotFoundEvent","guildId":"5"}"#
    );
    let reply = delete(&player).await;
    assert_eq!((reply.status, &*reply.body), (204, ""));
}

#[tokio::test]
async fn categories_are_put_got_and_deleted() {
    let node = Node::start(settings()).await;
    let path = |session: &str| format!("/v4/sessions/{session}/players/5/sponsorblock/categories");
    for (method, body) in [("GET", ""), ("PUT", "[]"), ("DELETE", "")] {
        let reply = node.call(method, &path("nope"), JSON, body).await;
        assert_error(&reply, 404, &path("nope"), "Session not found");
    }
    let (mut socket, _) = connect(&node, None).await;
    let path = path(&session_id(&mut socket).await);
    assert_error(&node.get(&path).await, 404, &path, "Guild not found");
    let put = async |body: &str| node.call("PUT", &path, JSON, body).await;
    let reply = put(r#"["sponsor","selfpromo","sponsor"]"#).await;
    assert_eq!((reply.status, &*reply.body), (204, ""));
    assert_eq!(node.get(&path).await.body, r#"["sponsor","selfpromo"]"#);
    for wrong in [r#"{"sponsor":true}"#, r#"["a b"]"#, "[1]", "nonsense"] {
        assert_eq!(put(wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(node.get(&path).await.body, r#"["sponsor","selfpromo"]"#);
    let reply = node.call("DELETE", &path, AUTHORIZED, "").await;
    assert_eq!((reply.status, &*reply.body), (204, ""));
    assert_eq!(node.get(&path).await.body, "[]");
}
