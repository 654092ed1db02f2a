# SPDX-License-Identifier: GPL-2.0-or-later
"""Too much, too slow, too large, too full: what happens then."""

import itertools
import os
import socket
import struct
import subprocess
import threading
import time

import pytest

from weirtest import daemon, proc
from weirtest.milter import MilterClient, frame
from weirtest.policy import PolicyClient

from test_daemon import workers
from test_explain import records, restart

MILTER = daemon.listener("m", "milter", "unix:{dir}/m.sock")
POLICY = daemon.listener("p", "policy", "unix:{dir}/p.sock")
MIME = daemon.section("module", "benchmime")
PUPPET = daemon.section("module", "puppet")
MAIL = b"Subject: test\r\n\r\nbody\r\n"


def begin(one):
    client = MilterClient(f"unix:{one.dir}/m.sock")
    assert client.session() is None
    client.mail()
    client.rcpt()
    client.data()
    client.header("Subject", "big")
    client.eoh()
    return client


def fill(client, octets):
    """Send so much body; stop when the filter has had enough."""
    chunk = b"x" * 60000
    for _ in range(octets // len(chunk)):
        if client.skipped:
            break
        client.body(chunk)


# memory

def test_memory_cap(weir):
    """Over the cap new mail gets 452, what is there is not hurt, and when
    it is gone all is as before."""
    one = weir(daemon.section("memory", total="16M", message="16M") + MILTER
               + MIME)
    first = begin(one)
    fill(first, 14_000_000)
    second = begin(one)
    fill(second, 10_000_000)
    reply = second.eom()
    assert reply.text.startswith("452 4.3.1"), reply
    second.quit()
    assert first.eom().kind in ("continue", "accept")
    first.quit()
    third = begin(one)
    fill(third, 10_000_000)
    assert third.eom().kind in ("continue", "accept")
    for client in (first, second, third):
        client.close()
    verdicts = [r["verdict"] for r in records(one, 3)]
    assert verdicts == ["tempfail", "accept", "accept"]


def test_memory_is_given_back(weir):
    """Cut connections in the middle of large messages leave nothing."""
    one = weir(daemon.section("memory", total="16M", message="16M") + MILTER
               + MIME)
    for _ in range(10):
        client = begin(one)
        fill(client, 14_000_000)
        client.close()

    def fits():
        client = begin(one)
        fill(client, 14_000_000)
        reply = client.eom()
        client.close()
        return reply.kind in ("continue", "accept")
    proc.wait_for(fits, 10, "room again")


def test_memory_of_the_process_is_bounded(weir):
    """40 clients push 8 MB each against a cap of 32 MB."""
    one = weir(daemon.section("memory", total="32M", message="16M") + MILTER
               + MIME)
    worker, = workers(one)
    clients = [begin(one) for _ in range(40)]
    for client in clients:
        fill(client, 8_000_000)
    pss = proc.pss_kib(worker)
    codes = [client.eom().code for client in clients]
    for client in clients:
        client.close()
    assert pss < (32 + 40) * 1024
    assert set(codes) == {2, 4} and codes.count(2) >= 3


def test_message_too_large(weir):
    one = weir(daemon.section("memory", message="1M") + MILTER + MIME)
    client = begin(one)
    fill(client, 2_000_000)
    reply = client.eom()
    assert reply.text.startswith("552 5.3.4"), reply
    assert client.message(MAIL).kind in ("continue", "accept")
    client.close()


def test_lying_packet_length(weir):
    """A packet that claims 2 GB takes no memory and ends the connection."""
    one = weir(MILTER)
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        client.negotiate()
        client.send_raw(struct.pack(">I", 0x7FFFFFFF) + b"C")
        assert client.closed()
    proc.wait_for(lambda: "event=front.limit" in one.log(), 5, "the log")


def test_policy_line_without_end(weir):
    one = weir(POLICY)
    with PolicyClient(f"unix:{one.dir}/p.sock") as client:
        try:
            for _ in range(100):
                client.send_raw(b"x" * 100_000)
            assert client.answer() is None
        except (BrokenPipeError, ConnectionResetError):
            pass
    proc.wait_for(lambda: "event=front.limit" in one.log(), 5, "the log")


# connections

def test_sessions_limit(weir):
    """More wait in the kernel's queue and are served when there is room."""
    one = weir(daemon.section("limits", sessions=5) + MILTER)
    held = [MilterClient(f"unix:{one.dir}/m.sock") for _ in range(5)]
    for client in held:
        assert client.session() is None
    late = MilterClient(f"unix:{one.dir}/m.sock", timeout=0.3)
    with pytest.raises(socket.timeout):
        late.negotiate()
    proc.wait_for(lambda: "event=front.limit" in one.log(), 5, "the log")
    # those that are in are served
    assert held[0].message(MAIL).kind in ("continue", "accept")
    held[0].quit()
    assert held[0].closed()
    late.sock.settimeout(5)
    code, _ = late.packet()
    assert code == "O"
    for client in held + [late]:
        client.close()
    proc.wait_for(lambda: one.ctl_json("status") is not None, 5, "status")
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None


def test_operator_gets_in_when_all_is_full(weir):
    one = weir(daemon.section("limits", sessions=1) + MILTER)
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        assert "m" in one.ctl("status")


def test_many_idle_connections(weir):
    """300 that say nothing cost nothing and hinder nobody."""
    one = weir(MILTER)
    idle = [MilterClient(f"unix:{one.dir}/m.sock") for _ in range(300)]
    for client in idle:
        assert client.session() is None
    cpu = proc.cpu_seconds(one.pid)
    start = time.monotonic()
    for _ in range(20):
        with MilterClient(f"unix:{one.dir}/m.sock") as client:
            assert client.session() is None
            assert client.message(MAIL).kind in ("continue", "accept")
    assert time.monotonic() - start < 2
    assert proc.cpu_seconds(one.pid) - cpu < 0.5
    # a moment in which nothing happens
    cpu = proc.cpu_seconds(one.pid)
    idle[0].silent(1)
    assert proc.cpu_seconds(one.pid) - cpu < 0.02
    for client in idle:
        client.close()


def test_out_of_descriptors(weir, folder):
    """No room for another connection: it waits, nothing spins or dies."""
    limited = folder / "limited"
    limited.write_text("#!/bin/sh\nulimit -n 40\n"
                       f'exec {proc.program("weir")} "$@"\n')
    limited.chmod(0o755)
    one = weir(MILTER, binary=limited)
    held = [MilterClient(f"unix:{one.dir}/m.sock") for _ in range(40)]
    served = 0
    for client in held:
        client.sock.settimeout(0.5)
        try:
            client.negotiate()
        except socket.timeout:
            break
        served += 1
    assert 5 < served < 40
    cpu = proc.cpu_seconds(one.pid)
    assert held[served].silent(0.5)
    assert proc.cpu_seconds(one.pid) - cpu < 0.2
    for client in held[:served]:
        client.close()
    # its question was asked before there was room
    held[served].sock.settimeout(5)
    assert held[served].packet()[0] == "O"
    for client in held[served:]:
        client.close()
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
    assert "worker.crash" not in one.log()


def test_slow_client(weir):
    """One octet after the other, and others are not held up."""
    one = weir(MILTER + MIME)
    slow = MilterClient(f"unix:{one.dir}/m.sock")
    data = frame("O", struct.pack(">III", 6, 0x1FF, 0))
    for octet in data:
        slow.send_raw(bytes([octet]))
        with MilterClient(f"unix:{one.dir}/m.sock") as client:
            assert client.session() is None
            assert client.message(MAIL).kind in ("continue", "accept")
    assert slow.packet()[0] == "O"
    slow.close()


def test_silence_ends(weir):
    """Inside a packet after command_timeout, between messages after idle."""
    one = weir(daemon.section("limits", command_timeout="1s", idle="2s")
               + MILTER + POLICY)
    half = MilterClient(f"unix:{one.dir}/m.sock")
    half.negotiate()
    half.send_raw(b"\0\0")
    idle = MilterClient(f"unix:{one.dir}/m.sock")
    assert idle.session() is None
    start = time.monotonic()
    assert half.closed(6)
    assert 0.9 < time.monotonic() - start < 4
    assert idle.closed(6)
    assert 1.5 < time.monotonic() - start < 6
    for client in (half, idle):
        client.close()
    assert one.log().count("silent for") == 2


def test_client_that_does_not_read(weir):
    """Answers that nobody takes are not gathered without end."""
    one = weir(daemon.section("limits", command_timeout="1s") + MILTER
               + POLICY)
    worker, = workers(one)
    before = proc.pss_kib(worker)
    with PolicyClient(f"unix:{one.dir}/p.sock", timeout=3) as client:
        request = (b"request=smtpd_access_policy\nprotocol_state=RCPT\n"
                   b"instance=1\nclient_address=192.0.2.1\n"
                   b"sender=a@b\nrecipient=c@d\n\n")
        try:
            for _ in range(3000):
                client.send_raw(request * 20)
        except (socket.timeout, BrokenPipeError, ConnectionResetError):
            pass
        assert proc.pss_kib(worker) - before < 16 * 1024
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None


# the log is stuck

def test_stuck_log(folder):
    """Standard error is a pipe that nobody reads: mail flows, and when it is
    read again it says how much is missing."""
    if proc.program("weir") is None:
        pytest.skip("weir is not built")
    where = folder / "w"
    where.mkdir()
    one = daemon.Weir(where, MILTER + PUPPET
                      + daemon.section("log", level="debug"))
    reader, writer = os.pipe()
    child = subprocess.Popen([one.binary, "-f", "-c", one.conf_path],
                             stdin=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    try:
        proc.wait_for(lambda: proc.answers(f"unix:{where}/m.sock"), 10,
                      "the daemon")
        begun = time.monotonic()
        got = daemon.load("--milter", f"unix:{where}/m.sock",
                          "--connections", 4, "--messages", 5000)
        assert got["verdicts"]["accept"] == 20000 and got["broken"] == 0
        assert time.monotonic() - begun < 60
        data = bytearray()

        def read():
            while True:
                got = os.read(reader, 65536)
                if not got:
                    return
                data.extend(got)
        thread = threading.Thread(target=read)
        thread.start()
        proc.wait_for(lambda: b"event=log.dropped" in data
                      or b"lost" in data, 10, "the count of lost lines")
        with MilterClient(f"unix:{where}/m.sock") as client:
            assert client.session() is None
            assert client.message(MAIL).kind in ("continue", "accept")
    finally:
        child.terminate()
        assert child.wait(15) == 0
        thread.join(5)
        os.close(reader)
    assert all(line.startswith(b"time=") for line in data.splitlines())


def test_closed_log(folder):
    """The reader of the pipe is gone: no SIGPIPE, mail flows."""
    if proc.program("weir") is None:
        pytest.skip("weir is not built")
    where = folder / "w"
    where.mkdir()
    one = daemon.Weir(where, MILTER + PUPPET)
    reader, writer = os.pipe()
    child = subprocess.Popen([one.binary, "-f", "-c", one.conf_path],
                             stdin=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    os.close(reader)
    try:
        proc.wait_for(lambda: proc.answers(f"unix:{where}/m.sock"), 10,
                      "the daemon")
        for _ in range(10):
            with MilterClient(f"unix:{where}/m.sock") as client:
                assert client.session() is None
                assert client.message(MAIL).kind in ("continue", "accept")
    finally:
        child.terminate()
        assert child.wait(10) == 0


# the store

GREY = daemon.section("module", "greylist", delay="1s")


instances = itertools.count()


def fresh(client, **attributes):
    """The same client, sender and recipient in another transaction."""
    return client.ask(instance=f"i{next(instances)}", **attributes)


def test_corrupt_store_is_set_aside(weir):
    one = weir(POLICY + GREY)
    with PolicyClient(f"unix:{one.dir}/p.sock") as client:
        assert "Greylisted" in client.ask()
    one.stop()
    path = one.state / "store.lmdb"
    path.write_bytes(os.urandom(65536))
    again = restart(weir, one, POLICY + GREY)
    assert "event=store.corrupt" in again.log()
    assert [p for p in one.state.iterdir()
            if p.name.startswith("store.lmdb.bad-")]
    with PolicyClient(f"unix:{again.dir}/p.sock") as client:
        assert "Greylisted" in client.ask()

        def passes():
            return fresh(client) == "DUNNO"
        proc.wait_for(passes, 5, "the retry: the new store keeps")


@pytest.mark.skipif(os.geteuid() != 0, reason="must be root")
def test_store_can_not_be_opened(weir, folder):
    """Greylisting can't remember: mail passes, unscanned, and that is seen;
    when the store can be used again, it is."""
    state = folder / "state"
    state.mkdir()
    import pwd
    user, group = daemon.unprivileged()
    pw = pwd.getpwnam(user)
    os.chown(state, pw.pw_uid, pw.pw_gid)
    blocked = state / "store.lmdb"
    blocked.write_bytes(b"")
    os.chown(blocked, 0, 0)
    blocked.chmod(0o600)
    one = weir(POLICY + GREY, head=(
        f'workers = 1\nstate_dir = "{state}"\n'
        f'control = "{folder}/control.sock"\n'
        f'module_path = "{daemon.module_path()}"\n'
        f'user = "{user}"\ngroup = "{group}"\n'))
    assert "event=store.degraded" in one.log()
    with PolicyClient(f"unix:{one.dir}/p.sock") as client:
        assert client.ask() == "DUNNO"
    record, = records(one, 1, path=state / "explain.db")
    assert [u["module"] for u in record["unscanned"]] == ["greylist"]
    os.chown(blocked, pw.pw_uid, pw.pw_gid)

    def works():
        with PolicyClient(f"unix:{one.dir}/p.sock") as client:
            return "Greylisted" in client.ask(sender="new@example.org")
    proc.wait_for(works, 15, "the store to come back")
    proc.wait_for(lambda: "event=store.recovered" in one.log(), 10,
                  "the log")


def test_store_is_full(weir):
    """No room for another entry: unscanned mail passes, the log says why."""
    one = weir(daemon.section("store", size="1M") + POLICY + GREY)
    got = daemon.load("--policy", f"unix:{one.dir}/p.sock", "--connections",
                      8, "--messages", 2500, "--triplets", 20000)
    assert got["broken"] == 0
    assert got["verdicts"]["tempfail"] > 100
    assert got["verdicts"]["accept"] > 100
    proc.wait_for(lambda: "event=store.degraded" in one.log(), 10, "the log")


def test_store_file_is_removed(weir):
    """While it runs: a new one is begun, mail flows."""
    one = weir(POLICY + GREY)
    with PolicyClient(f"unix:{one.dir}/p.sock") as client:
        assert "Greylisted" in client.ask()
        for path in one.state.glob("store.lmdb*"):
            path.unlink()
        proc.wait_for(lambda: fresh(client) and
                      (one.state / "store.lmdb").exists(), 20, "a new file")
    assert "worker.crash" not in one.log()
