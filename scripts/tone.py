#!/usr/bin/env python3
"""Whether a WAV file (48 kHz stereo, 32-bit float, as `play` writes it) is the test tone of tests/data, whole: 440 Hz left, 660 Hz
right, a beep of 1000 Hz on both in the first 0.2 s of each second, of the length that is named, without a gap. Knows nothing of
how it was made.

    scripts/tone.py FILE SECONDS
"""

import array
import math
import struct
import sys

RATE = 48_000
SIDES = (("left", 440.0), ("right", 660.0))
BEEP = 1000.0
WINDOW = 2_400  # 50 ms: whole periods of all three
EDGE = 2_400  # fades of encoder and decoder at both ends
PURE = 0.98  # share of the energy that must be the signal's: a gap of 2 ms in a window, or any other sound, leaves less
BEEPING, SILENT = 0.3, 0.01  # the beep's share where it must be, and where it must not


def samples(path):
    """Interleaved floats of the `data` chunk."""
    with open(path, "rb") as file:
        content = file.read()
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        sys.exit(f"{path}: no WAV file")
    at, form = 12, None
    while at + 8 <= len(content):
        name, size = content[at : at + 4], struct.unpack_from("<I", content, at + 4)[0]
        if name == b"fmt ":
            form = struct.unpack_from("<HHIIHH", content, at + 8)
        if name == b"data":
            if form is None or (form[1], form[2], form[5]) != (2, RATE, 32):
                sys.exit(f"{path}: not 48 kHz stereo in 32-bit floats: {form}")
            body = content[at + 8 : at + 8 + size]
            return array.array("f", body[: len(body) // 8 * 8])
        at += 8 + size + size % 2
    sys.exit(f"{path}: no data")


def share(window, hz):
    """Part of the energy that lies at `hz` (Goertzel)."""
    k = 2.0 * math.cos(2.0 * math.pi * hz / RATE)
    s1 = s2 = energy = 0.0
    for x in window:
        s1, s2 = x + k * s1 - s2, s1
        energy += x * x
    if energy < 1e-3:
        return 0.0
    return 2.0 * (s1 * s1 + s2 * s2 - k * s1 * s2) / len(window) / energy


def problems(path, wanted):
    both = samples(path)
    seconds = len(both) / 2 / RATE
    if abs(seconds - wanted) > 0.001:
        yield f"{seconds:.3f} s long, not {wanted:.3f} s"
    for channel, (side, hz) in enumerate(SIDES):
        one = both[channel::2]
        for at in range(EDGE, len(one) - EDGE - WINDOW + 1, WINDOW):
            window, place = one[at : at + WINDOW], f"{side}, at {at / RATE:.2f} s"
            own, beep = share(window, hz), share(window, BEEP)
            if own + beep < PURE:
                yield f"{place}: only {own + beep:.3f} of the energy are at {hz:.0f} and {BEEP:.0f} Hz"
            begins, ends = at % RATE / RATE, (at % RATE + WINDOW) / RATE
            if ends <= 0.15 and beep < BEEPING:
                yield f"{place}: no beep ({beep:.3f} of the energy)"
            if begins >= 0.25 and beep > SILENT:
                yield f"{place}: a beep ({beep:.3f} of the energy)"


def main():
    found = list(problems(sys.argv[1], float(sys.argv[2])))
    for problem in found[:20]:
        print(f"{sys.argv[1]}: {problem}", file=sys.stderr)
    if not found:
        print(f"{sys.argv[1]}: the test tone, {sys.argv[2]} s, whole")
    sys.exit(1 if found else 0)


main()
