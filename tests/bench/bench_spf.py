#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SPF through policy delegation: Weir beside postfix-policyd-spf-python.

usage: bench_spf.py [--quick] [--json FILE]

Both ask the same dnsmasq on loopback, which holds the zone in memory: 100
domains whose record includes another one (two TXT lookups a check).  Eight
smtpd ask at the same time: each has a policyd of its own, as Postfix's spawn(8)
does it, and a connection to Weir's one worker.  Rounds take turns; medians, and
the median of the ratios of neighbours.  Weir is shown as it is (it remembers
answers as long as their TTL says) and with a TTL of 0, where it asks for each
check as policyd does.  policyd knows no other resolver than the machine's: it
runs in a mount namespace with another /etc/resolv.conf."""

import argparse
import json
import os
import selectors
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from weirtest import daemon, proc  # noqa: E402
from weirtest.policy import DEFAULTS  # noqa: E402

AT_LEAST = 5
LINES = 8
DOMAINS = 100
RESOLVER = "127.0.77.53" # port 53: resolv.conf names no port
POLICYD = "/usr/bin/policyd-spf"


def unavailable():
    """Why not, or None."""
    if os.geteuid() != 0:
        return "must be root: port 53, a mount namespace"
    if not Path(POLICYD).exists():
        return "postfix-policyd-spf-python is not installed"
    if shutil.which("dnsmasq") is None:
        return "dnsmasq is not installed"
    if proc.program("weir") is None:
        return "weir is not built"
    return None


def zone(ttl):
    """dnsmasq's configuration."""
    lines = ["no-resolv", "no-hosts", "bind-interfaces", "keep-in-foreground",
             f"listen-address={RESOLVER}", "user=root", "port=53",
             "local=/spf.example/", f"local-ttl={ttl}", "conf-dir=",
             'txt-record=_out.spf.example,"v=spf1 ip4:198.51.100.0/24 '
             'ip4:203.0.113.0/24 -all"']
    lines += [f'txt-record=d{n}.spf.example,"v=spf1 ip4:192.0.2.0/28 '
              'include:_out.spf.example -all"' for n in range(DOMAINS)]
    return "\n".join(lines) + "\n"


def request(number, good):
    rows = {**DEFAULTS, "sender": f"s@d{number % DOMAINS}.spf.example",
            "client_address": "198.51.100.7" if good else "192.0.2.99",
            "client_name": "unknown", "reverse_client_name": "unknown",
            "helo_name": f"mx.d{number % DOMAINS}.spf.example",
            "instance": f"b{number}.1"}
    return ("".join(f"{k}={v}\n" for k, v in rows.items()) + "\n").encode()


class Server:
    """Something that answers requests on several lines: pairs of descriptors
    to read and to write.  pids: the processes whose CPU counts."""

    def __init__(self, pids, lines):
        self.pids = pids
        self.lines = lines
        self.number = 0

    def send(self, write, good):
        self.number += 1
        os.write(write, request(self.number, good))

    def ask(self, good):
        read, write = self.lines[0]
        self.send(write, good)
        got = b""
        while not got.endswith(b"\n\n"):
            piece = os.read(read, 65536)
            if not piece:
                raise RuntimeError("it is gone")
            got += piece
        return got.decode().strip()

    def cpu(self):
        return sum(proc.cpu_seconds(pid) for pid in self.pids)

    def round(self, checks):
        """(checks/s, CPU ms a check); every line has one request under way"""
        before = self.cpu()
        begin = time.monotonic()
        sent = done = 0
        with selectors.DefaultSelector() as poll:
            for read, write in self.lines:
                poll.register(read, selectors.EVENT_READ, write)
                self.send(write, sent % 4 > 0)
                sent += 1
            while done < sent:
                for key, _ in poll.select(60):
                    # an answer is short: it comes in one piece
                    if not os.read(key.fd, 65536).endswith(b"\n\n"):
                        raise RuntimeError("no answer")
                    done += 1
                    if sent < checks:
                        self.send(key.data, sent % 4 > 0)
                        sent += 1
        took = time.monotonic() - begin
        return done / took, (self.cpu() - before) * 1e3 / done


class Bench:
    def __init__(self, folder):
        self.dir = folder
        self.stops = []

    def dns(self, ttl):
        path = self.dir / "dnsmasq.conf"
        path.write_text(zone(ttl))
        one = proc.Process(["dnsmasq", "-C", path, "--pid-file="],
                           self.dir / "dnsmasq.log")
        one.wait_listening(f"inet:{RESOLVER}:53")
        return one

    def policyd(self):
        resolv = self.dir / "resolv.conf"
        resolv.write_text(f"nameserver {RESOLVER}\n")
        conf = self.dir / "policyd.conf"
        conf.write_text("debugLevel = 0\nTestOnly = 1\nHELO_reject = False\n"
                        "Mail_From_reject = Fail\nPermError_reject = False\n"
                        "TempError_Defer = False\nHeader_Type = None\n")
        children = [subprocess.Popen(
            ["unshare", "-m", "sh", "-c", 'mount --bind "$1" '
             '/etc/resolv.conf && exec "$2" "$3"', "sh", str(resolv), POLICYD,
             str(conf)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(LINES)]

        def stop():
            for child in children:
                child.stdin.close()
                child.terminate()
                child.wait(10)
        self.stops.append(stop)
        return Server([c.pid for c in children],
                      [(c.stdout.fileno(), c.stdin.fileno())
                       for c in children])

    def weir(self):
        folder = Path(tempfile.mkdtemp(prefix="weir", dir=self.dir))
        address = f"unix:{folder}/s.sock"
        one = daemon.Weir(
            folder, daemon.listener("bench", "policy", address)
            + daemon.section("dns", servers=[f"{RESOLVER}:53"])
            + daemon.section("module", "spf", fail="reject",
                             received_spf=False, exempt_mx=False)
            + daemon.section("log", level="warn"), workers=1)
        self.stops.append(one.stop)
        one.start()
        socks = [proc.connect(address, None) for _ in range(LINES)]
        self.stops += [sock.close for sock in socks]
        server = Server([one.pid], [(s.fileno(), s.fileno()) for s in socks])
        server.socks = socks # they live as long as it does
        return server

    def close(self):
        for stop in reversed(self.stops):
            try:
                stop()
            except Exception as error: # all must be stopped
                print(f"stopping: {error}", file=sys.stderr)
        self.stops = []


def check(servers):
    """They must agree, or the figures are about nothing."""
    for name, server in servers.items():
        good, bad = server.ask(True), server.ask(False)
        # policyd says "prepend" for a pass when it writes headers, else dunno
        if good.split()[0].lower() not in ("action=dunno", "action=prepend") \
                or bad.split()[0].lower() not in ("action=reject",
                                                  "action=550"):
            raise RuntimeError(f"{name} says {good!r} and {bad!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--only", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    reason = "not asked for" if options.only and "spf" not in options.only \
        else unavailable()
    if reason is not None:
        print(f"SPF: not measured ({reason})")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="weir-bench-"))
    folder.chmod(0o755)
    bench = Bench(folder)
    checks = 200 if options.quick else 500
    results, ratios = {}, {}
    try:
        for ttl, label in ((3600, "weir"), (0, "weir, TTL 0")):
            dns = bench.dns(ttl)
            try:
                servers = {"policyd-spf": bench.policyd(),
                           label: bench.weir()}
                check(servers)
                rows = {name: [] for name in servers}
                for number in range(4 if options.quick else 8):
                    for name, server in servers.items():
                        got = server.round(
                            checks * (1 if name == "policyd-spf" else 10))
                        if number: # the first warms up
                            rows[name].append(got)
                ratios[label] = statistics.median(
                    b[0] / a[0] for a, b in zip(*rows.values()))
                for name, got in rows.items():
                    results.setdefault(name, []).extend(got)
            finally:
                bench.close()
                dns.stop()
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nSPF through policy, {LINES} at a time, 2 TXT lookups, a quarter "
          "fails")
    medians = {}
    for name, rows in results.items():
        medians[name] = [statistics.median(c) for c in zip(*rows)]
        print(f"  {name:<16}{medians[name][0]:>10,.0f} checks/s"
              f"{medians[name][1]:>10.4f} ms CPU")
    status = 0
    for name, ratio in ratios.items():
        word = "ok" if ratio >= AT_LEAST else "MISS"
        status |= word == "MISS"
        print(f"  {name} / policyd-spf: {ratio:.1f}x (>= {AT_LEAST})  {word}")
    if options.json:
        Path(options.json).write_text(json.dumps(medians) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
