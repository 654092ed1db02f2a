#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The antivirus beside clamd and clamav-milter, with the same database.

usage: bench_antivirus.py [--quick] [--signatures N] [--json FILE]

Weir with libclamav in its helper, clamav-milter before a clamd, and the bare
clamd (INSTREAM) scan the same 17 KB mails; rounds alternate, so that a busy
moment of the machine meets all of them.  Two cases: mails that libclamav's
cache of clean files knows (the same ones again), and without any cache.
Ratios are of the medians; CPU is that of the servers.  Memory is the
proportional set size."""

import argparse
import base64
import concurrent.futures
import json
import os
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from weirtest import daemon, proc  # noqa: E402

CLIENTS = 8


def database(folder, n):
    """n signatures: hashes for the most part, and patterns."""
    numbers = random.Random(7)
    where = folder / "db"
    where.mkdir()
    with open(where / "hashes.hdb", "w") as f:
        for i in range(n * 3 // 4):
            f.write(f"{numbers.randbytes(16).hex()}:"
                    f"{numbers.randrange(1000, 60000)}:Bench.Hash.{i}\n")
    with open(where / "patterns.ndb", "w") as f:
        for i in range(n - n * 3 // 4):
            f.write(f"Bench.Pattern.{i}:{numbers.choice((0, 1, 3, 4))}:*:"
                    f"{numbers.randbytes(24).hex()}\n")
    return where


def mails(count):
    """Mails of 17 KB: a text, HTML and an attachment."""
    numbers = random.Random(3)
    words = [numbers.randbytes(numbers.randrange(1, 5)).hex()
             for _ in range(3000)]
    made = []
    for i in range(count):
        text = " ".join(numbers.choice(words) for _ in range(600))
        data = numbers.randbytes(7400)
        made.append((
            f"From: sender{i}@example.org\r\nTo: user@example.net\r\n"
            f"Subject: number {i}\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/mixed; boundary="=_x"\r\n\r\n'
            "--=_x\r\nContent-Type: text/plain\r\n\r\n" + text + "\r\n"
            "--=_x\r\nContent-Type: text/html\r\n\r\n<html><body><p>"
            + text[:2500] + "</p></body></html>\r\n"
            "--=_x\r\nContent-Type: application/octet-stream\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n").encode()
            + base64.encodebytes(data).replace(b"\n", b"\r\n")
            + b"--=_x--\r\n")
    return made


class Clamd:
    """A clamd, and a clamav-milter before it."""

    def __init__(self, folder, db, name, cache, threads):
        self.folder = folder / name
        self.folder.mkdir()
        (self.folder / "tmp").mkdir()
        self.path = self.folder / "clamd.sock"
        conf = self.folder / "clamd.conf"
        conf.write_text(
            f"DatabaseDirectory {db}\nTemporaryDirectory {self.folder}/tmp\n"
            f"LocalSocket {self.path}\nForeground yes\nUser root\n"
            f"MaxThreads {threads}\nAlertExceedsMax yes\nAlertEncrypted yes\n"
            f"DisableCache {'no' if cache else 'yes'}\nSelfCheck 0\n"
            "MaxQueue 200\nMaxScanSize 100000000\nMaxFileSize 25000000\n"
            "MaxFiles 1000\nMaxRecursion 8\n")
        self.process = proc.Process(["/usr/sbin/clamd", "-c", conf],
                                    self.folder / "log")
        self.process.wait_listening(f"unix:{self.path}", 300)
        self.address = f"unix:{self.folder}/milter.sock"
        conf = self.folder / "milter.conf"
        conf.write_text(
            f"MilterSocket {self.folder}/milter.sock\nForeground yes\n"
            f"ClamdSocket unix:{self.path}\nUser root\nOnInfected Reject\n"
            f"TemporaryDirectory {self.folder}/tmp\nMilterSocketMode 666\n")
        self.milter = proc.Process(["/usr/sbin/clamav-milter", "-c", conf],
                                   self.folder / "milter.log")
        self.milter.wait_listening(self.address, 30)

    def stop(self):
        self.milter.stop()
        self.process.stop()


def weir(folder, db, name, cache, threads, workers):
    """Weir; its own cache of mails only where caches are on."""
    where = folder / name
    where.mkdir()
    one = daemon.Weir(
        where, daemon.listener("s", "milter", "unix:{dir}/s.sock")
        + daemon.section("module", "antivirus", database=db, threads=threads,
                         cache=10000 if cache else 0, engine_cache=cache,
                         limit="score", temp_reserve="1M", timeout="60s")
        + daemon.section("explain", enabled=False)
        + daemon.section("log", level="warn"), workers=workers,
        env={"WEIR_HELPER": str(proc.build_dir() / "weir-helper")})
    one.start(300)
    one.address = f"unix:{where}/s.sock"
    return one


def milter_round(address, files, count):
    """That many mails by weir-load; mails a second."""
    done = subprocess.run(
        [proc.program("weir-load"), "--milter", address, "--connections",
         str(CLIENTS), "--messages", str(count // CLIENTS), "--timeout",
         "120", "--json", "--no-reply", "--skip", "--eml", *files],
        capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{address}: {done.stderr}{done.stdout}")
    found = json.loads(done.stdout)
    if found["errors"] or found["verdicts"]["accept"] != count:
        raise RuntimeError(f"{address}: {done.stdout}")
    return found["rate"]


def stream(path, raw):
    """INSTREAM to a clamd."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(b"zINSTREAM\0" + struct.pack(">I", len(raw) + 5)
                  + b"From " + raw + b"\0\0\0\0")
        answer = b""
        while True:
            got = s.recv(4096)
            if not got:
                break
            answer += got
    if answer != b"stream: OK\0":
        raise RuntimeError(f"clamd: {answer}")


def clamd_round(path, raws):
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda raw: stream(path, raw), raws))
    return len(raws) / (time.monotonic() - begin)


def case(folder, db, cache, options, result):
    """One case: rounds of all three, in turn."""
    word = "cache" if cache else "no-cache"
    threads = os.cpu_count()
    clamd = Clamd(folder, db, f"clamd-{word}", cache, threads)
    own = weir(folder, db, f"weir-{word}", cache, threads, threads)
    count = 60 if options.quick else 200
    files = []
    for i, raw in enumerate(mails(count)):
        files.append(folder / f"{i}.eml")
        files[-1].write_bytes(raw)
    if cache:
        count *= 5 if options.quick else 10
    count -= count % CLIENTS
    raws = [f.read_bytes() for f in files]
    raws = (raws * (count // len(raws) + 1))[:count]
    sides = {
        "weir": (lambda: milter_round(own.address, files, count),
                 [own.pid]),
        "clamav-milter": (
            lambda: milter_round(clamd.address, files, count),
            [clamd.process.pid, clamd.milter.pid]),
        "clamd": (lambda: clamd_round(clamd.path, raws),
                  [clamd.process.pid])}
    try:
        rates = {name: [] for name in sides}
        used = {name: [] for name in sides}
        for name, (run, _) in sides.items():
            run()  # warm
        for _ in range(3 if options.quick else 7):
            for name, (run, pids) in sides.items():
                before = sum(map(proc.cpu_seconds, pids))
                rates[name].append(run())
                used[name].append(
                    (sum(map(proc.cpu_seconds, pids)) - before) / count)
        median = {n: statistics.median(r) for n, r in rates.items()}
        cpu = {n: statistics.median(c) * 1e6 for n, c in used.items()}
        memory = {"weir": proc.pss_kib(own.pid) / 1024,
                  "clamd": proc.pss_kib(clamd.process.pid) / 1024}
    finally:
        own.stop()
        clamd.stop()
    result[word] = {"rates": median, "cpu_us": cpu, "memory_mib": memory}
    for name, rate in median.items():
        print(f"{word:9} {name:14} {rate:9.1f} mails/s, {cpu[name]:7.0f} us "
              "of CPU a mail")
    for name in ("clamav-milter", "clamd"):
        print(f"{word:9} weir / {name:14} {median['weir'] / median[name]:.2f}"
              f", by CPU {cpu[name] / cpu['weir']:.2f}")
    print(f"{word:9} memory: weir, {threads} workers and the engine "
          f"{memory['weir']:.0f} MiB, clamd alone {memory['clamd']:.0f} MiB")


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--quick", action="store_true")
    args.add_argument("--signatures", type=int, default=600000)
    args.add_argument("--json")
    options, _ = args.parse_known_args()
    for needed in ("/usr/sbin/clamd", "/usr/sbin/clamav-milter"):
        if not os.path.exists(needed):
            print(f"no {needed}: the antivirus is not measured "
                  "(Debian: clamav-daemon, clamav-milter)")
            return
    if not (daemon.module_path() / "mod_antivirus.so").exists():
        print("mod_antivirus is not built: it is not measured")
        return
    folder = Path(tempfile.mkdtemp(prefix="weir-bench-"))
    folder.chmod(0o755)
    result = {"signatures": options.signatures}
    try:
        db = database(folder, options.signatures)
        for cache in (True, False):
            case(folder, db, cache, options, result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
