#!/usr/bin/env python3
"""What memory a node takes: idle, with players, and after they have left.

    scripts/memory.py PROGRAM [--budget server|tv-box|iot|embedded] [--players 10,50] [--scenario mp3|mp3-timescale|opus]
                      [--seconds 6] [--config YAML]

Starts PROGRAM with a small configuration, serves it a track of some minutes and a voice server (gateway over TLS, UDP; without
end-to-end encryption), all on this machine, and lets players play. Prints a table in MiB; the exit status is 1 when a limit of
the budget is broken. RSS counts what the program has mapped, shared libraries and its own file too; PSS divides what others
share; anonymous is what it has asked for, and what nobody can take away. Needs openssl for a certificate.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
# MiB: idle, ten players of mp3; KiB: each player more
BUDGETS = {
    "embedded": {"idle": 6.0, "ten": 12.5, "player": 300},
    "iot": {"idle": 10.0, "ten": 20.0, "player": 300},
    "tv-box": {"idle": 10.0, "ten": 20.0, "player": 300},
    "server": {"idle": None, "ten": 30.0, "player": 300},
}
CONFIG = """
server: {port: %(port)d, address: 127.0.0.1}
voice: {caFile: %(ca)s}
lavalink:
  server:
    password: memory
    sources: {http: true, youtube: false, bandcamp: false, soundcloud: false, twitch: false, vimeo: false, nico: false}
logging: {level: {root: WARN}}
%(more)s
"""
AUTH = {"Authorization": "memory", "User-Id": "1", "Client-Name": "memory/1"}


def track(scenario):
    """a file of minutes, and its name"""
    if scenario == "opus":
        return "track.webm", (DATA / "tone48.webm").read_bytes()
    frames, at = (DATA / "tone44.mp3").read_bytes(), 0
    if frames[:3] == b"ID3":
        at = 10 + sum((byte & 127) << shift for byte, shift in zip(frames[6:10], (21, 14, 7, 0)))
    # without the first frame, which tells the length of the short file
    return "track.mp3", frames[frames.index(frames[at : at + 2], at + 4) :] * 20


class Web:
    """Serves the track, with ranges."""

    def __init__(self, name, data):
        self.name, self.data = name, data

    async def start(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/{self.name}"

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
                ranges = [line[14:] for line in head.split("\r\n") if line.lower().startswith("range: bytes=")]
                first, last = (ranges[0].split("-") + [""])[:2] if ranges else ("0", "")
                first, last = int(first), min(int(last or len(self.data)), len(self.data) - 1)
                writer.write(
                    (
                        f"HTTP/1.1 {'206 Partial Content' if ranges else '200 OK'}\r\nAccept-Ranges: bytes\r\n"
                        f"Content-Range: bytes {first}-{last}/{len(self.data)}\r\nContent-Length: {last + 1 - first}\r\n\r\n"
                    ).encode()
                )
                for at in range(first, last + 1, 16384):
                    writer.write(self.data[at : min(at + 16384, last + 1)])
                    await writer.drain()
        except (asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            writer.close()


def frame(text, is_masked=False):
    """a WebSocket message of text (RFC 6455, section 5.2)"""
    data, mark = text.encode(), 128 if is_masked else 0
    size = bytes([mark | len(data)]) if len(data) < 126 else bytes([mark | 126]) + struct.pack(">H", len(data))
    # a mask of zeros changes nothing
    return b"\x81" + size + (bytes(4) if is_masked else b"") + data


async def message(reader):
    """the next message of either side: text, or None for anything else"""
    kind, size = await reader.readexactly(2)
    is_masked, size = size & 128, size & 127
    if size > 125:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    mask = await reader.readexactly(4) if is_masked else bytes(4)
    data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(await reader.readexactly(size)))
    return json.loads(data) if kind & 15 == 1 else None


class Voice:
    """A voice server: gateway (version 8) and the UDP half, which answers the look-up of one's own address."""

    def __init__(self):
        self.ready = {}

    async def start(self, certificate):
        loop = asyncio.get_running_loop()
        udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = udp.get_extra_info("sockname")[1]
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        server = await asyncio.start_server(self.gateway, "127.0.0.1", 0, ssl=tls)
        return server.sockets[0].getsockname()[1]

    def connection_made(self, transport):
        self.udp = transport

    def connection_lost(self, _):
        pass

    def error_received(self, _):
        pass

    def datagram_received(self, data, source):
        if len(data) == 74 and data[:2] == b"\0\1":
            address = source[0].encode().ljust(64, b"\0")
            self.udp.sendto(b"\0\2" + data[2:8] + address + struct.pack(">H", source[1]), source)

    async def gateway(self, reader, writer):
        def say(op, body):
            writer.write(frame(json.dumps({"op": op, "d": body, "seq": 1})))

        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
            key = next(line[19:] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key: "))
            proof = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
            writer.write(b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n")
            say(8, {"v": 8, "heartbeat_interval": 13750})
            while True:
                said = await message(reader)
                if said is None:
                    continue
                op, body = said["op"], said["d"]
                if op == 0:
                    guild = body["server_id"]
                    modes = ["aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize"]
                    ssrc = 1000 + len(self.ready)
                    say(2, {"ssrc": ssrc, "ip": "127.0.0.1", "port": self.port, "modes": modes})
                elif op == 1:
                    mode = body["data"]["mode"]
                    say(4, {"mode": mode, "secret_key": [7] * 32, "dave_protocol_version": 0})
                    self.ready.setdefault(guild, asyncio.Event()).set()
                elif op == 3:
                    say(6, {"t": body["t"]})
        except (asyncio.CancelledError, asyncio.IncompleteReadError, OSError, KeyError, StopIteration):
            writer.close()


class Node:
    def __init__(self, program, more, voice_port, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.voice_port = voice_port
        config = folder / "application.yml"
        config.write_text(CONFIG % {"port": self.port, "ca": folder / "ca.pem", "more": more})
        # a bundle of certificates named there would be read into memory
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SSL_CERT_")}
        self.process = subprocess.Popen([program, "--config", config], cwd=folder, env=plain)
        self.socket = None

    async def call(self, method, path, body=None):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        data = json.dumps(body).encode() if body is not None else b""
        lines = [f"{method} {path} HTTP/1.1", "Host: node", "Connection: close", f"Content-Length: {len(data)}"]
        lines += ["Content-Type: application/json", "Authorization: memory"]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        status = int(head.split(b" ", 2)[1])
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {answer.decode(errors='replace')}")
        return json.loads(answer) if answer[:1] in b"{[" and answer else None

    async def begun(self):
        for _ in range(600):
            try:
                return await self.call("GET", "/v4/info")
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit("the node ended at its start")
                await asyncio.sleep(0.1)
        raise SystemExit("the node does not answer")

    async def session(self):
        reader, self.socket = await asyncio.open_connection("127.0.0.1", self.port)
        lines = ["GET /v4/websocket HTTP/1.1", "Host: node", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: bWVtb3J5IG1lbW9yeSBtZQ=="]
        lines += [f"{name}: {value}" for name, value in AUTH.items()]
        self.socket.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        self.id = (await message(reader))["sessionId"]

        async def hear():
            try:
                while True:
                    said = await message(reader)
                    if said and "xception" in str(said.get("type")):
                        print(json.dumps(said), file=sys.stderr)
            except (asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
                pass

        self.hears = asyncio.create_task(hear())

    async def play(self, number, encoded, filters, voice):
        guild = str(number)
        connected = voice.ready.setdefault(guild, asyncio.Event())
        token = {"token": "t", "sessionId": "s", "channelId": "2", "endpoint": f"localhost:{self.voice_port}"}
        path = f"/v4/sessions/{self.id}/players/{guild}"
        await self.call("PATCH", path, {"voice": token})
        await asyncio.wait_for(connected.wait(), 20)
        await self.call("PATCH", path, {"track": {"encoded": encoded}, "filters": filters})

    async def positions(self):
        """how much of the track all players have played, in seconds"""
        players = await self.call("GET", f"/v4/sessions/{self.id}/players")
        return sum(player["state"]["position"] for player in players) / 1000

    async def leave(self, number):
        await self.call("DELETE", f"/v4/sessions/{self.id}/players/{number}")

    def memory(self):
        """RSS, PSS, anonymous in MiB"""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        sizes = {line.split()[0]: int(line.split()[1]) / 1024 for line in lines[1:]}
        return [sizes["Rss:"], sizes["Pss:"], sizes["Anonymous:"]]

    async def settled(self, seconds):
        """the most of each over so many seconds"""
        most, until = self.memory(), time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(0.25)
            most = [max(pair) for pair in zip(most, self.memory())]
        return most

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


async def run(args, folder):
    voice = Voice()
    web = Web(*track(args.scenario))
    url = await web.start()
    node = Node(args.program, args.config.replace("\\n", "\n"), await voice.start(folder / "both.pem"), folder)
    filters = {"timescale": {"speed": 1.2, "pitch": 1.1}} if args.scenario == "mp3-timescale" else {}
    rows = []
    try:
        await node.begun()
        await asyncio.sleep(args.idle)
        rows.append(("idle", 0, await node.settled(1)))
        await node.session()
        encoded = (await node.call("GET", f"/v4/loadtracks?identifier={url}"))["data"]["encoded"]
        playing = 0
        for players in args.players:
            while playing < players:
                playing += 1
                await node.play(playing, encoded, filters, voice)
            await asyncio.sleep(args.idle)
            begun, before = time.monotonic(), await node.positions()
            rows.append((f"{players} players", players, await node.settled(args.seconds)))
            heard, seconds = await node.positions() - before, players * (time.monotonic() - begun)
            if heard < 0.5 * seconds:
                raise SystemExit(f"only {heard:.0f} s of {seconds:.0f} s were heard: this says nothing")
        for number in range(1, playing + 1):
            await node.leave(number)
        await asyncio.sleep(args.idle)
        rows.append(("all have left", 0, await node.settled(1)))
    finally:
        node.stop()
    return rows


def judge(rows, budget):
    """Prints the table; the limits that are broken."""
    print(f"{'':16}{'RSS':>8}{'PSS':>8}{'anonymous':>11}   MiB")
    for name, _, sizes in rows:
        print(f"{name:16}{sizes[0]:8.1f}{sizes[1]:8.1f}{sizes[2]:11.1f}")
    limits = [("idle RSS, MiB", rows[0][2][0], budget["idle"])]
    with_players = [row for row in rows if row[1]]
    limits += [("RSS with ten players, MiB", row[2][0], budget["ten"]) for row in with_players if row[1] == 10]
    if len(with_players) > 1:
        (_, few, at_few), (_, many, at_many) = with_players[0], with_players[-1]
        each = (at_many[1] - at_few[1]) / (many - few) * 1024
        limits.append((f"a player, KiB (PSS, {few} to {many})", each, budget["player"]))
    broken = 0
    for name, is_, limit in limits:
        verdict = "" if limit is None else f"at most {limit}" if is_ <= limit else f"BROKEN: at most {limit}"
        broken += verdict.startswith("BROKEN")
        print(f"{name:32}{is_:8.1f}   {verdict}")
    return broken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--budget", choices=BUDGETS, default="server")
    parser.add_argument("--players", type=lambda text: [int(n) for n in text.split(",")], default=[10, 50])
    parser.add_argument("--scenario", choices=["mp3", "mp3-timescale", "opus"], default="mp3")
    parser.add_argument("--seconds", type=float, default=6, help="how long each number of players is watched")
    parser.add_argument("--idle", type=float, default=30, help="seconds before each look: a node gives back what it does not need")
    parser.add_argument("--config", default="", help="more lines for its application.yml")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        made += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "ca.pem"]
        made += ["-addext", "basicConstraints=critical,CA:FALSE"]
        subprocess.run(made, cwd=folder, check=True, capture_output=True)
        (folder / "both.pem").write_text((folder / "key.pem").read_text() + (folder / "ca.pem").read_text())
        rows = asyncio.run(run(args, folder))
    broken = judge(rows, BUDGETS[args.budget])
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
