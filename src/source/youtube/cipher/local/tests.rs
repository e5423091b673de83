//! Owns: what reading and running a player script is held to. Expected answers come from running the script's own functions
//! in Node.
//! Never knows: links.

use super::{super::testing::SCRIPT, *};

const N_AND_SIGNATURE_1: (&str, &str) = ("z146skaxwo77w69s", "xzyA=_-lPAhIQRw8JQ0qOA");
const N_AND_SIGNATURE_2: (&str, &str) = ("9ujxssbolji52ygq", "576843210");

fn puzzle(n: Option<&str>, signature: Option<&str>) -> Puzzle {
    Puzzle {
        n: n.map(str::to_owned),
        signature: signature.map(str::to_owned),
    }
}

fn answer(script: &str, puzzle: &Puzzle) -> Result<Puzzle, Unusable> {
    Loadable::new(script)?.solve(puzzle).0
}

#[test]
fn a_script_unlocks_what_its_functions_do() {
    let script = Loadable::new(SCRIPT).expect("a player script");
    for (n, signature, wanted) in [
        (
            "ZdZIqFPQK-Ty8wId",
            "AOq0QJ8wRQIhAPl-_=xyzABC",
            N_AND_SIGNATURE_1,
        ),
        ("4GvOK-ojBR8UwbBn", "0123456789=", N_AND_SIGNATURE_2),
    ] {
        let (answer, _) = script.solve(&puzzle(Some(n), Some(signature)));
        let wanted = puzzle(Some(wanted.0), Some(wanted.1));
        assert_eq!(answer.expect("an answer"), wanted);
    }
    let (alone, was_loaded) = script.solve(&puzzle(Some("4GvOK-ojBR8UwbBn"), None));
    assert_eq!(
        alone.expect("an answer"),
        puzzle(Some(N_AND_SIGNATURE_2.0), None)
    );
    assert!(was_loaded);
}

#[test]
fn only_what_defines_something_is_run() {
    let program = extract::program(SCRIPT).expect("a player script");
    for left_out in ["document.body", "g.inherits", "setTimeout", "window=this"] {
        assert!(
            SCRIPT.contains(left_out) && !program.contains(left_out),
            "{left_out}"
        );
    }
    assert!(
        program.contains("globalThis.unlockers=[Link,Other];"),
        "{program}"
    );
}

#[test]
fn forms_of_the_function_and_of_the_script_are_known() {
    let body = "{a={v:{},set(b,c){this.v[b]=c},get(b){return this.v[b]}};a.set(\"alr\",\"yes\");a.set(b,c);\
                return Object.create({constructor:1,set(b,c){a.v[b]=c},get(b){return a.v[b]},z(){a.v.n+=\"!\"}})}";
    for function in [
        format!("function f(a,b,c){body}"),
        format!("var x=1,f=function(a,b,c){body}"),
        format!("let f=function(a,b,c){body}"),
        format!("var g={{}};g.f=function(a,b,c){body}"),
    ] {
        for script in [
            format!("(function(){{{function};}}).call(this);"),
            format!("var _yt_player={{}};(function(h){{'use strict';{function};}})(_yt_player);"),
        ] {
            let answer = answer(&script, &puzzle(Some("abc"), None));
            let answer = answer.unwrap_or_else(|error| panic!("{error}: {script}"));
            assert_eq!(answer, puzzle(Some("abc!"), None));
        }
    }
}

/// A script with that in the place of its function's last statement.
fn with_end(end: &str) -> String {
    let script = SCRIPT.replace("return a};\nvar Other", &format!("{end}}};\nvar Other"));
    assert_ne!(script, SCRIPT);
    script
}

#[test]
fn what_is_no_such_script_is_told_apart() {
    let asked = puzzle(Some("ZdZIqFPQK-Ty8wId"), Some("ABC"));
    let error = |script: &str| answer(script, &asked).expect_err(script);
    assert!(matches!(
        error("<html>"),
        Unusable::Broken(Broken::Script(_))
    ));
    let unreadable = |script: &str| match error(script) {
        Unusable::Unreadable(error) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(unreadable("var a=1;"), Unreadable::Shape);
    assert_eq!(unreadable(""), Unreadable::Shape);
    let unmarked = SCRIPT.replace("\"alr\"", "\"arl\"");
    assert_eq!(unreadable(&unmarked), Unreadable::NotFound);
    let thrown = error(&with_end("throw new Error(\"no\")")).to_string();
    // the other function failed after it
    assert!(thrown.starts_with("the script failed: "), "{thrown}");
    // the link as it was, though nothing failed
    let same = SCRIPT.replace("this.set(\"n\",Enn(a))", "a");
    assert!(matches!(error(&same), Unusable::Broken(Broken::Answer)));
}

#[test]
fn a_script_that_does_not_end_or_takes_too_much_is_stopped() {
    let asked = puzzle(Some("ZdZIqFPQK-Ty8wId"), None);
    let loadable = Loadable::new(&with_end("for(;;);")).expect("read");
    let engine = Engine::load(&loadable.program).expect("loaded");
    let error = engine.ask_within(Duration::from_millis(50), &asked);
    assert!(matches!(error, Err(Broken::Script(_))), "{error:?}");
    for greedy in [
        "for(a=\"x\";;)a+=a",
        "for(a=[];;)a.push(new Array(1000).fill(0))",
        "(function f(){return f()+1})()",
    ] {
        let error = answer(&with_end(greedy), &asked).expect_err(greedy);
        assert!(
            matches!(error, Unusable::Broken(Broken::Script(_))),
            "{error}"
        );
    }
    for deep in [
        "!", "(", "[", "a=>", "-", "typeof ", "if(1)", "{", "a=", "a?b:", "`${",
    ] {
        let script = format!("(function(){{{}", deep.repeat(100_000));
        answer(&script, &asked).expect_err(deep);
        let script = format!("(function(){{{}1", deep.repeat(100_000));
        answer(&script, &asked).expect_err(deep);
    }
}

#[test]
fn a_script_finds_no_way_out() {
    let tries = "for(const x of [\"require\",\"process\",\"std\",\"os\",\"fetch\",\"Worker\",\"Deno\",\"print\",\"load\",\
                 \"importScripts\",\"setTimeout\"])if(typeof globalThis[x]!==\"undefined\")throw new Error(x);return a";
    let answer = answer(&with_end(tries), &puzzle(Some("4GvOK-ojBR8UwbBn"), None));
    answer.expect("nothing of that is there");
}

#[tokio::test(start_paused = true)]
async fn a_script_that_nobody_asks_is_not_kept_in_memory() {
    let solver = Solver::new(SCRIPT.to_owned());
    let asked = puzzle(Some("4GvOK-ojBR8UwbBn"), None);
    solver.solve(asked.clone()).await.expect("an answer");
    let loadable = solver.0.clone().expect("readable");
    let is_loaded = || loadable.loaded.lock().expect("no panic").is_some();
    assert!(is_loaded());
    tokio::time::sleep(IDLE / 2).await;
    solver.solve(asked).await.expect("an answer");
    tokio::time::sleep(IDLE / 2 + Duration::from_secs(1)).await;
    assert!(is_loaded());
    while is_loaded() {
        tokio::time::sleep(IDLE / 10).await;
    }
}

/// A real script, with questions and answers beside it; run with
/// `PLAYER_SCRIPT=base.js PLAYER_ANSWERS=answers.json cargo test --release -- --ignored --nocapture a_real_script`.
/// The answers are a list of `{"n": …, "sig": …, "out": {"n": …, "sig": …}}`.
#[test]
#[ignore = "needs a script of the site, which is not part of the project"]
fn a_real_script_is_understood() {
    let read = |name| std::fs::read_to_string(std::env::var(name).expect(name)).expect(name);
    let text = read("PLAYER_SCRIPT");
    let answers: Vec<serde_json::Value> =
        serde_json::from_str(&read("PLAYER_ANSWERS")).expect("a list");
    let mut at = Instant::now();
    let mut lap = |what: &str| {
        println!("{what}: {:?}", at.elapsed());
        at = Instant::now();
    };
    engine::check(&text).expect("JavaScript");
    lap("checked");
    let program = extract::program(&text).expect("a player script");
    lap("read");
    println!("{} of {} bytes are kept", program.len(), text.len());
    let engine = Engine::load(&program).expect("a program");
    lap("loaded");
    for it in &answers {
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let asked = Puzzle {
            n: text(&it["n"]),
            signature: text(&it["sig"]),
        };
        let wanted = Puzzle {
            n: text(&it["out"]["n"]),
            signature: text(&it["out"]["sig"]),
        };
        assert_eq!(engine.ask(&asked).expect("an answer"), wanted);
        lap("answered");
    }
    println!("{} bytes are held while it is loaded", engine.memory());
}
