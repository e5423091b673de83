//! Owns: what clients get about the route planner, in Java's spelling (reference, 2.8).
//! Never knows: how addresses are chosen.

use serde::Serialize;
use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

/// Answer of `GET /v4/routeplanner/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoutePlannerStatus {
    /// Name of the class in Lavaplayer.
    pub class: &'static str,
    /// The rest.
    pub details: Details,
}

/// Details of any planner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// The addresses.
    pub ip_block: IpBlock,
    /// Those that are failing.
    pub failing_addresses: Vec<FailingAddress>,
    /// What only planners of a class have.
    #[serde(flatten)]
    pub own: Own,
}

/// All addresses together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IpBlock {
    /// `Inet4Address` or `Inet6Address`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How many there are.
    pub size: String,
}

/// An address that is failing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailingAddress {
    /// With a slash before it.
    pub failing_address: String,
    /// Unix milliseconds.
    pub failing_timestamp: u64,
    /// The same for people.
    pub failing_time: String,
}

/// What only planners of a class have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Own {
    /// `RotatingIpRoutePlanner`.
    Rotating {
        /// How often it has moved on.
        rotate_index: String,
        /// Number of the current address, from 1.
        ip_index: String,
        /// The current address.
        current_address: String,
    },
    /// `RotatingNanoIpRoutePlanner`.
    RotatingNano {
        /// Number of the current network.
        block_index: String,
        /// Offset within it.
        current_address_index: String,
    },
    /// `NanoIpRoutePlanner`.
    Nano {
        /// Offset within a network.
        current_address_index: String,
    },
    /// `BalancingIpRoutePlanner`.
    Balancing {},
}

impl FailingAddress {
    /// One that failed at a time.
    #[must_use]
    pub fn new(address: IpAddr, since: SystemTime) -> Self {
        let since_1970 = since.duration_since(SystemTime::UNIX_EPOCH);
        Self {
            failing_address: java_address(address),
            failing_timestamp: millis(since_1970.unwrap_or_default()),
            failing_time: java_date(since),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// As `InetAddress.toString()` has it: behind an empty name, IPv6 without any shortening.
#[must_use]
pub fn java_address(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("/{address}"),
        IpAddr::V6(address) => {
            let segments = address.segments().map(|segment| format!("{segment:x}"));
            format!("/{}", segments.join(":"))
        }
    }
}

/// As `Date.toString()` has it in UTC.
fn java_date(time: SystemTime) -> String {
    // `Thu, 01 Jan 2026 00:00:00 GMT`
    let date = httpdate::fmt_http_date(time);
    let words: Vec<&str> = date.split([',', ' ']).filter(|w| !w.is_empty()).collect();
    match words[..] {
        [weekday, day, month, year, clock, _] => {
            format!("{weekday} {month} {day} {clock} UTC {year}")
        }
        _ => date,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(class: &'static str, own: Own) -> String {
        let since = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_123);
        let failing = FailingAddress::new("1.0.0.7".parse().expect("an address"), since);
        let status = RoutePlannerStatus {
            class,
            details: Details {
                ip_block: IpBlock {
                    kind: "Inet4Address",
                    size: "65536".into(),
                },
                failing_addresses: vec![failing],
                own,
            },
        };
        serde_json::to_string(&status).expect("JSON")
    }

    // reference, 2.8
    #[test]
    fn each_class_has_the_fields_of_the_original() {
        let details = |class: &str, own: &str| {
            format!(
                r#"{{"class":"{class}","details":{{"ipBlock":{{"type":"Inet4Address","size":"65536"}},"failingAddresses":[{{"failingAddress":"/1.0.0.7","failingTimestamp":1767225600123,"failingTime":"Thu Jan 01 00:00:00 UTC 2026"}}]{own}}}}}"#
            )
        };
        let own = Own::Rotating {
            rotate_index: "1".into(),
            ip_index: "3".into(),
            current_address: java_address("1.0.0.3".parse().expect("an address")),
        };
        assert_eq!(
            status("RotatingIpRoutePlanner", own),
            details(
                "RotatingIpRoutePlanner",
                r#","rotateIndex":"1","ipIndex":"3","currentAddress":"/1.0.0.3""#
            )
        );
        let own = Own::RotatingNano {
            block_index: "1".into(),
            current_address_index: "5".into(),
        };
        assert_eq!(
            status("RotatingNanoIpRoutePlanner", own),
            details(
                "RotatingNanoIpRoutePlanner",
                r#","blockIndex":"1","currentAddressIndex":"5""#
            )
        );
        let own = Own::Nano {
            current_address_index: "5".into(),
        };
        assert_eq!(
            status("NanoIpRoutePlanner", own),
            details("NanoIpRoutePlanner", r#","currentAddressIndex":"5""#)
        );
        assert_eq!(
            status("BalancingIpRoutePlanner", Own::Balancing {}),
            details("BalancingIpRoutePlanner", "")
        );
    }

    // java.net.Inet6Address: "the full form", leading zeros left out
    #[test]
    fn addresses_of_ipv6_are_not_shortened() {
        let address = "2001:db8::1".parse().expect("an address");
        assert_eq!(java_address(address), "/2001:db8:0:0:0:0:0:1");
    }
}
