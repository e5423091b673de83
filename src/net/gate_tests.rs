//! Owns: what a gate is held to.
//! Never knows: which program asks.

use super::*;
use crate::{
    net::{
        Settings,
        guard::Guard,
        route_planner::{Block, Plan, Strategy},
        routes,
        testing::{Server, Step, quick, response, whole},
    },
    units::Secret,
};
use std::net::IpAddr;

async fn open(settings: Settings, guard: Guard) -> Gate {
    let clients = Clients::with_guard(settings, guard);
    Gate::open(&clients)
        .await
        .expect("a port")
        .expect("it is needed")
}

fn blocking() -> Settings {
    Settings {
        block_private_addresses: true,
        ..quick()
    }
}

/// Sends a text to the gate; gives everything that is answered.
async fn ask(gate: &Gate, text: &str) -> String {
    let asking = async {
        let mut stream = TcpStream::connect(gate.address).await.expect("open");
        stream.write_all(text.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an end");
        String::from_utf8(answer).expect("a text")
    };
    tokio::select! {
        answer = asking => answer,
        () = Gate::serve(Some(gate)) => panic!("it ended"),
    }
}

#[tokio::test]
async fn there_is_none_where_programs_may_go_their_own_way() {
    let clients = Clients::new(quick());
    assert!(Gate::open(&clients).await.expect("no port").is_none());
}

#[tokio::test]
async fn plain_requests_and_tunnels_reach_what_the_guard_lets_pass() {
    let server = Server::start(|_| vec![Step::Send(whole(b"hello", &[]))]).await;
    let gate = open(blocking(), Guard::with_exempt(server.address)).await;
    let to = server.address;
    let plain = format!(
        "GET http://{to}/a?b HTTP/1.1\r\nHost: {to}\r\nProxy-Authorization: x\r\nConnection: keep-alive\r\n\r\n"
    );
    assert!(ask(&gate, &plain).await.ends_with("hello"));
    let asked = &server.seen()[0];
    assert_eq!(asked.path, "/a?b");
    assert_eq!(asked.header("connection"), Some("close"));
    assert_eq!(asked.header("proxy-authorization"), None);
    let tunnel = format!(
        "CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\nGET /inside HTTP/1.1\r\nHost: {to}\r\n\r\n"
    );
    let answer = ask(&gate, &tunnel).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"));
    assert_eq!(server.seen()[1].path, "/inside");
}

#[tokio::test]
async fn private_addresses_and_nonsense_are_refused() {
    let server = Server::start(|_| vec![Step::Send(whole(b"secret", &[]))]).await;
    let gate = open(blocking(), Guard::new(true)).await;
    let to = server.address;
    for (text, status) in [
        (format!("CONNECT {to} HTTP/1.1\r\n\r\n"), 403),
        (format!("GET http://{to}/ HTTP/1.1\r\n\r\n"), 403),
        (
            format!("GET http://localhost:{}/ HTTP/1.1\r\n\r\n", to.port()),
            403,
        ),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET file:///etc/passwd HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("\r\n\r\n".to_owned(), 400),
    ] {
        let answer = ask(&gate, &text).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_proxy_of_the_node_is_used_with_its_password() {
    let upstream = Server::start(|asked| {
        let is_let_in = asked.header("proxy-authorization") == Some("Basic dXNlcjpnZWhlaW0=");
        let status = if is_let_in { 200 } else { 407 };
        vec![Step::Send(response(
            status,
            &[("Content-Length", "0")],
            b"",
        ))]
    })
    .await;
    let settings = Settings {
        proxy: Some(Proxy {
            host: upstream.address.ip().to_string(),
            port: upstream.address.port(),
            credentials: Some(("user".to_owned(), Secret::new("geheim"))),
        }),
        ..quick()
    };
    let gate = open(settings, Guard::new(false)).await;
    for request in [
        "GET http://nowhere.invalid/x HTTP/1.1\r\nProxy-Authorization: other\r\n\r\n",
        "CONNECT nowhere.invalid:443 HTTP/1.1\r\n\r\n",
    ] {
        let answer = ask(&gate, request).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let asked: Vec<_> = upstream.seen().into_iter().map(|it| it.path).collect();
    assert_eq!(asked, ["http://nowhere.invalid/x", "nowhere.invalid:443"]);
}

/// Requests leave from these addresses in turn.
fn routed(addresses: &[[u8; 4]]) -> Settings {
    let block = |address: &[u8; 4]| Block::new((*address).into(), 32).expect("a block");
    let blocks = addresses.iter().map(block).collect();
    Settings {
        routes: Some(routes::Settings {
            plan: Plan::new(Strategy::RotateOnBan, blocks, []).expect("a plan"),
            search_triggers_fail: true,
            retries: 1,
            has_all_traffic: true,
            probe: None,
        }),
        ..quick()
    }
}

/// A server that says from where it is asked.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, peer)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let from = peer.ip().to_string();
            let _ = stream.write_all(&whole(from.as_bytes(), &[])).await;
        }
    });
    address
}

// 203.0.113.0/24 (RFC 5737) is no machine's; Linux gives every address of 127.0.0.0/8
#[tokio::test]
async fn connections_leave_from_the_route_planners_addresses() {
    let to = echo().await;
    let gate = open(
        routed(&[[203, 0, 113, 1], [127, 0, 0, 60]]),
        Guard::new(false),
    )
    .await;
    let plain = format!("GET http://{to}/ HTTP/1.1\r\nHost: {to}\r\n\r\n");
    let tunnel = format!("CONNECT {to} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    for text in [plain, tunnel] {
        let answer = ask(&gate, &text).await;
        assert!(answer.ends_with("127.0.0.60"), "{answer}");
    }
    let counts = gate.clients.routes().expect("a planner").counts();
    assert_eq!((counts.failing, counts.unbindable), (1, 1));
}

#[tokio::test]
async fn connections_to_a_proxy_leave_from_them_too_unless_they_go_beside() {
    let to = echo().await;
    let settings = Settings {
        proxy: Some(Proxy {
            host: to.ip().to_string(),
            port: to.port(),
            credentials: None,
        }),
        ..routed(&[[127, 0, 0, 60]])
    };
    let text = "GET http://nowhere.invalid/ HTTP/1.1\r\n\r\n";
    let clients = Clients::new(settings);
    for (clients, from) in [
        (clients.clone(), "127.0.0.60"),
        (clients.beside_routes(), "127.0.0.1"),
    ] {
        let gate = Gate::open(&clients).await.expect("a port");
        let answer = ask(&gate.expect("it is needed"), text).await;
        assert!(answer.ends_with(from), "{answer}");
    }
    let beside = Clients::new(routed(&[[127, 0, 0, 60]])).beside_routes();
    assert!(Gate::open(&beside).await.expect("no port").is_none());
}

#[tokio::test]
async fn a_proxy_is_not_led_to_a_name_that_has_a_private_address_among_others() {
    let upstream = Server::start(|_| vec![Step::Send(whole(b"secret", &[]))]).await;
    let settings = Settings {
        proxy: Some(Proxy {
            host: upstream.address.ip().to_string(),
            port: upstream.address.port(),
            credentials: None,
        }),
        ..blocking()
    };
    let public = IpAddr::from([8, 8, 8, 8]);
    let private = IpAddr::from([10, 0, 0, 1]);
    for (addresses, status) in [(vec![public], 200), (vec![public, private], 403)] {
        let gate = open(settings.clone(), Guard::with_names(true, addresses)).await;
        let answer = ask(&gate, "GET http://a.example/ HTTP/1.1\r\n\r\n").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_is_not_asked_for_again_at_once() {
    let before = tokio::time::Instant::now();
    let full = std::future::ready(Err::<(), _>(io::ErrorKind::OutOfMemory.into()));
    assert_eq!(or_rest(full).await, None);
    assert_eq!(before.elapsed(), BREATHER);
    assert_eq!(or_rest(std::future::ready(Ok(1))).await, Some(1));
    assert_eq!(before.elapsed(), BREATHER);
}
