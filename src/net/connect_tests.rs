//! Owns: what connections through TLS and a proxy are held to.
//! Never knows: how the HTTP library works inside.

use super::*;
use crate::net::{
    Clients, NetError, Resource,
    testing::{Server, Step, quick},
};
use http::Request;
use http_body_util::BodyExt;
use rustls::{RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// Both ends of TLS for the name `music.example`.
fn tls() -> (Arc<ClientConfig>, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(vec!["music.example".to_owned()]);
    let made = made.expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let client = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a pair");
    (Arc::new(client), TlsAcceptor::from(Arc::new(server)))
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a byte"));
    }
    String::from_utf8(head).expect("ASCII").to_ascii_lowercase()
}

/// A proxy that plays the server behind it as well. Returns both heads that it got.
async fn proxy(
    acceptor: TlsAcceptor,
    answer: &'static [u8],
) -> (SocketAddr, JoinHandle<[String; 2]>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let outer = head(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
            .await
            .expect("sent");
        let mut stream = acceptor.accept(stream).await.expect("TLS");
        let inner = head(&mut stream).await;
        stream.write_all(answer).await.expect("sent");
        stream.shutdown().await.expect("closed");
        [outer, inner]
    });
    (address, task)
}

/// What the server behind the proxy says.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

/// As SHOUTcast 1 answers, with a header line that is none.
const STATION: &[u8] = b"ICY 200 OK\r\nicy-name:Caf\xE9\r\nicy notice\r\n\r\nabc";

fn through(address: SocketAddr) -> Settings {
    Settings {
        proxy: Some(Proxy {
            host: address.ip().to_string(),
            port: address.port(),
            credentials: Some(("u".into(), Secret::new("p"))),
        }),
        ..quick()
    }
}

fn request(url: &str) -> Request<Body> {
    Request::get(url).body(Body::default()).expect("a request")
}

#[tokio::test]
async fn what_is_encrypted_passes_through_a_tunnel_that_alone_sees_the_proxys_password() {
    let (config, acceptor) = tls();
    let (address, heads) = proxy(acceptor, ANSWER).await;
    let client = client(&through(address), &Guard::new(false), config).expect("a client");
    let response = client.request(request("https://music.example/a?b")).await;
    let body = response.expect("an answer").into_body().collect().await;
    assert_eq!(body.expect("all").to_bytes(), "abc");
    let [outer, inner] = heads.await.expect("no panic");
    assert!(outer.starts_with("connect music.example:443 http/1.1\r\n"));
    assert!(outer.contains("\r\nproxy-authorization: basic dtpw\r\n"));
    assert!(inner.starts_with("get /a?b http/1.1\r\n"), "{inner}");
    assert!(inner.contains("\r\nhost: music.example\r\n"), "{inner}");
    assert!(!inner.contains("authorization"), "{inner}");
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let (config, acceptor) = tls();
    let (address, _heads) = proxy(acceptor, ANSWER).await;
    let client = client(&through(address), &Guard::new(false), config).expect("a client");
    let answer = client.request(request("https://other.example/")).await;
    assert!(answer.is_err_and(|error| error.is_connect()));
}

#[tokio::test]
async fn a_tls_handshake_counts_against_the_time_for_connecting() {
    let (config, _) = tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let settings = Settings {
        connect_timeout: Duration::from_millis(50),
        ..quick()
    };
    let client = client(&settings, &Guard::new(false), config).expect("a client");
    let url = format!("https://localhost:{port}/");
    let error = client.request(request(&url)).await.expect_err("silence");
    let cause = error.source().and_then(|e| e.downcast_ref::<io::Error>());
    assert_eq!(
        cause.map(io::Error::kind),
        Some(io::ErrorKind::TimedOut),
        "{error:?}"
    );
}

#[test]
fn a_proxy_that_is_no_host_is_named() {
    let settings = Settings {
        proxy: Some(Proxy {
            host: "a b".into(),
            port: 1,
            credentials: None,
        }),
        ..quick()
    };
    let error = client(&settings, &Guard::new(false), tls().0).err();
    assert!(error.expect("refused").contains("proxy"));
}

#[tokio::test]
async fn a_silent_server_is_waited_for_as_long_as_for_a_silence_in_its_answer() {
    let server = Server::start(|_| vec![Step::Hang]).await;
    let settings = quick();
    let mut resource = Resource::new(Clients::new(settings.clone()), server.address("/"));
    let error = resource.ask(None).await.err().expect("silence");
    // not also the five seconds for connecting
    assert!(
        matches!(error, NetError::Timeout(limit) if limit == settings.read_timeout),
        "{error}"
    );
}

#[tokio::test]
async fn a_shoutcast_server_is_understood() {
    let server = Server::start(|_| vec![Step::Send(STATION.to_vec())]).await;
    let mut resource = Resource::new(Clients::new(quick()), server.address("/"));
    for _ in 0..2 {
        let mut response = resource.ask(None).await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["icy-name"].as_bytes(), b"Caf\xE9");
        let body = response.chunk().await.expect("a body");
        assert_eq!(body.as_deref(), Some(&b"abc"[..]));
        assert!(response.chunk().await.expect("a clean end").is_none());
    }
}

#[tokio::test]
async fn a_shoutcast_server_behind_tls_is_understood() {
    let (config, acceptor) = tls();
    let (address, _heads) = proxy(acceptor, STATION).await;
    let client = client(&through(address), &Guard::new(false), config).expect("a client");
    let response = client.request(request("https://music.example/")).await;
    let body = response.expect("an answer").into_body().collect().await;
    assert_eq!(body.expect("all").to_bytes(), "abc");
}

#[tokio::test]
async fn titles_are_asked_for_by_those_who_take_them_out_and_over_redirects() {
    let server = Server::start(|asked| {
        vec![Step::Send(match &*asked.path {
            "/away" => crate::net::testing::response(302, &[("Location", "/")], b""),
            _ => crate::net::testing::whole(b"abc", &[]),
        })]
    })
    .await;
    let resource = || Resource::new(Clients::new(quick()), server.address("/away"));
    resource().ask_following(None).await.expect("an answer");
    let mut with_titles = resource().with_titles();
    with_titles.ask_following(None).await.expect("an answer");
    let seen = server.seen();
    let asked: Vec<_> = seen.iter().map(|a| a.header("icy-metadata")).collect();
    assert_eq!(asked, [None, None, Some("1"), Some("1")]);
}
