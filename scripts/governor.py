#!/usr/bin/env python3
"""Runs a program that sees in /proc/stat the processor time of itself and its children only, whatever else the machine does.

    unshare --mount scripts/governor.py PROGRAM

Times are those of /proc/PID/stat (proc(5)): utime, stime and, for children that have ended, cutime and cstime, in ticks.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1
EVERY = 0.2


def fields(pid):
    """the parent, and ticks of the process and of its children that have ended"""
    text = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(text[1]), sum(map(int, text[11:15]))


def used(root):
    """ticks of a process and all below it"""
    parents, ticks = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(pid)], ticks[int(pid)] = fields(pid)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended meanwhile
    def is_below(pid):
        while pid in parents and pid != root:
            pid = parents[pid]
        return pid == root
    return sum(count for pid, count in ticks.items() if is_below(pid))


def main(program):
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    with tempfile.NamedTemporaryFile() as stat:
        began, before, busy = time.monotonic(), 0, 0
        def show():
            idle = max(0, round((time.monotonic() - began) * TICKS * CORES) - busy)
            os.pwrite(stat.fileno(), f"cpu  {busy:12} 0 0 {idle:12} 0 0 0 0 0 0\n".encode(), 0)
        show()
        subprocess.run(["mount", "--bind", stat.name, "/proc/stat"], check=True)
        child = subprocess.Popen([program])
        while child.poll() is None:
            time.sleep(EVERY)
            now = used(child.pid)
            busy += max(0, now - before)  # what a child used is its parent's once that has waited for it
            before = now
            show()
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
