//! Owns: what a gate is held to.
//! Never knows: which program asks.

use super::*;
use crate::{
    net::{
        Settings,
        guard::Guard,
        testing::{Server, Step, quick, response, whole},
    },
    units::Secret,
};

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
