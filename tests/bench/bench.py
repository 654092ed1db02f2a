#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What Weir costs, side by side with a bare loop, libmilter and GMime.

usage: bench.py [--quick] [--only WORD ...] [--json FILE]

Each server runs on a unix socket and is driven by weir-load; rounds of the
servers alternate, so that a busy moment of the machine meets all of them.
CPU is the process clock of the server and its children (nanoseconds, user
and system), without the load generator.  Medians of the rounds are shown."""

import argparse
import base64
import json
import quopri
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from weirtest import daemon, proc  # noqa: E402

CONNECTIONS = 8
MAILS_A_SESSION = 20


class Bench:
    def __init__(self, options):
        self.options = options
        self.dir = Path(tempfile.mkdtemp(prefix="weir-bench-"))
        self.servers = []
        self.started = 0
        self.results = {}
        self.targets = []

    def wanted(self, word):
        return not self.options.only or word in self.options.only

    # servers

    def yardstick(self, name, *flags):
        """Start a yardstick: (process, address), or None if not built."""
        binary = proc.program(name)
        if binary is None:
            return None
        self.started += 1
        address = f"unix:{self.dir}/{name}{self.started}.sock"
        one = proc.Process([binary, *flags, address], self.dir / "log")
        self.servers.append(one)
        one.wait_listening(address)
        return one, address

    def weir(self, conf, explain=False):
        """Start Weir with that configuration, one worker, or None.  Lines
        for each message are not logged, and no record is kept, unless that
        is what is measured."""
        if proc.program("weir") is None:
            return None
        self.started += 1
        folder = self.dir / f"w{self.started}"
        folder.mkdir()
        one = daemon.Weir(
            folder, conf + daemon.section("explain", enabled=explain)
            + daemon.section("log", level="info" if explain else "warn")
            + daemon.section("limits", sessions=4000), workers=1)
        self.servers.append(one)
        one.start()
        return one, f"unix:{folder}/s.sock"

    def stop(self, server):
        if server is not None:
            if isinstance(server[0], daemon.Weir):
                server[0].stop()
            else:
                server[0].stop(9)
            self.servers.remove(server[0])

    def close(self):
        for one in self.servers:
            process = one.process if isinstance(one, daemon.Weir) else one
            if process is not None:
                process.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    # measuring

    def round(self, server, messages, *args, protocol="--milter"):
        """One run: (messages/s, CPU ms a message, p50 ms, p99 ms)."""
        one, address = server
        before = proc.cpu_seconds(one.pid)
        got = daemon.load(protocol, address, "--connections", CONNECTIONS,
                          "--messages", max(1, messages // CONNECTIONS),
                          "--reconnect", MAILS_A_SESSION, *args)
        cpu = proc.cpu_seconds(one.pid) - before
        latency = got["latency_us"]
        return (got["rate"], cpu * 1e3 / got["messages"],
                latency["p50"] / 1e3, latency["p99"] / 1e3)

    def compare(self, title, servers, messages, *args, **options):
        """Rounds of all servers in turn; prints and keeps the medians."""
        servers = {k: v for k, v in servers.items() if v is not None}
        rounds = {name: [] for name in servers}
        count = 3 if self.options.quick else 7
        for number in range(count + 1):
            for name, server in servers.items():
                got = self.round(server, messages // 10 if number == 0
                                 else messages, *args, **options)
                if number > 0: # the first only warms up
                    rounds[name].append(got)
        print(f"\n{title}")
        print(f"  {'':<22}{'messages/s':>12}{'CPU ms':>10}{'x floor':>9}"
              f"{'p50 ms':>9}{'p99 ms':>9}{'PSS MiB':>9}")
        first = None
        medians = {}
        for name, rows in rounds.items():
            rate, cpu, p50, p99 = (statistics.median(c) for c in zip(*rows))
            first = first or cpu
            pss = proc.pss_kib(servers[name][0].pid) / 1024
            medians[name] = {"rate": rate, "cpu_ms": cpu,
                             "cpu_least_ms": min(r[1] for r in rows),
                             "p50_ms": p50,
                             "p99_ms": p99, "pss_mib": pss,
                             "ratio": cpu / first}
            print(f"  {name:<22}{rate:>12,.0f}{cpu:>10.4f}"
                  f"{cpu / first:>9.2f}{p50:>9.3f}{p99:>9.3f}{pss:>9.1f}")
        self.results[title] = medians
        return medians

    def syscalls(self, name, server, messages, *args):
        """System calls a message, from a run of their own under strace."""
        if server is None or shutil.which("strace") is None:
            return None
        out = self.dir / "strace"
        tracer = subprocess.Popen(
            ["strace", "-f", "-c", "-U", "calls,name", "-o", out] + [
                w for pid in proc.children(server[0].pid)
                for w in ("-p", str(pid))],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        try:
            got = daemon.load("--milter", server[1], "--connections",
                              CONNECTIONS, "--messages",
                              messages // CONNECTIONS, *args)
        finally:
            tracer.send_signal(2)
            tracer.wait(30)
        total = 0
        for line in out.read_text().splitlines():
            words = line.split()
            if len(words) == 2 and words[0].isdigit() \
                    and words[1] != "total":
                total += int(words[0])
        print(f"  system calls a message, {name}: "
              f"{total / got['messages']:.1f}")
        self.results.setdefault("syscalls", {})[name] = \
            total / got["messages"]
        return total / got["messages"]

    def target(self, what, measured, limit, at_least=False, unit=""):
        """State whether a target holds."""
        if measured is None:
            self.targets.append((what, "not measured", limit, "-"))
            return
        good = measured >= limit if at_least else measured <= limit
        sign = ">=" if at_least else "<="
        self.targets.append((what, f"{measured:,.4g}{unit}",
                             f"{sign} {limit:,.4g}{unit}",
                             "ok" if good else "MISS"))

    # the parts

    def events(self):
        """Nothing enabled: each event answered, and none."""
        for word, title, flags, mail, no_reply, messages in (
                ("answers", "every event answered, 4 KB", (), ("--macros",),
                 False, 16000),
                ("noreply", "no-reply flags, 4 KB", ("-n",),
                 ("--macros", "--no-reply"), True, 160000)):
            if not self.wanted(word):
                continue
            servers = {
                "floor": self.yardstick("floor", *flags),
                "libmilter": self.yardstick("libmilter-filter", *flags),
                "weir": self.weir(daemon.listener(
                    "bench", "milter", "unix:{dir}/s.sock",
                    no_reply=no_reply)),
            }
            got = self.compare(title, servers, self.scale(messages), *mail)
            for name, server in servers.items():
                self.syscalls(f"{name}, {word}", server, 800, *mail)
            ratio = got["weir"]["ratio"] if "weir" in got else None
            self.target(f"weir, CPU against the floor ({word})", ratio, 2.2,
                        unit="x")
            if word == "noreply":
                self.target("weir, CPU a message, no replies (ms)",
                            got["weir"]["cpu_ms"] if "weir" in got
                            else None, 0.012)
            for server in servers.values():
                self.stop(server)

    def mime(self):
        """Header, body and all parts of mixed mail."""
        if not self.wanted("mime"):
            return
        mails = self.mixed_mails()
        servers = {"floor": self.yardstick("floor", "-n")}
        for depth in ("data", "text", "all"):
            servers[f"weir, {depth}"] = self.weir(
                daemon.listener("bench", "milter", "unix:{dir}/s.sock")
                + daemon.section("module", "benchmime", depth=depth))
        got = self.compare("header, body, MIME view, 17 KB mixed: parts' "
                           "data; and text; and links", servers,
                           self.scale(16000), "--macros", "--no-reply",
                           "--eml", *mails)
        for server in servers.values():
            self.stop(server)
        binary = proc.program("gmime-alone")
        for name, flags in (("GMime alone, data", ()),
                            ("GMime alone, text", ("-t",))):
            if binary is None:
                break
            done = subprocess.run(
                [binary, *flags, "100" if self.options.quick else "400",
                 *mails], capture_output=True, text=True, check=True,
                timeout=300)
            self.results[name] = float(done.stdout)
            print(f"  {name:<22}{'':>12}{float(done.stdout):>10.4f}")
        # text and links, on top of what is decoded, have no target: they are
        # shown for who asks what a module costs that reads them
        row = got.get("weir, data")
        self.target("weir, 17 KB, all parts decoded, CPU (ms)",
                    row and row["cpu_ms"], 0.15)
        self.target("weir, 17 KB, all parts decoded (messages/s)",
                    row and row["rate"], 6000, at_least=True)

    def rules(self):
        """Empty rules, and 100 declared ones beside the same in C."""
        if not self.wanted("rules") or proc.program("weir") is None:
            return
        front = daemon.listener("bench", "milter", "unix:{dir}/s.sock")
        servers = {}
        for count in (0, 1, 21):
            path = self.dir / f"empty{count}.lua"
            path.write_text("".join(
                f'rule "e{i}" {{ stage = "rcpt", function(mail) end }}\n'
                for i in range(count)))
            # a rule at RCPT wants that answered: so it is without rules, too
            servers[f"{count} empty rules"] = self.weir(
                daemon.listener("bench", "milter", "unix:{dir}/s.sock",
                                no_reply=False)
                + daemon.section("rules", path=path))
        got = self.compare("empty Lua rules at RCPT, every event answered",
                           servers, self.scale(16000), "--macros")
        self.target("an empty Lua rule (us)", (
            got["21 empty rules"]["cpu_ms"] - got["1 empty rules"]["cpu_ms"])
            / 20 * 1e3, 3)
        for server in servers.values():
            self.stop(server)
        path = self.dir / "declared.lua"
        path.write_text("".join(
            f'rule "r{i}" {{ ' + (
                f'from = domain "d{i}.example", ',
                f'what = header("Subject", "word{i}", "top"), ',
                f'to = regex ".*x{i}.*", ',
                f'what = filename ".*\\\\.e{i}", ')[i % 4]
            + "action = block() }\n" for i in range(100)))
        servers = {
            "nothing": self.weir(front),
            "the same checks in C": self.weir(
                front + daemon.section("module", "benchrules")),
            "100 declared rules": self.weir(
                front + daemon.section("rules", path=path)),
        }
        got = self.compare("100 declared rules, 20 KB mixed", servers,
                           self.scale(16000), "--macros", "--no-reply",
                           "--eml", *self.mixed_mails(blob=9200))
        self.target("100 declared rules, all of it (us)", (
            got["100 declared rules"]["cpu_ms"] - got["nothing"]["cpu_ms"])
            * 1e3, 300)
        self.target("the same checks in C, beside it (us)", (
            got["the same checks in C"]["cpu_ms"]
            - got["nothing"]["cpu_ms"]) * 1e3, 300)
        for server in servers.values():
            self.stop(server)

    def replay(self):
        """How fast recorded sessions are decided again."""
        if not self.wanted("replay") or proc.program("weirctl") is None:
            return
        path = self.dir / "replayed.lua"
        path.write_text("".join(
            f'rule "r{i}" {{ to = regex ".*x{i}.*", action = block() }}\n'
            for i in range(20)) + 'rule "f" { stage = "rcpt", '
            'function(mail) mail:add_score(1, "one") end }\n')
        server = self.weir(daemon.listener(
            "bench", "milter", "unix:{dir}/s.sock")
            + daemon.section("record", enabled=True)
            + daemon.section("module", "spf")
            + daemon.section("rules", path=path))
        count = self.scale(8000)
        daemon.load("--milter", server[1], "--connections", CONNECTIONS,
                    "--messages", count // CONNECTIONS, "--macros",
                    "--reconnect", 1)
        conf = server[0].conf_path
        self.stop(server)
        rates = []
        for _ in range(3):
            done = subprocess.run(
                [proc.program("weirctl"), "--json", "-c", conf, "replay",
                 "--config", conf], capture_output=True, text=True,
                check=True, timeout=300)
            got = json.loads(done.stdout)
            rates.append(got["sessions"] / got["seconds"])
        rate = statistics.median(rates)
        print(f"\nreplay of {got['sessions']} sessions, 21 rules: "
              f"{rate:,.0f} sessions/s, {got['changed']} changed")
        self.results["replay"] = rate
        self.target("replay (sessions/s)", rate, 500, at_least=True)

    def modules(self):
        """Fifty modules that do nothing in ten stages."""
        if not self.wanted("modules") or proc.program("weir") is None \
                or shutil.which("cc") is None:
            return
        folder = self.dir / "modules"
        folder.mkdir(mode=0o755)
        for i in range(51):
            subprocess.run(
                ["cc", "-D_GNU_SOURCE", "-O2", "-fPIC", "-shared",
                 "-fvisibility=hidden", "-Wl,-z,now", f"-DNAME=empty{i}",
                 f"-I{proc.ROOT}/include",
                 Path(__file__).with_name("mod_benchempty.c"),
                 "-o", folder / f"mod_empty{i}.so"], check=True)
        servers = {}
        for count in (1, 51):
            # one module wants all events answered, or the others would be
            # charged for what the MTA and weir say to each other
            servers[f"{count} empty modules"] = self.weir(
                daemon.listener("bench", "milter", "unix:{dir}/s.sock",
                                no_reply=False)
                + "".join(daemon.section("module", f"empty{i}",
                                         path=folder / f"mod_empty{i}.so")
                          for i in range(count)))
        got = self.compare("empty modules, ten callbacks each, every event "
                           "answered", servers, self.scale(16000),
                           "--macros")
        # the best rounds: what a busy machine adds is not the modules'
        added = (got["51 empty modules"]["cpu_least_ms"]
                 - got["1 empty modules"]["cpu_least_ms"]) * 1e3
        self.target("50 modules with 10 callbacks each, a message (us)",
                    added, 100)
        # mail, rcpt, data, one header, eoh, one chunk, eom twice: a mail has
        # more, so that this says too much
        self.target("an empty callback (us)", added / 50 / 8, 1)
        for server in servers.values():
            self.stop(server)

    def policy(self):
        """Policy requests with greylisting, answers durable."""
        if not self.wanted("policy"):
            return
        best = None
        server = self.weir(
            daemon.listener("bench", "policy", "unix:{dir}/s.sock")
            + daemon.section("module", "greylist", delay="3m"))
        if server is not None:
            for title, triplets in (
                    ("policy + greylist, every triplet new", 10**9),
                    ("policy + greylist, 10,000 triplets in turn", 10**4)):
                got = self.compare(
                    title, {"weir": server}, self.scale(80000),
                    "--triplets", triplets, protocol="--policy")
                rate = got["weir"]["rate"]
                best = rate if best is None else min(best, rate)
        self.target("weir, policy + greylist (requests/s)", best, 20000,
                    at_least=True)
        self.stop(server)

    def idle(self):
        """2,000 sessions that do nothing; a daemon that does nothing."""
        if not self.wanted("idle"):
            return
        server = self.weir(daemon.listener(
            "bench", "milter", "unix:{dir}/s.sock"))
        cpu = None
        pss = {}
        if server is not None:
            time.sleep(1)
            seconds = 3 if self.options.quick else 10
            before = proc.cpu_seconds(server[0].pid)
            time.sleep(seconds)
            cpu = (proc.cpu_seconds(server[0].pid) - before) / seconds
            print(f"\nidle: {cpu * 1e6:.0f} microseconds of CPU a second, "
                  f"PSS {proc.pss_kib(server[0].pid) / 1024:.1f} MiB")
        for name, one in (("weir", server),
                          ("floor", self.yardstick("floor")),
                          ("libmilter", self.yardstick("libmilter-filter"))):
            if one is None:
                continue
            loader = subprocess.Popen(
                [proc.program("weir-load"), "--milter", one[1],
                 "--connections", "2000", "--messages", "0", "--idle", "6"],
                stdout=subprocess.DEVNULL)
            time.sleep(4)
            pss[name] = proc.pss_kib(one[0].pid) / 1024
            loader.wait(60)
            print(f"2,000 idle sessions, {name}: {pss[name]:.1f} MiB PSS"
                  + ("" if loader.returncode == 0 else " (SESSIONS BROKE)"))
            self.stop(one)
        self.results["idle_pss_mib"] = pss
        self.target("weir, 2,000 idle sessions (MiB PSS)", pss.get("weir"),
                    64)
        self.target("weir, CPU of an idle daemon (seconds a second)", cpu,
                    0.0005)

    def explain(self):
        """What the record of each message costs."""
        if not self.wanted("explain") or proc.program("weir") is None:
            return
        front = daemon.listener("bench", "milter", "unix:{dir}/s.sock")
        servers = {
            "explain off": self.weir(front),
            "explain on": self.weir(front, explain=True),
        }
        self.compare("explain off and on, no-reply flags, 4 KB", servers,
                     self.scale(40000), "--macros", "--no-reply")
        for server in servers.values():
            self.stop(server)

    # material

    def scale(self, messages):
        return messages // 4 if self.options.quick else messages

    def mixed_mails(self, blob=6800):
        """Twenty messages: text and HTML, quoted-printable and base64, an
        attachment of so many octets (6,800: 17 KB in all), a forwarded
        message."""
        rng = random.Random(17)
        words = ("Vertrag über die Lieferung von Äpfeln und Birnen nach "
                 "München mit der Bahn oder auf dem Wasser").split()
        paths = []
        for number in range(20):
            def text(octets):
                out = []
                size = 0
                while size < octets:
                    word = rng.choice(words)
                    out.append(word)
                    size += len(word) + 1
                lines = [" ".join(out[i:i + 9])
                         for i in range(0, len(out), 9)]
                return "\n".join(lines) + "\n"

            html = "<html><body>" + "".join(
                f'<p><a href="http://www{i}.example.com/{rng.random()}">'
                f"{text(200)}</a></p>\n" for i in range(14)) + "</body></html>"
            data = base64.encodebytes(rng.randbytes(blob)).decode()
            parts = [
                ("text/plain; charset=utf-8", "quoted-printable",
                 quopri.encodestring(text(2600).encode()).decode()),
                ("text/html; charset=iso-8859-1", "quoted-printable",
                 quopri.encodestring(html.encode("latin-1")).decode()),
                ('application/pdf; name="=?utf-8?q?=C3=84pfel?=.pdf"',
                 "base64", data),
            ]
            if number % 4 == 0:
                parts.append(("message/rfc822", "7bit",
                              "Subject: inner\nContent-Type: text/plain\n\n"
                              "inner text\n"))
            head = (
                "Received: from a.example.org by mx.example.net; Mon, 02 Jun"
                f" 2025 10:11:{number:02d} +0000\nFrom: A <a@example.org>\n"
                "To: user@example.net\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?="
                f" {number}\nMessage-ID: <{number}@example.org>\n"
                "Date: Mon, 02 Jun 2025 10:11:12 +0000\nMIME-Version: 1.0\n"
                f'Content-Type: multipart/mixed; boundary="b{number}"\n\n')
            body = "".join(
                f"--b{number}\nContent-Type: {kind}\n"
                f"Content-Transfer-Encoding: {how}\n\n{content}\n"
                for kind, how, content in parts) + f"--b{number}--\n"
            path = self.dir / f"mixed{number}-{blob}.eml"
            path.write_text(head + body)
            paths.append(path)
        sizes = [p.stat().st_size for p in paths]
        print(f"\nmixed mail: {min(sizes)} to {max(sizes)} octets")
        return paths

    def report(self):
        """The targets, each with what was measured."""
        print("\ntargets")
        for what, measured, limit, word in self.targets:
            print(f"  {what:<50}{measured:>14}{limit:>14}  {word}")
        if self.options.json:
            Path(self.options.json).write_text(json.dumps(
                {"results": self.results, "targets": self.targets},
                indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true",
                        help="fewer and shorter rounds")
    parser.add_argument("--only", nargs="+", metavar="WORD",
                        help="answers noreply mime rules replay modules "
                        "policy idle explain")
    parser.add_argument("--json", metavar="FILE")
    bench = Bench(parser.parse_args())
    if proc.program("weir") is None:
        print("weir is not built: only the yardsticks are measured")
    try:
        for part in (bench.events, bench.mime, bench.rules, bench.replay,
                     bench.modules, bench.policy, bench.idle, bench.explain):
            part()
        bench.report()
    finally:
        bench.close()
    return any(t[3] == "MISS" for t in bench.targets)


if __name__ == "__main__":
    sys.exit(main())
