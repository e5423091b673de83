//! Owns: in what answers and messages may differ from the recorded ones, and why.
//! Never knows: where they come from.

use super::names::split_position;
use serde_json::Value;

/// Compares two values, field by field and in the same order of array items.
///
/// # Panics
/// When they differ in what may not differ.
pub fn same(recorded: &Value, ours: &Value, what: &str) {
    let mut differences = Vec::new();
    walk(recorded, ours, "", &mut differences);
    assert!(
        differences.is_empty(),
        "{what}\n{}\nrecorded: {recorded}\nours:     {ours}",
        differences.join("\n")
    );
}

fn walk(recorded: &Value, ours: &Value, at: &str, differences: &mut Vec<String>) {
    match (recorded, ours) {
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))) {
                let place = format!("{at}.{name}");
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => walk(a, b, &place, differences),
                    (Some(_), None) => differences.push(format!("{place} is missing")),
                    _ => differences.push(format!("{place} is no field of the original's")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                walk(a, b, &format!("{at}[{i}]"), differences);
            }
        }
        _ if recorded == ours || may_differ(at, recorded, ours) => {}
        _ => differences.push(format!("{at}: {recorded} was recorded, {ours} is ours")),
    }
}

/// Fields whose value is a matter of the machine, the moment or the build: of them the type counts alone.
const OWN: &[&str] = &[
    // times
    ".timestamp",
    ".state.time",
    ".uptime",
    // figures of the machine
    ".memory.free",
    ".memory.used",
    ".memory.allocated",
    ".memory.reservable",
    ".cpu.cores",
    ".cpu.systemLoad",
    ".cpu.lavalinkLoad",
    // the voice server answers heartbeats when it likes; after a close it is unknown to us (R.1.4)
    ".state.ping",
    // facts of the build
    ".version.semver",
    ".version.major",
    ".version.minor",
    ".version.patch",
    ".version.preRelease",
    ".buildTime",
    ".git.branch",
    ".git.commit",
    ".git.commitTime",
    ".jvm",
    ".lavaplayer",
    // what plugins do elsewhere is built in here, and announced
    ".plugins",
    // positions run; how they run is judged by the replay
    ".state.position",
    ".info.position",
];

fn may_differ(at: &str, recorded: &Value, ours: &Value) -> bool {
    if OWN.iter().any(|own| at.ends_with(own)) {
        // a load that happens to be 0 is written as 0.0, too
        return std::mem::discriminant(recorded) == std::mem::discriminant(ours);
    }
    let (Some(recorded), Some(ours)) = (recorded.as_str(), ours.as_str()) else {
        return false;
    };
    if at.ends_with(".encoded") {
        // the position is inside (2.2)
        let track = |encoded| split_position(encoded).map(|(track, _)| track);
        return track(recorded).is_some() && track(recorded) == track(ours);
    }
    if at == ".message" {
        // the original says no more about a body that it cannot read (R.1.16); we name the field
        return recorded == "Bad Request" && !ours.is_empty();
    }
    false
}
