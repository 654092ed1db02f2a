# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules that misbehave, and what holds them: the session is lost at worst,
never the service; the log names the culprit; the site's on_failure speaks."""

import os
import subprocess
import time

import pytest

from weirtest import daemon, proc
from weirtest.milter import Closed, MilterClient

GOOD = b"Subject: good\r\n\r\nhello\r\n"
# Stages, as hostile's option and the log name them; who has no sender yet is
# hit whoever comes.
STAGES = ["connect", "helo", "mail", "rcpt", "data", "header", "eoh", "body",
          "eom", "message-end", "session-end"]


def sanitized():
    binary = proc.program("weir")
    return binary is not None and b"__asan_init" in binary.read_bytes()


# A sanitizer takes the signal and its report is what a clean log must not hold.
dies = pytest.mark.skipif(sanitized(), reason="deaths are for plain builds")


def built(name):
    path = daemon.module_path() / f"mod_{name}.so"
    return path.exists()


pytestmark = pytest.mark.skipif(
    not (built("hostile") and built("probe")),
    reason="tests/abi is not built (make abi-modules)")


@pytest.fixture
def hostile(weir, folder):
    """Start a daemon with the module: hostile(do, at, conf="", ...)."""
    def start(do="nothing", at="eom", conf="", workers=1, env=None, **rows):
        text = (daemon.listener("in", "milter", f"unix:{folder}/m.sock")
                + daemon.section("module", "hostile", do=do, at=at, **rows)
                + conf)
        one = weir(text, workers=workers, env=env)
        one.milter = f"unix:{folder}/m.sock"
        return one
    return start


def send(one, sender="<good@example.org>", raw=GOOD, timeout=10):
    """One mail in a session of its own; the Reply, or None: it was lost."""
    try:
        with MilterClient(one.milter, timeout=timeout) as c:
            reply = c.session()
            if reply is not None:
                return reply
            reply = c.message(raw, sender=sender)
            c.quit()
            c.closed()
            return reply
    except Closed:
        return None


def wait_log(one, *words, count=1, timeout=10):
    """Wait for so many log lines with all the words."""
    def found():
        lines = [line for line in one.log().splitlines()
                 if all(w in line for w in words)]
        return lines if len(lines) >= count else None
    try:
        return proc.wait_for(found, timeout, f"log line {words}")
    except TimeoutError:
        raise AssertionError(f"no {words} in\n{one.log()}") from None


def worker_pid(one):
    """The only worker."""
    found = [p for p in proc.children(one.pid) if p != one.pid]
    return found[0] if len(found) == 1 else None


# deaths

@dies
@pytest.mark.parametrize("at", STAGES)
def test_crash_at_each_stage(hostile, at):
    one = hostile("crash", at)
    reply = send(one, "<hostile@example.org>")
    # what is over by then has been answered
    if at != "message-end":  # then the answer may be on its way or not
        assert (reply is not None) == (at == "session-end")
    named = at if at in STAGES[:9] else "eom"
    wait_log(one, "crash: signal 11 in module hostile stage", named)
    wait_log(one, "event=worker.crash", "module=hostile", f"stage={named}",
             "signal 11")
    if at in ("connect", "helo", "session-end"):
        return
    for _ in range(3):
        assert send(one).kind in ("continue", "accept")


@dies
@pytest.mark.parametrize("do", ["abort", "exit"])
def test_other_deaths(hostile, do):
    one = hostile(do, conf="crash { limit = 2 window = \"1m\" }\n")
    for n in range(2):
        assert send(one, "<hostile@example.org>",
                    b"Subject: %d\r\n\r\nx\r\n" % n) is None
        wait_log(one, "event=worker.crash", "module=hostile", "stage=eom",
                 count=n + 1)
        assert n == 1 or send(one).kind in ("continue", "accept")
    # however it dies, it is benched for it
    wait_log(one, "module hostile is not called")
    reply = send(one, "<hostile@example.org>")
    assert reply.kind == "replycode" and reply.text.startswith("451 4.7.0")


@dies
def test_crash_in_data_destructor(hostile):
    one = hostile("crash", "drop")
    send(one, "<hostile@example.org>")
    wait_log(one, "event=worker.crash", "module=hostile")
    assert send(one).kind in ("continue", "accept")


@dies
def test_crash_in_job_is_blamed_on_its_module(hostile):
    one = hostile("crash", "job")
    assert send(one, "<hostile@example.org>") is None
    wait_log(one, "crash: signal 11 in module hostile stage eom")
    wait_log(one, "event=worker.crash", "module=hostile", "stage=eom")
    assert send(one).kind in ("continue", "accept")


@dies
def test_crash_in_periodic_work_is_benched(hostile):
    one = hostile("crash", "tick", conf="crash { limit = 2 }\n")
    wait_log(one, "module hostile is not called")
    deaths = one.log().count("event=worker.crash")
    pid = proc.wait_for(lambda: worker_pid(one), 5, "the worker")
    # several periods later the same worker lives
    end = time.monotonic() + 1
    while time.monotonic() < end:
        assert send(one) is not None
    assert worker_pid(one) == pid
    assert one.log().count("event=worker.crash") == deaths == 2


# the breaker

@dies
@pytest.mark.parametrize("on_failure, kind", [
    ("tempfail", "replycode"), ("quarantine", "quarantine"),
    ("pass", "continue")])
def test_breaker(hostile, on_failure, kind):
    one = hostile("crash", "eom", on_failure=on_failure,
                  conf="crash { limit = 2 bench = \"1h\" }\n")
    for n in range(2):
        assert send(one, "<hostile@example.org>",
                    b"Subject: %d\r\n\r\nx\r\n" % n) is None
        wait_log(one, "event=worker.crash", count=n + 1)
    wait_log(one, "module hostile is not called for 3600 s after 2 crashes")
    for sender in ("<hostile@example.org>", "<good@example.org>"):
        reply = send(one, sender)
        if kind == "replycode":
            assert reply.kind == kind
            assert reply.text.startswith("451 4.7.0 ")
        elif kind == "quarantine":
            assert [name for name, _ in reply.edits] == ["quarantine"]
        else:
            assert reply.kind in ("continue", "accept") and not reply.edits
    assert one.log().count("event=worker.crash") == 2


# poison

@dies
def test_poison_is_held_after_two_deaths(hostile):
    one = hostile("crash", "eom", conf="crash { limit = 100 }\n")
    mail = b"Subject: poison\r\n\r\nthe same each time\r\n"
    for n in range(2):
        assert send(one, "<hostile@example.org>", mail) is None
        wait_log(one, "event=worker.crash", count=n + 1)
    reply = send(one, "<hostile@example.org>", mail)
    assert reply is not None
    assert [name for name, _ in reply.edits] == ["quarantine"]
    wait_log(one, "event=message.poison")
    # another mail is another case
    assert send(one, "<hostile@example.org>") is None
    assert send(one).kind in ("continue", "accept")


@dies
def test_poison_does_not_rub_off(hostile):
    """A mail that waits at eom while another one kills the worker is not to
    blame."""
    one = hostile("crash", "eom", conf="crash { limit = 100 }\n"
                  + daemon.section("module", "probe", at="eom",
                                   delay="300ms"))
    for n in range(3):
        with MilterClient(one.milter) as waiting:
            waiting.session()
            # both stand at eom; the innocent one came last
            with MilterClient(one.milter) as killer:
                killer.session()
                headers = b"Subject: poison\r\n\r\nkills %d\r\n" % n
                killer.mail("<hostile@example.org>")
                killer.rcpt()
                killer.data()
                killer.header(b"Subject", b"poison %d" % n)
                killer.eoh()
                killer.body(headers)
                killer.send("E")
                with pytest.raises(Closed):
                    waiting.message(GOOD, sender="<good@example.org>")
        wait_log(one, "event=worker.crash", count=n + 1)
    reply = send(one)
    assert reply.kind in ("continue", "accept") and not reply.edits


# stalls

@pytest.mark.parametrize("do", ["loop", "loop-deaf"])
@dies
def test_stalled_worker_is_ended_and_the_other_serves(hostile, do):
    one = hostile(do, "eom", workers=2, conf="stall_limit = \"1s\"\n")
    with MilterClient(one.milter, timeout=15) as stuck:
        stuck.session()
        stuck.mail("<hostile@example.org>")
        stuck.rcpt()
        stuck.data()
        stuck.header(b"Subject", b"x")
        stuck.eoh()
        stuck.body(b"x\r\n")
        stuck.send("E")
        begin = time.monotonic()
        # whoever is taken by the other worker is served meanwhile
        served = 0
        while served < 3 and time.monotonic() - begin < 10:
            try:
                if send(one, timeout=1) is not None:
                    served += 1
            except TimeoutError:
                pass
        assert served == 3
        with pytest.raises(Closed):
            stuck.packet()
    wait_log(one, "event=stall", "module=hostile", "stage=eom",
             "is ended")
    wait_log(one, "event=worker.crash", "module=hostile")
    assert time.monotonic() - begin < 10
    assert send(one).kind in ("continue", "accept")


# what is refused or answered, and the worker lives

@pytest.mark.parametrize("do, word", [
    ("thread", "thread: E_STATE"), ("stale", "stale: E_STALE"),
    ("release", "release: done"), ("fork", "process: EPERM"),
    ("exec", "process: EPERM"), ("root", "process: EPERM"),
    ("odd", None), ("leak", None), ("huge", None)])
def test_survived(hostile, do, word):
    if sanitized() and do == "leak":
        pytest.skip("a leak is one")
    one = hostile(do, "eom")
    pid = worker_pid(one)
    for _ in range(3):
        reply = send(one, "<hostile@example.org>")
        assert reply is not None
        if do == "huge":
            assert reply.kind == "replycode" and len(reply.text) < 1100
        else:
            assert reply.kind in ("continue", "accept")
    if word is not None:
        wait_log(one, word)
    if do == "thread":
        wait_log(one, "calls a [loop] function from a thread")
    assert one.log().count("release: done") == (3 if do == "release" else 0)
    assert send(one).kind in ("continue", "accept")
    assert worker_pid(one) == pid
    assert "event=worker.crash" not in one.log()


def test_call_that_never_ends(hostile):
    one = hostile("never", "eom", timeout="200ms")
    begin = time.monotonic()
    reply = send(one, "<hostile@example.org>")
    assert reply.kind == "replycode" and reply.text.startswith("451 4.7.0")
    assert 0.15 < time.monotonic() - begin < 5
    wait_log(one, "event=module.failed", "module=hostile", "E_TIMEOUT")
    assert send(one).kind in ("continue", "accept")


@dies
def test_closes_all_descriptors(hostile):
    """Its worker is good for nothing; the master notices and has another."""
    one = hostile("close", "eom", conf="stall_limit = \"1s\"\n")
    pid = worker_pid(one)
    try:
        send(one, "<hostile@example.org>", timeout=2)
    except TimeoutError:
        pass
    proc.wait_for(lambda: worker_pid(one) not in (None, pid), 10,
                  "another worker")
    assert send(one).kind in ("continue", "accept")


# the check before the start

def check(folder, do, at, env=None):
    """weir -t: status and what it says."""
    conf = folder / "check.conf"
    state = folder / "check-state"
    state.mkdir(exist_ok=True)
    user, group = daemon.unprivileged()
    conf.write_text(
        f'state_dir = "{state}"\ncontrol = "{folder}/c.sock"\n'
        f'module_path = "{daemon.module_path()}"\n'
        f'user = "{user}"\ngroup = "{group}"\n'
        + daemon.listener("in", "milter", f"unix:{folder}/m.sock")
        + daemon.section("module", "probe")
        + daemon.section("module", "hostile", do=do, at=at))
    done = subprocess.run(
        [proc.program("weir"), "-t", "-c", conf], capture_output=True,
        text=True, timeout=60, env={**os.environ, **(env or {})})
    return done.returncode, done.stdout + done.stderr


@dies
@pytest.mark.parametrize("where", ["create", "destroy", "constructor",
                                   "entry"])
@pytest.mark.parametrize("do, word", [
    ("crash", "died of signal 11"), ("abort", "died of signal 6"),
    ("exit", "ended the process")])
def test_check_names_the_module(folder, where, do, word):
    if where in ("create", "destroy"):
        status, text = check(folder, do, where)
    else:
        status, text = check(folder, "nothing", "eom",
                             {"WEIR_HOSTILE": f"{where}:{do}"})
    assert status == 2, text
    assert f"module hostile {word}" in text


@dies
def test_check_ends_a_loop(folder):
    status, text = check(folder, "loop", "create")
    assert status == 2
    assert "module hostile did not return within" in text


def test_check_of_no_descriptor(folder):
    status, text = check(folder, "nothing", "eom",
                         {"WEIR_HOSTILE": "entry:null"})
    assert status == 2
    assert "its entry function returns nothing" in text
    assert check(folder, "nothing", "eom")[0] == 0


# the module that other tests use

@pytest.fixture
def probe(weir, folder):
    def start(conf="", **rows):
        one = weir(daemon.listener("in", "milter", f"unix:{folder}/m.sock")
                   + conf.replace("PROBE", "")
                   + (daemon.section("module", "probe", **rows)
                      if "PROBE" not in conf else ""))
        one.milter = f"unix:{folder}/m.sock"
        return one
    return start


def facts(one, reply_or_id):
    record, = one.ctl_json("explain", reply_or_id)
    return record.get("facts", {})


@pytest.mark.parametrize("order, kind, text", [
    (b"reject 554 go away", "replycode", "554 5.7.1 go away ["),
    (b"tempfail 450 later", "replycode", "450 4.7.1 later ["),
    (b"discard", "discard", ""),
    (b"none", "continue", ""),
    (b"quarantine 0 odd", "continue", "")])
def test_verdicts(probe, order, kind, text):
    one = probe()
    reply = send(one, raw=b"X-Probe-Verdict: " + order + b"\r\n\r\nx\r\n")
    assert reply.kind in (kind, "accept" if kind == "continue" else kind)
    assert reply.text.startswith(text)
    assert [n for n, _ in reply.edits] == (
        ["quarantine"] if order.startswith(b"quar") else [])


def test_edits(probe):
    one = probe()
    orders = [b"add X-New one", b"insert 0 X-Top two", b"change Subject 1 three",
              b"delete X-Old 2", b"delete X-Old 1", b"rcpt-add new@example.net",
              b"sender other@example.org", b"hold because"]
    raw = (b"Subject: s\r\nX-Old: 1\r\nX-Old: 2\r\n"
           + b"".join(b"X-Probe-Edit: %s\r\n" % o for o in orders)
           + b"\r\nbody\r\n")
    reply = send(one, raw=raw)
    edits = [name for name, _ in reply.edits]
    assert sorted(edits) == sorted(
        ["change_header"] * 3 + ["insert_header", "add_header",
                                 "change_sender", "add_rcpt", "quarantine"]) \
        or len(edits) == 8, reply.edits
    old = [data for name, data in reply.edits if "X-Old" in data]
    assert [d[0] for d in old] == [2, 1]


def test_recipients(probe):
    one = probe(conf="PROBE" + 'module "probe" {\n'
                'rcpt "bad@example.net" { verdict = "reject" code = 550 '
                'enhanced = "5.1.1" text = "no such user" }\n}\n')
    with MilterClient(one.milter) as c:
        c.session()
        reply = c.message(GOOD, recipients=("<bad@example.net>",
                                            "<user@example.net>"))
        assert [r for r, _ in c.refused] == ["<bad@example.net>"]
        assert c.refused[0][1].text.startswith("550 5.1.1 no such user [")
        assert reply.kind in ("continue", "accept")


def test_waits_and_facts(probe, folder):
    zone = folder / "zone"
    zone.write_text("$TTL 60\nyes.test. A 192.0.2.7\n")
    one = probe(conf=daemon.section("dns", zone=str(zone)), delay="50ms",
                dns="yes.test", job=True, store=True)
    known = []
    for _ in range(2):
        reply = send(one, raw=b"X-Probe-Verdict: reject\r\n\r\n"
                     + b"x" * 400000 + b"\r\n")
        number = reply.text.rpartition("[")[2].rstrip("]")
        found = proc.wait_for(lambda: facts_or_none(one, number), 5,
                              "the record")
        assert found["probe.delay"] == "over"
        assert found["probe.dns"] == "192.0.2.7"
        # "X-Probe-Verdict: reject", an empty line, the body
        assert found["probe.job"] == str(25 + 2 + 400002)
        known.append(found["probe.store"])
    assert known == ["new", "known"]


def facts_or_none(one, number):
    try:
        return facts(one, number)
    except RuntimeError:
        return None
