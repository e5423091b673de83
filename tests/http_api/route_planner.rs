//! Owns: the routes of the route planner, with one and without.
//! Never knows: how addresses are chosen.

use super::*;
use lavalink_rust::{
    net::{
        self,
        route_planner::{Block, Plan, Strategy},
        routes,
    },
    source,
};
use tokio::sync::oneshot;

#[tokio::test]
async fn the_planner_that_is_not_there() {
    let node = Node::start(settings()).await;
    let status = node.get("/v4/routeplanner/status").await;
    assert_eq!((status.status, status.body.as_str()), (204, ""));
    let message = "Can't access disabled route planner";
    let path = "/v4/routeplanner/free/all";
    let reply = node.call("POST", path, AUTHORIZED, "").await;
    assert_error(&reply, 500, path, message);
    let path = "/v4/routeplanner/free/address";
    let reply = node
        .call("POST", path, JSON, r#"{"address":"1.0.0.1"}"#)
        .await;
    assert_error(&reply, 500, path, message);
}

/// Sources whose requests leave from a block of this machine's addresses.
fn routed(strategy: Strategy, address: &str, prefix: u8) -> source::Settings {
    let block = Block::new(address.parse().expect("an address"), prefix).expect("a block");
    let routes = routes::Settings {
        plan: Plan::new(strategy, vec![block], []).expect("a plan"),
        search_triggers_fail: true,
        retries: 10,
        has_all_traffic: true,
        probe: None,
    };
    source::Settings {
        network: net::Settings {
            routes: Some(routes),
            ..net::Settings::default()
        },
        ..source::Settings::default()
    }
}

/// A server that says nothing of use, and from where it was asked.
async fn asked_from() -> (SocketAddr, oneshot::Receiver<SocketAddr>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, from) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, peer) = listener.accept().await.unwrap();
        let _ = told.send(peer);
        let gone = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(gone).await.unwrap();
    });
    (address, from)
}

// The shapes are those of reference 2.8; an address that is none is answered as in R.30.
#[tokio::test]
async fn a_planner_tells_where_it_stands_and_frees_addresses() {
    let routed = routed(Strategy::RotateOnBan, "127.0.0.32", 29);
    let node = Node::of(settings(), support::parts_with(routed)).await;
    let status = node.get("/v4/routeplanner/status").await.json();
    assert_eq!(status["details"]["currentAddress"], "null");
    let (server, from) = asked_from().await;
    let load = format!("/v4/loadtracks?identifier=http://{server}/x");
    assert_eq!(node.get(&load).await.json()["loadType"], "empty");
    assert_eq!(from.await.unwrap().ip().to_string(), "127.0.0.32");
    let status = node.get("/v4/routeplanner/status").await;
    let wanted = r#"{"class":"RotatingIpRoutePlanner","details":{"ipBlock":{"type":"Inet4Address","size":"8"},"failingAddresses":[],"rotateIndex":"0","ipIndex":"1","currentAddress":"/127.0.0.32"}}"#;
    assert_eq!((status.status, status.body.as_str()), (200, wanted));
    let path = "/v4/routeplanner/free/all";
    let reply = node.call("POST", path, AUTHORIZED, "").await;
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    let path = "/v4/routeplanner/free/address";
    for address in ["127.0.0.32", "/127.0.0.32", "::1", "[::1]"] {
        let body = format!(r#"{{"address":"{address}"}}"#);
        assert_eq!(node.call("POST", path, JSON, &body).await.status, 204);
    }
    let body = r#"{"address":"nonsense"}"#;
    let reply = node.call("POST", path, JSON, body).await;
    let message = "Invalid address: nonsense: Name or service not known";
    assert_error(&reply, 400, path, message);
}

#[tokio::test]
async fn each_strategy_has_the_class_of_the_original() {
    for (strategy, address, prefix, wanted) in [
        (
            Strategy::LoadBalance,
            "192.0.2.0",
            24,
            r#"{"class":"BalancingIpRoutePlanner","details":{"ipBlock":{"type":"Inet4Address","size":"256"},"failingAddresses":[]}}"#,
        ),
        (
            Strategy::NanoSwitch,
            "2001:db8::",
            64,
            r#"{"class":"NanoIpRoutePlanner","details":{"ipBlock":{"type":"Inet6Address","size":"18446744073709551616"},"failingAddresses":[],"currentAddressIndex":""#,
        ),
        (
            Strategy::RotatingNanoSwitch,
            "2001:db8::",
            48,
            r#"{"class":"RotatingNanoIpRoutePlanner","details":{"ipBlock":{"type":"Inet6Address","size":"1208925819614629174706176"},"failingAddresses":[],"blockIndex":"0","currentAddressIndex":""#,
        ),
    ] {
        let routed = routed(strategy, address, prefix);
        let node = Node::of(settings(), support::parts_with(routed)).await;
        let status = node.get("/v4/routeplanner/status").await;
        assert!(status.body.starts_with(wanted), "{}", status.body);
    }
}
