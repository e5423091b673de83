//! Owns: what clients that send headers along are held to.
//! Never knows: which sites want which headers.

use super::*;
use crate::net::testing::{Asked, Server, Step, quick, response, whole};

/// A proxy on loopback that answers for any host; what it was asked for and what came along.
struct Net {
    proxy: Server,
    clients: Clients,
}

impl Net {
    async fn new(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let proxy = Server::start(move |asked| vec![Step::Send(answer(asked))]).await;
        let clients = Clients::new(Settings {
            proxy: Some(Proxy {
                host: proxy.address.ip().to_string(),
                port: proxy.address.port(),
                credentials: None,
            }),
            ..quick()
        });
        Self { proxy, clients }
    }

    /// Addresses that were asked for, each with one header's value.
    fn seen(&self, header: &str) -> Vec<(String, Option<String>)> {
        let seen = self.proxy.seen().into_iter();
        seen.map(|asked| {
            let value = asked.header(header).map(str::to_owned);
            (asked.path, value)
        })
        .collect()
    }
}

fn address(url: &str) -> Address {
    Address::parse(url).expect("an address")
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    pairs.iter().map(pair).collect()
}

fn got(url: &str, value: Option<&str>) -> (String, Option<String>) {
    (url.to_owned(), value.map(str::to_owned))
}

#[tokio::test]
async fn headers_go_to_the_neighbourhood_of_their_host_only() {
    let net = Net::new(|_| whole(b"abc", &[])).await;
    let link = address("http://a.cdn.example/x");
    let with = net
        .clients
        .with_headers(&link, headers(&[("referer", "k")]), Vec::new());
    for (url, expected) in [
        ("http://a.cdn.example/x", Some("k")),
        ("http://a.cdn.example:8080/y", Some("k")),
        ("http://b2.cdn.example/y", Some("k")),
        ("http://cdn.example/y", None),
        ("http://x.a.cdn.example/y", None),
        ("http://a.cdn.example.evil.example/y", None),
        ("http://a.other.example/y", None),
        ("http://192.0.2.1/y", None),
    ] {
        let mut resource = Resource::new(with.clone(), address(url));
        resource.ask(None).await.expect("an answer");
        let seen = net.seen("referer").pop();
        assert_eq!(seen, Some(got(url, expected)));
    }
    // the others send nothing
    let mut resource = Resource::new(net.clients.clone(), link);
    resource.ask(None).await.expect("an answer");
    assert_eq!(
        net.seen("referer").pop(),
        Some(got("http://a.cdn.example/x", None))
    );
}

#[tokio::test]
async fn what_says_who_asks_goes_to_its_own_host_and_to_trusted_ones_only() {
    let net = Net::new(|_| whole(b"abc", &[])).await;
    let link = address("http://a.hosted.example/x");
    for name in ["cookie", "authorization", "x-key", "x-said"] {
        let mut sent = headers(&[("cookie", "k"), ("authorization", "k"), ("x-said", "k")]);
        let mut key = HeaderValue::from_static("k");
        key.set_sensitive(true);
        sent.insert("x-key", key);
        let with = net
            .clients
            .with_headers(&link, sent, vec!["cdn.example".to_owned()]);
        let at_neighbours = (name == "x-said").then_some("k");
        for (url, expected) in [
            ("http://a.hosted.example/y", Some("k")),
            ("http://b.hosted.example/y", at_neighbours),
            ("http://x.a.hosted.example/y", None),
            // its source says that these are its own
            ("http://cdn.example/y", Some("k")),
            ("http://a.b.cdn.example/y", Some("k")),
            ("http://evilcdn.example/y", None),
        ] {
            let mut resource = Resource::new(with.clone(), address(url));
            resource.ask(None).await.expect("an answer");
            assert_eq!(net.seen(name).pop(), Some(got(url, expected)), "{name}");
        }
    }
}

#[tokio::test]
async fn names_of_two_labels_and_addresses_have_no_neighbours() {
    let net = Net::new(|_| whole(b"abc", &[])).await;
    for (of, other) in [
        ("http://site.example/", "http://other.example/"),
        ("http://192.0.2.1/", "http://192.0.2.2/"),
        ("http://[2001:db8::1]/", "http://[2001:db8::2]/"),
    ] {
        let with = net
            .clients
            .with_headers(&address(of), headers(&[("referer", "k")]), Vec::new());
        for (url, expected) in [(of, Some("k")), (other, None)] {
            let mut resource = Resource::new(with.clone(), address(url));
            resource.ask(None).await.expect("an answer");
            assert_eq!(net.seen("referer").pop(), Some(got(url, expected)));
        }
    }
}

#[tokio::test]
async fn they_follow_redirects_within_it_and_stay_behind_at_its_border() {
    let net = Net::new(|asked| {
        let to = match &*asked.path {
            "http://a.cdn.example/x" => "http://b.cdn.example/x",
            "http://b.cdn.example/x" => "http://elsewhere.example/x",
            _ => return whole(b"abc", &[]),
        };
        response(302, &[("Location", to), ("Content-Length", "0")], b"")
    })
    .await;
    let link = address("http://a.cdn.example/x");
    let with = net
        .clients
        .with_headers(&link, headers(&[("referer", "k")]), Vec::new());
    let mut resource = Resource::new(with, link);
    resource.ask_following(None).await.expect("an answer");
    let expected = [
        got("http://a.cdn.example/x", Some("k")),
        got("http://b.cdn.example/x", Some("k")),
        got("http://elsewhere.example/x", None),
    ];
    assert_eq!(net.seen("referer"), expected);
}

#[tokio::test]
async fn they_take_the_place_of_our_own() {
    let net = Net::new(|_| whole(b"abc", &[])).await;
    let link = address("http://a.cdn.example/x");
    let agent = headers(&[("user-agent", "a browser")]);
    let with = net.clients.with_headers(&link, agent, Vec::new());
    for (url, expected) in [
        ("http://a.cdn.example/x", "a browser"),
        ("http://elsewhere.example/x", USER_AGENT),
    ] {
        let mut resource = Resource::new(with.clone(), address(url));
        resource.ask(None).await.expect("an answer");
        assert_eq!(net.seen("user-agent").pop(), Some(got(url, Some(expected))));
    }
    // none of ours are lost by it
    let asked = &net.proxy.seen()[0];
    assert_eq!(asked.header("accept"), Some("*/*"));
}

#[tokio::test]
async fn a_source_has_its_manner_and_keeps_it_with_headers() {
    let manner = manner::Manner {
        fragments: 7,
        ..manner::Manner::default()
    };
    let mut settings = quick();
    let differs = manner::Differs {
        fragments: Some(7),
        ..manner::Differs::default()
    };
    settings.fetching.sites.insert("some".to_owned(), differs);
    let clients = Clients::new(settings);
    let link = address("http://a.cdn.example/x");
    let some = clients
        .of_source("some")
        .with_headers(&link, HeaderMap::new(), Vec::new());
    assert_eq!(some.manner(), manner);
    assert_eq!(clients.manner(), manner::Manner::default());
}
