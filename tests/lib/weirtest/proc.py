# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes: start, watch, measure, stop.  Only ever those we started."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def build_dir():
    """Where the programs were built: WEIR_BUILD, or the source tree."""
    return Path(os.environ.get("WEIR_BUILD", ROOT)).resolve()


def program(name):
    """The path of a built program, or None."""
    for folder in ("framework/daemon", "framework/ctl", "sdk/load",
                   "sdk/drive", "sdk/lint", "tests/bench", "."):
        path = build_dir() / folder / name
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def free_port():
    """A loopback TCP port chosen by the kernel, for a server that is told a
    number.  A connection over it that has just ended keeps it from everybody
    who lets the kernel choose, for a minute; servers (SO_REUSEADDR) get it."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        with socket.create_connection(listener.getsockname()) as client:
            # who ends it first keeps the port: the server's side
            listener.accept()[0].close()
            client.recv(1)
        return listener.getsockname()[1]


def connect(address, timeout=10):
    """Connect to unix:/path or inet:host:port."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        s = socket.socket(socket.AF_UNIX)
        target = rest
    else:
        host, _, port = rest.rpartition(":")
        s = socket.socket(socket.AF_INET6 if ":" in host
                          else socket.AF_INET)
        target = (host.strip("[]"), int(port))
    s.settimeout(timeout)
    try:
        s.connect(target)
    except OSError:
        s.close()
        raise
    return s


def wait_for(condition, timeout=10, what="condition"):
    """Call condition until it is true; its value is returned."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(0.01)


def answers(address):
    """Does anybody accept connections there?"""
    try:
        connect(address, 1).close()
        return True
    except OSError:
        return False


def children(pid):
    """The process and all its descendants."""
    parents = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = Path("/proc", entry, "stat").read_text()
        except OSError:
            continue
        parents[int(entry)] = int(text.rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [p for p, parent in parents.items() if parent == one]
    return found


def arguments(pid):
    """The command line of a process, [] if it has just gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def cpu_seconds(pid):
    """CPU time of the process and its descendants, to the nanosecond."""
    total = 0.0
    for one in children(pid):
        try:
            # the process CPU clock of another process (clock_getcpuclockid)
            total += time.clock_gettime((~one << 3) | 2)
        except OSError:
            pass
    return total


def pss_kib(pid):
    """Proportional set size of the process and its descendants."""
    total = 0
    for one in children(pid):
        try:
            for line in Path(f"/proc/{one}/smaps_rollup").open():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total


class Process:
    """A child in the foreground whose output is kept in a file."""

    def __init__(self, argv, log, env=None, cwd=None):
        self.argv = [str(a) for a in argv]
        self.log_path = Path(log)
        with open(self.log_path, "ab") as out:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=env, cwd=cwd)

    @property
    def pid(self):
        return self.child.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def running(self):
        return self.child.poll() is None

    def wait_listening(self, address, timeout=10):
        def check():
            if not self.running():
                raise RuntimeError(f"{self.argv[0]} ended with "
                                   f"{self.child.returncode}: {self.log()}")
            return answers(address)
        wait_for(check, timeout, f"{self.argv[0]} at {address}")

    def stop(self, sig=signal.SIGTERM, timeout=10):
        """End the child and return its status; kill it if it won't go."""
        if self.running():
            self.child.send_signal(sig)
            try:
                self.child.wait(timeout)
            except subprocess.TimeoutExpired:
                for pid in reversed(children(self.pid)):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self.child.wait()
        return self.child.returncode
