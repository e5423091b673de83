//! Owns: proof that a node whose source stalls says so: to the client, in the diagnosis, in the metrics.
//! Never knows: how the node finds out.

mod client;
mod rig;

use client::Client;
use rig::{Rig, RigConfig, until};
use serde_json::{Value, json};
use std::{net::SocketAddr, path::Path};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

const GUILD: u64 = 42;
/// A second and a half of the file.
const GIVEN_AT_FIRST: usize = 24_000;

/// Serves a file: its beginning at once, the rest when the gate is opened.
async fn serve(file: Vec<u8>, gate: watch::Receiver<bool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (file, gate) = (file.clone(), gate.clone());
            // fails when the node has seen enough of it
            tokio::spawn(async move { answer(tcp, &file, gate).await.ok() });
        }
    });
    address
}

async fn answer(
    mut tcp: TcpStream,
    file: &[u8],
    mut gate: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(tcp.read_u8().await?);
    }
    let length = file.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nAccept-Ranges: none\r\nContent-Length: {length}\r\n\r\n"
    );
    tcp.write_all(head.as_bytes()).await?;
    tcp.write_all(&file[..GIVEN_AT_FIRST]).await?;
    let _ = gate.wait_for(|is_open| *is_open).await;
    tcp.write_all(&file[GIVEN_AT_FIRST..]).await
}

async fn diagnosis(client: &Client) -> Value {
    let session = &client.session;
    let path = format!("/v4/sessions/{session}/players/{GUILD}/diagnosis");
    let (status, body) = client.rest("GET", &path, None).await;
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_stalls_is_named_in_event_diagnosis_and_metrics() {
    let rig = Rig::start(RigConfig::default()).await.expect("it starts");
    let node = client::node_with(&rig.ca_path(), |config| {
        config.metrics.enabled = true;
        config.metrics.endpoint = "/metrics".into();
        config.extensions.player_metrics = true;
        // the stall ends when the test says so
        config.lavalink.timeouts.socket = std::time::Duration::from_secs(60);
    })
    .await;
    let client = Client::connect(&node).await;
    let session = format!("/v4/sessions/{}", client.session);
    let body = json!({ "extensionEvents": true });
    let (status, answer) = client.rest("PATCH", &session, Some(body)).await;
    assert_eq!(status, 200);
    assert_eq!(answer, json!({ "resuming": false, "timeout": 60 }));

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tone44.mp3");
    let (open, gate) = watch::channel(false);
    let source = serve(std::fs::read(path).expect("the file"), gate).await;
    client.join(GUILD, &rig.endpoint(), "s").await;
    let url = format!("http://user:secret@{source}/tone.mp3?key=secret");
    let track = json!({ "track": { "identifier": url }, "endTime": 3000 });
    client.patch(GUILD, track).await;

    // a busy machine may have gaps of other causes besides
    let stall = |ended: bool| {
        client.wait(move |m| {
            m["type"] == "UnderrunEvent" && m["cause"] == "sourceStalled" && m["ended"] == ended
        })
    };
    let begun = stall(false).await;
    assert_eq!(begun["length"], 1000);
    let starving = diagnosis(&client).await;
    assert_eq!(starving["audible"], "starving");
    assert!(starving["producer"]["waitingForBytesMs"].as_u64() >= Some(200));
    assert_eq!(starving["producer"]["framesReady"], 0);
    assert_eq!(starving["source"]["host"], "127.0.0.1");
    assert_eq!(starving["source"]["container"], "mp3");
    assert_eq!(starving["output"]["connected"], true);
    assert!(!starving.to_string().contains("secret"));

    open.send_replace(true);
    let event = stall(true).await;
    assert_eq!(
        (&event["op"], &event["guildId"]),
        (&json!("event"), &json!("42"))
    );
    assert_eq!(event["position"], begun["position"]);
    assert!(event["length"].as_u64() >= Some(1000));
    let detail = event["detail"].as_str().expect("words");
    assert!(detail.contains("bytes from 127.0.0.1"), "{detail}");
    let end = client.event("TrackEndEvent", GUILD).await;
    assert_eq!(end["reason"], "finished");

    let after = diagnosis(&client).await;
    assert_eq!(after["audible"], "idle");
    assert_eq!(after["source"], Value::Null);
    let gap = after["gaps"]
        .as_array()
        .and_then(|gaps| gaps.iter().find(|gap| gap["position"] == event["position"]))
        .expect("it is remembered");
    for field in ["cause", "length", "ended", "detail"] {
        assert_eq!(gap[field], event[field]);
    }

    let page = client::call(
        node.address(),
        "GET",
        "/metrics",
        Some(client::PASSWORD),
        None,
    );
    let page = page.await.body;
    let counted = &after["underruns"]["sourceStalled"]["gaps"];
    let all = format!("lavalink_rust_underruns_total{{cause=\"source_stalled\"}} {counted}\n");
    assert!(page.contains(&all), "{page}");
    let own = format!(
        "lavalink_rust_player_underruns_total{{session=\"{}\",guild=\"{GUILD}\",cause=\"source_stalled\"}} {counted}\n",
        client.session
    );
    assert!(page.contains(&own), "{page}");

    // what the listener got has the hole that was told
    let voice = rig.last().await;
    let heard = until("the end", || Some(voice.sound()).filter(|h| h.len() > 140)).await;
    let hole = heard
        .windows(2)
        .map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) / 960)
        .max();
    // fifty frames were missing; sound that comes back does not wait for its turn, so the last may be a part of one
    assert!(hole >= Some(50), "{hole:?} frames");
    node.stop().await;
}
