//! Owns: what a build knows about its sources, for `GET /v4/info`. Outside a repository, or without git, it says nothing.

use std::{
    env,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    tell("TIME", &build_time());
    // a prefix means that the repository is somebody else's, with this program in a folder of it
    if git(&["rev-parse", "--show-prefix"]).as_deref() != Some("") {
        return;
    }
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file]).unwrap_or_default();
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let facts = [
        ("BRANCH", ["rev-parse", "--abbrev-ref", "HEAD"]),
        ("COMMIT", ["rev-parse", "--short", "HEAD"]),
        ("COMMIT_TIME", ["log", "-1", "--format=%ct"]),
    ];
    for (name, arguments) in facts {
        if let Some(fact) = git(&arguments) {
            tell(name, &fact);
        }
    }
}

/// Unix seconds; `SOURCE_DATE_EPOCH` makes builds that are equal byte for byte.
#[expect(clippy::disallowed_methods, reason = "a build tells when it was made")]
fn build_time() -> String {
    env::var("SOURCE_DATE_EPOCH").unwrap_or_else(|_| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.unwrap_or_default().as_secs().to_string()
    })
}

fn tell(name: &str, value: &str) {
    println!("cargo::rustc-env=BUILD_{name}={value}");
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
