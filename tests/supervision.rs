//! Owns: the program as a service manager and a health check see it: a process with variables, a socket, signals, exit codes.
//! Never knows: how the node is made inside.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lavalink-rust");
/// Longer than anything here takes, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program with a configuration that speaks to nobody else.
fn program(folder: &Path, port: u16) -> Command {
    let file = folder.join("application.yml");
    let text = format!(
        "server: {{ port: {port}, address: 127.0.0.1 }}\n\
         lavalink: {{ server: {{ password: hidden, sources: {{ youtube: false, soundcloud: false }} }} }}\n\
         ytdlp: {{ enabled: false }}\n"
    );
    std::fs::write(&file, text).expect("a file");
    let mut command = Command::new(PROGRAM);
    command
        .env_clear()
        .current_dir(folder)
        .arg("--config")
        .arg(file);
    command
}

fn interrupt(child: &Child) {
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(killed.expect("the program kill").success());
}

/// Ends a child that a failed test leaves behind.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_service_manager_is_told_of_start_life_and_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a setting");
    let told = || {
        let mut buffer = [0; 256];
        let n = socket.recv(&mut buffer).expect("the node tells");
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    };
    let child = program(folder.path(), 0)
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "2000000")
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut node = Node(child);

    let ready = told();
    let (state, address) = ready.split_once("\nSTATUS=listening on ").expect("both");
    assert_eq!(state, "READY=1");
    std::net::TcpStream::connect(address).expect("it takes connections, as it said");
    // the first says that it began, the second that it goes on
    assert_eq!(told(), "WATCHDOG=1");
    assert_eq!(told(), "WATCHDOG=1");
    interrupt(&node.0);
    let last = loop {
        let state = told();
        if state != "WATCHDOG=1" {
            break state;
        }
    };
    assert_eq!(last, "STOPPING=1");
    assert!(node.0.wait().expect("its end").success());
}

#[test]
fn the_health_check_tells_a_node_that_answers_from_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a free port")
        .port();
    let health = |port| {
        let asked = program(folder.path(), port).arg("health").output();
        let asked = asked.expect("it runs");
        let said = String::from_utf8_lossy(&asked.stderr).into_owned();
        (asked.status.code(), said)
    };
    let (code, said) = health(port);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("does not answer"), "{said}");

    let child = program(folder.path(), port)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut node = Node(child);
    let log = node.0.stdout.take().expect("its log");
    let is_ready = BufReader::new(log)
        .lines()
        .map_while(Result::ok)
        .any(|line| line.contains("ready to take connections"));
    assert!(is_ready);
    assert_eq!(health(port), (Some(0), String::new()));

    let stranger = program(folder.path(), port)
        .env("LAVALINK_SERVER_PASSWORD", "another")
        .arg("health")
        .output()
        .expect("it runs");
    assert_eq!(stranger.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&stranger.stderr).contains("another password"));
}

#[test]
fn without_a_password_the_exit_code_tells_a_service_manager_not_to_try_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = Command::new(PROGRAM)
        .env_clear()
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    // RestartPreventExitStatus= of systemd/lavalink-rust.service
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("lavalink.server.password"));
}
