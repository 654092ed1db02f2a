# SPDX-License-Identifier: GPL-2.0-or-later
"""The helpers that look into attachments: what they may do, and what the sender
sees when one dies, runs out of memory or gets a bomb."""

import os
import random
import re
import signal
import subprocess
import tempfile
import threading
import time
import zipfile

import pytest

from weirtest import attach as at, daemon, proc
from weirtest.inject import Inside

from test_attachment import (Site, bombs, built, held,  # noqa: F401
                             helpers, mail, shared, site,
                             start_shared)
from test_explain import records

AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
STREAM = 1
AT_FDCWD = -100
LOOPBACK = b"\2\0\0\x19\x7f\0\0\1" + bytes(8)
DENIED = {
    "execve": ("execve", b"/bin/true", 0, 0),
    "execveat": ("execveat", AT_FDCWD, b"/bin/true", 0, 0, 0),
    "fork": ("fork",), "vfork": ("vfork",), "clone": ("clone", 17, 0, 0, 0, 0),
    "socket of IPv4": ("socket", AF_INET, STREAM, 0),
    "socket of IPv6": ("socket", AF_INET6, STREAM, 0),
    "socket of Unix": ("socket", AF_UNIX, STREAM, 0),
    "connect": ("connect", 0, LOOPBACK, 16),
    "datagram to an address": ("sendto", 0, b"x", 1, 0, LOOPBACK, 16),
    "open to read": ("openat", AT_FDCWD, b"/etc/passwd", 0, 0),
    "open to write": ("openat", AT_FDCWD,
                      os.fsencode(f"{tempfile.gettempdir()}/weir-new"), 0o101,
                      0o600),
    "kill": ("kill", 1, 0), "ptrace": ("ptrace", 0, 0, 0, 0),
    "io_uring": ("io_uring_setup", 1, bytes(120)),
}


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


def test_helper_has_no_rights(shared):
    """In each of the four, by its own hand: no program can be started, no
    connection made, no file opened."""
    assert shared.send(mail(at.attached("a.zip", at.zipped(
        {"a.txt": b"x"})))).kind == "continue"
    pids = helpers(shared.weir)
    assert len(pids) == 4
    for pid in pids:
        said = status(pid)
        assert said["Seccomp"] == "2" and said["NoNewPrivs"] == "1"
        assert int(said["CapEff"], 16) == int(said["CapPrm"], 16) == 0
        for fd in os.listdir(f"/proc/{pid}/fd"):
            # its Unix sockets to the workers and the master, and no others
            where = os.readlink(f"/proc/{pid}/fd/{fd}")
            if where.startswith("socket:"):
                inode = where[8:-1]
                for kind in ("tcp", "tcp6", "udp", "udp6", "raw"):
                    with open(f"/proc/{pid}/net/{kind}") as f:
                        assert not re.search(rf"\b{inode}\b", f.read())
        with Inside(pid) as inside:
            assert inside.call("getpid") == pid
            got = {name: inside.refused(*call)
                   for name, call in DENIED.items()}
        assert not any(got.values()), got
    # and they still work
    for _ in range(8):
        assert shared.send(mail(at.attached("run.exe"))).code == 5
    assert helpers(shared.weir) == pids


def test_the_question_has_another_answer_elsewhere():
    """What is refused in a helper is not refused everywhere."""
    child = proc.Process(["/bin/sleep", "60"], os.devnull)
    try:
        # it is itself, not what it was before
        proc.wait_for(lambda: b"sleep" in open(
            f"/proc/{child.pid}/cmdline", "rb").read(), 5, "sleep")
        with Inside(child.pid) as inside:
            for name in ("socket of IPv4", "socket of Unix", "open to read"):
                assert inside.refused(*DENIED[name]), name
    finally:
        child.stop()


# --- memory ---

def noise(octets, seed=1):
    return random.Random(seed).randbytes(octets)


def kib(pid, what):
    return int(status(pid)[what].split()[0])


CAP = 1 << 30  # of their address space


def allow(pid, octets):
    """Its address space; as its own user, who needs no right for it."""
    said = status(pid)
    subprocess.run(["prlimit", f"--pid={pid}", f"--as={octets}:{CAP}"],
                   check=True, timeout=20, user=int(said["Uid"].split()[0]),
                   group=int(said["Gid"].split()[0]), extra_groups=[])


def squeeze(pids, room):
    """Let them have so many octets more than they have now."""
    for pid in pids:
        allow(pid, kib(pid, "VmSize") * 1024 + room)


def sanitized():
    return b"__asan_init" in (proc.build_dir() / "weir-helper").read_bytes()


def verdict(one, n):
    """Facts and verdict of the n-th mail."""
    record = records(one.weir, n)[n - 1]
    return record["facts"], record["verdict"]


ROOMS = [0, 64 << 10, 300 << 10, 1 << 20, 4 << 20]


def test_end_of_memory_is_never_clean(site):
    """Helpers at the end of their address space, at several places: the mail
    is held with a limit as its verdict, or tried again; never let in."""
    if sanitized():
        pytest.skip("a sanitizer needs more address space")
    one = site(head=daemon.section("crash", limit=100, window="1m",
                                   bench="1s"))
    # 8 MB, and behind them what must never be let in: a helper that had
    # enough left from an earlier look finds it, one that had not stops short
    large = mail(at.attached("a.zip", at.zipped(
        {"a.bin": noise(30000) * 280, "run.exe": at.PROGRAM})))
    assert one.send(large).code == 5
    seen, n = set(), 1
    for room in ROOMS:
        squeeze(helpers(one.weir), room)
        reply = one.send(large)
        n += 1
        assert held(reply), (room, reply)
        facts, _ = verdict(one, n)
        seen.add(facts["attachment.result"])
        if reply.code == 2:
            assert "limit-" in facts["attachment.categories"], facts
    assert seen and seen <= {"blocked", "unscanned"}, seen
    for pid in helpers(one.weir):
        allow(pid, CAP)
    proc.wait_for(lambda: one.send(mail(at.attached(
        "b.txt", b"small"))).kind == "continue", 20, "the service")


def test_larger_than_the_memory(site):
    """A mail that no helper has the room for, not even to decode it: held at
    the first try, for trying again would change nothing."""
    if sanitized():
        pytest.skip("a sanitizer needs more address space")
    one = site()
    assert one.send(mail(at.attached("a.txt", b"small"))).kind == "continue"
    for n, room in enumerate((4 << 20, 30 << 20)):
        # the mail has some 27 MB, its content 20: the first does not fit,
        # then the second
        squeeze(helpers(one.weir), room)
        reply = one.send(mail(at.attached("a.bin", bytes(20 << 20)),
                              at.attached("b.txt", b"small")))
        assert reply.code == 2 and held(reply), reply
        facts, word = verdict(one, 2 * n + 2)
        assert facts["attachment.result"] == "blocked", facts
        assert word == "quarantine"
        assert "limit-memory" in facts["attachment.categories"], facts
        assert one.send(mail(at.attached("run.exe"))).code == 5
    assert len(helpers(one.weir)) == 4, "none has died of it"


@pytest.mark.parametrize("rows, code, is_held", [
    ("", 2, True),
    ('rule "mine" { categories = {"limit-memory"}  action = tempfail }\n', 4,
     True),
    ('rule "mine" { categories = {"limit-*"}  action = accept }\n', 2,
     False)])
def test_without_defaults_the_unseen_is_held(site, rows, code, is_held):
    """A check that did not run was not passed, unless the site says so."""
    if sanitized():
        pytest.skip("a sanitizer needs more address space")
    one = site(rows, defaults=False)
    assert one.send(mail(at.attached("run.exe"))).kind == "continue"
    squeeze(helpers(one.weir), 30 << 20)
    reply = one.send(mail(at.attached("a.bin", bytes(20 << 20))))
    assert reply.code == code and held(reply) == is_held, reply
    facts, _ = verdict(one, 2)
    assert "limit-memory" in facts["attachment.categories"], facts


def test_bombs_stay_under_the_cap(site):
    """A verdict in time through the daemon; helpers stay under their address
    space, workers under what mail may take."""
    one = site(head="memory { total = 200M }\n")
    for n, (name, data, want) in enumerate(bombs()):
        begin = time.monotonic()
        reply = one.send(mail(at.attached(name, data)))
        # and the time that it takes to send it
        assert time.monotonic() - begin < 15 + len(data) / (2 << 20), name
        assert held(reply), (name, reply)
        facts, _ = verdict(one, n + 1)
        assert want in facts["attachment.categories"].split(", "), name
    pids = helpers(one.weir)
    assert len(pids) == 4, "a bomb has killed a helper"
    if sanitized():
        return
    peaks = [kib(pid, "VmPeak") >> 10 for pid in pids]
    rss = [kib(pid, "VmHWM") >> 10 for pid in pids]
    workers = [kib(w["pid"], "VmHWM") >> 10
               for w in one.weir.ctl_json("status")["workers"]]
    print("helpers: MiB of address space", peaks, "resident", rss,
          "workers resident", workers)
    assert max(peaks) <= CAP >> 20 and max(rss) < 400, (peaks, rss)
    assert max(workers) < 200 + 60, workers


# --- death ---

def slow(n=90):
    """A mail that takes seconds to look into: many large files of zeros."""
    inner = at.zipped({"z": bytes(20 << 20)})
    return mail(at.attached("slow.zip", at.zipped(
        {f"{i}.zip": inner for i in range(n)}, zipfile.ZIP_STORED)))


SLOW = {"max_ratio": 100000, "max_total_size": "16G", "time_limit": "9s"}


def busy(pids, before):
    """The one that works."""
    for pid in pids:
        if proc.cpu_seconds(pid) > before[pid] + 0.3:
            return pid
    return None


def kill_during(one, raw):
    """Kill the helper that looks into it; the reply."""
    done = []
    # all of them have to be there, or it waits for one that starts
    pids = proc.wait_for(lambda: len(helpers(one.weir)) == 4
                         and helpers(one.weir), 10, "four helpers")
    before = {pid: proc.cpu_seconds(pid) for pid in pids}
    thread = threading.Thread(target=lambda: done.append(one.send(raw)))
    thread.start()
    pid = proc.wait_for(lambda: busy(pids, before), 20, "a busy helper")
    assert not done, "it was done before"
    os.kill(pid, signal.SIGKILL)
    thread.join(30)
    return done[0]


def test_death_during_a_scan(site):
    """451, and again 451; the third time it is not tried any more and goes to
    the quarantine with limit-crash.  Nobody else notices."""
    one = site(**SLOW, head=daemon.section("crash", limit=100, window="1m",
                                           bench="1s"))
    raw = slow()
    for n in (1, 2):
        reply = kill_during(one, raw)
        assert reply.kind == "tempfail" or reply.text.startswith("451"), reply
        facts, word = verdict(one, n)
        assert facts["attachment.result"] == "unscanned"
        assert word == "tempfail"
    begin = time.monotonic()
    reply = one.send(raw)
    assert time.monotonic() - begin < 2, "it was tried again"
    assert reply.code == 2 and held(reply), reply
    facts, word = verdict(one, 3)
    assert facts["attachment.result"] == "blocked" and word == "quarantine"
    assert "limit-crash" in facts["attachment.categories"].split(", ")
    # another mail is looked at as ever
    assert one.send(mail(at.attached("a.txt", b"z"))).kind == "continue"
    assert one.send(mail(at.attached("run.exe"))).code == 5


@pytest.mark.parametrize("on_failure, code", [("pass", 2),
                                              ("tempfail", 4)])
def test_site_decides_about_the_unscanned(site, on_failure, code):
    """pass lets through what nobody has looked into, and says so."""
    one = site(**SLOW, on_failure=on_failure)
    reply = kill_during(one, slow())
    assert reply.code == code, reply
    facts, _ = verdict(one, 1)
    assert facts["attachment.result"] == "unscanned"


def test_names_count_when_nobody_can_look(site):
    one = site(**SLOW, on_failure="pass")
    raw = slow().replace(b'"slow.zip"', b'"slow.exe"')
    assert kill_during(one, raw).code == 5
