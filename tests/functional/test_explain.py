# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of each decision: there in time, right, kept, and no danger to
the mail when its file is."""

import json
import os
import re
import sqlite3
import time
from contextlib import closing

import pytest

from weirtest import daemon, proc
from weirtest.milter import MilterClient
from weirtest.policy import PolicyClient

MILTER = daemon.listener("m", "milter", "unix:{dir}/m.sock")
POLICY = daemon.listener("p", "policy", "unix:{dir}/p.sock")
PUPPET = daemon.section("module", "puppet")
MAIL = b"Subject: test\r\n\r\nbody\r\n"
IN_TIME = 0.5


def records(one, count, timeout=5, path=None):
    """The explain records so far, at least count of them, oldest first."""
    path = path or one.state / "explain.db"

    def read():
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro",
                                         uri=True)) as db:
                rows = db.execute("SELECT json FROM record ORDER BY n")
                found = [json.loads(row[0]) for row in rows]
        except sqlite3.OperationalError:
            return None
        return found if len(found) >= count else None
    return proc.wait_for(read, timeout, f"{count} records")


def ask(one, *orders, recipients=("<user@example.net>",)):
    """A message whose MTA names it; the reply."""
    raw = b"".join(b"X-Puppet: %s\r\n" % o.encode() for o in orders) + MAIL
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        client.negotiate()
        client.connect(address="192.0.2.77", port=1234)
        client.helo("helo.example.org")
        client.macros("M", i="4QUEUE1")
        reply = client.message(raw, recipients=recipients)
        client.quit()
        return reply


CASES = {"accept": ((), "accept", 2), "reject": (("reject",), "reject", 5),
         "tempfail": (("defer",), "tempfail", 4),
         "discard": (("discard",), "discard", 2),
         "quarantine": (("quarantine",), "quarantine", 2)}


@pytest.mark.parametrize("case", CASES)
def test_record_is_there_in_time(weir, case):
    orders, verdict, code = CASES[case]
    one = weir(MILTER + PUPPET)
    reply = ask(one, *orders)
    assert reply.code == code
    begin = time.monotonic()
    record, = records(one, 1)
    assert time.monotonic() - begin < IN_TIME
    assert record["verdict"] == verdict
    assert record["kind"] == "message"
    assert record["listener"] == "m" and record["direction"] == "in"
    assert record["client"]["address"] == "192.0.2.77"
    assert record["client"]["helo"] == "helo.example.org"
    assert record["sender"] == "sender@example.org"
    assert record["queue_id"] == "4QUEUE1"
    assert record["recipients"][0]["address"] == "user@example.net"
    assert record["recipients"][0]["verdict"] == verdict
    # the id in the reply is that of the record, and of the log's line
    if code != 2:
        assert f"[{record['id']}]" in reply.text
    line, = [x for x in one.log().splitlines()
             if "event=message.verdict" in x]
    assert f"message={record['id']} " in line
    assert f"verdict={verdict} " in line


def test_early_refusals(weir):
    """At RCPT by policy, at RCPT by milter: before any message is there."""
    one = weir(MILTER + POLICY + daemon.section("module", "greylist"))
    with PolicyClient(f"unix:{one.dir}/p.sock") as client:
        text = client.ask()
        begin = time.monotonic()
        first = records(one, 1)[0]
        assert time.monotonic() - begin < IN_TIME
        assert first["kind"] == "policy" and first["verdict"] == "tempfail"
        assert f"[{first['id']}]" in text
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        client.mail()
        text = client.rcpt().text
        # the client goes, as those do that are refused
        client.abort()
        begin = time.monotonic()
        found = [r for r in records(one, 2) if f"[{r['id']}]" in text]
        assert time.monotonic() - begin < IN_TIME
        assert found[0]["verdict"] == "tempfail"
        assert found[0]["kind"] == "message"


def test_refused_by_the_host(weir):
    """What no module has said is explained, too, and holds for nothing else."""
    one = weir(MILTER + POLICY + PUPPET
               + daemon.section("limits", recipients=2))
    long = "<" + "a" * 1100 + "@example.net>"
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        text = (client.mail(long) or client.rcpt()).text
        found = [r for r in records(one, 1) if f"[{r['id']}]" in text]
        assert found[0]["kind"] == "early"
        assert found[0]["verdict"] == "reject"
        # a sole recipient that is refused
        client.mail()
        text = client.rcpt(long).text
        client.abort()
        found = [r for r in records(one, 2) if f"[{r['id']}]" in text]
        assert found[0]["verdict"] == "reject"
        # one of several: the others get their mail, and the record says so
        client.mail()
        client.rcpt("<a@example.net>")
        client.rcpt("<b@example.net>")
        text = client.rcpt("<c@example.net>").text
        assert "4.5.3" in text
        client.data()
        client.header("Subject", "test")
        client.eoh()
        client.body(b"body\r\n")
        assert client.eom().code == 2

    def replaced():
        found = [r for r in records(one, 3) if f"[{r['id']}]" in text]
        return found and found[0]["verdict"] == "accept"
    proc.wait_for(replaced, 5, "the record of the whole message")
    assert len(records(one, 3)) == 3
    with PolicyClient(f"unix:{one.dir}/p.sock") as client:
        text = client.ask(recipient="a" * 1100 + "@example.net")
    # as by milter
    assert "553 5.1.3 Recipient address too long" in text
    found = [r for r in records(one, 4) if f"[{r['id']}]" in text]
    assert found[0]["verdict"] == "reject"


def test_found_by_id_and_queue_id(weir):
    one = weir(MILTER + PUPPET)
    ident = re.search(r"\[(\w+)\]", ask(one, "reject").text).group(1)
    records(one, 1)
    assert one.ctl_json("explain", ident)[-1]["id"] == ident
    assert one.ctl_json("explain", "4QUEUE1")[-1]["id"] == ident
    text = one.ctl("explain", ident)
    for word in ("reject", "puppet", "192.0.2.77", "the mail asked for it"):
        assert word in text, text
    with pytest.raises(RuntimeError):
        one.ctl("explain", "nosuchid")


def test_log_ids_are_those_of_the_record(weir):
    """One session id and one message id on every line, both unique."""
    one = weir(MILTER + PUPPET)
    for _ in range(3):
        ask(one)
    found = records(one, 3)
    assert len({r["id"] for r in found}) == 3
    assert len({r["session"] for r in found}) == 3
    for r in found:
        assert f"session={r['session']} message={r['id']} " in one.log()


def test_hostile_text_is_harmless(weir):
    """Names from outside can't forge a line or break the record."""
    one = weir(MILTER + PUPPET)
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        client.negotiate()
        client.connect()
        client.helo('x" event=daemon.stop\nlevel=error \x1b[31m')
        client.message(MAIL, sender='<"a\nb"@\xff.example>')
    record, = records(one, 1)
    assert "\n" in record["client"]["helo"]
    bad = [x for x in one.log().splitlines() if not x.startswith("time=")]
    assert not bad and "\x1b" not in one.log()


def test_retention(weir):
    """What is older than the retention goes, the rest stays."""
    one = weir(MILTER + PUPPET
               + daemon.section("explain", retention="1h"))
    ask(one)
    records(one, 1)
    one.stop()
    with closing(sqlite3.connect(one.state / "explain.db")) as db:
        db.execute("UPDATE record SET time_ms = time_ms - 3700000")
        db.commit()
    again = restart(weir, one, MILTER + PUPPET
                    + daemon.section("explain", retention="1h"))
    ask(again)

    def purged():
        found = records(one, 1)
        return len(found) == 1 and found[0]["id"] not in one.log()
    proc.wait_for(purged, 10, "the purge")


def restart(weir, one, conf):
    """Another daemon over the first one's state."""
    user, group = daemon.unprivileged()
    return weir(conf, head=(
        f'workers = 1\nstate_dir = "{one.state}"\n'
        f'control = "{one.dir}/control.sock"\n'
        f'module_path = "{daemon.module_path()}"\n'
        f'user = "{user}"\ngroup = "{group}"\n'))


def test_records_elsewhere(weir, folder):
    """A path outside of the state directory is inside the sandbox."""
    other = folder / "records"
    other.mkdir()
    other.chmod(0o777)
    one = weir(MILTER + PUPPET + daemon.section(
        "explain", path=str(other / "e.db")))
    ask(one)
    assert records(one, 1, path=other / "e.db")[0]["verdict"] == "accept"
    assert not (one.state / "explain.db").exists()


def test_corrupt_database_is_set_aside(weir):
    """Mail flows, records begin anew, the old file is kept, the log says
    so."""
    one = weir(MILTER + PUPPET)
    ask(one)
    records(one, 1)
    one.stop()
    path = one.state / "explain.db"
    path.write_bytes(b"this is no database" * 1000)
    for name in ("explain.db-wal", "explain.db-shm"):
        (one.state / name).unlink(missing_ok=True)
    again = restart(weir, one, MILTER + PUPPET)
    assert ask(again).kind in ("continue", "accept")
    assert len(records(one, 1)) == 1
    assert "event=store.corrupt" in again.log()
    aside = [p for p in one.state.iterdir() if p.name.startswith(
        "explain.db.") and "lock" not in p.name]
    assert any(p.read_bytes().startswith(b"this is no") for p in aside)


def test_database_is_gone_while_running(weir):
    one = weir(MILTER + PUPPET)
    ask(one)
    records(one, 1)
    for path in one.state.glob("explain.db*"):
        path.unlink()
    for _ in range(3):
        assert ask(one).kind in ("continue", "accept")
    assert records(one, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="must be root")
def test_database_can_not_be_opened(weir, folder):
    """No records, a loud line, and the mail flows."""
    other = folder / "records"
    other.mkdir(mode=0o700)
    one = weir(MILTER + PUPPET + daemon.section(
        "explain", path=str(other / "e.db")))
    assert ask(one).kind in ("continue", "accept")
    assert "event=store.degraded" in one.log() and "e.db" in one.log()


def test_locked_database(weir):
    """Somebody reads it for long, or locks it: answers do not wait."""
    one = weir(MILTER + PUPPET)
    ask(one)
    records(one, 1)
    with closing(sqlite3.connect(one.state / "explain.db")) as db:
        db.execute("BEGIN EXCLUSIVE")
        begin = time.monotonic()
        for _ in range(10):
            assert ask(one).kind in ("continue", "accept")
        assert time.monotonic() - begin < 1
        db.rollback()
    assert len(records(one, 11, 10)) == 11


def test_switched_off(weir):
    one = weir(MILTER + PUPPET + daemon.section("explain", enabled=False))
    ask(one)
    one.stop()
    assert not (one.state / "explain.db").exists()
    assert "event=message.verdict" in one.log()
