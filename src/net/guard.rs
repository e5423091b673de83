//! Owns: which addresses may be connected to when private ones are blocked, also behind names and redirects.
//! Never knows: what is said over the connection.
//!
//! The addresses of a name are checked each time that they are used, also when they were remembered, and the connection goes
//! to the very addresses that were checked, so that a second answer of the DNS cannot lead elsewhere.

use super::dns::Names;
use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    task::{Context, Poll},
};
use tower_service::Service;
use url::{Host, Url};

/// A host is, or resolves only to, addresses that are not on the public internet. Its text is told to clients, and so does not say
/// which; the log does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host has a private address, and private addresses are blocked")]
pub struct Blocked {
    /// One of them.
    pub address: IpAddr,
}

impl Blocked {
    fn new(address: IpAddr) -> Self {
        tracing::debug!(%address, "a private address is blocked");
        Self { address }
    }
}

/// Decides about addresses; is also the resolver of names.
#[derive(Clone, Debug)]
pub struct Guard {
    blocks_private: bool,
    /// Allowed whatever they are: the test server.
    exempt: Vec<SocketAddr>,
    names: Names,
}

impl Guard {
    /// A guard that blocks private addresses, or nothing.
    #[must_use]
    pub fn new(blocks_private: bool) -> Self {
        Self {
            blocks_private,
            exempt: Vec::new(),
            names: Names::of_the_system(),
        }
    }

    #[cfg(test)]
    pub(crate) fn with_exempt(exempt: SocketAddr) -> Self {
        Self {
            exempt: vec![exempt],
            ..Self::new(true)
        }
    }

    /// One that finds these addresses behind every name.
    #[cfg(test)]
    pub(crate) fn with_names(blocks_private: bool, addresses: Vec<IpAddr>) -> Self {
        Self {
            names: Names::always(addresses),
            ..Self::new(blocks_private)
        }
    }

    /// Checks a URL whose host is an address, because those are never resolved. With `resolves`, names are looked up as
    /// well: when a proxy would do that out of our sight.
    ///
    /// # Errors
    /// When the host is blocked. A name that cannot be resolved is left to the request to fail with.
    pub async fn admit(&self, url: &Url, resolves: bool) -> Result<(), Blocked> {
        if !self.blocks_private {
            return Ok(());
        }
        let port = url.port_or_known_default().unwrap_or_default();
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(name)) if resolves => {
                let Ok(found) = self.names.look_up(name).await else {
                    return Ok(());
                };
                // the proxy may take any of them
                return match found.iter().find(|address| is_private(**address)) {
                    Some(&address) => Err(Blocked::new(address)),
                    None => Ok(()),
                };
            }
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        self.admit_address(SocketAddr::new(address, port))
    }

    /// Checks an address.
    ///
    /// # Errors
    /// When it is blocked.
    pub fn admit_address(&self, to: SocketAddr) -> Result<(), Blocked> {
        let address = to.ip();
        if self.blocks_private && is_private(address) && !self.exempt.contains(&to) {
            return Err(Blocked::new(address));
        }
        Ok(())
    }

    /// Looks up a name, or reads an address; gives what may be connected to.
    ///
    /// # Errors
    /// When the look-up fails, or finds only addresses that are blocked ([`Blocked`]).
    pub async fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let mut blocked = None;
        let mut admitted = Vec::new();
        for &address in self.names.look_up(host).await?.iter() {
            let address = SocketAddr::new(address, port);
            match self.admit_address(address) {
                Ok(()) => admitted.push(address),
                Err(why) => blocked = Some(why),
            }
        }
        match blocked {
            Some(why) if admitted.is_empty() => Err(why.into()),
            _ => Ok(admitted),
        }
    }
}

impl Service<Name> for Guard {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = self.clone();
        // port 0: the connector puts in the URL's
        Box::pin(async move { Ok(guard.resolve(name.as_str(), 0).await?.into_iter()) })
    }
}

/// Whether an address is not globally reachable, by the IANA special-purpose registries (RFC 6890 and updates), or is
/// multicast.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    match (a, b) {
        // this network, private, loopback
        (0 | 10 | 127, _) => true,
        // carrier-grade NAT
        (100, 64..=127) => true,
        // link-local, also where clouds keep their metadata
        (169, 254) => true,
        (172, 16..=31) | (192, 168) => true,
        // protocol assignments, documentation, 6to4 relays
        (192, 0) => c == 0 || c == 2,
        (192, 88) => c == 99,
        // benchmarks, documentation
        (198, 18 | 19) => true,
        (198, 51) => c == 100,
        (203, 0) => c == 113,
        // multicast, reserved, broadcast
        (224..=255, _) => true,
        _ => false,
    }
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_private_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // unspecified and loopback are among these; compatible, mapped and translated addresses carry an IPv4 one
        [0, 0, 0, 0, 0, 0 | 0xFFFF, high, low] | [0, 0, 0, 0, 0xFFFF, 0, high, low] => {
            v4(high, low)
        }
        [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x64, 0xFF9B, ..] => true,
        // 6to4
        [0x2002, high, low, ..] => v4(high, low),
        // protocol assignments, Teredo included; documentation; discard
        [0x2001, 0..=0x1FF | 0x0DB8, ..] | [0x3FFF, 0..=0x0FFF, ..] => true,
        [0x100, 0, 0, 0 | 1, ..] => true,
        // unique local, link-local, site-local, multicast
        [first, ..] => {
            matches!(first & 0xFE00, 0xFC00)
                || matches!(first & 0xFFC0, 0xFE80 | 0xFEC0)
                || first & 0xFF00 == 0xFF00
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_private_and_others_are_not() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:7f00:1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_private(text.parse().expect("an address")), "{text}");
        }
        for text in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::",
            "2a00::1",
        ] {
            assert!(!is_private(text.parse().expect("an address")), "{text}");
        }
    }

    #[tokio::test]
    async fn odd_spellings_of_an_address_are_seen_through() {
        let guard = Guard::new(true);
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            let url = Url::parse(url).expect("a URL");
            assert!(guard.admit(&url, false).await.is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_does_not_resolve() {
        let name = || "localhost".parse::<Name>().expect("a name");
        let error = Guard::new(true).call(name()).await.err();
        let error = error.expect("refused");
        assert!(error.downcast_ref::<Blocked>().is_some(), "{error}");
        assert!(Guard::new(false).call(name()).await.is_ok());
    }

    /// Clients are told causes; where machines of the operator are is no business of theirs.
    #[tokio::test]
    async fn a_refusal_tells_no_address() {
        let url = Url::parse("http://localhost/").expect("a URL");
        let told = Guard::new(true).admit(&url, true).await.expect_err("none");
        let told = told.to_string();
        assert_eq!(
            told,
            "the host has a private address, and private addresses are blocked"
        );
    }

    #[tokio::test]
    async fn names_are_looked_up_for_a_proxy() {
        let url = Url::parse("http://localhost/").expect("a URL");
        let guard = Guard::new(true);
        assert!(guard.admit(&url, true).await.is_err());
        assert!(guard.admit(&url, false).await.is_ok());
    }
}
