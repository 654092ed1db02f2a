# SPDX-License-Identifier: GPL-2.0-or-later
"""The quarantine with the real daemon and the real Postfix: what is kept,
what the others get, what is released, and how often."""

import imaplib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from weirtest import daemon, postfix as pf, proc, sink as smtp_sink
from weirtest.milter import Closed

from test_explain import records
from test_postfix import POLICY, PUPPET, MILTER, mail

imaplib.Commands.setdefault("MOVE", ("SELECTED",))
A, B, C = "a@example.net", "b@example.net", "c@example.net"


def quarantine(**options):
    return daemon.section("module", "quarantine",
                          **{"interval": "200ms", **options})


def items(one, *options):
    return one.ctl_json("quarantine", "list", *options)["items"]


def raw(one, ident):
    """The octets of an item, as they are."""
    done = subprocess.run(
        [proc.program("weirctl"), "-s", one.dir / "control.sock",
         "quarantine", "show", ident, "--raw"], capture_output=True,
        timeout=30, check=True)
    return done.stdout


def folder_of(one):
    return one.state / "quarantine"


def without_trace(data):
    """Without the fields that MTAs put on top."""
    head, _, body = data.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    kept = [f for f in fields
            if not f.lower().startswith((b"received:", b"x-weir-release:"))]
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


def send(milter, sender, recipients, message):
    """One message by milter: the kind of its answer, and the text."""
    reply = milter.message(message, f"<{sender}>",
                           [f"<{r}>" for r in recipients])
    return reply.kind, reply.text


def session(milter_client, one, **options):
    milter = milter_client(f"unix:{one.dir}/m.sock", **options)
    assert milter.session() is None
    return milter


# with Postfix: one for all tests, each has a daemon of its own behind it

@pytest.fixture(scope="module")
def shared_sink():
    server = smtp_sink.Sink()
    yield server
    server.stop()


@pytest.fixture
def sink(shared_sink):
    """The next hop, as if it were new."""
    shared_sink.reset()
    yield shared_sink


@pytest.fixture(scope="module")
def shared_postfix(shared_sink):
    """It asks whoever listens at its milter's path."""
    reason = pf.available()
    if reason is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="weir-"))
    folder.chmod(0o755)
    one = pf.Postfix(folder / "postfix", shared_sink.address,
                     milters=[f"unix:{folder}/m.sock"],
                     mynetworks="0.0.0.0/0")
    one.start()
    yield one
    one.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def site(weir, shared_postfix, sink):
    """Weir and Postfix together: site(configuration)."""
    def start(conf):
        listener = daemon.listener("m", "milter",
                                   shared_postfix.settings["smtpd_milters"])
        one = weir(listener + POLICY + conf)
        one.listener = listener
        return one, shared_postfix
    yield start
    shared_postfix.drained()


def test_kept_for_one_delivered_to_others(site, sink, smtp_send):
    one, mx = site(PUPPET + quarantine())
    message = mail("quarantine 1", extra=b"X-Odd:\tone\r\n  two\r\n",
                   body=b".dot\r\n\xe9\xff trailing  \r\n\r\n")
    (code, _), _ = smtp_send(mx.address, message, recipients=(A, B, C))
    assert code == 250, one.log()
    mx.drained()
    assert sorted(r for m in sink.messages for r in m.recipients) == [A, C]
    item, = items(one)
    assert item["recipient"] == B and item["class"] == "spam"
    assert item["state"] == "kept" and item["sender"] == "sender@example.org"
    assert item["subject"] == "test" and len(item["id"]) == 26
    assert raw(one, item["id"]) == message
    record = records(one, 1)[0]
    fates = {r["address"]: r.get("kept") for r in record["recipients"]}
    assert fates == {A: None, B: item["id"], C: None}
    assert item["id"] in one.ctl("explain", record["id"])
    proc.wait_for(lambda: item["id"] in one.log(), 5, "the log line")


def test_kept_for_all_is_not_held(site, sink, smtp_send):
    one, mx = site(PUPPET + quarantine())
    (code, _), _ = smtp_send(mx.address, mail("quarantine"),
                             recipients=(A, B))
    assert code == 250, one.log()
    assert {i["recipient"] for i in items(one)} == {A, B}
    assert not list((mx.dir / "queue" / "hold").iterdir())
    assert mx.queue() == 0 and not sink.messages
    assert records(one, 1)[0]["verdict"] == "quarantine"
    # one file, however many recipients
    mails = [p for p in (folder_of(one) / "mail").rglob("*") if p.is_file()]
    assert len(mails) == 1


@pytest.mark.parametrize("disagree", ["worst", "majority", "drop"])
def test_refusal_leaves_no_copy_behind(site, sink, smtp_send, disagree):
    """Where all are refused because one is, the sender keeps the mail, and
    the quarantine keeps nothing."""
    one, mx = site(f'disagree = "{disagree}"\n' + PUPPET + quarantine())
    (code, _), _ = smtp_send(mx.address, mail("quarantine 0", "reject 1"),
                             recipients=(A, B))
    if disagree == "drop":
        assert code == 250, one.log()
        assert [i["recipient"] for i in items(one)] == [A]
    else:
        assert code // 100 == 5
        assert items(one) == []
    assert not sink.messages and mx.queue() == 0


def test_release_arrives_once(site, sink, smtp_send):
    """Byte by byte, to exactly that recipient, through the same Postfix and
    the same Weir, which lets it in unseen."""
    one, mx = site(PUPPET + quarantine())
    one.write_conf(one.listener + POLICY + PUPPET
                   + quarantine(next_hop=mx.address))
    one.ctl("reload")
    message = mail("quarantine", "subject changed",
                   extra=b"X-Odd:\tone\r\n  two\r\n",
                   body=b".dot\r\n..two\r\n\xe9\xff trailing  \r\n\r\n")
    (code, _), _ = smtp_send(mx.address, message, recipients=(A, B))
    assert code == 250, one.log()
    item, = items(one, "--rcpt", B)
    for _ in range(2):
        said = one.ctl_json("quarantine", "release", item["id"])
        assert said[0]["result"] in ("released", "released before"), said
    arrived, = sink.wait(1)
    mx.drained()
    assert len(sink.messages) == 1
    assert arrived.recipients == [B]
    assert arrived.sender == "sender@example.org"
    assert without_trace(arrived.data) == message
    assert not arrived.headers("X-Weir-Release")
    assert {i["recipient"]: i["state"] for i in items(one)} == \
        {A: "kept", B: "released"}
    actions = [e["action"] for e in
               one.ctl_json("quarantine", "audit", "--id",
                            item["id"])["entries"]]
    assert actions == ["attempt", "release"]
    who = one.ctl_json("quarantine", "audit")["entries"][-1]["who"]
    assert who == f"uid:{os.getuid()}"


def test_token_counts_once_and_for_one(site, sink, smtp_send):
    """What was seen on the wire is of no use to anybody else."""
    one, mx = site(PUPPET + quarantine(next_hop=sink.address))
    message = mail("quarantine")
    smtp_send(mx.address, message, recipients=(B,))
    item, = items(one)
    # straight to the sink: the token is still on it
    one.ctl("quarantine", "release", item["id"])
    released, = sink.wait(1)
    token, = released.headers("X-Weir-Release")
    assert without_trace(released.data) == message

    def again(recipient, data, want):
        (code, text), _ = smtp_send(mx.address, data,
                                    recipients=(recipient,))
        assert code == want, text

    # for somebody else it is nothing: the mail is judged as any
    again(A, released.data, 250)
    assert len(items(one, "--rcpt", A)) == 1
    # other octets
    again(B, released.data.replace(b"body line", b"body lime"), 451)
    # once
    again(B, released.data, 250)
    sink.wait(2)
    again(B, released.data, 451)
    # forged
    again(B, released.data.replace(token.encode(), token[:-1].encode()
                                   + (b"0" if token[-1] != "0" else b"1")),
          250)
    mx.drained()
    assert len(sink.messages) == 2
    assert all(not m.headers("X-Weir-Release") for m in sink.messages[1:])


def test_next_hop_says_later_or_no(site, sink, smtp_send):
    one, mx = site(PUPPET + quarantine(next_hop=sink.address))
    smtp_send(mx.address, mail("quarantine"), recipients=(B,))
    item, = items(one)
    sink.rcpt_replies[B] = "450 4.2.0 busy"
    done = subprocess.run(
        [proc.program("weirctl"), "-s", one.dir / "control.sock",
         "quarantine", "release", item["id"]], capture_output=True,
        text=True, timeout=30)
    assert done.returncode == 1 and "busy" in done.stderr
    assert items(one)[0]["state"] == "queued"
    sink.rcpt_replies[B] = "550 5.1.1 nobody"
    done = subprocess.run(
        [proc.program("weirctl"), "-s", one.dir / "control.sock",
         "quarantine", "release", item["id"]], capture_output=True,
        text=True, timeout=30)
    assert done.returncode == 1 and "nobody" in done.stderr
    assert items(one)[0]["state"] == "kept"
    assert "nobody" in items(one)[0]["error"]
    del sink.rcpt_replies[B]
    assert one.ctl_json("quarantine", "release",
                        item["id"])[0]["result"] == "released"
    sink.wait(1)


# by milter alone

@pytest.fixture
def kept(weir, milter_client):
    """Weir with some items: kept(options..., n=items)."""
    def start(n=1, workers=1, orders=("quarantine",), conf="", **options):
        one = weir(MILTER + PUPPET + conf + quarantine(**options),
                   workers=workers)
        milter = session(milter_client, one)
        for i in range(n):
            send(milter, f"s{i}@example.org", [f"r{i % 3}@example.net"],
                 mail(*orders, subject=f"number {i}"))
        return one
    return start


def test_list_filters(kept):
    one = kept(n=7)
    assert len(items(one)) == 7
    assert [i["subject"] for i in items(one, "--limit", "2")] == \
        ["number 6", "number 5"]
    assert one.ctl_json("quarantine", "list", "--limit", "2")["more"]
    assert [i["subject"] for i in items(one, "--limit", "2", "--offset",
                                        "5")] == ["number 1", "number 0"]
    assert len(items(one, "--rcpt", "R0@example.net")) == 3
    assert len(items(one, "--sender", "s3@")) == 1
    assert len(items(one, "--subject", "NUMBER 4")) == 1
    assert items(one, "--class", "virus") == []
    assert len(items(one, "--since", "1h")) == 7
    assert items(one, "--until", "1h") == []
    assert items(one, "--min-score", "1") == []
    assert len(items(one, "--max-score", "1")) == 7
    ident = items(one)[3]["id"]
    assert len(items(one, "--id", ident[:10])) == 1
    assert "number 3" in one.ctl("quarantine", "show", ident[:12])
    stats = one.ctl_json("quarantine", "stats")
    assert stats["mails"] == 7 and stats["classes"]["spam"]["items"] == 7
    for bad in (["list", "--frob"], ["list", "--class", "x"],
                ["list", "--since", "yesterday"], ["show", "nothing"],
                ["list", "--limit", "0"], ["forward", ident, "nobody"]):
        with pytest.raises(RuntimeError):
            one.ctl("quarantine", *bad)


def refused(one, *words):
    """A command that does not work: what it says."""
    done = subprocess.run(
        [proc.program("weirctl"), "-s", one.dir / "control.sock", *words],
        capture_output=True, text=True, timeout=30)
    assert done.returncode == 1, (words, done.stdout, done.stderr)
    return done.stderr


def test_options_of_other_commands_are_refused(kept):
    """One that is passed over would do more than was wanted: purge --class
    would delete all classes."""
    one = kept()
    ident = items(one)[0]["id"]
    for words in (["purge", "--class", "spam"],
                  ["delete", ident, "--rcpt", "x"],
                  ["stats", "--since", "1d"], ["audit", "--class", "spam"],
                  ["list", "--nothing", "x"], ["release", ident, "--check"]):
        said = refused(one, "quarantine", *words)
        assert "takes no option" in said and "usage: weirctl" in said, said
    assert [i["id"] for i in items(one)] == [ident]
    assert "value is missing" in refused(one, "quarantine", "list", "--rcpt")
    assert "neither allow nor block" in refused(one, "lists", "add", B,
                                                "deny", "x.example")


def test_damaged_index_is_said(kept, milter_client):
    """By every command that reads it; and mail is deferred."""
    one = kept(30)
    index = folder_of(one) / "index.db"
    one.process.stop()
    sql(one, "PRAGMA wal_checkpoint(TRUNCATE)")
    size = index.stat().st_size
    with open(index, "r+b") as f:
        f.seek(4096)
        f.write(b"\xa5" * (size - 4096))
    one.start()
    for words in (["quarantine", "list"], ["quarantine", "stats"],
                  ["quarantine", "audit"], ["lists", "show"],
                  ["quarantine", "show", "abcdef"]):
        said = refused(one, *words)
        assert "malformed" in said or "not a database" in said, (words, said)
        assert "index.db" in said, said
    _, text = send(session(milter_client, one), A, [C], mail("quarantine"))
    assert text.startswith("451 4.3.1"), text


def test_delete_and_purge(kept):
    one = kept(n=4, retention_spam="1m")
    ident = items(one)[0]["id"]
    one.ctl("quarantine", "delete", ident)
    assert len(items(one)) == 3
    assert one.ctl_json("quarantine", "purge", "--check") == {
        "spam": 0, "virus": 0, "attachment": 0, "deleted": False}
    mails = [p for p in (folder_of(one) / "mail").rglob("*") if p.is_file()]
    views = [p for p in (folder_of(one) / "imap").rglob("*") if p.is_file()]
    assert len(mails) == 3 and len(views) == 3
    # their time has come
    subprocess.run(["sqlite3", folder_of(one) / "index.db",
                    "UPDATE item SET time_ms = time_ms - 120000"],
                   check=True, timeout=20)
    proc.wait_for(lambda: not items(one), 10, "the purge")
    assert not [p for p in folder_of(one).glob("mail/*/*")]
    assert not [p for p in (folder_of(one) / "imap").rglob("*")
                if p.is_file()]
    entries = one.ctl_json("quarantine", "audit")["entries"]
    assert {"purge", "delete"} <= {e["action"] for e in entries}


def sql(one, text):
    return subprocess.run(
        ["sqlite3", folder_of(one) / "index.db", text], check=True,
        capture_output=True, text=True, timeout=20).stdout.strip()


def test_repair(kept):
    one = kept(n=3)
    first, second, _ = items(one)
    day, = (folder_of(one) / "mail").iterdir()
    orphan = day / ("a" * 26)
    orphan.write_bytes(b"half a mail")
    sql(one, "PRAGMA application_id = 1")  # begun in 1970
    os.utime(orphan, (100, 100))
    young = day / ("b" * 26)
    young.write_bytes(b"being written")
    lost = sql(one, "SELECT file FROM mail JOIN item USING (m) WHERE id = "
               f"'{second['id']}'")
    (folder_of(one) / "mail" / lost).unlink()
    said = one.ctl_json("quarantine", "repair")
    assert said["files"] == 1 and said["items"] == 1
    assert not orphan.exists() and young.exists()
    assert {i["id"] for i in items(one)} == \
        {i["id"] for i in (first, _)}
    assert "lost" in one.ctl("quarantine", "audit")


def test_another_index_takes_no_mail_along(kept):
    """Whoever removes a damaged index still has the mails: they are no
    leftovers of interrupted work, although no row speaks of them."""
    one = kept(n=3)
    folder = folder_of(one)
    for path in folder.rglob("*/*"):
        if path.is_file():
            os.utime(path, (1, 1))
    before = {p for p in folder.rglob("*/*") if p.is_file()}
    assert len(before) >= 6  # and their views
    one.process.stop()
    for path in folder.glob("index.db*"):
        path.unlink()
    one.start()
    assert items(one) == []
    said = one.ctl_json("quarantine", "repair")
    assert said == {"files": 0, "items": 0, "views": 0, "older": 3}
    assert {p for p in folder.rglob("*/*") if p.is_file()} >= before


def test_limits_defer(weir, milter_client, kept):
    """Over a limit the sender keeps the mail, and is told to try again."""
    one = kept(n=0, max_recipient="1k", max_message="4k")
    milter = session(milter_client, one)
    answers = [send(milter, f"s{i}@example.org", [A],
                    mail("quarantine", subject=f"n {i}", body=b"x" * 300))
               for i in range(4)]
    codes = [answer[0] for answer in answers]
    assert codes[0] == "discard" and codes[-1] == "replycode", codes
    assert "451 4.3.1" in answers[-1][1]
    assert 1 <= len(items(one)) < 4
    code, text = send(milter, "big@example.org", [B],
                          mail("quarantine", body=b"y" * 5000))
    assert code == "replycode" and "451" in text
    code, _ = send(milter, "fits@example.org", [B], mail("quarantine"))
    assert code == "discard"


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of its own "
                    "needs root")
def test_full_disk_defers(weir, milter_client, folder):
    """A real full disk: deferred, nothing half kept, and it goes on as soon
    as there is room."""
    one = weir(MILTER + PUPPET + quarantine())
    where = folder_of(one)
    where.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777",
                    "tmpfs", where], check=True)
    try:
        milter = session(milter_client, one)
        codes = []
        for i in range(40):
            code, _ = send(milter, f"s{i}@example.org", [A],
                            mail("quarantine", subject=f"n {i}",
                                 body=b"0123456789" * 6000))
            codes.append(code)
            if codes.count("replycode") == 3:
                break
        good = codes.count("discard")
        assert good >= 3 and codes[-1] == "replycode"
        assert len(items(one)) == good
        for item in items(one):
            assert raw(one, item["id"]).endswith(b"0123456789\r\n")
        one.ctl("quarantine", "delete", *[i["id"] for i in items(one)][:2])
        code, _ = send(milter, "after@example.org", [A],
                        mail("quarantine", body=b"0123456789" * 1000))
        assert code == "discard"
        assert one.ctl_json("quarantine", "stats")["mails"] == good - 1
    finally:
        milter.close()
        one.stop()
        subprocess.run(["umount", where], check=True)


def test_same_mail_again_is_one_item(kept, milter_client):
    """A sender that did not hear our answer tries again."""
    one = kept(n=2)
    milter = session(milter_client, one)
    for _ in range(3):
        code, _ = send(milter, "s0@example.org", ["r0@example.net"],
                        mail("quarantine", subject="number 0"))
        assert code == "discard"
    assert len(items(one)) == 2
    mails = [p for p in folder_of(one).glob("mail/*/*")]
    assert len(mails) == 2


def test_poison_is_kept(weir, milter_client):
    """Mail that kills workers ends in the quarantine, not in the MTA's
    queue."""
    one = weir(MILTER + PUPPET + quarantine())
    codes = []
    for _ in range(4):
        try:
            milter = session(milter_client, one, timeout=30)
            codes.append(send(milter, "s@example.org", [A],
                              mail("crash"))[0])
        except (Closed, OSError):  # the worker is gone
            codes.append("-")
        if codes[-1] == "discard":
            break
        proc.wait_for(lambda: proc.answers(f"unix:{one.dir}/m.sock"), 10,
                      "a new worker")
    assert codes[-1] == "discard", codes
    item, = items(one)
    assert "crashed" in item["reason"]


def test_lists(kept, milter_client):
    one = kept(n=0, conf=daemon.section("action", reject=15, quarantine=10))
    with pytest.raises(RuntimeError):
        one.ctl("lists", "add", "nobody", "allow", "x@example.org")
    with pytest.raises(RuntimeError):
        one.ctl("lists", "add", A, "block", "nodots")
    one.ctl("lists", "add", A, "block", "Bad@Example.org", "evil.example")
    one.ctl("lists", "add", "@example.net", "allow", "bad@example.org")
    one.ctl("lists", "add", "*", "block", "*@*.spam.example")
    shown = one.ctl_json("lists", "show", A)
    assert {(e["list"], e["entry"]) for e in shown} == \
        {("block", "bad@example.org"), ("block", "evil.example")}
    milter = session(milter_client, one)

    seen = []

    def facts(sender, recipient, message=None):
        send(milter, sender, [recipient], message or mail())
        seen.append(sender)
        record = records(one, len(seen))[-1]
        assert record["sender"] == sender
        return record["recipients"][0].get("facts", {}).get("lists.match"), \
            record["recipients"][0]["verdict"]
    assert facts("bad@example.org", A) == ("block", "quarantine")
    assert facts("bad@example.org", B) == ("allow", "accept")
    assert facts("x@sub.evil.example", A) == ("block", "quarantine")
    assert facts("x@notevil.example", A) == (None, "accept")
    assert facts("x@y.spam.example", B) == ("block", "quarantine")
    # From counts, too
    forged = mail().replace(b"From: a@example.org",
                            b'From: "nice" <q@evil.example>')
    assert facts("other@example.org", A, forged) == ("block", "quarantine")
    # one entry stands in one list
    one.ctl("lists", "add", A, "allow", "bad@example.org")
    assert facts("bad@example.org", A) == ("allow", "accept")
    one.ctl("lists", "remove", A, "bad@example.org")
    assert len(one.ctl_json("lists", "show", A)) == 1


def test_originals_for_other_modules(kept, milter_client, sink):
    """weir.quarantine/1: the original is safe, the mail goes on; together
    with a verdict it is one item; a refusal takes it back."""
    one = kept(n=0, next_hop=sink.address)
    milter = session(milter_client, one)
    changed = mail("original 3", "body cleaned")
    assert send(milter, "s@example.org", [A, B], changed)[0] == "continue"
    found = items(one)
    assert {(i["recipient"], i["class"]) for i in found} == \
        {(A, "attachment"), (B, "attachment")}
    assert found[0]["reason"] == "the mail asked for it"
    assert one.ctl_json("quarantine", "show", found[0]["id"])["original"]
    assert raw(one, found[0]["id"]) == changed
    both = mail("original 2", "quarantine 0", subject="both")
    assert send(milter, "s@example.org", [A, B], both)[0] == "continue"
    assert len(items(one, "--subject", "both")) == 2
    refused = mail("original 1", "reject", subject="refused")
    assert send(milter, "s@example.org", [A], refused)[0] == "replycode"
    proc.wait_for(lambda: not items(one, "--subject", "refused"), 10,
                  "the copy to be taken back")


def test_released_spam_is_learned(kept, sink):
    one = kept(n=2, next_hop=sink.address)
    first, second = items(one)
    said = one.ctl("quarantine", "release", first["id"])
    # what it changed, and what it did not
    assert "learned as ham: probability of spam 0." in said, said
    assert (f"weirctl lists add {first['recipient']} allow "
            f"{first['sender']}") in said
    assert "learned ham of" in one.log()
    assert f"for {first['recipient']}" in one.log()
    subprocess.run(["sqlite3", folder_of(one) / "index.db",
                    "UPDATE item SET class = 3"], check=True, timeout=20)
    one.ctl("quarantine", "release", second["id"])
    sink.wait(2)
    assert one.log().count("learned ham of") == 1


@pytest.mark.parametrize("order, wait, said, logged", [
    ("late", 20, True, None), ("late", 1, False, "learned as ham: 0.900"),
    ("no", 20, False, "a released mail could not be learned as ham")])
def test_release_does_not_hang_on_learning(kept, milter_client, sink, order,
                                           wait, said, logged):
    """It is delivered in any case; the answer waits for a classifier as long
    as for the next hop."""
    one = kept(n=0, conf=daemon.section("log", level="debug"),
               next_hop=sink.address)
    send(session(milter_client, one), A, [B],
         mail("quarantine", extra=b"X-Learn: %s\r\n" % order.encode()))
    item, = items(one)
    found, = one.ctl_json("quarantine", "release", "--wait", str(wait),
                          item["id"])
    assert found["result"] == "released"
    assert ("learned" in found) == said, found
    if said:
        assert found["learned"] == {"before": 0.9, "after": 0.1}
    else:
        proc.wait_for(lambda: logged in one.log(), 10, "the classifier")
    sink.wait(1)
    # whoever waited or not, the next order is served
    assert one.ctl_json("quarantine", "list")["items"][0]["state"] == \
        "released"


def test_virus_needs_a_word(kept, sink):
    one = kept(n=1, next_hop=sink.address)
    item, = items(one)
    subprocess.run(["sqlite3", folder_of(one) / "index.db",
                    "UPDATE item SET class = 2"], check=True, timeout=20)
    with pytest.raises(RuntimeError, match="--virus"):
        one.ctl("quarantine", "release", item["id"])
    with pytest.raises(RuntimeError, match="--virus"):
        one.ctl("quarantine", "forward", item["id"], "abuse@example.net")
    assert not sink.messages
    one.ctl("quarantine", "forward", item["id"], "abuse@example.net",
            "--virus")
    one.ctl("quarantine", "release", item["id"], "--virus")
    assert sorted(m.recipients[0] for m in sink.wait(2)) == \
        ["abuse@example.net", "r0@example.net"]


def test_workers_killed_under_load(weir, sink, milter_client):
    """kill -9 of workers while mail comes in, is listed and released: each
    mail that was answered is kept once, none is sent twice."""
    one = weir(MILTER + PUPPET + quarantine(next_hop=sink.address),
               workers=2)
    answered, lock, stop = set(), threading.Lock(), threading.Event()
    killed = 0

    def client(k):
        for n in range(400):
            name = f"c{k}n{n}"
            if killed >= 6:
                return
            while not stop.is_set():
                milter = None
                try:
                    milter = session(milter_client, one, timeout=15)
                    code, _ = send(milter, f"{name}@example.org", [A, B],
                                    mail("quarantine", subject=name))
                except (Closed, OSError):
                    continue
                finally:
                    if milter is not None:
                        milter.close()
                if code == "discard":
                    with lock:
                        answered.add(name)
                    break

    threads = [threading.Thread(target=client, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    try:
        while any(t.is_alive() for t in threads) and killed < 6:
            threads[0].join(0.1)
            try:
                # whoever answers may be the next one to go
                pids = [w["pid"] for w in one.ctl_json("status")["workers"]
                        if w["state"] == "serving"]
                os.kill(pids[killed % len(pids)], signal.SIGKILL)
                killed += 1
                some = items(one, "--limit", "3", "--state", "kept")
                one.ctl("quarantine", "release", *[i["id"] for i in some],
                        check=False)
            except (RuntimeError, ValueError, ZeroDivisionError,
                    ProcessLookupError):
                continue
        for thread in threads:
            thread.join(60)
    finally:
        stop.set()
    assert len(answered) >= 10 and killed >= 3
    found = items(one, "--limit", "2000")
    keys = [(i["subject"], i["recipient"]) for i in found]
    assert len(keys) == len(set(keys)), "an item is there twice"
    assert {(s, r) for s in answered for r in (A, B)} == set(keys)
    sent = [(m.headers("Subject")[0], m.recipients[0])
            for m in sink.messages]
    assert len(sent) == len(set(sent)), "a mail was released twice"


# IMAP

CONTRIB = Path(__file__).resolve().parents[2] / "contrib"


class Dovecot:
    """A private instance, made from the example."""

    def __init__(self, folder, one, users):
        self.dir = folder / "dovecot"
        self.port = proc.free_port()
        for name in ("run", "state", "mail"):
            (self.dir / name).mkdir(parents=True)
        user, group = daemon.unprivileged()
        os.chown(self.dir / "mail", pwd.getpwnam(user).pw_uid, -1)
        (self.dir / "users").write_text(
            "".join(f"{u}:{{PLAIN}}secret\n" for u in users))
        text = (CONTRIB / "dovecot" / "weir-quarantine.conf").read_text()
        for old, new in (
                ("/run/weir-dovecot", f"{self.dir}/run"),
                ("/var/lib/weir-dovecot/state", f"{self.dir}/state"),
                ("/var/lib/weir-dovecot", f"{self.dir}/mail"),
                ("/var/lib/weir/quarantine", str(folder_of(one))),
                ("/etc/dovecot/weir-users", f"{self.dir}/users"),
                ("log_path = syslog", f"log_path = {self.dir}/log"),
                ("mail_uid = weir", f"mail_uid = {user}"),
                ("mail_gid = weir", f"mail_gid = {group}"),
                ("port = 1143", f"port = {self.port}")):
            assert old in text, old
            text = text.replace(old, new)
        (self.dir / "conf").write_text(text)
        self.process = proc.Process(
            ["/usr/sbin/dovecot", "-F", "-c", self.dir / "conf"],
            self.dir / "out")
        proc.wait_for(lambda: proc.answers(f"inet:127.0.0.1:{self.port}"),
                      20, "dovecot")

    def login(self, user):
        imap = imaplib.IMAP4("127.0.0.1", self.port)
        try:
            imap.login(user, "secret")
        except imaplib.IMAP4.error:
            raise AssertionError((self.dir / "log").read_text()) from None
        return imap


@pytest.fixture
def dovecot(folder):
    if os.geteuid() != 0 or not os.path.exists("/usr/sbin/dovecot"):
        pytest.skip("dovecot-imapd is not installed, or this is not root")
    started = []

    def start(one, users):
        started.append(Dovecot(folder, one, users))
        return started[-1]
    yield start
    for one in started:
        one.process.stop()


def subjects(imap, mailbox):
    status, count = imap.select(mailbox)
    assert status == "OK", count
    if count == [b"0"]:
        return {}
    status, data = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    return {d[1].decode().split(":", 1)[1].strip(): d[0].split()[0].decode()
            for d in data if isinstance(d, tuple)}


def test_imap(weir, milter_client, sink, dovecot):
    """List, read, release by moving, delete: with a real Dovecot."""
    one = weir(MILTER + PUPPET + quarantine(next_hop=sink.address))
    milter = session(milter_client, one)
    wanted = mail("quarantine", subject="wanted",
                  body=b"caf\xe9\r\n.dot\r\n")
    for raw_mail in (wanted, mail("quarantine", subject="spam"),
                     mail("quarantine", subject="left"),
                     mail("quarantine", subject="virus")):
        assert send(milter, "s@example.org", [A, B], raw_mail)[0] == \
            "discard"
    subprocess.run(["sqlite3", folder_of(one) / "index.db",
                    "UPDATE item SET class = 2 WHERE subject = 'virus'"],
                   check=True, timeout=20)
    imap = dovecot(one, [A, B]).login(A)
    found = subjects(imap, "INBOX")
    assert sorted(found) == ["left", "spam", "virus", "wanted"]
    assert subjects(imap, "Release") == {}
    found = subjects(imap, "INBOX")
    _, data = imap.fetch(found["wanted"], "(RFC822)")
    assert data[0][1] == wanted
    # the user's mail, and one of the user's own making
    for name in ("wanted", "virus"):
        status, text = imap._simple_command("MOVE", found[name],
                                            "Release")
        assert status == "OK", text
        found = subjects(imap, "INBOX")
    imap.append("Release", None, None,
                b"Subject: forged\r\n\r\nnever kept\r\n")
    released, = sink.wait(1)
    assert released.recipients == [A]
    assert without_trace(released.data) == wanted
    proc.wait_for(lambda: "wanted" in subjects(imap, "Released"), 10,
                  "the message in Released")
    # deleted by the user
    found = subjects(imap, "INBOX")
    imap.store(found["spam"], "+FLAGS", r"(\Deleted)")
    imap.expunge()
    proc.wait_for(lambda: not items(one, "--rcpt", A, "--subject", "spam"),
                  15, "the item to go")
    said = one.ctl_json("quarantine", "sync")
    assert said["foreign"] == 1 and said["refused"] == 1
    assert {i["subject"]: i["state"] for i in items(one, "--rcpt", A)} == \
        {"wanted": "released", "left": "kept", "virus": "kept"}
    # the other recipient's are untouched
    assert len(items(one, "--rcpt", B, "--state", "kept")) == 4
    assert len(sink.messages) == 1
    who = {e["action"]: e["who"] for e in one.ctl_json(
        "quarantine", "audit", "--rcpt", A)["entries"]}
    assert who["release"] == who["delete"] == f"imap:{A}"
    imap.logout()


# --- long addresses ---

def long_address(n):
    return "L" * (n - len("@example.net")) + "@example.net"


def test_long_addresses_are_kept_whole(weir, milter_client, sink):
    """To the last octet, and released to exactly that address."""
    one = weir(daemon.listener("m", "milter", "unix:{dir}/m.sock") + PUPPET
               + quarantine(next_hop=sink.address))
    message = mail("quarantine")
    milter = session(milter_client, one)
    for n in (256, 511, 512, 513, 1024):
        sender, to = long_address(n - 1), long_address(n)
        kind, text = send(milter, sender, [to], message)
        assert kind == "discard", (n, text)
        kept, = items(one, "--rcpt", to)
        assert kept["recipient"] == to and kept["sender"] == sender
        done, = one.ctl_json("quarantine", "release", kept["id"])
        assert done["result"] == "released", done
        got = sink.wait(1)[-1]
        assert (got.sender, got.recipients) == (sender, [to])
        sink.reset()
    # longer ones the daemon takes from no MTA
    for sender, to, want in (
            (A, long_address(1025), "553 5.1.3 Recipient address or"),
            (long_address(1025), A, "553 5.1.7 Sender address or")):
        kind, text = send(milter, sender, [to], message)
        assert text.startswith(want), text
    assert len(items(one)) == 5


@pytest.mark.parametrize("to", ["<b@example.net>", "b@example.net x@y.z",
                                "b@example.net>", "b@example.net\n", "\tb@x",
                                "nobody", "@" * 2000])
def test_forward_takes_addresses_only(kept, sink, to):
    """What is no address never becomes a command for the next hop."""
    one = kept(next_hop=sink.address)
    item, = items(one)
    said = refused(one, "quarantine", "forward", item["id"], to)
    assert "is no address" in said, said
    assert items(one) == [item] and not sink.messages
    assert one.ctl_json("quarantine", "forward", item["id"],
                        "b@example.net")[0]["result"] == "forwarded"
    forwarded, = sink.wait(1)
    assert forwarded.recipients == ["b@example.net"]


def test_what_is_no_file_in_release(kept, sink):
    """Others in the folder are released all the same, nobody waits."""
    one = kept(next_hop=sink.address, interval="1h")
    item, = items(one)
    box = folder_of(one) / "imap" / item["recipient"]
    release = box / ".Release" / "cur"
    view, = [p for p in box.glob("*/*") if p.is_file()
             and p.parent.name in ("cur", "new")]
    for path in (release.parent, release, release.parent / "new",
                 release.parent / "tmp"):
        path.mkdir(exist_ok=True)
        os.chown(path, box.stat().st_uid, box.stat().st_gid)
    (release / "0folder").mkdir()
    os.mkfifo(release / "1fifo")
    (release / "2link").symlink_to("/etc/passwd")
    (release / "3gone").symlink_to("nowhere")
    (release / "4empty").write_bytes(b"")
    for path in release.iterdir():
        os.chown(path, box.stat().st_uid, box.stat().st_gid,
                 follow_symlinks=False)
    view.rename(release / view.name)
    said = one.ctl_json("quarantine", "sync")
    assert (said["released"], said["foreign"]) == (1, 5), said
    released, = sink.wait(1)
    assert released.recipients == [item["recipient"]]


# --- what the manual says about a damaged index, word by word ---

def recipe():
    text = (proc.ROOT / "modules" / "quarantine" / "README.md").read_text()
    found, = re.findall(r"\*\*A damaged index.*?```sh\n(.*?)```", text, re.S)
    return found


@pytest.mark.parametrize("damage", ["index", "rows"])
def test_recipe_for_a_damaged_index(kept, milter_client, sink, damage):
    """What can be read comes back, can be released and added to; mail of rows
    that are lost stays where it is."""
    one = kept(45, next_hop=sink.address)
    folder = folder_of(one)
    before = {i["id"]: i for i in items(one)}
    mails = sorted(folder.glob("mail/*/*"))
    for path in mails:
        os.utime(path, (1, 1))
    one.process.stop()
    sql(one, "PRAGMA wal_checkpoint(TRUNCATE)")
    name = {"index": "item_id", "rows": "item"}[damage]
    pages = [int(p) for p in sql(
        one, f"SELECT pageno FROM dbstat WHERE name = '{name}' AND "
        "pagetype = 'leaf' ORDER BY path").split()]
    assert damage == "index" or len(pages) > 2
    size = int(sql(one, "PRAGMA page_size"))
    with open(folder / "index.db", "r+b") as f:
        f.seek((pages[len(pages) // 2] - 1) * size)
        f.write(b"\xa5" * size)
    subprocess.run(["sh", "-ec", recipe()], cwd=folder, check=damage != "rows",
                   timeout=60)
    assert len(list(folder.glob("bad-*"))) == 1
    # done twice it takes nothing away
    first = sql(one, "SELECT count(*) FROM item")
    subprocess.run(["sh", "-ec", recipe()], cwd=folder, check=True, timeout=60)
    assert sql(one, "SELECT count(*) FROM item") == first
    one.start()
    after = {i["id"]: i for i in items(one)}
    lost = len(before) - len(after)
    assert all(before[k] == v for k, v in after.items())
    assert lost == 0 if damage != "rows" else 0 < lost < 30, lost
    assert sql(one, "PRAGMA integrity_check") == "ok"
    ident = next(iter(after))
    assert one.ctl_json("quarantine", "release",
                        ident)[0]["result"] == "released"
    sink.wait(1)
    send(session(milter_client, one), A, [C], mail("quarantine", subject="new"))
    assert len(items(one)) == len(after) + 1
    said = one.ctl_json("quarantine", "repair")
    assert (said["items"], said["files"]) == (0, 0)
    assert all(p.exists() for p in mails)
