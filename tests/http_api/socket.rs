//! Owns: what a client hears over its WebSocket, and how the two sides of the node agree.
//! Never knows: sound, and voice servers.

use super::*;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, handshake::client::Response},
};

/// Opens a client's socket, which may name the session that it had.
pub(super) async fn connect(
    node: &Node,
    session: Option<&str>,
) -> (WebSocketStream<TcpStream>, Response) {
    let address = format!("ws://{}/v4/websocket", node.address);
    let mut request = address.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Authorization", PASSWORD.parse().unwrap());
    headers.insert("User-Id", "1006550348453187624".parse().unwrap());
    if let Some(session) = session {
        headers.insert("Session-Id", session.parse().unwrap());
    }
    let stream = TcpStream::connect(&node.address).await.unwrap();
    client_async(request, stream).await.unwrap()
}

#[tokio::test]
async fn ready_comes_first_and_pings_are_answered() {
    let node = Node::start(settings()).await;
    let (mut socket, response) = connect(&node, Some("zzzzzzzzzzzzzzzz")).await;
    assert_eq!(response.headers()["session-resumed"], "false");
    assert_eq!(response.headers()["lavalink-api-version"], "4");
    let ready = socket.next().await.unwrap().unwrap();
    assert!(ready.to_text().unwrap().starts_with(r#"{"op":"ready""#));
    for text in ["hello", "{}", "[1,2", "\0"] {
        socket.send(Message::text(text)).await.unwrap();
    }
    socket.send(Message::Ping("x".into())).await.unwrap();
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Pong(payload) => break assert_eq!(&payload[..], b"x"),
            Message::Text(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_told_how() {
    let node = Node::start(settings()).await;
    let too_long = [&b"\x81\xff\0\0\0\0\0\x02\0\0\0\0\0\0"[..], &[b'x'; 131_072]].concat();
    for (frame, code) in [
        (&b"\x83\x81\0\0\0\0x"[..], 1002), // an opcode that does not exist
        (b"\x81\x01x", 1002),              // without a mask
        (b"\x80\x81\0\0\0\0x", 1002),      // goes on with nothing
        (b"\x81\x81\0\0\0\0\xff", 1007),   // no UTF-8
        (&too_long, 1009),
    ] {
        let (mut socket, _) = connect(&node, None).await;
        socket.get_mut().write_all(frame).await.unwrap();
        let close = loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Close(close) => break close,
                _ => continue,
            }
        };
        assert_eq!(close.map(|c| u16::from(c.code)), Some(code));
    }
}

/// The next message.
pub(super) async fn text(socket: &mut WebSocketStream<TcpStream>) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The id of a session that was just opened.
pub(super) async fn session_id(socket: &mut WebSocketStream<TcpStream>) -> String {
    text(socket).await["sessionId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_is_told_everything_before_the_answer() {
    let node = Node::start(settings()).await;
    let (mut socket, _) = connect(&node, None).await;
    let id = session_id(&mut socket).await;
    assert_eq!(text(&mut socket).await["op"], "stats");
    let session = format!("/v4/sessions/{id}");
    assert_eq!(node.get(&format!("{session}/players")).await.body, "[]");
    let configured = node
        .call("PATCH", &session, JSON, r#"{"timeout":"44"}"#)
        .await;
    assert_eq!(configured.body, r#"{"resuming":false,"timeout":44}"#);

    let player = format!("{session}/players/007");
    for path in [player.clone(), format!("{player}/diagnosis")] {
        assert_error(&node.get(&path).await, 404, &path, "Player not found");
    }
    let update = format!(
        r#"{{"track":{{"encoded":"{ENCODED}","userData":{{"b":1,"a":[2]}}}},"volume":5000,"filters":{{"lowPass":{{}}}}}}"#
    );
    let reply = node.call("PATCH", &player, JSON, &update).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(
        reply
            .body
            .starts_with(r#"{"guildId":"7","track":{"encoded":"QAAAdQMA"#)
    );
    assert!(
        reply
            .body
            .contains(r#""userData":{"b":1,"a":[2]}},"volume":1000,"paused":false,"#)
    );
    assert!(
        reply
            .body
            .ends_with(r#""filters":{"lowPass":{"smoothing":20.0}}}"#)
    );
    // All that the request caused lies in the socket already; only the two updates have no fixed place.
    let mut ops = Vec::new();
    while let Some(Some(Ok(message))) = socket.next().now_or_never() {
        let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        ops.push(
            message["type"]
                .as_str()
                .or(message["op"].as_str())
                .unwrap()
                .to_owned(),
        );
    }
    assert!(
        ops.contains(&"TrackStartEvent".to_owned()) && ops.contains(&"playerUpdate".to_owned()),
        "{ops:?}"
    );
    assert_eq!(node.get("/v4/stats").await.json()["playingPlayers"], 1);

    let destroyed = node.call("DELETE", &player, AUTHORIZED, "").await;
    assert_eq!((destroyed.status, destroyed.body.as_str()), (204, ""));
    let end = text(&mut socket).await;
    assert_eq!(
        (&end["type"], &end["reason"]),
        (&"TrackEndEvent".into(), &"stopped".into())
    );
    let both = r#"{"encodedTrack":null,"track":{}}"#;
    let message = "Cannot specify both track and encodedTrack/identifier";
    assert_error(
        &node.call("PATCH", &player, JSON, both).await,
        400,
        &player,
        message,
    );
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let node = Node::start(settings()).await;
    let (mut socket, _) = connect(&node, None).await;
    let id = session_id(&mut socket).await;
    let path = format!("/v4/sessions/{id}/players/1");
    let body = format!(r#"{{"track":{{"identifier":"{}"}}}}"#, support::PANIC);
    let reply = node.call("PATCH", &path, JSON, &body).await;
    let message = "The server failed on this request";
    assert_error(&reply, 500, &path, message);
    assert_eq!(node.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_session_waits_for_its_client() {
    let node = Node::start(settings()).await;
    let (mut socket, _) = connect(&node, None).await;
    let id = session_id(&mut socket).await;
    let session = format!("/v4/sessions/{id}");
    let resuming = r#"{"resuming":true,"timeout":60}"#;
    assert_eq!(
        node.call("PATCH", &session, JSON, resuming).await.status,
        200
    );
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    let players = format!("{session}/players");
    while node.get(&players).await.status != 404 {
        tokio::task::yield_now().await;
    }
    let (mut socket, response) = connect(&node, Some(&id)).await;
    assert_eq!(response.headers()["session-resumed"], "true");
    let ready = text(&mut socket).await;
    assert_eq!(
        (&ready["resumed"], &ready["sessionId"]),
        (&true.into(), &id.into())
    );
}

#[tokio::test]
async fn stopping_closes_sockets_with_1001() {
    let node = Node::start(settings()).await;
    let (mut socket, _) = connect(&node, None).await;
    node.stop.send(true).unwrap();
    let code = loop {
        match socket.next().await {
            Some(Ok(Message::Close(frame))) => break frame.map(|f| u16::from(f.code)),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, Some(1001));
    while let Some(Ok(_)) = socket.next().await {}
    node.served.await.unwrap();
    assert!(TcpStream::connect(&node.address).await.is_err());
}
