#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a milter costs the real Postfix.

usage: bench_postfix.py [--quick] [--json FILE]

Clients -> Postfix -> smtp-sink, one private Postfix for each way: no milter,
Weir over a unix socket and over TCP, with a module that reads everything and
with none, the bare loop likewise, and libmilter over TCP (which meets the
delayed ACK).  Two questions:

steady: mail comes at a rate that Postfix alone manages with ease.  Does all of
	it get through, and how long does a client wait, from MAIL to the
	answer to its final dot?  A filter that stalls loses here.
flat out: as fast as it goes, all cores busy with Postfix itself.  What does
	the way cost in CPU, everything together (Postfix, filter), and in rate?

Short rounds of all ways take turns, in another order each time; every round
is compared with the round without a milter next to it, and the median of
those ratios is shown, so that what else the machine does hits all alike.  The
folder of the queues is WEIR_BENCH_TMP, else the usual one."""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from weirtest import daemon, postfix, proc  # noqa: E402

SESSIONS = 8
SIZE = 4096
STEADY = 250 # messages/s at most: libmilter's stall allows 8 / 45 ms = 178
STEADY_SHARE = 0.3 # of what Postfix alone manages here and now
STALL_MS = 20 # half of what the delayed ACK costs
MOST_APART = 0.05
NONE = "no milter"
MAIL = ("From: sender@example.org\r\nTo: user@example.net\r\nSubject: steady"
        "\r\n\r\n" + ("x" * 62 + "\r\n") * (SIZE // 64) + ".\r\n").encode()
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """CPU seconds of a process, its descendants and those it has reaped."""
    total = 0
    for one in proc.children(pid):
        try:
            text = Path("/proc", str(one), "stat").read_text()
        except OSError:
            continue # its time is with its parent by now or is lost
        total += sum(int(n) for n in text.rpartition(")")[2].split()[11:15])
    return total / TICKS


class Way:
    """A Postfix and what filters its mail."""

    def __init__(self, mx, filter_pid):
        self.mx = mx
        master = (mx.dir / "queue/pid/master.pid").read_text()
        self.pids = [int(master)] + ([filter_pid] if filter_pid else [])

    def cpu(self):
        return sum(cpu(pid) for pid in self.pids)


class Ways:
    def __init__(self, folder):
        self.dir = folder
        self.stops = []
        self.ways = {}

    def sink(self):
        port = proc.free_port()
        one = proc.Process(["/usr/sbin/smtp-sink", "-u", "postfix", f"127.0.0.1:{port}",
                            "256"], self.dir / "sink.log")
        self.stops.append(one.stop)
        one.wait_listening(f"inet:127.0.0.1:{port}")
        return f"127.0.0.1:{port}"

    def way(self, name, nexthop, milter=(None, None)):
        # processes that end after 100 mails would make some rounds dearer
        mx = postfix.Postfix(self.dir / name.replace(" ", "-"), nexthop,
                             milters=[milter[0]] if milter[0] else [],
                             max_use="100000", max_idle="300s")
        self.stops.append(mx.stop)
        self.ways[name] = Way(mx.start(), milter[1])

    def yardstick(self, name, address, flag="-n"):
        """A yardstick with the no-reply flags, at unix: or inet:port."""
        where = address if address.startswith("unix") \
            else address.replace("inet:", "inet:127.0.0.1:")
        if name == "libmilter-filter":
            address += "@127.0.0.1"
        one = proc.Process([proc.program(name), flag, address],
                           self.dir / f"{name}.log")
        self.stops.append(lambda: one.stop(9))
        one.wait_listening(where)
        if address.startswith("unix:"):
            Path(address[5:]).chmod(0o666)
        return where, one.pid

    def weir(self, address, everything=True):
        """With a module that wants every octet, or with none at all."""
        folder = self.dir / f"weir{len(self.stops)}"
        folder.mkdir()
        conf = daemon.listener("bench", "milter", address) \
            + daemon.section("log", level="warn") \
            + daemon.section("explain", enabled=False)
        if everything:
            conf += daemon.section("module", "benchmime", depth="data")
        one = daemon.Weir(folder, conf, workers=1)
        self.stops.append(one.stop)
        one.start()
        return address, one.pid

    def set_up(self):
        def unix(name):
            return f"unix:{self.dir}/{name}.sock"

        def tcp(host=""):
            return f"inet:{host}{proc.free_port()}"

        hop = self.sink()
        local = "127.0.0.1:"
        self.way(NONE, hop)
        self.way("floor unix", hop, self.yardstick("floor", unix("f")))
        self.way("floor tcp", hop, self.yardstick("floor", tcp()))
        self.way("floor bare unix", hop,
                 self.yardstick("floor", unix("s"), "-s"))
        if proc.program("libmilter-filter") is not None:
            self.way("libmilter tcp", hop,
                     self.yardstick("libmilter-filter", tcp()))
        if proc.program("weir") is not None:
            self.way("weir unix", hop, self.weir(unix("w")))
            self.way("weir tcp", hop, self.weir(tcp(local)))
            self.way("weir bare unix", hop, self.weir(unix("b"), False))
            self.way("weir bare tcp", hop, self.weir(tcp(local), False))

    def close(self):
        for stop in reversed(self.stops):
            try:
                stop()
            except Exception as error: # all must be stopped
                print(f"stopping: {error}", file=sys.stderr)


class Client:
    """One SMTP session that pipelines, as MTAs do."""

    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), 60)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.f = self.s.makefile("rb")
        self.answer("220")
        self.s.sendall(b"EHLO client.example.org\r\n")
        self.answer("250")

    def answer(self, code):
        while True:
            line = self.f.readline().decode("latin-1")
            if line[3:4] != "-":
                break
        if not line.startswith(code):
            raise RuntimeError(f"Postfix said {line!r}, not {code}")

    def send(self):
        """Seconds from MAIL to the answer to the dot."""
        begin = time.monotonic()
        self.s.sendall(b"MAIL FROM:<sender@example.org>\r\n"
                       b"RCPT TO:<user@example.net>\r\nDATA\r\n")
        for code in ("250", "250", "354"):
            self.answer(code)
        self.s.sendall(MAIL)
        self.answer("250")
        return time.monotonic() - begin


def steady(way, rate, seconds):
    """(messages/s that came through, p50 and p95 of a transaction in ms)"""
    taken = []
    begin = time.monotonic() + 0.05

    def session(number):
        client = Client(way.mx.port)
        due = begin + number / rate
        while due < begin + seconds:
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            if time.monotonic() > begin + seconds:
                break # what is late by now was not passed at this rate
            taken.append(client.send())
            due += SESSIONS / rate
        client.s.close()

    threads = [threading.Thread(target=session, args=(n,))
               for n in range(SESSIONS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    way.mx.drained(120)
    ordered = sorted(taken)
    if not ordered:
        return 0.0, seconds * 1e3, seconds * 1e3
    return (len(taken) / seconds, ordered[len(ordered) // 2] * 1e3,
            ordered[len(ordered) * 95 // 100] * 1e3)


def flat_out(way, messages):
    """(messages/s accepted, CPU ms a message until it is delivered)"""
    before = way.cpu()
    begin = time.monotonic()
    # timeout(1) bounds it: Python's own timeout polls every 50 ms, which is a
    # tenth of a short round
    subprocess.run(
        ["timeout", "300", "/usr/sbin/smtp-source", "-d", "-s",
         str(SESSIONS), "-m", str(messages), "-l", str(SIZE), "-f",
         "sender@example.org", "-t", "user@example.net",
         f"inet:{way.mx.address}"], check=True)
    took = time.monotonic() - begin
    way.mx.drained(120)
    return messages / took, (way.cpu() - before) * 1e3 / messages


def rounds(ways, count, one_round):
    """{way: [figures of each round]}; turns begin elsewhere each time."""
    names = list(ways)
    got = {name: [] for name in names}
    for number in range(count):
        first = number * 5 % len(names)
        for name in names[first:] + names[:first]:
            got[name].append(one_round(ways[name]))
    return got


def against(got, name, other, column):
    """The median of the ratios of rounds of the same turn."""
    return statistics.median(a[column] / b[column]
                             for a, b in zip(got[name], got[other]))


def apart(got, name, other, column):
    """The median of the differences of rounds of the same turn."""
    return statistics.median(a[column] - b[column]
                             for a, b in zip(got[name], got[other]))


def table(title, got, heads, compared):
    """Medians of every column; ratios to no milter of those compared."""
    print(f"\n{title}")
    print(f"  {'':<16}" + "".join(f"{h:>14}" for h in heads)
          + "".join(f"{'x ' + heads[c]:>16}" for c in compared))
    for name, rows in got.items():
        print(f"  {name:<16}"
              + "".join(f"{statistics.median(r[c] for r in rows):>14.3f}"
                        for c in range(len(heads)))
              + "".join(f"{against(got, name, NONE, c):>16.3f}"
                        for c in compared))


class Targets:
    def __init__(self):
        self.missed = 0
        self.rows = []

    def within(self, what, ratio):
        """The ratio may fall behind 1 by so much."""
        good = ratio >= 1 - MOST_APART
        self.missed += not good
        self.rows.append((what, ratio, "ok" if good else "MISS"))
        print(f"  {what:<52}{ratio:>8.3f}  (>= {1 - MOST_APART:.2f})  "
              f"{'ok' if good else 'MISS'}")

    def dearer(self, what, ratio):
        """The ratio of CPU may be so much above 1."""
        good = ratio <= 1 + MOST_APART
        self.missed += not good
        self.rows.append((what, ratio, "ok" if good else "MISS"))
        print(f"  {what:<52}{ratio:>8.3f}  (<= {1 + MOST_APART:.2f})  "
              f"{'ok' if good else 'MISS'}")

    def waits(self, what, added_ms):
        good = added_ms <= STALL_MS
        self.missed += not good
        self.rows.append((what, added_ms, "ok" if good else "MISS"))
        print(f"  {what:<52}{added_ms:>8.3f}  (<= {STALL_MS})  "
              f"{'ok' if good else 'MISS'}")


def judge(slow, fast):
    print("\ntargets: a share of the other's rate, or of its CPU; added ms")
    targets = Targets()
    for name in ("weir", "weir bare"):
        if f"{name} tcp" not in slow:
            print("  weir: not measured, it is not built")
            return targets
        for kind in ("unix", "tcp"):
            targets.within(f"steady: {name} {kind} / {NONE}",
                           against(slow, f"{name} {kind}", NONE, 0))
            targets.waits(f"steady: {name} {kind} - {NONE}, p50 ms",
                          apart(slow, f"{name} {kind}", NONE, 1))
        targets.within(f"flat out: {name} tcp / {name} unix",
                       against(fast, f"{name} tcp", f"{name} unix", 0))
    for kind in ("unix", "tcp"):
        targets.within(f"flat out: weir {kind} / floor {kind}",
                       against(fast, f"weir {kind}", f"floor {kind}", 0))
        targets.dearer(f"flat out: CPU of weir {kind} / floor {kind}",
                       against(fast, f"weir {kind}", f"floor {kind}", 1))
        targets.within(f"flat out: weir {kind} / {NONE}",
                       against(fast, f"weir {kind}", NONE, 0))
    targets.within("flat out: weir bare unix / floor bare unix",
                   against(fast, "weir bare unix", "floor bare unix", 0))
    return targets


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--only", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    reason = postfix.available()
    if reason is not None or options.only:
        print(f"through Postfix: not measured ({reason or 'not asked for'})")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="weir-bench-",
                                   dir=os.environ.get("WEIR_BENCH_TMP")))
    folder.chmod(0o755)
    ways = Ways(folder)
    quick = options.quick
    try:
        ways.set_up()
        for way in ways.ways.values(): # warms up
            flat_out(way, 100)
        alone = statistics.median(flat_out(ways.ways[NONE], 200)[0]
                                  for _ in range(3))
        rate = min(STEADY, STEADY_SHARE * alone)
        slow = rounds(ways.ways, 3 if quick else 9,
                      lambda way: steady(way, rate, 1.0 if quick else 1.5))
        fast = rounds(ways.ways, 4 if quick else 13,
                      lambda way: flat_out(way, 300 if quick else 600))
    finally:
        ways.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nthrough Postfix: {SESSIONS} sessions, {SIZE} octets, "
          f"{os.cpu_count()} cores")
    table(f"steady, {rate:.0f}/s offered", slow,
          ("messages/s", "p50 ms", "p95 ms"), (0, 1))
    table("flat out", fast, ("messages/s", "CPU ms"), (0, 1))
    targets = judge(slow, fast)
    if options.json:
        Path(options.json).write_text(json.dumps(
            {"steady": slow, "flat out": fast, "targets": targets.rows})
            + "\n")
    return targets.missed > 0


if __name__ == "__main__":
    sys.exit(main())
