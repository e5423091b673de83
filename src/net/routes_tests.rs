//! Owns: what requests by the route planner are held to, over real sockets: Linux gives every address of 127.0.0.0/8.
//! Never knows: how addresses are chosen.

use super::*;
use crate::net::{
    Proxy, Resource,
    call::Call,
    route_planner::{Block, Course, Exhausted, Strategy},
    testing::quick,
};
use bytes::Bytes;
use http::Response as Answer;
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{collections::BTreeSet, convert::Infallible};
use tokio::net::TcpListener;

/// A server that keeps connections, and writes down from where each request and each connection came.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Server {
    /// Refuses requests from addresses whose last byte is one of these with a 429.
    async fn start(refused: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let log = log.clone();
                let answer = service_fn(move |_| {
                    locked(&log).push(peer);
                    let IpAddr::V4(from) = peer.ip() else {
                        unreachable!("it listens on IPv4");
                    };
                    let status = match refused.contains(&from.octets()[3]) {
                        true => 429,
                        false => 200,
                    };
                    let answer = Answer::builder().status(status);
                    let answer = answer.body(Full::new(Bytes::from_static(b"ok")));
                    async { Ok::<_, Infallible>(answer.expect("an answer")) }
                });
                let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(serving);
            }
        });
        Self { address, requests }
    }

    fn address(&self) -> Address {
        Address::parse(&format!("http://{}/", self.address)).expect("an address")
    }

    /// The last bytes of the addresses that requests came from.
    fn came_from(&self) -> Vec<u8> {
        let all = locked(&self.requests);
        all.iter()
            .map(|peer| peer.to_string())
            .filter_map(|peer| peer.split(['.', ':']).nth(3)?.parse().ok())
            .collect()
    }

    fn connections(&self) -> usize {
        let all = locked(&self.requests);
        all.iter().collect::<BTreeSet<_>>().len()
    }
}

fn routed(strategy: Strategy, blocks: &[(&str, u8)]) -> Settings {
    let block = |(address, prefix): &(&str, u8)| {
        Block::new(address.parse().expect("an address"), *prefix).expect("a block")
    };
    Settings {
        plan: Plan::new(strategy, blocks.iter().map(block).collect(), []).expect("a plan"),
        search_triggers_fail: true,
        retries: 10,
        has_all_traffic: true,
        probe: None,
    }
}

fn clients(routes: Settings) -> Clients {
    Clients::new(crate::net::Settings {
        routes: Some(routes),
        ..quick()
    })
}

async fn ask(clients: &Clients, call: Call) -> Result<u16, NetError> {
    Ok(clients.call(call, 99).await?.status)
}

const SMALL: &[(&str, u8)] = &[("127.0.0.16", 28)];

#[tokio::test]
async fn requests_leave_from_addresses_of_the_blocks_each_with_connections_of_its_own() {
    let server = Server::start(&[]).await;
    let clients = clients(routed(Strategy::LoadBalance, SMALL));
    for _ in 0..60 {
        let status = ask(&clients, Call::get(server.address())).await;
        assert_eq!(status.expect("an answer"), 200);
    }
    let came_from = server.came_from();
    assert!(came_from.iter().all(|from| (16..32).contains(from)));
    let used: BTreeSet<_> = came_from.iter().collect();
    assert!(used.len() > 8, "{used:?}");
    // kept connections were used again, and never by a request from elsewhere
    let connections = server.connections();
    assert!((used.len()..60).contains(&connections), "{connections}");
}

#[tokio::test]
async fn an_address_that_a_site_refuses_is_marked_and_the_request_made_again_from_the_next() {
    let server = Server::start(&[16, 17]).await;
    let clients = clients(routed(Strategy::RotateOnBan, SMALL)).for_site();
    for _ in 0..3 {
        let status = ask(&clients, Call::get(server.address())).await;
        assert_eq!(status.expect("an answer"), 200);
    }
    assert_eq!(server.came_from(), [16, 17, 18, 18, 18]);
    let routes = clients.routes().expect("a planner");
    let failing: Vec<_> = routes.status().failing.iter().map(|f| f.0).collect();
    assert_eq!(
        failing,
        ["127.0.0.16", "127.0.0.17"].map(|a| a.parse::<IpAddr>().expect("an address"))
    );
    let counts = routes.counts();
    assert_eq!((counts.failing, counts.refused, counts.retries), (2, 2, 2));
    routes.free("127.0.0.16".parse().expect("an address"));
    assert_eq!(routes.counts().failing, 1);
    routes.free_all();
    assert_eq!(routes.counts().failing, 0);
}

#[tokio::test]
async fn retries_are_limited_and_searches_spare_addresses_when_told_so() {
    let all: &'static [u8] = &[16, 17, 18, 19];
    let server = Server::start(all).await;
    let settings = Settings {
        search_triggers_fail: false,
        retries: 2,
        ..routed(Strategy::RotateOnBan, &[("127.0.0.16", 30)])
    };
    let clients = clients(settings).for_site();
    let search = Call::get(server.address()).as_search();
    assert_eq!(ask(&clients, search).await.expect("an answer"), 429);
    assert_eq!(server.came_from(), [16, 16, 16]);
    let call = || Call::get(server.address());
    assert_eq!(ask(&clients, call()).await.expect("an answer"), 429);
    assert_eq!(server.came_from()[3..], [16, 17, 18]);
    let none_left = ask(&clients, call()).await.expect_err("no address");
    assert!(matches!(none_left, NetError::Exhausted(Exhausted)));
    let told = none_left.into_load_failure().message;
    assert!(told.contains("/v4/routeplanner/free/all"), "{told}");
    assert_eq!(clients.routes().expect("there").counts().exhausted, 1);
}

#[tokio::test]
async fn any_server_can_refuse_without_an_address_being_marked() {
    let server = Server::start(&[16]).await;
    let clients = clients(routed(Strategy::RotateOnBan, SMALL));
    let mut resource = Resource::new(clients.clone(), server.address());
    let answer = resource.ask(None).await.expect("an answer");
    assert_eq!(answer.status(), 429);
    assert_eq!(server.came_from(), [16]);
    assert_eq!(clients.routes().expect("a planner").counts().failing, 0);
}

#[tokio::test]
async fn what_goes_beside_leaves_from_where_the_system_likes() {
    let server = Server::start(&[]).await;
    let clients = clients(routed(Strategy::RotateOnBan, SMALL)).beside_routes();
    ask(&clients, Call::get(server.address()))
        .await
        .expect("an answer");
    assert_eq!(server.came_from(), [1]);
}

// TEST-NET-1 (RFC 5737) is no machine's
#[tokio::test]
async fn an_address_that_is_not_this_machines_is_marked_and_the_next_taken() {
    let server = Server::start(&[]).await;
    let blocks = [("192.0.2.0", 31), ("127.0.0.20", 32)];
    let clients = clients(routed(Strategy::RotateOnBan, &blocks));
    let status = ask(&clients, Call::get(server.address())).await;
    assert_eq!(status.expect("an answer"), 200);
    assert_eq!(server.came_from(), [20]);
    let counts = clients.routes().expect("a planner").counts();
    assert_eq!((counts.failing, counts.unbindable), (2, 2));
}

#[tokio::test]
async fn a_server_without_an_address_of_the_blocks_family_is_reached_all_the_same() {
    let server = Server::start(&[]).await;
    let clients = clients(routed(Strategy::RotatingNanoSwitch, &[("2001:db8::", 48)]));
    let status = ask(&clients.for_site(), Call::get(server.address())).await;
    assert_eq!(status.expect("an answer"), 200);
    assert_eq!(server.came_from(), [1]);
    let course = clients.routes().expect("a planner").status().course;
    assert!(matches!(course, Course::RotatingNano { network: 0, .. }));
}

#[tokio::test]
async fn connections_to_a_proxy_leave_from_the_blocks_too() {
    let proxy = Server::start(&[]).await;
    let clients = Clients::new(crate::net::Settings {
        routes: Some(routed(Strategy::RotateOnBan, SMALL)),
        proxy: Some(Proxy {
            host: "127.0.0.1".into(),
            port: proxy.address.port(),
            credentials: None,
        }),
        ..quick()
    });
    let site = Address::parse("http://music.example/").expect("an address");
    ask(&clients, Call::get(site)).await.expect("an answer");
    assert_eq!(proxy.came_from(), [16]);
}

#[tokio::test]
async fn the_test_at_the_start_tells_addresses_apart() {
    let server = Server::start(&[]).await;
    let blocks = [("127.0.0.0", 24), ("192.0.2.0", 24)];
    let reached = Some(("127.0.0.1".to_owned(), server.address.port()));
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let gone = closed.local_addr().expect("bound").port();
    drop(closed);
    for (probe, working, unreachable) in [
        (None, 8, 0),
        (reached, 8, 0),
        (Some(("127.0.0.1".to_owned(), gone)), 0, 8),
    ] {
        let clients = clients(Settings {
            probe,
            ..routed(Strategy::LoadBalance, &blocks)
        });
        clients.test_routes().await;
        let tested = clients.routes().expect("a planner").counts().tested;
        let wanted = Tested {
            working,
            unbindable: 8,
            unreachable,
        };
        assert_eq!(tested, wanted);
    }
}

/// Without an address of the blocks' family the host is reached from any, which says nothing of theirs.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_probe_of_another_family_is_not_reached_from_the_blocks() {
    let server = Server::start(&[]).await;
    let clients = clients(Settings {
        probe: Some(("127.0.0.1".to_owned(), server.address.port())),
        ..routed(Strategy::LoadBalance, &[("2001:db8::", 64)])
    });
    clients.test_routes().await;
    let tested = clients.routes().expect("a planner").counts().tested;
    assert_eq!((tested.working, tested.unbindable), (0, 0));
    assert!(tested.unreachable > 0);
}

// ip(7), IP_FREEBIND; ip-route(8), type local
#[cfg(target_os = "linux")]
#[test]
fn addresses_of_ipv6_may_be_only_routed_to_this_machine() {
    // a machine without IPv6 has no such addresses
    if Socket::new(Domain::IPV6, Type::STREAM, None).is_ok() {
        let documented = "2001:db8::1".parse().expect("an address");
        assert!(try_to_bind(documented).is_ok());
    }
    let documented = "192.0.2.1".parse().expect("an address");
    assert!(try_to_bind(documented).is_err());
}
