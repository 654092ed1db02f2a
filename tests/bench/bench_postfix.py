#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a milter costs the real Postfix.

usage: bench_postfix.py [--quick] [--json FILE]

smtp-source -> Postfix -> smtp-sink, one private Postfix for each way: no
milter, Weir over a unix socket, Weir over TCP, the bare loop over both, and
libmilter over TCP (which meets the delayed ACK).
Rounds of all ways alternate; a round ends when the last message is accepted,
and the next begins when the queue is empty.  Median messages/s are shown.
The folder of the queues is WEIR_BENCH_TMP, else the usual one: with a slow
disk the disk is what is measured."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from weirtest import daemon, postfix, proc  # noqa: E402

SESSIONS = 8
SIZE = 4096
MOST_APART = 0.05


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

    def way(self, name, nexthop, milter=None):
        mx = postfix.Postfix(self.dir / name.replace(" ", "-"), nexthop,
                             milters=[milter] if milter else [])
        self.stops.append(mx.stop)
        self.ways[name] = mx.start()

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
        return where

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
        return address

    def close(self):
        for stop in reversed(self.stops):
            try:
                stop()
            except Exception as error: # all must be stopped
                print(f"stopping: {error}", file=sys.stderr)


def run(mx, messages):
    """Messages accepted in a second."""
    begin = time.monotonic()
    # timeout(1) bounds it: Python's own timeout polls every 50 ms, which is a
    # tenth of a short round
    subprocess.run(
        ["timeout", "300", "/usr/sbin/smtp-source", "-d", "-s",
         str(SESSIONS), "-m", str(messages), "-l", str(SIZE), "-f",
         "sender@example.org", "-t", "user@example.net",
         f"inet:{mx.address}"], check=True)
    took = time.monotonic() - begin
    mx.drained(120)
    return messages / took


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
    rates = {}
    try:
        nexthop = ways.sink()
        ways.way("no milter", nexthop)
        ways.way("floor no events", nexthop,
                 ways.yardstick("floor", f"unix:{folder}/s.sock", "-s"))
        ways.way("floor unix", nexthop,
                 ways.yardstick("floor", f"unix:{folder}/f.sock"))
        ways.way("floor tcp", nexthop,
                 ways.yardstick("floor", f"inet:{proc.free_port()}"))
        if proc.program("libmilter-filter") is not None:
            ways.way("libmilter tcp", nexthop, ways.yardstick(
                "libmilter-filter", f"inet:{proc.free_port()}"))
        if proc.program("weir") is not None:
            ways.way("weir unix", nexthop,
                     ways.weir(f"unix:{folder}/w.sock"))
            ways.way("weir tcp", nexthop,
                     ways.weir(f"inet:127.0.0.1:{proc.free_port()}"))
            ways.way("weir bare unix", nexthop,
                     ways.weir(f"unix:{folder}/b.sock", False))
            ways.way("weir bare tcp", nexthop, ways.weir(
                f"inet:127.0.0.1:{proc.free_port()}", False))
        messages = 400 if options.quick else 1000
        rates = {name: [] for name in ways.ways}
        for number in range(4 if options.quick else 10):
            for name, mx in ways.ways.items():
                rate = run(mx, messages if number else 100)
                if number: # the first warms up
                    rates[name].append(rate)
    finally:
        ways.close()
        shutil.rmtree(folder, ignore_errors=True)
    medians = {k: statistics.median(v) for k, v in rates.items()}
    print(f"\nthrough Postfix: {SESSIONS} sessions, {SIZE} octets")
    for name, rate in medians.items():
        print(f"  {name:<16}{rate:>9.0f}/s{rate / medians['no milter']:>8.3f}"
              "  of no milter")
    status = 0
    for name in ("weir unix", "weir tcp", "weir bare unix", "weir bare tcp"):
        if name not in medians:
            print(f"  {name}: not measured, weir is not built")
            continue
        floor = medians.get(name.replace("weir", "floor"))
        if floor is not None:
            print(f"  {name}: {medians[name] / floor:.3f} of the bare loop "
                  "there")
        short = 1 - medians[name] / medians["no milter"]
        word = "ok" if short <= MOST_APART else "MISS"
        status |= word == "MISS"
        print(f"  {name} behind no milter: {short:.1%} "
              f"(<= {MOST_APART:.0%})  {word}")
    for name in ("weir", "weir bare"):
        if f"{name} tcp" not in medians:
            continue
        apart = 1 - medians[f"{name} tcp"] / medians[f"{name} unix"]
        word = "ok" if abs(apart) <= MOST_APART else "MISS"
        status |= word == "MISS"
        print(f"  {name} tcp behind {name} unix: {apart:.1%} "
              f"(<= {MOST_APART:.0%})  {word}")
    if options.json:
        Path(options.json).write_text(json.dumps(medians) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
