# SPDX-License-Identifier: GPL-2.0-or-later
"""Reload: nothing is lost, nothing grows, nonsense changes nothing."""

import os
import re
import signal
import stat
import threading
import time
from pathlib import Path

import pytest

from weirtest import daemon, proc
from weirtest.milter import MilterClient
from weirtest.policy import PolicyClient

from test_daemon import descriptors, workers

LONG = os.environ.get("WEIR_LONG") == "1"
MILTER = daemon.listener("m", "milter", "unix:{dir}/m.sock")
POLICY = daemon.listener("p", "policy", "unix:{dir}/p.sock")
GREY = daemon.section("module", "greylist", delay="1s")
MIME = daemon.section("module", "benchmime")
MAIL = b"Subject: test\r\n\r\nbody\r\n"


def outcomes(one):
    """How many reloads have been done, and how many refused.  Only what is
    new in the log is read: under load it grows by megabytes."""
    path = one.process.log_path
    seen = one.__dict__.setdefault("outcomes_seen", {"at": 0, "loaded": 0,
                                                     "refused": 0})
    if path.stat().st_size < seen["at"]:
        seen.update(at=0, loaded=0, refused=0)
    with path.open("rb") as log:
        log.seek(seen["at"])
        new = log.read()
    for line in new[:new.rfind(b"\n") + 1].splitlines(keepends=True):
        seen["at"] += len(line)
        seen["loaded"] += b"event=config.loaded" in line \
            and b"level=warn" not in line
        seen["refused"] += b"event=config.refused" in line
    return seen["loaded"], seen["refused"]


def reload(one, timeout=20):
    """SIGHUP; True if the new configuration serves, False if refused."""
    before = outcomes(one)
    os.kill(one.pid, signal.SIGHUP)
    after = proc.wait_for(
        lambda: outcomes(one) if outcomes(one) != before else None, timeout,
        "the reload")
    assert sum(after) == sum(before) + 1, one.log()[-2000:]
    return after[0] > before[0]


def generation_over(one, old, timeout=10):
    """Wait until these processes are gone."""
    proc.wait_for(lambda: not set(old) & set(proc.children(one.pid)),
                  timeout, "the end of the old workers")


# what changes and what stays

def test_settings_change(weir):
    """A new configuration decides, the old one finishes what it began."""
    one = weir(POLICY + daemon.section("module", "greylist", delay="1h"))
    with PolicyClient(f"unix:{one.dir}/p.sock") as client:
        assert "3600 seconds" in client.ask()
    old = workers(one)
    one.write_conf(POLICY + daemon.section("module", "greylist",
                                           delay="2h"))
    assert reload(one)
    generation_over(one, old)
    with PolicyClient(f"unix:{one.dir}/p.sock") as client:
        assert "7200 seconds" in client.ask(sender="other@example.org")


def test_open_session_goes_on(weir):
    """A message that was begun before is finished by the old worker."""
    one = weir(MILTER + MIME)
    old, = workers(one)
    client = MilterClient(f"unix:{one.dir}/m.sock")
    assert client.session() is None
    client.mail()
    assert reload(one)
    assert old in workers(one) and len(workers(one)) == 2
    client.rcpt()
    client.data()
    client.header("Subject", "across")
    client.eoh()
    assert client.eom(b"body\r\n").kind in ("continue", "accept")
    # and the connection may carry another one
    assert client.message(MAIL).kind in ("continue", "accept")
    client.quit()
    generation_over(one, [old])
    client.close()


def test_drain_has_an_end(weir):
    one = weir('drain_timeout = "300ms"\n' + MILTER)
    old = workers(one)
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        assert reload(one)
        assert client.closed()
        generation_over(one, old)
    assert "worker.crash" not in one.log()


def test_listeners_come_and_go(weir):
    one = weir(MILTER + POLICY)
    inode = os.stat(one.dir / "m.sock").st_ino
    port = proc.free_port()
    one.write_conf(MILTER + daemon.listener(
        "q", "policy", f"inet:127.0.0.1:{port}"))
    assert reload(one)
    assert os.stat(one.dir / "m.sock").st_ino == inode
    with PolicyClient(f"inet:127.0.0.1:{port}") as client:
        assert client.ask() == "DUNNO"
    assert not (one.dir / "p.sock").exists()
    one.write_conf(POLICY)
    old = workers(one)
    assert reload(one)
    generation_over(one, old)
    assert not proc.answers(f"inet:127.0.0.1:{port}")
    assert not (one.dir / "m.sock").exists()
    assert proc.answers(f"unix:{one.dir}/p.sock")


def test_socket_mode_changes(weir):
    """Also of a socket that stays; but not by a refused configuration."""
    one = weir(MILTER)
    changed = daemon.listener("m", "milter", "unix:{dir}/m.sock",
                              mode="0600")
    taken = daemon.listener("x", "milter", "unix:{dir}/weir.conf")

    def mode():
        return stat.S_IMODE(os.stat(one.dir / "m.sock").st_mode)
    one.write_conf(changed + taken)
    assert not reload(one)
    assert mode() == 0o666
    one.write_conf(changed)
    assert reload(one)
    assert mode() == 0o600


@pytest.mark.parametrize("count", [1, 4])
def test_worker_count_changes(weir, count):
    one = weir(MILTER, workers=2)
    old = workers(one)
    assert len(old) == 2
    one.workers = count
    one.write_conf(MILTER)
    assert reload(one)
    generation_over(one, old)
    assert len(workers(one)) == count


BAD = {
    "syntax": ("listener {", "weir.conf:"),
    "module": (daemon.section("module", "nosuch"), "nosuch"),
    "value": (daemon.section("module", "greylist", delay="ducks"), "ducks"),
    "socket": (daemon.listener("x", "milter", "unix:{dir}/weir.conf"),
               "is not a socket"),
    "zone": (daemon.section("dns", zone="{dir}/no.zone"), "no.zone"),
    "include": ('include("{dir}/no.conf")\n', "no.conf"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_configuration_changes_nothing(weir, case):
    text, word = BAD[case]
    one = weir(MILTER, workers=2)
    inode = os.stat(one.dir / "m.sock").st_ino
    old = workers(one)
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        one.write_conf(MILTER + POLICY + text)
        assert not reload(one)
        refused, = [line for line in one.log().splitlines()
                    if "config.refused" in line]
        assert word in refused and "stays in force" in refused
        assert client.message(MAIL).kind in ("continue", "accept")
    proc.wait_for(lambda: workers(one) == old, 5, "only the old workers")
    assert os.stat(one.dir / "m.sock").st_ino == inode
    assert not (one.dir / "p.sock").exists()
    one.write_conf(MILTER + POLICY)
    assert reload(one)
    assert proc.answers(f"unix:{one.dir}/p.sock")


def test_missing_file_changes_nothing(weir):
    one = weir(MILTER)
    one.conf_path.unlink()
    assert not reload(one)
    assert proc.answers(f"unix:{one.dir}/m.sock")


def test_reload_while_it_starts(weir, folder):
    """A signal that comes before all workers serve is not forgotten."""
    found = []
    starter = threading.Thread(
        target=lambda: found.append(weir(MILTER, workers=16)))
    starter.start()
    log = folder / "weir0" / "log"
    line = proc.wait_for(
        lambda: log.exists() and re.search(
            r"event=daemon.start pid=(\d+)", log.read_text()), 20,
        "the start")
    os.kill(int(line[1]), signal.SIGHUP)
    starter.join()
    one = found[0]
    proc.wait_for(lambda: "generation 2 serves" in one.log(), 20,
                  "the reload")


def test_reloads_in_a_burst(weir):
    """Signals that come while one reload runs are one more reload."""
    one = weir(MILTER)
    for _ in range(20):
        os.kill(one.pid, signal.SIGHUP)
        time.sleep(0)
    one.write_conf(MILTER + POLICY)
    os.kill(one.pid, signal.SIGHUP)
    proc.wait_for(lambda: proc.answers(f"unix:{one.dir}/p.sock"), 20,
                  "the last configuration")
    proc.wait_for(lambda: len(workers(one)) == 1, 10, "one generation")
    assert "config.refused" not in one.log()


def test_too_many_generations(weir):
    """Old generations that do not end use up the slots: a reload is refused
    then, mail goes on."""
    one = weir('drain_timeout = "1h"\n' + MILTER, workers=32)
    stopped = set()
    try:
        for _ in range(10):
            held = set(workers(one)) - stopped
            for pid in held:
                os.kill(pid, signal.SIGSTOP)
            stopped |= held
            if not reload(one):
                # those that serve are among the last ones
                for pid in held:
                    os.kill(pid, signal.SIGCONT)
                stopped -= held
                break
        else:
            pytest.fail("there is no limit")
        assert "too many worker processes" in one.log()
        with MilterClient(f"unix:{one.dir}/m.sock") as client:
            assert client.session() is None
            assert client.message(MAIL).kind in ("continue", "accept")
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    proc.wait_for(lambda: len(workers(one)) == 32, 20, "the old to go")
    assert reload(one)


# under load

class Load:
    """weir-load again and again, until it is told to stop."""

    def __init__(self, folder, *args):
        self.args = args
        self.ledger = Path(folder)
        self.results = []
        self.rows = []
        self.error = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            while not self.stopping.is_set():
                ledger = self.ledger.with_suffix(f".{len(self.results)}")
                got = daemon.load(
                    *self.args, "--connections", 4, "--messages", 100000,
                    "--duration", 2, "--rate", 50, "--seed",
                    len(self.results) + 1, "--ledger", ledger, check=False)
                self.results.append(got)
                self.rows += [line.split() for line in
                              ledger.read_text().splitlines()]
        except Exception as error:
            self.error = error

    def stop(self):
        self.stopping.set()
        self.thread.join(60)
        assert self.error is None, self.error
        assert not self.thread.is_alive()
        return self.results

    def total(self, key):
        return sum(r[key] for r in self.results)


def private_kib(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1])
    return 0


RULES = '''
local words = weir.map("%s")
local hit = weir.metric.counter("hits")
rule "wait" { stage = "rcpt", function(mail)
    weir.store.put("k" .. mail.sender, "v", 60)
    weir.sleep(0.002)
    if words(mail.sender_domain) then hit() end
end }
rule "body" { function(mail)
    for _, part in ipairs(mail:parts()) do mail:part_text(part) end
    mail:add_header("X-Rule", mail:expand("__RULE__"))
end }
rule "declared" { what = header("Subject", "no such.*word"),
    action = block() }
'''


def sizes(one):
    """What a master and its two workers hold now."""
    found = proc.wait_for(
        lambda: workers(one) if len(workers(one)) == 2 else None, 20,
        "two workers")
    return {"master KiB": private_kib(one.pid),
            "worker KiB": max(private_kib(pid) for pid in found),
            "master descriptors": len(descriptors(one.pid))}


@pytest.mark.parametrize("with_rules", [False, True],
                         ids=["modules", "rules"])
def test_reloads_under_load(weir, folder, with_rules):
    """0 lost, and the daemon is the same afterwards: descriptors, processes,
    memory of the master and of a fresh worker."""
    reloads = (1000 if LONG else 20) if with_rules else (200 if LONG else 40)
    conf = MILTER + POLICY + MIME + GREY
    if with_rules:
        (folder / "words").write_text("example.org yes\n")
        (folder / "r.lua").write_text(RULES % (folder / "words"))
        conf += daemon.section("rules", path=folder / "r.lua")
    one = weir(conf, workers=2)
    loads = [Load(folder / "milter", "--milter", f"unix:{one.dir}/m.sock",
                  "--reconnect", 7),
             # an idle connection that ends is made again, as smtpd does
             Load(folder / "policy", "--policy", f"unix:{one.dir}/p.sock",
                  "--triplets", 500, "--retry", 10000)]
    began = time.monotonic()
    samples = []
    try:
        for i in range(1, reloads + 1):
            bad = i % 10 == 0
            one.write_conf(conf + ("nonsense = yes\n" if bad else ""))
            assert reload(one) != bad
            if with_rules and i % 7 == 0:
                (folder / "r.lua").write_text(
                    RULES % (folder / "words") + f"-- {i}\n")
            if i == 10 or i % max(10, reloads // 5) == 0:
                samples.append((i, sizes(one)))
    finally:
        for each in loads:
            each.stop()
    seconds = time.monotonic() - began
    for i, now in samples:
        print(f"after {i} reloads: {now}")
    print(f"{reloads} reloads in {seconds:.0f} s, "
          + ", ".join(f"{each.args[0][2:]}: {len(each.rows)} of "
                      f"{each.total('messages')} answered" for each in loads))
    for each in loads:
        assert each.total("messages") == len(each.rows) > 60
        assert not [r for r in each.rows
                    if r[1] not in ("accept", "tempfail")], one.log()[-3000:]
        assert each.total("broken") == each.total("retried")
    # not one milter session was cut off
    assert loads[0].total("broken") == 0
    first, last = samples[0][1], sizes(one)
    assert last["master descriptors"] == first["master descriptors"]
    assert last["master KiB"] <= first["master KiB"] + 256, samples
    # these are new processes; the store's map is theirs, too
    assert last["worker KiB"] <= first["worker KiB"] + 1024, samples
    assert "worker.crash" not in one.log()
    assert outcomes(one) == (reloads - reloads // 10, reloads // 10)
