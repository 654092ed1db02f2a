# SPDX-License-Identifier: GPL-2.0-or-later
"""Real messages through the real Postfix: what the sender is told and what
arrives."""

import re
import smtplib
import socket
import subprocess

import pytest

from weirtest import daemon, proc

from test_dns_faults import LIST, ZONE, listing
from test_explain import records

MILTER = daemon.listener("m", "milter", "unix:{dir}/m.sock")
POLICY = daemon.listener("p", "policy", "unix:{dir}/p.sock")
PUPPET = daemon.section("module", "puppet")
ACTION = daemon.section("action", reject=15, quarantine=10, add_header=5,
                        subject_prefix="[SPAM]")
BODY = b"body line\r\n.dot\r\nlast\r\n"
CLIENT = "8.8.4.4"


def mail(*orders, subject="test", extra=b"", body=BODY):
    return (b"From: a@example.org\r\nSubject: " + subject.encode()
            + b"\r\nMessage-Id: <1@example.org>\r\n"
            b"Date: Mon, 02 Jun 2025 10:11:12 +0000\r\n" + extra
            + b"".join(b"X-Puppet: %s\r\n" % o.encode() for o in orders)
            + b"\r\n" + body)


@pytest.fixture
def site(weir, postfix):
    """Weir and Postfix together: site(configuration, how it is asked)."""
    def start(conf, milter="unix", policy=False, **settings):
        inet = proc.free_port()
        address = f"inet:127.0.0.1:{inet}" if milter == "inet" \
            else "unix:{dir}/m.sock"
        one = weir(daemon.listener("m", "milter", address) + POLICY + conf)
        options = dict(settings)
        # every client may relay here, whatever XCLIENT says it is
        options.setdefault("mynetworks", "0.0.0.0/0")
        if milter:
            options["milters"] = [address.replace("{dir}", str(one.dir))]
        if policy:
            options["policy"] = f"unix:{one.dir}/p.sock"
        mx = postfix(**options)
        return one, mx
    return start


def decision(text):
    """The decision id at the end of a reply."""
    text = text.decode() if isinstance(text, bytes) else text
    found = re.search(r"\[([a-z0-9]{8,})\]", text)
    assert found, text
    return found.group(1)


def explained(one, ident, timeout=2):
    """The record of a decision, through weirctl."""
    def look():
        try:
            return one.ctl_json("explain", ident)[-1]
        except RuntimeError:
            return None
    return proc.wait_for(look, timeout, f"the record {ident}")


# clean mail

@pytest.mark.parametrize("milter", ["unix", "inet"])
def test_untouched_means_untouched(site, postfix, sink, smtp_send, milter):
    """With nothing to say, the octets that arrive are those without
    Weir."""
    one, mx = site(daemon.section("module", "benchmime"), milter)
    raw = mail(extra=b"X-Odd:\tone\r\n  two\r\nX-8: caf\xc3\xa9 \xff\r\n",
               body=BODY + b"trailing blanks  \r\n\r\n\r\n\xe9\xff\r\n")
    (code, text), _ = smtp_send(mx.address, raw)
    assert code == 250
    sink.wait(1)
    smtp_send(postfix().address, raw)
    with_weir, without = sink.wait(2)

    def content(m):
        """Without the Received fields, which carry times and ids."""
        head, _, body = m.data.partition(b"\r\n\r\n")
        return re.sub(rb"^Received:.*?\r\n(?=\S)", b"", head,
                      flags=re.S | re.M), body
    assert content(with_weir) == content(without)
    record = records(one, 1)[0]
    queue_id = re.search(r"queued as (\w+)", text.decode()).group(1)
    assert record["queue_id"] == queue_id
    assert record["verdict"] == "accept" and record["edits"] == []
    assert record["recipients"][0]["address"] == "user@example.net"


# refusals

@pytest.mark.parametrize("how", ["policy", "milter"])
def test_reject_at_rcpt_by_list(site, sink, smtp_send, fake_dns, how):
    fake_dns.load(ZONE + listing(CLIENT))
    one, mx = site(
        daemon.section("dns", servers=[fake_dns.address], timeout="1s")
        + f'module "rbl" {{ zone "{LIST}" {{ codes = {{"127.0.0.2-11"}} '
          'score = 20.0 } }\n'
        + daemon.section("action", reject=15, early=True),
        milter="unix" if how == "milter" else None, policy=how == "policy")
    proc.wait_for(lambda: "up" in one.ctl("rbl", "zones"), 5, "the list")
    (code, text), refused = smtp_send(mx.address, mail(),
                                      xclient={"ADDR": CLIENT})
    assert code in (550, 554)
    assert list(refused) == ["user@example.net"]
    record = explained(one, decision(text))
    assert record["verdict"] == "reject"
    assert record["kind"] == ("policy" if how == "policy" else "message")
    assert record["client"]["address"] == CLIENT
    assert record["findings"][0]["symbol"] == "RBL_CLIENT"
    assert not sink.messages


def test_reply_of_several_lines(site, sink, smtp_send, fake_dns):
    """The domain's explanation stands on a line of its own, each with code
    and enhanced code."""
    fake_dns.load('ok.example. 60 IN TXT "v=spf1 -all exp=why.ok.example"\n'
                  'why.ok.example. 60 IN TXT "%{i} is none of ours"\n')
    one, mx = site(
        daemon.section("dns", servers=[fake_dns.address], timeout="1s")
        + daemon.section("module", "spf", exempt_mx=False))
    (code, text), _ = smtp_send(mx.address, mail(), sender="joe@ok.example",
                                xclient={"ADDR": CLIENT})
    first, second = text.split(b"\n")
    assert code == 550 and first.startswith(b"5.7.23 ")
    assert second.startswith(b"5.7.23 The domain ok.example explains: 8.8.4.4 "
                             b"is none of ours")
    assert explained(one, decision(text))["verdict"] == "reject"
    assert not sink.messages


@pytest.mark.parametrize("score, code", [(3, 250), (7, 250), (20, 550)])
def test_action_by_score(site, sink, smtp_send, score, code):
    one, mx = site(PUPPET + ACTION)
    (got, text), _ = smtp_send(mx.address, mail(f"score {score}"))
    assert got == code or (code == 550 and got in (550, 554))
    if code != 250:
        record = explained(one, decision(text))
        assert record["verdict"] == "reject" and record["queue_id"]
        assert record["score"] == score
        assert not sink.messages and mx.queue() == 0
        return
    message, = sink.wait(1)
    marked = score >= 5
    assert message.headers("Subject") == \
        (["[SPAM] test"] if marked else ["test"])
    assert float(message.headers("X-Weir-Score")[0].split()[0]) == score
    assert message.body() == BODY


@pytest.mark.parametrize("copies", [1, 2, 50])
def test_forged_marks_are_removed(site, sink, smtp_send, copies):
    """All of them, whatever the case, the folding and the place."""
    forms = [b"X-Weir-Score: -99\r\n", b"x-weir-score: -98\r\n",
             b"X-WEIR-SYMBOLS:\r\n\tGOOD=-5,\r\n BETTER=-9\r\n",
             b"X-Weir-Score:\t-97\r\n\t(trusted)\r\n",
             b"x-WeIr-UnScanned: none\r\n"]
    forged = b"".join(forms[i % len(forms)] + b"X-Keep: %d\r\n" % i
                      for i in range(copies))
    one, mx = site(PUPPET + ACTION)
    (code, _), _ = smtp_send(mx.address, mail("score 6", extra=forged))
    assert code == 250
    message, = sink.wait(1)
    score, = message.headers("X-Weir-Score")
    assert float(score.split()[0]) == 6
    symbols, = message.headers("X-Weir-Symbols")
    assert "PUPPET_SCORE" in symbols and "GOOD" not in symbols
    assert message.headers("X-Weir-Unscanned") == []
    # and nothing else is missing or moved
    assert message.headers("X-Keep") == [str(i) for i in range(copies)]
    assert message.body() == BODY


# greylisting

@pytest.mark.parametrize("how", ["policy", "milter"])
def test_greylist_then_retry(site, sink, smtp_send, how):
    one, mx = site(daemon.section("module", "greylist", delay="1s"),
                   milter="unix" if how == "milter" else None,
                   policy=how == "policy")
    client = {"ADDR": CLIENT}
    (code, text), refused = smtp_send(mx.address, mail(), xclient=client)
    assert code == 450 and b"4.7.1" in text and refused
    record = explained(one, decision(text))
    assert record["verdict"] == "tempfail"
    assert record["recipients"][0]["facts"]["greylist.state"] == "new"

    def retry():
        (code, _), _ = smtp_send(mx.address, mail(), xclient=client)
        assert code in (250, 450)
        return code == 250
    proc.wait_for(retry, 10, "the retry to pass")
    message, = sink.wait(1)
    assert message.body() == BODY
    # known from now on
    (code, _), _ = smtp_send(mx.address, mail(), xclient=client)
    assert code == 250


# edits

def test_body_and_subject_are_replaced(site, sink, smtp_send):
    one, mx = site(PUPPET)
    (code, _), _ = smtp_send(
        mx.address, mail("body all new", "subject other"))
    assert code == 250
    message, = sink.wait(1)
    assert message.body() == b"all new\r\n"
    assert message.headers("Subject") == ["other"]
    edits = {e["kind"]: e["module"] for e in records(one, 1)[0]["edits"]}
    assert set(edits.values()) == {"puppet"} and len(edits) == 2


def test_envelope_is_changed(site, sink, smtp_send):
    one, mx = site(PUPPET)
    (code, _), _ = smtp_send(
        mx.address, mail("sender new@example.org",
                         "rcpt-add more@example.net", "rcpt-delete 0"),
        recipients=("a@example.net", "b@example.net"))
    assert code == 250
    mx.drained()
    assert {m.sender for m in sink.messages} == {"new@example.org"}
    assert sorted(r for m in sink.messages for r in m.recipients) == \
        ["b@example.net", "more@example.net"]


def test_hold(site, sink, smtp_send):
    """mta_hold puts it into Postfix's hold queue; releasing delivers."""
    one, mx = site(PUPPET)
    (code, _), _ = smtp_send(mx.address, mail("hold look at this"))
    assert code == 250
    proc.wait_for(lambda: list((mx.dir / "queue" / "hold").iterdir()), 5,
                  "the message in hold")
    proc.wait_for(lambda: "milter-hold: " in mx.log(), 5, "the log")
    assert not sink.messages
    subprocess.run(["/usr/sbin/postsuper", "-c", str(mx.etc), "-H", "ALL"],
                   check=True, capture_output=True)
    assert sink.wait(1)[0].body() == BODY


def test_quarantine_verdict_is_kept(site, sink, smtp_send):
    """A quarantine verdict never delivers and never loses."""
    one, mx = site(PUPPET + ACTION)
    (code, _), _ = smtp_send(mx.address, mail("score 12"))
    assert code == 250
    record = records(one, 1)[0]
    assert record["verdict"] == "quarantine"
    proc.wait_for(lambda: list((mx.dir / "queue" / "hold").iterdir()), 5,
                  "the message in hold")
    assert not sink.messages


def test_discard(site, sink, smtp_send):
    one, mx = site(PUPPET)
    (code, _), _ = smtp_send(mx.address, mail("discard"))
    assert code == 250
    assert records(one, 1)[0]["verdict"] == "discard"
    (code, _), _ = smtp_send(mx.address, mail(subject="second"))
    assert code == 250
    message, = sink.wait(1)
    assert message.headers("Subject") == ["second"]
    mx.drained()
    assert len(sink.messages) == 1


# several recipients

def test_recipients_are_refused_alone(site, sink, smtp_send):
    one, mx = site(PUPPET)
    (code, _), refused = smtp_send(mx.address, mail(), recipients=(
        "a@example.net", "reject@example.net", "defer@example.net",
        "b@example.net"))
    assert code == 250
    assert {k: v[0] // 100 for k, v in refused.items()} == {
        "reject@example.net": 5, "defer@example.net": 4}
    mx.drained()
    assert sorted(r for m in sink.messages for r in m.recipients) == \
        ["a@example.net", "b@example.net"]
    verdicts = {r["address"]: r["verdict"]
                for r in records(one, 1)[-1]["recipients"]}
    assert verdicts["reject@example.net"] == "reject"
    assert verdicts["defer@example.net"] == "tempfail"


def test_disagree_drop(site, sink, smtp_send):
    """At the end of the message, one is refused: with `drop` it is removed
    and the others get theirs."""
    one, mx = site('disagree = "drop"\n' + PUPPET)
    (code, _), _ = smtp_send(mx.address, mail("reject 1"), recipients=(
        "a@example.net", "b@example.net", "c@example.net"))
    assert code == 250
    mx.drained()
    assert sorted(r for m in sink.messages for r in m.recipients) == \
        ["a@example.net", "c@example.net"]


def test_disagree_worst(site, sink, smtp_send):
    one, mx = site('disagree = "worst"\n' + PUPPET)
    (code, _), _ = smtp_send(mx.address, mail("reject 1"), recipients=(
        "a@example.net", "b@example.net"))
    assert code // 100 == 5
    assert not sink.messages and mx.queue() == 0


# odd messages

def test_null_sender(site, sink, smtp_send):
    one, mx = site(PUPPET + ACTION)
    (code, _), _ = smtp_send(mx.address, mail("score 6"), sender="")
    assert code == 250
    assert sink.wait(1)[0].sender == ""
    assert records(one, 1)[0]["sender"] == ""


def test_smtputf8(site, sink):
    one, mx = site(PUPPET + ACTION)
    with smtplib.SMTP("127.0.0.1", mx.port, timeout=20) as smtp:
        smtp.ehlo("client.example")
        assert smtp.docmd("MAIL", "FROM:<a@example.org> SMTPUTF8")[0] == 250
        smtp.send("RCPT TO:<jos\u00e9@example.net>\r\n".encode())
        assert smtp.getreply()[0] == 250
        code, text = smtp.data(
            "Subject: Gr\u00fc\u00dfe\r\nX-Puppet: score 6\r\n\r\nx\r\n"
            .encode())
        assert code == 250, text
    record = records(one, 1)[0]
    assert record["recipients"][0]["address"] == "jos\u00e9@example.net"
    message, = sink.wait(1)
    subject, = message.headers("Subject")
    assert "[SPAM]" in subject
    assert message.recipients == ["jos\u00e9@example.net"]


def test_large_header_and_body(site, sink, smtp_send):
    """Nothing is cut: 30 MB with a header of 90 KB arrive whole."""
    one, mx = site(PUPPET + ACTION, message_size_limit="60000000",
                   header_size_limit="200000")
    line = b"0123456789" * 7 + b"\r\n"
    body = line * (30_000_000 // len(line))
    extra = b"".join(b"X-Big-%d: %s\r\n" % (i, b"y" * 900)
                     for i in range(100))
    (code, _), _ = smtp_send(mx.address, mail("score 6", extra=extra,
                                              body=body), timeout=60)
    assert code == 250
    message, = sink.wait(1, 60)
    assert message.body() == body
    assert message.headers("Subject") == ["[SPAM] test"]
    assert message.headers("X-Big-99") == ["y" * 900]
    assert records(one, 1)[0]["size"] > 30_000_000


def test_message_over_the_limit(site, sink, smtp_send):
    one, mx = site(daemon.section("memory", message="1M") + PUPPET,
                   message_size_limit="60000000")
    (code, text), _ = smtp_send(mx.address, mail(body=BODY * 100000))
    assert code == 552 and b"too large" in text
    assert explained(one, decision(text))["verdict"] == "reject"
    (code, _), _ = smtp_send(mx.address, mail())
    assert code == 250


# attribution

def test_messages_of_one_connection(site, sink):
    """A hundred messages, pipelined over a few connections, each with its
    own nonce, sender and fate: no answer is another one's."""
    one, mx = site(PUPPET + daemon.section("action", add_header=1,
                                           reject=50))
    fates = ["", "score 6", "score 60", "reject", "defer", "discard",
             "sender x{n}@example.org"]
    accepted = []
    for c in range(4):
        with smtplib.SMTP("127.0.0.1", mx.port, timeout=30) as smtp:
            smtp.ehlo("client.example")
            for i in range(25):
                n = c * 25 + i
                fate = fates[n % len(fates)].format(n=n)
                orders = [fate] if fate else []
                smtp.send(f"MAIL FROM:<s{n}@example.org>\r\n"
                          f"RCPT TO:<r{n}@example.net>\r\n"
                          "DATA\r\n".encode())
                assert [smtp.getreply()[0] for _ in range(3)] == \
                    [250, 250, 354]
                smtp.send(mail(*orders, subject=f"nonce {n}",
                               extra=b"X-Nonce: %d\r\n" % n) + b".\r\n")
                code, text = smtp.getreply()
                want = 5 if fate in ("score 60", "reject") else \
                    4 if fate == "defer" else 2
                assert code // 100 == want, (n, fate, code, text)
                if want == 2 and fate != "discard":
                    accepted.append(n)
    mx.drained()
    seen = {}
    for m in sink.messages:
        n = int(m.headers("X-Nonce")[0])
        assert n not in seen
        seen[n] = m
        fate = fates[n % len(fates)].format(n=n)
        assert m.recipients == [f"r{n}@example.net"]
        assert m.sender == (fate[7:] if fate.startswith("sender")
                            else f"s{n}@example.org")
        assert float(m.headers("X-Weir-Score")[0].split()[0]) == \
            (6 if fate == "score 6" else 0)
    assert sorted(seen) == sorted(accepted)
    found = {r["sender"]: r["verdict"] for r in records(one, 100)}
    words = {"reject": "reject", "score 60": "reject", "defer": "tempfail",
             "discard": "discard"}
    for n in range(100):
        fate = fates[n % len(fates)]
        assert found[f"s{n}@example.org"] == words.get(fate, "accept"), n


# clients that leave

STEPS = [b"", b"EHLO c.example\r\n", b"MAIL FROM:<a@example.org>\r\n",
         b"RCPT TO:<b@example.net>\r\n", b"DATA\r\n",
         b"Subject: half\r\n", b"\r\nbody", b" more\r\n", b".\r\n"]


def test_client_leaves_at_each_step(site, sink, smtp_send):
    """By a reset or in good order; the next one is served as ever."""
    one, mx = site(PUPPET)
    for last in range(len(STEPS)):
        for reset in (False, True):
            with socket.create_connection(("127.0.0.1", mx.port), 10) as s:
                assert s.recv(1000).startswith(b"220")
                for i, step in enumerate(STEPS[1:last + 1], 1):
                    s.sendall(step)
                    if i <= 4 or i == 8:
                        assert s.recv(1000)[:1] in b"23"
                if reset:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 b"\1\0\0\0\0\0\0\0")
    (code, _), _ = smtp_send(mx.address, mail(subject="whole"))
    assert code == 250
    messages = sink.wait(3)
    assert [m.headers("Subject")[0] for m in messages].count("whole") == 1
    assert [m.headers("Subject")[0] for m in messages].count("half") == 2
    proc.wait_for(lambda: one.ctl_json("status") is not None, 5, "status")
    assert "worker.crash" not in one.log()


# Weir is away

@pytest.mark.parametrize("how", ["milter", "policy"])
def test_weir_is_away(site, sink, smtp_send, how):
    """With the settings that mta-config prints mail waits at the sender."""
    one, mx = site(PUPPET, milter="unix" if how == "milter" else None,
                   policy=how == "policy", milter_connect_timeout="2s",
                   smtpd_policy_service_retry_delay="1s")
    one.stop()
    (code, _), _ = smtp_send(mx.address, mail())
    assert code // 100 == 4
    assert not sink.messages and mx.queue() == 0
