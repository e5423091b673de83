//! Owns: what running a program is held to.
//! Never knows: what is asked of it.

use super::{super::testing::Program, *};
use crate::net::{Settings, testing::quick};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
};

const LIMITS: Limits = Limits {
    processes: 1,
    queue: 1,
    timeout: Duration::from_secs(20),
    memory_bytes: 0,
};

fn runner_in(program: &Program, limits: Limits, network: Settings) -> Runner {
    Runner::new(program.path(), limits, Clients::new(network))
}

fn runner(program: &Program, limits: Limits) -> Runner {
    runner_in(program, limits, quick())
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

async fn answer(program: &Program, arguments: &[&str]) -> String {
    let said = runner(program, LIMITS).run(&words(arguments)).await;
    String::from_utf8(said.expect("an answer").answer).expect("a text")
}

#[tokio::test]
async fn arguments_reach_the_program_as_they_are() {
    let program = Program::new("printf '<%s>' \"$@\"; echo told >&2; exit 3");
    let odd = ["--", "a b", "$(id)", "`id`", ";", "\"'", "*"];
    let said = runner(&program, LIMITS).run(&words(&odd)).await;
    let said = said.expect("it has answered, if badly");
    assert_eq!(said.answer, b"<--><a b><$(id)><`id`><;><\"'><*>");
    assert_eq!(said.complaints, "told\n");
}

#[tokio::test]
async fn our_variables_stay_with_us() {
    // `cargo test` sets it
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let text = answer(&Program::new("env"), &[]).await;
    let has = |name: &str| text.lines().any(|line| line.starts_with(name));
    assert!(has("PATH=") && has("LANG=C.UTF-8"), "{text}");
    assert!(!has("CARGO_MANIFEST_DIR=") && !has("http_proxy="), "{text}");
}

#[tokio::test]
async fn where_private_addresses_are_blocked_a_gate_is_all_that_it_sees() {
    let network = Settings {
        block_private_addresses: true,
        ..quick()
    };
    let program = Program::new("echo $http_proxy $https_proxy");
    let said = runner_in(&program, LIMITS, network).run(&[]).await;
    let text = String::from_utf8(said.expect("an answer").answer).expect("a text");
    let mut proxies = text.split_whitespace();
    assert!(
        proxies.all(|it| it.starts_with("http://127.0.0.1:")),
        "{text}"
    );
    assert_eq!(text.split_whitespace().count(), 2);
}

#[tokio::test]
async fn too_long_an_answer_is_refused_and_complaints_are_cut() {
    let endless = Program::new("yes");
    let error = runner(&endless, LIMITS)
        .run(&[])
        .await
        .expect_err("endless");
    assert!(matches!(error, RunError::TooLong), "{error:?}");
    let loud = Program::new("yes | head -c 1000000 >&2; echo ok");
    let said = runner(&loud, LIMITS).run(&[]).await.expect("an answer");
    assert_eq!(said.answer, b"ok\n");
    assert_eq!(said.complaints.len() as u64, MAX_COMPLAINTS);
}

#[tokio::test]
async fn no_program_is_told() {
    let gone = Runner::new("/nowhere/at/all".into(), LIMITS, Clients::new(quick()));
    let error = gone.run(&[]).await.expect_err("nothing there");
    assert!(matches!(error, RunError::Start(_)), "{error:?}");
    assert_eq!(find(Path::new("/nowhere/at/all")), None);
    assert_eq!(find(Path::new("no-such-program-anywhere")), None);
    assert!(find(Path::new("sh")).is_some_and(|path| path.is_absolute()));
}

/// All that a program has started hold a pipe open; its end tells that none of them is left.
async fn ends(pipe: PathBuf, started: tokio::sync::oneshot::Sender<()>) {
    let reading = tokio::task::spawn_blocking(move || {
        let mut pipe = BufReader::new(File::open(pipe).expect("the script opens it, too"));
        let mut line = String::new();
        pipe.read_line(&mut line).expect("a line");
        started.send(()).expect("the test waits");
        pipe.read_to_end(&mut Vec::new()).expect("an end");
    });
    reading.await.expect("no panic");
}

/// Starts another program, and waits for it.
const STUBBORN: &str =
    "trap '' TERM HUP INT\nexec 3>\"$here/pipe\"\nsleep 1000 &\necho started >&3\nwait";

#[tokio::test]
async fn nothing_is_left_of_a_program_that_nobody_waits_for() {
    let program = Program::new(STUBBORN);
    let (started, mut has_started) = tokio::sync::oneshot::channel();
    let ended = tokio::spawn(ends(program.pipe("pipe"), started));
    let runner = runner(&program, LIMITS);
    tokio::select! {
        said = runner.run(&[]) => panic!("{said:?}"),
        begun = &mut has_started => begun.expect("started"),
    }
    ended.await.expect("no panic");
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_ended() {
    let program = Program::new(STUBBORN);
    let (started, has_started) = tokio::sync::oneshot::channel();
    let ended = tokio::spawn(ends(program.pipe("pipe"), started));
    let limits = Limits {
        timeout: Duration::from_secs(1),
        ..LIMITS
    };
    let error = runner(&program, limits).run(&[]).await.expect_err("ended");
    assert!(matches!(error, RunError::Timeout(_)), "{error:?}");
    has_started.await.expect("started");
    ended.await.expect("no panic");
}

#[tokio::test]
async fn there_are_places_and_a_queue_and_no_more() {
    let program = Program::new("read line < \"$here/$1\"; echo \"$1\"");
    let pipes = ["one", "two"].map(|name| program.pipe(name));
    let runner = runner(&program, LIMITS);
    let run = async |name: &str| {
        let said = runner.run(&words(&[name])).await;
        String::from_utf8(said.expect("an answer").answer).expect("a text")
    };
    let refused_then_go = async {
        let error = runner.run(&words(&["three"])).await.expect_err("too many");
        assert!(matches!(error, RunError::Busy), "{error:?}");
        for pipe in pipes {
            let go = tokio::task::spawn_blocking(move || fs::write(pipe, "go\n"));
            go.await.expect("no panic").expect("written");
        }
    };
    let (one, two, ()) = tokio::join!(biased; run("one"), run("two"), refused_then_go);
    assert_eq!((&*one, &*two), ("one\n", "two\n"));
    // all places are free again
    let mut third = Box::pin(runner.run(&[]));
    assert!(futures_util::FutureExt::now_or_never(&mut third).is_none());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_is_limited() {
    let limits = Limits {
        memory_bytes: 64 * 1024 * 1024,
        ..LIMITS
    };
    let program = Program::new("until [ \"$(ulimit -d)\" = 65536 ]; do :; done; echo limited");
    let said = runner(&program, limits).run(&[]).await.expect("an answer");
    assert_eq!(said.answer, b"limited\n");
}
