# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that die: nothing is lost, service is back at once."""

import os
import random
import signal
import smtplib
import threading
import time

import pytest

from weirtest import daemon, proc
from weirtest.milter import Closed, MilterClient
from weirtest.policy import PolicyClient

from test_daemon import puppet_mail, workers
from test_explain import records
from test_reload import Load, reload

LONG = os.environ.get("WEIR_LONG") == "1"
MILTER = daemon.listener("m", "milter", "unix:{dir}/m.sock")
POLICY = daemon.listener("p", "policy", "unix:{dir}/p.sock")
MIME = daemon.section("module", "benchmime")
PUPPET = daemon.section("module", "puppet")
GREY = daemon.section("module", "greylist", delay="1s")
MAIL = b"Subject: test\r\n\r\nbody\r\n"


def verdict_time(address, limit=5):
    """Seconds until a new client has had a whole message judged."""
    begin = time.monotonic()
    while time.monotonic() - begin < limit:
        try:
            with MilterClient(address, timeout=limit) as client:
                assert client.session() is None
                assert client.message(MAIL) is not None
                return time.monotonic() - begin
        except (Closed, OSError):
            pass
    raise TimeoutError(f"no verdict within {limit} s")


def kill_workers(one, times, pause, address):
    """Kill one worker after another; how long service was away."""
    away = []
    chance = random.Random(1)
    for _ in range(times):
        victims = proc.wait_for(
            lambda: workers(one) if len(workers(one)) == one.workers
            else None, 15, "all workers")
        crashes = one.log().count("event=worker.crash")
        os.kill(chance.choice(victims), signal.SIGKILL)
        away.append(verdict_time(address))
        proc.wait_for(lambda: one.log().count("event=worker.crash")
                      > crashes, 5, "the crash in the log")
        time.sleep(pause)
    return away


def test_killed_worker_is_back(weir):
    """With a single worker: service is away for less than a second."""
    one = weir(MILTER + MIME)
    worker, = workers(one)
    os.kill(worker, signal.SIGKILL)
    assert verdict_time(f"unix:{one.dir}/m.sock") < 1
    assert workers(one) != [worker]
    line, = [x for x in one.log().splitlines()
             if "event=worker.crash" in x]
    assert f"worker {worker} died of signal 9" in line


def test_killed_workers_under_load(weir, folder):
    """50 messages a second; what breaks is tried again and comes through."""
    one = weir(MILTER + POLICY + MIME + GREY, workers=2)
    loads = [Load(folder / "milter", "--milter", f"unix:{one.dir}/m.sock",
                  "--retry", 20),
             Load(folder / "policy", "--policy", f"unix:{one.dir}/p.sock",
                  "--triplets", 300, "--retry", 20)]
    try:
        away = kill_workers(one, 20 if LONG else 6, 0.3,
                            f"unix:{one.dir}/m.sock")
    finally:
        for each in loads:
            each.stop()
    assert max(away) < 1, away
    for each in loads:
        assert each.total("messages") == len(each.rows) > 50
        # deferred by greylist: once for each triplet
        assert {r[1] for r in each.rows} <= {"accept", "tempfail"}
        assert each.total("broken") == each.total("retried") > 0
    proc.wait_for(lambda: len(workers(one)) == 2, 10, "the last one killed")


def test_killed_workers_behind_postfix(weir, postfix, sink, folder):
    """The ledger: what was accepted with 250 arrives, at least once; what
    was not was answered with 4xx.  Nothing is rejected."""
    one = weir(MILTER + POLICY + MIME + GREY, workers=2)
    mx = postfix(milters=[f"unix:{one.dir}/m.sock"],
                 policy=f"unix:{one.dir}/p.sock")
    accepted, deferred, other = [], [], []
    stopping = threading.Event()

    def client(number):
        sent = 0
        while not stopping.is_set():
            sent += 1
            nonce = f"{number}-{sent}"
            raw = (f"Subject: {nonce}\r\nX-Nonce: {nonce}\r\n\r\n"
                   f"body {nonce}\r\n").encode()
            try:
                with smtplib.SMTP("127.0.0.1", mx.port, timeout=60,
                                  local_hostname="client.example") as smtp:
                    smtp.sendmail("sender@example.org",
                                  ["user@example.net"], raw)
                accepted.append(nonce)
            except (smtplib.SMTPResponseException,
                    smtplib.SMTPRecipientsRefused) as error:
                code = error.smtp_code if hasattr(error, "smtp_code") else \
                    list(error.recipients.values())[0][0]
                (deferred if 400 <= code < 500 else other).append(
                    (nonce, code))
            except (smtplib.SMTPException, OSError) as error:
                other.append((nonce, repr(error)))
            stopping.wait(0.15)

    threads = [threading.Thread(target=client, args=(i,))
               for i in range(12)]
    for t in threads:
        t.start()
    try:
        # greylisting is over: 50 messages a second from here on
        proc.wait_for(lambda: len(accepted) > 12, 20, "the first mails")
        away = kill_workers(one, 20 if LONG else 8, 0.2,
                            f"unix:{one.dir}/m.sock")
        proc.wait_for(lambda: len(accepted) > 100, 30, "mail again")
    finally:
        stopping.set()
        for t in threads:
            t.join(90)
    assert max(away) < 1, away
    assert not other, other[:5]
    assert one.log().count("event=worker.crash") == len(away)
    mx.drained()
    arrived = [n for m in sink.messages for n in m.headers("X-Nonce")]
    assert set(accepted) <= set(arrived)
    assert not {n for n, _ in deferred} & set(arrived)
    for m in sink.messages:
        assert m.body().strip() == f"body {m.headers('X-Nonce')[0]}".encode()


def test_worker_that_dies_again_and_again(weir):
    """The first restart is at once, later ones wait longer, and the master
    never gives up."""
    one = weir(MILTER)
    address = f"unix:{one.dir}/m.sock"
    times = []
    for _ in range(4):
        victim, = proc.wait_for(lambda: workers(one) or None, 10, "a worker")
        verdict_time(address, 10)
        os.kill(victim, signal.SIGKILL)
        times.append(verdict_time(address, 10))
    assert times[0] < 0.5 and times[-1] < 5
    assert one.log().count("event=worker.crash") == 4


def test_killed_master(weir):
    """Workers finish what they have and go; a new master can start at once,
    on the same sockets."""
    one = weir(MILTER + POLICY, workers=2)
    old = workers(one)
    client = MilterClient(f"unix:{one.dir}/m.sock")
    assert client.session() is None
    client.mail()
    # the one that has the session must be known to be left alone
    one.process.child.send_signal(signal.SIGKILL)
    one.process.child.wait()
    two = weir((MILTER + POLICY).replace("{dir}", str(one.dir)))
    with MilterClient(f"unix:{one.dir}/m.sock") as other:
        assert other.session() is None
        assert other.message(MAIL).kind in ("continue", "accept")
    client.rcpt()
    client.data()
    client.header("Subject", "orphan")
    client.eoh()
    assert client.eom(b"body\r\n").kind in ("continue", "accept")
    client.quit()
    client.close()
    proc.wait_for(lambda: not any(map(alive, old)), 10, "the old workers")
    two.stop()


def alive(pid):
    """Does the process run?  A zombie does not."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# modules that take the process with them

def crash(one, order="crash"):
    """A message that kills its worker: the MTA sees a cut connection."""
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        try:
            client.session()
            return client.message(puppet_mail(order))
        except Closed:
            return None


def test_crash_names_the_module(weir):
    one = weir(MILTER + PUPPET)
    with MilterClient(f"unix:{one.dir}/m.sock") as other:
        assert crash(one) is None
        line, = proc.wait_for(
            lambda: [x for x in one.log().splitlines()
                     if "event=worker.crash" in x], 5, "the crash")
        assert "module=puppet" in line and "stage=eom" in line
        assert "died of signal 11" in line and "message=" in line
        said, = [x for x in one.log().splitlines() if "weir: crash:" in x]
        assert "in module puppet stage eom phase collect id " in said
        assert other.closed()
    assert verdict_time(f"unix:{one.dir}/m.sock") < 1


def damaged_store(one):
    path = one.state / "store.lmdb"
    with open(path, "r+b") as f: # the tree, not the pages that name it
        f.seek(8192)
        f.write(os.urandom(path.stat().st_size - 8192))


@pytest.mark.parametrize("damaged", [False, True])
def test_segv_outside_modules(weir, damaged):
    """It may be the store's fault: a child looks, while the master restarts
    the worker and serves orders."""
    one = weir(MILTER + POLICY + GREY)
    with PolicyClient(f"unix:{one.dir}/p.sock") as client:
        for n in range(50):
            assert "Greylisted" in client.ask(instance=f"i{n}",
                                              recipient=f"u{n}@example.net")
    worker, = workers(one)
    if damaged:
        damaged_store(one)
    os.kill(worker, signal.SIGSEGV)
    event = "store.corrupt" if damaged else "store.verified"
    proc.wait_for(lambda: f"event={event}" in one.log(), 10, event)
    assert verdict_time(f"unix:{one.dir}/m.sock") < 1
    bad = list(one.state.glob("store.lmdb.bad-*"))
    assert len(bad) == (1 if damaged else 0)


def test_exit_is_a_crash_too(weir):
    """exit(0) of a library ends the worker, not the service."""
    one = weir(MILTER + PUPPET)
    assert crash(one, "exit 0") is None
    assert verdict_time(f"unix:{one.dir}/m.sock") < 1
    assert "ended by itself" in one.log()


def bench(weir, on_failure, **more):
    one = weir(daemon.section("crash", limit=2, window="1m", bench="1m")
               + MILTER + daemon.section("module", "puppet",
                                         on_failure=on_failure, **more))
    for _ in range(2):
        verdict_time(f"unix:{one.dir}/m.sock")
        assert crash(one) is None
    proc.wait_for(lambda: "event=module.benched" in one.log(), 5,
                  "the bench")
    verdict_time_any(f"unix:{one.dir}/m.sock")
    return one


def verdict_time_any(address):
    proc.wait_for(lambda: proc.answers(address), 10, "service")


def test_benched_module_lets_pass(weir):
    """After two crashes the module is left out; on_failure = pass."""
    one = bench(weir, "pass")
    reply = crash(one)
    assert reply is not None and reply.kind in ("continue", "accept")
    record = records(one, 1)[-1]
    assert [u["module"] for u in record["unscanned"]] == ["puppet"]
    assert "bench" in record["unscanned"][0]["reason"]
    # a reload does not forget what it did
    assert reload(one)
    assert crash(one).kind in ("continue", "accept")


def test_benched_module_defers(weir):
    one = bench(weir, "tempfail")
    reply = crash(one)
    assert reply is not None and reply.code == 4
    assert records(one, 1)[-1]["verdict"] == "tempfail"


def test_poison_message_is_remembered(weir):
    """The same message again does not kill a second worker for ever: the
    bench comes after `limit` crashes, whatever comes between."""
    one = weir(daemon.section("crash", limit=3, window="1m", bench="1m")
               + MILTER + daemon.section("module", "puppet",
                                         on_failure="pass"))
    died = 0
    for _ in range(12):
        verdict_time_any(f"unix:{one.dir}/m.sock")
        if crash(one) is None:
            died += 1
    assert 1 <= died <= 3


def test_stall(weir):
    """A loop that never ends in a module: the worker is ended, the module
    named."""
    one = weir('stall_limit = "1s"\n' + MILTER + PUPPET)
    begin = time.monotonic()
    assert crash(one, "hang") is None
    assert time.monotonic() - begin < 5
    proc.wait_for(lambda: "is ended" in one.log(), 5, "the log")
    line, = [x for x in one.log().splitlines() if "is ended" in x]
    assert "event=worker.stall" in line or "stall" in line
    assert "module=puppet" in line and "stage=eom" in line
    assert verdict_time(f"unix:{one.dir}/m.sock") < 1
