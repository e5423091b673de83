"""Plays tones on sound cards of software and looks at what they were given. Called by alsa.sh.

    alsa.py CARD PLAYER [CASE…]

CARD: the source of an ALSA plug-in that takes samples at the real rate, runs dry like hardware, and copies what it was given to a
file. It is built here in several forms: one that takes only certain samples, one that can be unplugged. PLAYER:
examples/device_play.rs. The last line says how many cases failed; so does the exit status.
"""
import array
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Left and right of two files; as loud as the tones of other scripts.
TONES = {"a": (440, 660), "b": (1000, 1500)}
LOUDNESS = 0.25
SECONDS = 3
FORMATS = {"S16_LE": ("h", 32768.0), "S32_LE": ("i", 2147483648.0), "FLOAT_LE": ("f", 1.0)}
# What an amplitude may be off: Goertzel's sums over 100 ms are exact for these tones but for the steps of 16 bits.
TOLERANCE = 0.003


def wav(path, tones):
    """Three seconds of a tone on each side, 16 bits at 48 kHz."""
    turns = [2 * math.pi * hz / 48000 for hz in tones]
    samples = array.array("h", (round(LOUDNESS * 32768 * math.cos(turn * i)) for i in range(48000 * SECONDS) for turn in turns))
    data = samples.tobytes()
    head = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += (1).to_bytes(2, "little") + (2).to_bytes(2, "little") + (48000).to_bytes(4, "little") + (192000).to_bytes(4, "little")
    head += (4).to_bytes(2, "little") + (16).to_bytes(2, "little") + b"data" + len(data).to_bytes(4, "little")
    path.write_bytes(head + data)


def replaced(text, old, new):
    if old not in text:
        sys.exit(f"the card has changed: {old!r} is not in it")
    return text.replace(old, new)


class Cards:
    """Builds cards and plays on them, in a folder of its own."""

    def __init__(self, source, player, folder):
        self.source, self.player, self.folder = Path(source).read_text(), player, folder
        for name, tones in TONES.items():
            wav(folder / f"{name}.wav", tones)

    def build(self, name, formats, rates, channels):
        """A card that takes these, and nothing else."""
        flag = lambda what: f'access("{self.folder}/{what}", F_OK) == 0'
        c = self.source
        all_formats = "SND_PCM_FORMAT_S16_LE, SND_PCM_FORMAT_S24_LE, SND_PCM_FORMAT_S32_LE, SND_PCM_FORMAT_FLOAT_LE"
        c = replaced(c, all_formats, ", ".join(f"SND_PCM_FORMAT_{f}" for f in formats))
        c = replaced(c, "HW_FORMAT, 4, fmt", f"HW_FORMAT, {len(formats)}, fmt")
        c = replaced(c, "{ 44100, 48000, 96000 }", "{ " + ", ".join(map(str, rates)) + " }")
        c = replaced(c, "HW_RATE, 3, rates", f"HW_RATE, {len(rates)}, rates")
        c = replaced(c, "HW_CHANNELS, 1, 8", f"HW_CHANNELS, {channels[0]}, {channels[-1]}")
        gone = f"if ({flag('gone')}) {{ snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED); return -ENODEV; }}"
        c = replaced(c, "    unsigned long long c = now_frames(p);\n    if (p->running", f"    {gone}\n    unsigned long long c = now_frames(p);\n    if (p->running")
        c = replaced(c, "    (void)root;\n", f"    (void)root;\n    if ({flag('gone')}) return -ENODEV;\n    if ({flag('busy')}) return -EBUSY;\n")
        (self.folder / f"{name}.c").write_text(c)
        library = self.folder / f"{name}.so"
        subprocess.run(["gcc", "-O2", "-fPIC", "-shared", "-DPIC", "-w", "-o", library, self.folder / f"{name}.c", "-lasound"], check=True)
        return library

    def play(self, wish, formats=("S16_LE",), rates=(48000,), channels=(2,), ppm=0, more="", at=None):
        """Plays; returns what the player says, and the samples of each channel that the card got."""
        out = self.folder / "out.raw"
        out.unlink(missing_ok=True)
        library = self.build("paced", formats, rates, channels)
        config = self.folder / "asound.conf"
        config.write_text(f"""</usr/share/alsa/alsa.conf>
pcm_type.paced {{ lib "{library}" }}
pcm.card {{ type paced file "{out}" ppm {ppm} }}
pcm.!default {{ type plug slave.pcm "card" }}
{more}
""")
        files = [str(self.folder / f"{name}.wav") for name in wish.pop("files", ["a"])]
        env = {**os.environ, "ALSA_CONFIG_PATH": str(config), "RUST_LOG": os.environ.get("RUST_LOG", "warn")}
        command = [self.player, json.dumps({"device": "card", "files": files, **wish})]
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        if at:
            at(process, out)
        answer = process.communicate(timeout=90)[0]
        if process.returncode != 0:
            sys.exit(f"{self.player} ended with {process.returncode}")
        got = []
        if out.exists() and "refusal" not in answer:
            kind, scale = FORMATS[formats[-1] if len(formats) == 1 else "S32_LE"]
            flat = array.array(kind, out.read_bytes())
            got = [[x / scale for x in flat[c::channels[0]]] for c in range(channels[0])]
        return json.loads(answer), got


def amplitude(samples, hz, rate):
    """Of a sine in samples that hold whole periods of it."""
    turn = 2 * math.pi * hz / rate
    sums = [sum(s * f(turn * i) for i, s in enumerate(samples)) for f in (math.sin, math.cos)]
    return 2 / len(samples) * math.hypot(*sums)


def bounds(channel):
    """First and last sample that is not silent."""
    heard = [i for i, x in enumerate(channel) if abs(x) > 1e-3]
    return (heard[0], heard[-1]) if heard else (0, -1)


class Wrong(Exception):
    pass


def demand(is_so, text):
    if not is_so:
        raise Wrong(text)


def no_gaps(said):
    demand("refusal" not in said, said.get("refusal"))
    bad = [e for e in said["events"] if e["event"] in ("gap", "interrupted")]
    demand(not bad, f"gaps: {bad}")


def is_tone(channel, tones, rate, seconds=SECONDS, loud=LOUDNESS, exact=2):
    """All of it, in one piece, at this loudness: so many seconds, but for `exact` samples."""
    first, last = bounds(channel)
    demand(abs(last - first + 1 - seconds * rate) <= exact, f"{(last - first + 1) / rate:.4f} s of sound instead of {seconds}")
    piece = rate // 10
    for start in range(first + piece, last - 2 * piece, piece):
        for hz in tones:
            found = amplitude(channel[start : start + piece], hz, rate)
            demand(abs(found - loud) <= TOLERANCE, f"{hz} Hz has {found:.4f} instead of {loud} at {start / rate:.2f} s")
    # at its very beginning and end a tone that is resampled is as steep as the filter
    smooth(channel[first + exact : last + 1 - exact], tones, rate, loud)


def smooth(channel, tones, rate, loud):
    """No step is larger than those of the tones: no click."""
    largest = max((abs(b - a) for a, b in zip(channel, channel[1:])), default=0)
    steepest = sum(2 * math.pi * hz / rate for hz in tones) * loud
    demand(largest <= steepest * 1.02 + 0.002, f"a step of {largest:.4f}, where the tones have {steepest:.4f}")


def plain(cards, **card):
    said, got = cards.play({}, **card)
    no_gaps(said)
    rate = card.get("rates", (48000,))[0]
    for channel, hz in zip(got, TONES["a"]):
        is_tone(channel, [hz], rate, exact=2 if rate == 48000 else 80)
    demand(said["players"] == [{"sent": 150, "dropped": 0}], f"{said['players']}")
    return said


def sixteen_bits(cards):
    said = plain(cards)
    low, high = said["delay_ms"]
    # a finished frame lies in the ring for 20 ms at most
    demand(high + 20 <= 100, f"{high} ms from the mixer to the card")
    return f"delay {low:.1f} to {high:.1f} ms"


def low_latency(cards):
    said, got = cards.play({"low_latency": True})
    no_gaps(said)
    is_tone(got[0], TONES["a"][:1], 48000)
    low, high = said["delay_ms"]
    demand(high + 20 <= 50, f"{high} ms from the mixer to the card")
    return f"delay {low:.1f} to {high:.1f} ms"


def heard_after(cards, is_low, promised):
    """How long it takes until a change of volume is in what the card plays: from outside, by the clock."""
    said, got = cards.play({"low_latency": is_low, "mute": 1.5})
    when = {e["event"]: e["at"] for e in said["events"]}
    first, last = bounds(got[0])
    # a wish lies waiting for a frame at most, besides
    late = (last - first) / 48000 - (when["mute"] - when["started"])
    demand(0 <= late * 1000 <= promised + 20, f"a change is heard after {late * 1000:.0f} ms")
    return f"a change is heard after {late * 1000:.0f} ms"


def mono(cards):
    said, got = cards.play({}, channels=(1,))
    no_gaps(said)
    is_tone(got[0], TONES["a"], 48000, loud=LOUDNESS / 2)


def eight_channels(cards):
    said, got = cards.play({}, channels=(8,))
    no_gaps(said)
    for channel, hz in zip(got, TONES["a"]):
        is_tone(channel, [hz], 48000)
    demand(not any(any(channel) for channel in got[2:]), "channels beyond the front are not silent")


def through_plug(cards):
    """What `default` mostly is: a converter in front of a card, here of one at 44.1 kHz. Our resampler is used, not its own."""
    said, got = cards.play({"device": "default"}, rates=(44100,))
    no_gaps(said)
    is_tone(got[0], TONES["a"][:1], 44100, exact=80)


def softer(cards):
    said, got = cards.play({"volume": 50})
    is_tone(got[0], TONES["a"][:1], 48000, loud=LOUDNESS / 2)


def skewed(cards, ppm):
    """A card whose clock is wrong gets the same samples: they are taken at its rate."""
    said, got = cards.play({}, ppm=ppm)
    no_gaps(said)
    is_tone(got[0], TONES["a"][:1], 48000)


def two_players(cards):
    said, got = cards.play({"files": ["a", "b"]})
    no_gaps(said)
    # both have begun and neither has ended
    middle = got[0][48000 : 2 * 48000]
    for tones in TONES.values():
        found = amplitude(middle, tones[0], 48000)
        demand(abs(found - LOUDNESS) <= TOLERANCE, f"{tones[0]} Hz has {found:.4f}")
    smooth(middle, [tones[0] for tones in TONES.values()], 48000, LOUDNESS)


def grown(out, seconds):
    """Waits until the card was given so much sound."""
    while not out.exists() or out.stat().st_size < seconds * 48000 * 4:
        time.sleep(0.01)


def stall(process, out):
    grown(out, 1)
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.4)
    process.send_signal(signal.SIGCONT)


def ran_dry(cards):
    said, got = cards.play({}, at=stall)
    gaps = [e for e in said["events"] if e["event"] == "gap"]
    demand(len(gaps) == 1 and gaps[0]["cause"] == "scheduler_late", f"{gaps}")
    # 400 ms less the 50 to 70 that the card held
    demand(15 <= gaps[0]["frames"] <= 20, f"{gaps}")
    # while it stood still it was given nothing, and nothing that it was given is missing
    first, last = bounds(got[0])
    demand(abs(last - first + 1 - SECONDS * 48000) <= 2, f"{(last - first + 1) / 48000:.4f} s of sound")
    return f"{gaps[0]['frames']} frames of silence told"


def unplug(cards):
    def at(process, out):
        grown(out, 1)
        (cards.folder / "gone").touch()
        time.sleep(1)
        (cards.folder / "gone").unlink()

    said, got = cards.play({}, at=at)
    told = [e for e in said["events"] if e["event"] in ("connected", "interrupted")]
    demand([e["event"] for e in told] == ["connected", "interrupted", "connected"], f"{told}")
    # the file begins anew with the device
    first, last = bounds(got[0])
    rest = (last - first) / 48000
    demand(1.7 < rest < 2.0, f"{rest:.3f} s of sound after it was back")
    return f"back after {told[2]['at'] - told[1]['at']:.2f} s"


def pause(cards):
    said, got = cards.play({"pause": [1, 2]})
    no_gaps(said)
    # the seconds before and after it, and silence between; nothing clicks
    first, last = bounds(got[0])
    smooth(got[0][first : last + 1], TONES["a"][:1], 48000, LOUDNESS)
    silent = max(len(s) for s in "".join("." if abs(x) < 1e-6 else "x" for x in got[0]).strip(".").split("x"))
    demand(silent > 20000, f"{silent / 48000:.3f} s of silence")


def refused(cards):
    said, _ = cards.play({"device": "no_such_card"})
    demand(said.get("refusal") == 'there is no device "no_such_card"', f"{said}")
    (cards.folder / "busy").touch()
    said, _ = cards.play({})
    (cards.folder / "busy").unlink()
    demand(said.get("refusal") == 'the device "card" is in use', f"{said}")
    said, _ = cards.play({}, formats=("MU_LAW",))
    demand("16 or 32 bits" in said.get("refusal", ""), f"{said}")


def through_file(cards):
    """alsa-lib's own file writer, in front of the card that keeps the time."""
    copy = cards.folder / "copy.raw"
    more = f'pcm.writer {{ type file slave.pcm "card" file "{copy}" format "raw" }}'
    said, got = cards.play({"device": "writer"}, more=more)
    no_gaps(said)
    is_tone(got[0], TONES["a"][:1], 48000)
    low, high = said["delay_ms"]
    demand(high <= 100, f"{high} ms")
    flat = array.array("h", copy.read_bytes())
    is_tone([x / 32768 for x in flat[0::2]], TONES["a"][:1], 48000)
    return f"delay {low:.1f} to {high:.1f} ms"


def without_clock(cards):
    """A device that takes everything at once is fed as fast as we play, not faster."""
    began = time.monotonic()
    said, _ = cards.play({"device": "null"})
    no_gaps(said)
    took = time.monotonic() - began
    demand(took > SECONDS - 0.5, f"{took:.2f} s")


CASES = {
    "16 bits at 48 kHz": sixteen_bits,
    "32 bits": lambda cards: plain(cards, formats=("S32_LE",)) and None,
    "floats": lambda cards: plain(cards, formats=("FLOAT_LE",)) and None,
    "44.1 kHz": lambda cards: plain(cards, rates=(44100,)) and None,
    "96 kHz": lambda cards: plain(cards, rates=(96000,)) and None,
    "one channel": mono,
    "eight channels": eight_channels,
    "a converter in front of it": through_plug,
    "half as loud": softer,
    "low latency": low_latency,
    "a change of volume": lambda cards: heard_after(cards, False, 100),
    "a change of volume, low latency": lambda cards: heard_after(cards, True, 50),
    "alsa-lib's file writer": through_file,
    "a clock 1000 ppm too fast": lambda cards: skewed(cards, 1000),
    "a clock 1000 ppm too slow": lambda cards: skewed(cards, -1000),
    "two players": two_players,
    "a machine that stands still for 400 ms": ran_dry,
    "unplugged and back": unplug,
    "a pause": pause,
    "devices that are refused": refused,
    "a device without a clock": without_clock,
}


def main():
    source, player, *wanted = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        cards = Cards(source, player, Path(folder))
        for name, case in CASES.items():
            if wanted and name not in wanted:
                continue
            try:
                note = case(cards)
                print(f"ok     {name}{': ' + note if note else ''}", flush=True)
            except Wrong as wrong:
                failed += 1
                print(f"FAILED {name}: {wrong}", flush=True)
    print(f"{failed} failed")
    sys.exit(min(failed, 100))


main()
