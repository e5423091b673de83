"""Asks a node for what people paste, and hears whether it plays, through recorded answers of the sites. Called by sources.sh.

    sources.py REPLAY ORACLE NODE EXPECTED [--write]

REPLAY: the folder with replay.py and the recordings; ORACLE: the folder with ask.py and what the original answered. NODE is
started with the replay as its proxy, as any operator would do it. Then
  1. the identifiers that the original answered are asked for and compared by ask.py: types, names, info, encoded strings;
  2. each line of EXPECTED is asked for, what is a track, or the first one of a list, is played, and both are compared. A
     line has the identifier, what it gives, and whether both tones of the replay's sound are heard (`plays`) or what is told
     instead, with tabs between. `--write` writes the file anew, to be read by a person before it is taken.
The last line says how many failed; so does the exit status.
"""
import collections
import importlib.util
import json
import math
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PASSWORD = "youshallnotpass"
RATE = 48_000
# What the replay serves for every media host: 440 Hz on the left, 660 Hz on the right, each of amplitude 0.25.
TONES = ((0, 440), (1, 660))
LOUDNESS, TOLERANCE = 0.25, 0.04


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, process):
    for _ in range(200):
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with {process.returncode}")
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{process.args[0]} does not listen")


def amplitude(samples, hz):
    """Of a sine in samples that hold whole periods of it."""
    turn = 2 * math.pi * hz / RATE
    sums = [sum(s * f(turn * i) for i, s in enumerate(samples)) for f in (math.sin, math.cos)]
    return 2 / len(samples) * math.hypot(*sums)


def heard(wav):
    """What is wrong with the sound of a WAV file of interleaved stereo floats; None if nothing."""
    data = wav.read_bytes()
    data = data[data.index(b"data") + 8 :]
    samples = struct.unpack(f"<{len(data) // 4}f", data)
    # a beep stands in the first fifth of each second
    part = [samples[c::2][RATE * 3 // 10 : RATE * 3 // 10 + 4800] for c in (0, 1)]
    if len(part[0]) < 4800:
        return f"{len(samples) / 2 / RATE:.2f} s of sound"
    for channel, hz in TONES:
        found = amplitude(part[channel], hz)
        if abs(found - LOUDNESS) > TOLERANCE:
            return f"{hz} Hz has {found:.3f} instead of {LOUDNESS}"
    return None


def summary(answer):
    """What an answer gives, in a line."""
    kind, data = answer["loadType"], answer["data"]
    if kind == "track":
        return f"track: {data['info']['title']}"
    if kind == "playlist":
        at = data["info"]["selectedTrack"]
        selected = f", selected {at}" if at >= 0 else ""
        return f"playlist: {data['info']['name']} ({len(data['tracks'])} tracks{selected})"
    if kind == "search":
        return f"search: {len(data)} tracks"
    if kind == "error":
        return f"error, {data['severity']}: {data['message']}"
    return kind


def first_track(answer):
    data = answer["data"]
    lists = {"track": lambda: [data], "playlist": lambda: data["tracks"], "search": lambda: data}
    return next(iter(lists.get(answer["loadType"], list)()), None)


class Player:
    """Plays through the command line, one program for each track."""

    def __init__(self, node, config, environment, work):
        self.command = [node, "play", "--config", config]
        self.environment, self.output = environment, work / "out.wav"

    def play(self, track):
        command = [*self.command, "--from", "2", "--to", "2.5", "--output", self.output, "--", track["encoded"]]
        run = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        if run.returncode:
            return (run.stderr.strip().splitlines() or ["it failed"])[-1]
        return heard(self.output) or "plays"


def read_expected(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return [line.split("\t") for line in lines]


def start(command, port, **options):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, **options)
    wait_for(port, process)
    return process


def main(replay, oracle, node, expected, is_writing):
    spec = importlib.util.spec_from_file_location("ask", oracle / "ask.py")
    ask = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ask)
    replay_port, node_port = free_port(), free_port()
    counts = collections.Counter()

    def result(what, name, wrong):
        counts["failed" if wrong else "passed"] += 1
        print(f"{'FAIL' if wrong else 'pass'}  {what}  {name}{f'  {wrong}' if wrong else ''}", flush=True)

    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        authority = work / "ca.pem"
        config = work / "application.yml"
        config.write_text(
            f"server: {{port: {node_port}, address: 127.0.0.1}}\n"
            f"lavalink: {{server: {{password: {PASSWORD}, "
            f"sources: {{youtube: true, soundcloud: true, bandcamp: true, http: true}}, "
            f"httpConfig: {{proxyHost: 127.0.0.1, proxyPort: {replay_port}}}}}}}\n"
        )
        environment = {**os.environ, "SSL_CERT_FILE": str(authority), "RUST_LOG": "warn"}
        processes = [start([sys.executable, replay / "replay.py", "--port", str(replay_port), "--ca", authority], replay_port)]
        try:
            processes.append(start([node, "--config", config], node_port, env=environment, cwd=work))
            url = f"http://127.0.0.1:{node_port}"
            for line in (oracle / "answers.jsonl").read_text().splitlines():
                want = json.loads(line)
                result("original", want["identifier"], ask.compare(want, ask.ask(url, PASSWORD, want["identifier"])))
            player = Player(node, config, environment, work)
            found = []
            for identifier, *wanted in read_expected(expected):
                answer = ask.ask(url, PASSWORD, identifier)["answer"]
                track = first_track(answer)
                got = [summary(answer), *([player.play(track)] if track else [])]
                found.append([identifier, *got])
                result("here", identifier, None if got == wanted else f"{got} instead of {wanted}")
            if is_writing:
                head = [line for line in expected.read_text().splitlines() if line.startswith("#")]
                expected.write_text("\n".join([*head, *("\t".join(line) for line in found), ""]))
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
                process.wait(20)
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return counts["failed"] > 0


if __name__ == "__main__":
    paths = [Path(argument).resolve() for argument in sys.argv[1:5]]
    sys.exit(main(*paths, "--write" in sys.argv[5:]))
