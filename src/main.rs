//! Owns: the entry point.
//! Never knows: anything else; see `cli`.

fn main() -> std::process::ExitCode {
    lavalink_rust::cli::run()
}
