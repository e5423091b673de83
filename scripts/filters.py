"""Plays the recordings' inputs with the recordings' filters and compares with the recordings. Called by filters.sh.

    filters.py ORACLE NODE EVENTS EXPECTED

ORACLE: the folder with the recordings of Lavalink's own chain (79 cases, and 482 more in `wide`). NODE plays each case as a
WAV of 32-bit floats (`play case.wav --filters JSON --output out.wav`); cases with a change, a seek or another block length
in the middle go through EVENTS (examples/filter_events.rs), because a change at an exact sample is nothing that a client
could ask for. EXPECTED lists the cases that differ on purpose, with the reason: anything else that fails, and any of them
that passes, is an error.
"""
import concurrent.futures
import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

# The 79 were recorded with the chain in force also where a client's filters alone would leave it out (reference 4.1, "enabled when"):
# a volume this near to 1 changes no sample, and brings it in.
IN_FORCE = {"volume": 1.01}


def wav(samples):
    """A WAV file of interleaved stereo floats at 48 kHz."""
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 3, 2, 48000, 384000, 8, 32, b"data", len(samples))
    return head + samples


def samples_of(wav):
    """The samples of a WAV file: all behind the head of its last chunk."""
    return wav[wav.index(b"data") + 8:]


def events_of(case):
    """What happens in the middle of a case."""
    later = case.get("filters_at_half")
    return case.get("events") or ([f"patch@{case['frames_in'] // 2}={json.dumps(later)}"] if later else [])


def make(case, always, inputs, outputs, node, chain):
    filters = json.dumps({**always, **case["filters"]})
    output = outputs / f"{case['name']}.f32"
    if events := events_of(case):
        command = [chain, inputs / f"{case['input']}.f32", output, filters, *events]
        subprocess.run(command, check=True, capture_output=True)
        return
    made = outputs / f"{case['name']}.wav"
    command = [node, "play", inputs / f"{case['input']}.wav", "--filters", filters, "--output", made]
    subprocess.run(command, check=True, capture_output=True)
    output.write_bytes(samples_of(made.read_bytes()))
    made.unlink()


def compare(folder, cases, always, work, node, chain):
    """Makes all cases of a folder, with the filters `always` beside their own; returns name → (passed, line)."""
    inputs, outputs = work / "in", work / "out"
    inputs.mkdir(parents=True)
    outputs.mkdir()
    subprocess.run([sys.executable, folder / "signals.py", inputs], check=True)
    for signal in inputs.glob("*.f32"):
        signal.with_suffix(".wav").write_bytes(wav(signal.read_bytes()))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(make, case, always, inputs, outputs, node, chain) for case in cases]
        for job in jobs:
            job.result()
    lines = subprocess.run([sys.executable, folder / "compare.py", outputs], capture_output=True, text=True).stdout
    found = {}
    for line in lines.splitlines():
        if line.startswith(("pass ", "FAIL ")):
            found[line.split()[1]] = (line.startswith("pass"), line)
    return found


def main(oracle, node, chain, expected):
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    different = {}
    for line in expected.read_text().splitlines():
        if line and not line.startswith("#"):
            name, reason = line.split(None, 1)
            different[name] = reason
    wrong, unseen = [], set(different)
    with tempfile.TemporaryDirectory() as work:
        for folder, listed, always in ((oracle, "expected/cases.json", IN_FORCE), (oracle / "wide", "expected.json", {})):
            cases = json.loads((folder / listed).read_text())
            found = compare(folder, cases, always, Path(work) / folder.name, node, chain)
            passed = sum(ok for ok, _ in found.values())
            for case in cases:
                name = case["name"]
                ok, line = found.get(name, (False, f"FAIL  {name} was not compared"))
                unseen.discard(name)
                if ok == (name in different):
                    wrong.append(line + (f"; expected to differ: {different[name]}" if ok else ""))
                print(line + (f"; on purpose: {different[name]}" if not ok and name in different else ""))
            print(f"== {folder.name}: {passed} of {len(cases)} passed, {len(cases) - passed} did not")
    wrong += [f"{name} is expected to differ, but there is no such case" for name in sorted(unseen)]
    print("== as expected" if not wrong else "== not as expected:\n" + "\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*(Path(arg) for arg in sys.argv[1:])))
