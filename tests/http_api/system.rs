//! Owns: what a real node tells of the machine that the test runs on.
//! Never knows: which machine that is.

use super::*;
use lavalink_rust::{config::Config, governor::CAN_WATCH, node};
use std::fs;

async fn start(change: impl FnOnce(&mut Config)) -> node::Node {
    client::node_with("/no/such/file".as_ref(), |config| {
        config.voice.ca_file = None;
        config.metrics.enabled = true;
        config.metrics.endpoint = "/metrics".to_owned();
        change(config);
    })
    .await
}

async fn get(node: &node::Node, path: &str, headers: &str) -> Answer {
    client::request(node.address(), "GET", path, headers, "").await
}

/// A number, or null where the machine does not tell, between two others.
fn is_within(value: &Value, low: f64, high: f64) -> bool {
    value.is_null() || value.as_f64().is_some_and(|it| (low..=high).contains(&it))
}

#[tokio::test]
async fn a_node_tells_of_its_machine_what_can_be_true() {
    let node = start(|_| {}).await;
    assert_eq!(get(&node, "/v4/system", "").await.status, 401);
    let answer = get(&node, "/v4/system", AUTHORIZED).await;
    if !CAN_WATCH {
        assert_error(&answer, 501, "/v4/system", "this build does not watch");
        return node.stop().await;
    }
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told = answer.json();
    assert!(is_within(&told["ageMs"], 0.0, 60_000.0), "{told}");
    assert_eq!(told["machine"]["architecture"], std::env::consts::ARCH);
    let page = told["machine"]["pageBytes"]
        .as_u64()
        .expect("Linux tells it");
    assert!(page.is_power_of_two() && page >= 4096);
    assert!(told["machine"]["usableCores"].as_u64() >= Some(1));
    for (part, key) in [
        ("cpu", "usedPercent"),
        ("cpu", "machinePercent"),
        ("cpu", "pressurePercent"),
        ("memory", "usedPercent"),
        ("memory", "pressurePercent"),
        ("group", "throttledPercent"),
        ("process", "cpuPercent"),
    ] {
        assert!(
            is_within(&told[part][key], 0.0, 100.0),
            "{part}.{key}: {told}"
        );
    }
    assert!(is_within(&told["temperature"]["celsius"], 1.0, 125.0));
    // what the kernel says itself
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap();
    let kb = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let kb: u64 = kb.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
    let [total, available] = ["totalBytes", "availableBytes"]
        .map(|key| told["memory"][key].as_u64().expect("Linux tells it"));
    assert!(available <= total && total <= kb * 1024);
    let resident = told["process"]["residentBytes"]
        .as_u64()
        .expect("Linux tells it");
    let private = told["process"]["privateBytes"]
        .as_u64()
        .expect("Linux tells it");
    assert!(1 << 20 < resident && private <= resident && resident < total);
    assert!(told["advice"].is_array() && told["quality"].is_null());

    let names = "lavalink_rust_machine_memory_ratio";
    let metrics = get(&node, &format!("/metrics?name[]={names}"), AUTHORIZED).await;
    let sample = metrics
        .body
        .lines()
        .last()
        .and_then(|line| line.strip_prefix(names));
    let ratio: f64 = sample.expect("a sample").trim().parse().unwrap();
    assert!((0.0..=1.0).contains(&ratio), "{ratio}");
    node.stop().await;
}

#[tokio::test]
async fn a_node_that_does_not_watch_says_so() {
    let node = start(|config| config.monitoring.enabled = false).await;
    let answer = get(&node, "/v4/system", AUTHORIZED).await;
    let (status, words) = match CAN_WATCH {
        true => (404, "the machine is not watched: arm.resources.monitoring"),
        false => (501, "this build does not watch"),
    };
    assert_error(&answer, status, "/v4/system", words);
    let metrics = get(&node, "/metrics", AUTHORIZED).await;
    assert!(!metrics.body.contains("lavalink_rust_machine_"));
    node.stop().await;
}
