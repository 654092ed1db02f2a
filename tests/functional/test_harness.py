# SPDX-License-Identifier: GPL-2.0-or-later
"""The helpers themselves, without the daemon: what they say can be relied
on when they test it."""

import json
import socket
import struct
import subprocess
import time

import pytest
from dnslib import DNSRecord, QTYPE, RCODE

from weirtest import daemon, proc
from weirtest.milter import Closed, ProtocolError, frame, split_message

MAIL = (b"From: a@example.org\r\nSubject: test\r\n folded\r\n"
        b"Message-Id: <1@example.org>\r\n"
        b"Date: Mon, 02 Jun 2025 10:11:12 +0000\r\n\r\nbody\r\n.dot\r\n")


# Postfix and the sink

def test_postfix_round_trip(postfix, sink, smtp_send):
    mx = postfix()
    (code, _), refused = smtp_send(mx.address, MAIL)
    assert code == 250 and not refused
    message, = sink.wait(1)
    assert message.sender == "sender@example.org"
    assert message.recipients == ["user@example.net"]
    assert message.body() == b"body\r\n.dot\r\n"
    assert message.headers("Subject") == ["test folded"]
    mx.drained()


def test_postfix_xclient_reaches_log(postfix, sink, smtp_send):
    mx = postfix()
    smtp_send(mx.address, MAIL, xclient={"ADDR": "198.51.100.7",
                                         "NAME": "mail.example.com"})
    # relaying is for loopback only, and the client is another one now
    proc.wait_for(lambda: "[198.51.100.7]" in mx.log(), 10, "the log")
    assert not sink.messages


def test_sink_refuses_a_recipient(sink, smtp_send):
    sink.rcpt_replies["bad@example.net"] = "550 5.1.1 no such user"
    (code, _), refused = smtp_send(sink.address, MAIL, recipients=(
        "bad@example.net", "good@example.net"))
    assert code == 250
    assert refused["bad@example.net"][0] == 550
    assert sink.wait(1)[0].recipients == ["good@example.net"]


def test_sink_refuses_data(sink, smtp_send):
    sink.data_reply = "451 4.3.0 later"
    (code, _), _ = smtp_send(sink.address, MAIL)
    assert code == 451 and not sink.messages


# the name server

ZONE = """
example.com. 60 IN A 192.0.2.1
example.com. 60 IN TXT "one" "two"
www.example.com. 60 IN CNAME example.com.
a.b.example.com. 60 IN A 192.0.2.2
"""


def ask(dns, name, kind="A", tcp=False, timeout=1.0):
    question = DNSRecord.question(name, kind)
    packed = question.pack()
    if tcp:
        with socket.create_connection(("127.0.0.1", dns.port),
                                      timeout) as s:
            s.sendall(struct.pack(">H", len(packed)) + packed)
            size = struct.unpack(">H", s.recv(2))[0]
            return question, DNSRecord.parse(s.recv(size))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.sendto(packed, ("127.0.0.1", dns.port))
        return question, DNSRecord.parse(s.recv(65536))


def test_dns_normal(fake_dns):
    fake_dns.load(ZONE)
    _, got = ask(fake_dns, "example.com")
    assert [str(r.rdata) for r in got.rr] == ["192.0.2.1"]
    _, got = ask(fake_dns, "www.example.com")
    assert [QTYPE[r.rtype] for r in got.rr] == ["CNAME", "A"]
    _, got = ask(fake_dns, "nothing.example.com")
    assert got.header.rcode == RCODE.NXDOMAIN
    _, got = ask(fake_dns, "b.example.com")
    assert got.header.rcode == RCODE.NOERROR and not got.rr
    _, got = ask(fake_dns, "example.com", "TXT", tcp=True)
    assert got.rr[0].rdata.data == [b"one", b"two"]
    assert fake_dns.count("example.com", "A") == 1
    assert fake_dns.count() == 5 and fake_dns.tcp_queries == 1


@pytest.mark.parametrize("mode, rcode", [("servfail", RCODE.SERVFAIL),
                                         ("refused", RCODE.REFUSED)])
def test_dns_errors(fake_dns, mode, rcode):
    fake_dns.load(ZONE)
    fake_dns.mode(mode)
    assert ask(fake_dns, "example.com")[1].header.rcode == rcode


def test_dns_drop_below_a_suffix_only(fake_dns):
    fake_dns.load(ZONE)
    fake_dns.mode("drop", suffix="b.example.com")
    with pytest.raises(socket.timeout):
        ask(fake_dns, "a.b.example.com", timeout=0.2)
    assert ask(fake_dns, "example.com")[1].rr
    fake_dns.reset()
    assert ask(fake_dns, "a.b.example.com")[1].rr


def test_dns_slow_does_not_delay_others(fake_dns):
    fake_dns.load(ZONE)
    fake_dns.mode("slow", 0.5, suffix="www.example.com")
    with pytest.raises(socket.timeout):
        ask(fake_dns, "www.example.com", timeout=0.1)
    begin = time.monotonic()
    ask(fake_dns, "example.com")
    assert time.monotonic() - begin < 0.3
    assert ask(fake_dns, "www.example.com", timeout=3)[1].rr


def test_dns_lies(fake_dns):
    fake_dns.mode("lie", "127.255.255.254")
    _, got = ask(fake_dns, "2.0.0.127.list.example")
    assert str(got.rr[0].rdata) == "127.255.255.254"
    fake_dns.mode("wrong_question")
    _, got = ask(fake_dns, "example.com")
    assert str(got.q.qname) == "wrong.example."
    fake_dns.mode("wrong_id")
    question, got = ask(fake_dns, "example.com")
    assert got.header.id != question.header.id


def test_dns_truncation(fake_dns):
    fake_dns.load(ZONE)
    fake_dns.mode("tcp_only")
    _, got = ask(fake_dns, "example.com")
    assert got.header.tc == 1 and not got.rr
    _, got = ask(fake_dns, "example.com", tcp=True)
    assert got.rr
    fake_dns.mode("truncate")
    with pytest.raises(socket.timeout):
        ask(fake_dns, "example.com", tcp=True, timeout=0.2)


# milter clients against filters that are known to be right

FILTERS = [("floor",), ("floor", "-n"), ("libmilter-filter",),
           ("libmilter-filter", "-n")]


@pytest.mark.parametrize("split", [False, True], ids=["whole", "octets"])
@pytest.mark.parametrize("which", FILTERS, ids=" ".join)
def test_milter_client(yardstick, milter_client, which, split):
    client = milter_client(yardstick(*which), split=split)
    assert client.session() is None
    for _ in range(3):
        assert client.message(MAIL).kind == "continue"
        client.abort()
    client.quit()
    assert client.closed()


def test_milter_client_without_offers(yardstick, milter_client):
    client = milter_client(yardstick("libmilter-filter"))
    client.negotiate(version=2, actions=0x3F, protocol=0)
    assert client.version == 2
    assert client.connect().kind == "continue"
    assert client.helo().kind == "continue"
    assert client.message(MAIL).kind == "continue"


def scripted_filter(folder, script):
    """A filter that answers the first packet with fixed octets."""
    path = f"{folder}/scripted.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)

    def serve():
        conn, _ = server.accept()
        with conn:
            for answer in script:
                if not conn.recv(65536):
                    return
                conn.sendall(answer)
            conn.recv(65536)
        server.close()

    import threading
    threading.Thread(target=serve, daemon=True).start()
    return f"unix:{path}"


NEGOTIATION = frame("O", struct.pack(">III", 6, 0, 0))


@pytest.mark.parametrize("script", [
    [frame("O", struct.pack(">III", 7, 0, 0))],
    [frame("O", struct.pack(">III", 6, 0x200, 0))],
    [frame("O", b"\0" * 11)],
    [frame("c")],
    [NEGOTIATION, frame("x")],
    [NEGOTIATION, frame("c", b"x")],
    [NEGOTIATION, frame("h", b"A\0b\0")],
    [NEGOTIATION, frame("y", b"250 ok\0")],
    [NEGOTIATION, b"\0\0\0\0"],
], ids=["version", "actions", "short", "no-negotiation", "unknown", "data",
        "early-edit", "code-2xx", "empty-packet"])
def test_bad_filters_are_noticed(folder, milter_client, script):
    client = milter_client(scripted_filter(folder, script))
    with pytest.raises(ProtocolError):
        client.negotiate()
        client.connect()


@pytest.mark.parametrize("script", [
    [frame("O", struct.pack(">III", 7, 0, 0))],
    [NEGOTIATION, frame("x")],
    [NEGOTIATION, frame("c") * 2],
    [NEGOTIATION, frame("h", b"A\0b\0")],
    [NEGOTIATION, frame("y", b"250 ok\0")],
    [NEGOTIATION, b"\0\0\0\0"],
    [],
], ids=["version", "unknown", "two-replies", "early-edit", "code-2xx",
        "empty-packet", "silence"])
def test_weir_load_notices_bad_filters(folder, script):
    address = scripted_filter(folder, script)
    got = daemon.load("--milter", address, "--connections", 1, "--messages",
                      1, "--timeout", 0.3, "--limit", 5, check=False)
    assert got["status"] == 1 and got["broken"] == 1


def test_milter_client_sees_the_end(folder, milter_client):
    client = milter_client(scripted_filter(folder, [NEGOTIATION, b"\0"]))
    client.negotiate()
    client.send("C", b"x\0U")
    client.sock.shutdown(socket.SHUT_WR)
    with pytest.raises(Closed):
        client.reply("C")


def test_split_message():
    raw = (b"From x\nA: 1\nB:\n 2\n\t3\nnot a header\nC: 4\n\n.x")
    headers, body = split_message(raw)
    assert headers == [(b"A", b"1"), (b"B", b"\n 2\n\t3")]
    assert body == b"not a header\r\nC: 4\r\n\r\n.x\r\n"


# weir-load

@pytest.mark.parametrize("which", FILTERS, ids=" ".join)
@pytest.mark.parametrize("options", [
    (), ("--no-reply",), ("--skip", "--no-reply", "--macros"), ("--split",),
    ("--version", 2), ("--version", 4, "--macros"), ("--reconnect", 3),
    ("--size", 200000, "--recipients", 5), ("--rate", 500),
], ids=str)
def test_weir_load(yardstick, folder, which, options):
    ledger = folder / "ledger"
    got = daemon.load("--milter", yardstick(*which), "--connections", 4,
                      "--messages", 10, "--ledger", ledger, *options)
    assert got["messages"] == 40 and got["verdicts"]["accept"] == 40
    assert got["broken"] == 0
    rows = [line.split() for line in ledger.read_text().splitlines()]
    assert len({row[0] for row in rows}) == 40
    assert {row[1] for row in rows} == {"accept"}


def test_weir_load_sends_whole_messages(postfix, sink, folder):
    """What it claims to be a message is one: compare the two clients."""
    raw = folder / "m.eml"
    raw.write_bytes(MAIL.replace(b"\r\n", b"\n"))
    seen = []
    path = f"{folder}/record.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)

    def serve():
        conn, _ = server.accept()
        data = b""
        with conn:
            while True:
                got = conn.recv(65536)
                if not got:
                    return
                data += got
                while len(data) >= 5:
                    size = struct.unpack(">I", data[:4])[0]
                    if len(data) < size + 4:
                        break
                    packet, data = data[4:size + 4], data[size + 4:]
                    seen.append(packet)
                    if packet[:1] == b"O":
                        conn.sendall(NEGOTIATION)
                    elif packet[:1] not in b"DAQ":
                        conn.sendall(frame("c"))

    import threading
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    daemon.load("--milter", f"unix:{path}", "--connections", 1,
                "--messages", 1, "--eml", raw, "--macros")
    thread.join(5)
    server.close()
    assert b"".join(p[:1] for p in seen) == (
        b"ODCDHDMDRDT" + b"DL" * 5 + b"DNDBDEAQ")
    headers = [p[1:-1].split(b"\0") for p in seen if p[:1] == b"L"]
    assert headers[:4] == [
        [b"From", b"a@example.org"], [b"Subject", b"test\n folded"],
        [b"Message-Id", b"<1@example.org>"],
        [b"Date", b"Mon, 02 Jun 2025 10:11:12 +0000"]]
    assert headers[4][0] == b"X-Load-Id"
    queue_ids = {p[2:].split(b"\0")[1] for p in seen
                 if p[:1] == b"D" and p[2:4] == b"i\0"}
    assert queue_ids == {headers[4][1]}
    assert [p[1:] for p in seen if p[:1] == b"B"] == [b"body\r\n.dot\r\n"]


def test_weir_load_policy(folder):
    """All actions are told apart, and nonsense is a broken session."""
    answers = [b"DUNNO", b"OK", b"REJECT no", b"DEFER_IF_PERMIT later",
               b"450 4.7.1 later", b"PREPEND X-A: b", b"HOLD", b"DISCARD x",
               b"nonsense"]
    path = f"{folder}/policy.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)
    requests = []

    def serve():
        conn, _ = server.accept()
        data = b""
        with conn:
            for answer in answers:
                while b"\n\n" not in data:
                    got = conn.recv(65536)
                    if not got:
                        return
                    data += got
                request, _, data = data.partition(b"\n\n")
                requests.append(dict(
                    line.split(b"=", 1) for line in request.split(b"\n")))
                conn.sendall(b"action=" + answer + b"\n\n")
            conn.recv(65536)

    import threading
    threading.Thread(target=serve, daemon=True).start()
    got = daemon.load("--policy", f"unix:{path}", "--connections", 1,
                      "--messages", len(answers), "--triplets", 4,
                      check=False)
    server.close()
    assert got["status"] == 1
    assert got["verdicts"] == {
        "accept": 2, "reject": 1, "tempfail": 2, "discard": 1,
        "quarantine": 1, "prepend": 1, "broken": 1}
    assert len({r[b"instance"] for r in requests}) == len(answers)
    assert len({r[b"sender"] for r in requests}) == 4
    assert set(requests[0]) >= {b"policy_context", b"compatibility_level",
                                b"mail_version", b"ccert_pubkey_fingerprint"}


def test_weir_load_retries(folder):
    """A session that breaks is made again; the message is not lost."""
    path = f"{folder}/retry.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(4)

    def serve():
        conn, _ = server.accept()
        conn.recv(10)
        conn.close()
        conn, _ = server.accept()
        with conn:
            while conn.recv(65536):
                conn.sendall(b"action=DUNNO\n\n")

    import threading
    threading.Thread(target=serve, daemon=True).start()
    ledger = folder / "ledger"
    got = daemon.load("--policy", f"unix:{path}", "--connections", 1,
                      "--messages", 3, "--retry", 5, "--ledger", ledger)
    server.close()
    assert got["retried"] == 1 and got["verdicts"]["accept"] == 3
    assert len(ledger.read_text().splitlines()) == 3


def test_weir_load_usage():
    binary = proc.program("weir-load")
    for bad in ([], ["--milter", "x"], ["--milter", "unix:/x", "y"],
                ["--milter", "unix:/x", "--version", "7"],
                ["--milter", "unix:/x", "--eml", "/no/such/file"]):
        assert subprocess.run([binary, *bad], capture_output=True,
                              timeout=10).returncode == 2
    done = subprocess.run([binary, "--help"], capture_output=True,
                          timeout=10)
    assert done.returncode == 0 and b"--ledger" in done.stdout
    done = subprocess.run([binary, "--json", "--milter",
                           "unix:/no/such/socket"], capture_output=True,
                          timeout=10)
    assert done.returncode == 1 and json.loads(done.stdout)["broken"] == 8
