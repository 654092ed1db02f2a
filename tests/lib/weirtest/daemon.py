# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon under test: configuration, start, readiness, stop."""

import grp
import json
import os
import pwd
import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import proc

SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "runtime error:",
                   "ThreadSanitizer", "UndefinedBehaviorSanitizer")


def listener(name, protocol, address, **options):
    """A listener section; options such as no_reply=False.  Everybody may
    connect to a unix socket: Postfix is another user."""
    if address.startswith("unix:"):
        options.setdefault("mode", "0666")
    rows = {"protocol": protocol, "address": address, "direction": "in",
            **options}
    return section("listener", name, **rows)


def value(v):
    """A value in the syntax of the file."""
    if isinstance(v, bool):
        return "yes" if v else "no"
    if isinstance(v, (int, float)):
        return str(v)
    if isinstance(v, (list, tuple)):
        return "{" + ", ".join(value(x) for x in v) + "}"
    text = str(v).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def section(kind, title=None, **rows):
    """Any section."""
    head = kind if title is None else f'{kind} "{title}"'
    body = "".join(f"\t{k} = {value(v)}\n" for k, v in rows.items())
    return f"{head} {{\n{body}}}\n"


def unprivileged():
    """User and group that the workers run as: not root, if there is a
    choice."""
    if os.geteuid() == 0:
        return "nobody", grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
    return (pwd.getpwuid(os.geteuid()).pw_name,
            grp.getgrgid(os.getegid()).gr_name)


class Weir:
    """The built daemon in the foreground, in a folder of its own.

    conf: the text after the common head; {dir} stands for the folder."""

    def __init__(self, folder, conf, workers=1, head=None, binary=None,
                 env=None):
        self.dir = Path(folder)
        # the workers are another user
        for path in (self.dir, *self.dir.parents):
            if path.stat().st_uid == os.geteuid() \
                    and path.stat().st_mode & 0o055 != 0o055 \
                    and Path(tempfile.gettempdir()) in path.parents:
                path.chmod(path.stat().st_mode | 0o055)
        self.binary = binary or proc.program("weir")
        if self.binary is None:
            raise FileNotFoundError("weir is not built")
        # the daemon makes it, for the user that its workers are
        self.state = self.dir / "state"
        self.conf_path = self.dir / "weir.conf"
        self.workers = workers
        self.head = head
        self.write_conf(conf)
        self.notify_path = self.dir / "notify"
        self.notify = None
        self.process = None
        self.messages = []
        self.env = env or {}

    def write_conf(self, conf):
        """Write the file anew, for a reload."""
        head = self.head
        if head is None:
            user, group = unprivileged()
            head = (f"workers = {self.workers}\n"
                    f'state_dir = "{self.state}"\n'
                    f'control = "{self.dir}/control.sock"\n'
                    f'module_path = "{module_path()}"\n'
                    f'user = "{user}"\ngroup = "{group}"\n')
        if not re.search(r"^\s*dns\b", conf, re.M):
            # nothing is ever asked of the machine's own name servers
            zone = self.dir / "empty.zone"
            zone.write_text("$TTL 300\n")
            head += section("dns", zone=zone)
        # in one piece: a reload may be reading the file just now
        fresh = self.conf_path.with_suffix(".new")
        fresh.write_text(head + conf.replace("{dir}", str(self.dir)))
        fresh.replace(self.conf_path)

    def start(self, timeout=20):
        """Start and wait until the daemon says READY=1."""
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify_path.unlink(missing_ok=True)
        self.notify.bind(str(self.notify_path))
        env = {**os.environ, "NOTIFY_SOCKET": str(self.notify_path),
               "ASAN_OPTIONS": "abort_on_error=0:exitcode=99",
               "UBSAN_OPTIONS": "print_stacktrace=1", **self.env}
        self.process = proc.Process(
            [self.binary, "-f", "-c", self.conf_path], self.dir / "log",
            env=env)
        self.wait_notify("READY=1", timeout)
        return self

    def wait_notify(self, word, timeout=20):
        """Wait for a line that the daemon tells its manager."""
        end = time.monotonic() + timeout
        self.notify.settimeout(0.1)
        while time.monotonic() < end:
            try:
                lines = self.notify.recv(65536).decode().splitlines()
            except socket.timeout:
                if not self.process.running():
                    raise RuntimeError("weir did not start: "
                                       + self.log()) from None
                continue
            self.messages += lines
            if word in lines:
                return
        raise TimeoutError(f"no {word} within {timeout} s: {self.log()}")

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.process.log()

    def ctl(self, *args, check=True):
        """weirctl: its standard output."""
        done = subprocess.run(
            [proc.program("weirctl"), "-s", self.dir / "control.sock",
             *args], capture_output=True, text=True, timeout=30)
        if check and done.returncode != 0:
            raise RuntimeError(f"weirctl {args}: {done.stderr}")
        return done.stdout

    def ctl_json(self, *args):
        return json.loads(self.ctl("--json", *args))

    def stop(self, status=0):
        """End it; it must go in good order and say nothing of memory."""
        code = self.process.stop()
        self.notify.setblocking(False)
        try:
            while True:
                self.messages += self.notify.recv(65536).decode().splitlines()
        except BlockingIOError:
            self.notify.close()
        log = self.log()
        bad = [line for line in log.splitlines()
               if any(w in line for w in SANITIZER_WORDS)]
        assert not bad, "\n".join(bad[:20]) + "\n" + log[-8000:]
        assert code == status, f"weir ended with {code}:\n{log[-8000:]}"


def module_path():
    """A folder of links to the modules of the build tree."""
    build = proc.build_dir()
    folder = build / "tests" / "modules"
    folder.mkdir(parents=True, exist_ok=True)
    for found in [*build.glob("modules/*/.libs/mod_*.so"),
                  *build.glob("tests/*/.libs/mod_*.so")]:
        link = folder / found.name
        try:
            link.symlink_to(found)
        except FileExistsError:
            pass
    return folder


def load(*args, check=True, timeout=660):
    """Run weir-load with --json and give its summary."""
    binary = proc.program("weir-load")
    if binary is None:
        raise FileNotFoundError("weir-load is not built")
    done = subprocess.run([binary, "--json", *map(str, args)],
                          capture_output=True, text=True, timeout=timeout)
    if done.returncode == 2 or (check and done.returncode != 0):
        raise RuntimeError(f"weir-load {args}: {done.stderr}{done.stdout}")
    summary = json.loads(done.stdout)
    summary["status"] = done.returncode
    return summary
