//! Owns: what a build knows about its sources, for `GET /v4/info` (outside a repository, or without git, it says nothing), and
//! the loops in C for chips whose instructions stable Rust cannot name.

use std::{
    env,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    build_neon();
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

/// Builds the loops for 32-bit ARM with NEON; the program asks the chip whether it has it. Needs a C compiler for the target, as
/// Opus does.
fn build_neon() {
    const SOURCE: &str = "src/kernel/neon.c";
    println!("cargo::rustc-check-cfg=cfg(armv7_neon)");
    println!("cargo::rerun-if-changed={SOURCE}");
    let target = env::var("TARGET").unwrap_or_default();
    let may_have_neon = target.starts_with("armv7") && target.contains("-linux-");
    if !may_have_neon || env::var_os("CARGO_FEATURE_NEON_SIMD").is_none() {
        return;
    }
    cc::Build::new()
        .file(SOURCE)
        // Also in debug builds: it is compared with loops in Rust, not stepped through.
        .opt_level(3)
        // After the flags for the target, which have less.
        .flag("-mfpu=neon")
        // Every operation rounds by itself, as in Rust.
        .flag("-ffp-contract=off")
        .compile("lavalink_neon");
    println!("cargo::rustc-cfg=armv7_neon");
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
