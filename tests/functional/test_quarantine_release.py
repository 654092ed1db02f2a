# SPDX-License-Identifier: GPL-2.0-or-later
"""Releases: through TLS to a real Postfix, and to next hops that lie or take
their time."""

import os
import shutil
import socket
import subprocess
import threading
import time

import pytest

from weirtest import daemon, proc

from test_postfix import MILTER, PUPPET, mail
from test_quarantine import A, items, quarantine, send, session


def ctl(one, *words):
    """weirctl quarantine: status, what it says, what it complains of."""
    done = subprocess.run(
        [proc.program("weirctl"), "-s", one.dir / "control.sock",
         "quarantine", *words], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


class Keeper:
    """A daemon with an item for each subject."""

    def __init__(self, weir, milter_client, **options):
        self.one = weir(MILTER + PUPPET + quarantine(**options))
        self.milter = milter_client

    def configure(self, **options):
        self.one.write_conf(MILTER + PUPPET + quarantine(**options))
        self.one.ctl("reload")

    def keep(self, subject):
        milter = session(self.milter, self.one)
        assert send(milter, f"{subject}@example.org", [A],
                    mail("quarantine", subject=subject))[0] == "discard"
        milter.close()
        item, = items(self.one, "--subject", subject)
        return item["id"]

    def state(self, ident):
        return items(self.one, "--id", ident)[0]["state"]

    def audit(self, ident):
        return [e["result"] for e in self.one.ctl_json(
            "quarantine", "audit", "--id", ident)["entries"]]


@pytest.fixture
def keeper(weir, milter_client):
    return lambda **options: Keeper(weir, milter_client, **options)


# --- TLS ---

def openssl(where, *args):
    subprocess.run(["openssl", *args], cwd=where, check=True, timeout=60,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def certificate(where):
    """An authority of our own and a certificate by it for the next hop."""
    where.mkdir()
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt",
           "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl(where, *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj",
            "/CN=authority of the test")
    openssl(where, *new, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout",
            "mx.key", "-out", "mx.pem", "-subj", "/CN=mx.example.net",
            "-addext", "subjectAltName=DNS:mx.example.net,IP:127.0.0.1",
            "-addext", "basicConstraints=critical,CA:FALSE")
    return where


def test_tls_with_postfix(keeper, postfix, sink, folder):
    """A next hop that takes mail through TLS only, with each level."""
    if shutil.which("openssl") is None:
        pytest.skip("no program openssl")
    where = certificate(folder / "tls")
    mx = postfix(smtpd_tls_security_level="encrypt",
                 smtpd_tls_cert_file=where / "mx.pem",
                 smtpd_tls_key_file=where / "mx.key",
                 smtpd_tls_received_header="yes", smtpd_tls_loglevel="1",
                 smtp_tls_security_level="none")
    k = keeper(next_hop=mx.address, tls="none")
    ca = where / "ca.pem"
    ident = k.keep("clear")
    code, _, said = ctl(k.one, "release", ident)
    assert code == 1 and "STARTTLS" in said and k.state(ident) == "kept"
    # whom it trusts, whom it expects: what it says if that does not fit
    for options, words in [
            ({"tls_ca": ca, "tls_name": "other.example.net"},
             "hostname mismatch"),
            ({"tls_ca": ca, "tls_name": "127.0.0.2"}, "IP address mismatch"),
            ({}, "certificate is not accepted"),
            ({"tls_ca": where / "mx.pem"}, "certificate is not accepted")]:
        k.configure(next_hop=mx.address, tls="verify", **options)
        code, _, said = ctl(k.one, "release", ident)
        if options.get("tls_ca") == where / "mx.pem":
            # a certificate that is trusted as it is: no more to ask
            assert code in (0, 1)
            ident = k.keep("again") if code == 0 else ident
            continue
        assert code == 1 and words in said, (options, said)
        assert k.state(ident) == "queued"
    for options in ({"tls": "encrypt"}, {"tls": "may"}, {},
                    {"tls": "verify", "tls_ca": ca},
                    {"tls": "verify", "tls_ca": ca,
                     "tls_name": "mx.example.net"}):
        before = len(sink.messages)
        k.configure(next_hop=mx.address, **options)
        ident = k.keep("-".join(["x", *map(str, options.values())])[:9]
                       + str(before))
        code, said, errors = ctl(k.one, "release", ident)
        assert code == 0 and "(TLSv1.3)" in said, (options, errors)
        arrived = sink.wait(before + 1)[before]
        assert arrived.recipients == [A]
        assert any("using TLSv1.3" in h for h in arrived.headers("Received"))
        assert any("(TLSv1.3)" in r for r in k.audit(ident))
    assert "TLS connection established" in mx.log()


@pytest.mark.parametrize("options, words", [
    ({"tls": "verify", "tls_ca": "/no/such/file"}, "/no/such/file: No such"),
    ({"tls": "verify", "tls_ca": "/etc/hostname"}, "no certificates"),
    ({"tls": "verify", "next_hop": "unix:/run/mx"}, "tls_name must say"),
    ({"tls": "may", "tls_ca": "/etc/ssl/certs"}, "only with tls = verify"),
    ({"tls": "must"}, "none of none, may, encrypt, verify")])
def test_mistakes_in_tls_are_found(folder, options, words):
    one = daemon.Weir(folder, MILTER + quarantine(**options))
    with pytest.raises(RuntimeError) as e:
        one.start()
    one.process.stop()
    assert words in str(e.value)


class Script:
    """A next hop that says these lines, one for each of ours; what it is told
    is kept."""

    def __init__(self, lines, after=()):
        self.lines, self.after = lines, after
        self.told, self.connections = [], 0
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.sock.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                peer, _ = self.sock.accept()
            except OSError:
                return
            self.connections += 1
            lines = self.lines if self.connections == 1 or not self.after \
                else self.after
            with peer, peer.makefile("rb") as f:
                try:
                    for n, line in enumerate(lines):
                        peer.sendall(line)
                        # all of a mail is one answer of theirs
                        told = f.readline()
                        while n > 0 and lines[n].startswith(b"354") \
                                and told not in (b".\r\n", b""):
                            told = f.readline()
                        self.told.append(told)
                except OSError:
                    pass


GREETING = [b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n"]
CLEAR = [b"220 mx\r\n", b"250 mx\r\n", b"250 ok\r\n", b"250 ok\r\n",
         b"354 go\r\n", b"250 taken\r\n"]


def test_tls_that_does_not_work(keeper):
    """may: in clear, on another connection, once; encrypt: never in clear."""
    broken = GREETING + [b"220 go on\r\n", b"no TLS at all\r\n" * 9]
    one = Script(broken, after=[CLEAR[0], GREETING[1], *CLEAR[2:]])
    k = keeper(next_hop=one.address)
    ident = k.keep("may")
    code, said, errors = ctl(k.one, "release", ident)
    assert code == 0 and "250 taken" in said and "TLS" not in said, errors
    assert one.connections == 2
    assert sum(t.startswith(b"MAIL") for t in one.told) == 1
    for lines, words in [
            (broken, "no TLS"), (CLEAR, "does not offer STARTTLS"),
            (GREETING + [b"454 4.7.0 not now\r\n"], "454 4.7.0 not now")]:
        one = Script(lines)
        k.configure(next_hop=one.address, tls="encrypt")
        ident = k.keep("encrypt" + str(len(words)))
        code, _, said = ctl(k.one, "release", ident)
        assert code == 1 and words in said and k.state(ident) == "queued"
        assert not any(t.startswith(b"MAIL") for t in one.told)
    # may, and it is offered but not to be had just now
    one = Script(GREETING + [b"454 4.7.0 not now\r\n", *CLEAR[2:]])
    k.configure(next_hop=one.address)
    assert ctl(k.one, "release", k.keep("refused"))[0] == 0


@pytest.mark.parametrize("level", ["may", "encrypt"])
def test_octets_before_tls_are_not_taken_for_its_own(keeper, level):
    """Who sits in between can't put an answer into the talk."""
    one = Script(GREETING + [b"220 go on\r\n250 injected\r\n"])
    k = keeper(next_hop=one.address, tls=level)
    ident = k.keep("injected")
    code, _, said = ctl(k.one, "release", ident)
    assert code == 1 and "before TLS has begun" in said
    assert k.state(ident) == "queued"
    assert not any(t.startswith(b"MAIL") for t in one.told)


# --- next hops that take their time ---

def waited(k, ident, state, seconds=10):
    proc.wait_for(lambda: k.state(ident) == state, seconds, state)


def test_slow_next_hop(keeper, sink):
    """Nobody has to wait for it, the user is told, it is delivered once."""
    sink.data_delay = 4
    k = keeper(next_hop=sink.address)
    ident = k.keep("slow")
    begin = time.monotonic()
    code, _, said = ctl(k.one, "release", ident, "--wait", "0.5")
    assert time.monotonic() - begin < 3
    assert code == 1 and f"{ident}: not finished" in said
    assert "has not answered yet" in said and "list --id" in said
    assert k.state(ident) == "releasing"
    # again, in the meantime: it is not sent twice
    code, _, said = ctl(k.one, "release", ident)
    assert code == 1 and "is being released just now" in said
    waited(k, ident, "released")
    assert len(sink.messages) == 1
    assert k.audit(ident)[0] == "delivered: 250 2.0.0 Ok"
    code, said, _ = ctl(k.one, "release", ident)
    assert code == 0 and "released before" in said
    # as JSON, with one that is quick to fail
    ident = k.keep("second")
    said = k.one.ctl("--json", "quarantine", "release", ident, "nothing",
                     "--wait", "0", check=False)
    assert '"result":"not finished"' in said
    assert '"result":"not released"' in said
    waited(k, ident, "released")
    assert len(sink.messages) == 2


def test_next_hop_that_never_answers(keeper, sink):
    """It may have arrived: said, listed, and not tried again by itself."""
    sink.data_delay = 600
    k = keeper(next_hop=sink.address, release_timeout="2s",
               answer_timeout="2s")
    ident = k.keep("never")
    code, _, said = ctl(k.one, "release", ident)
    assert code == 1 and "unsure, it may have arrived" in said
    assert [i["id"] for i in items(k.one, "--state", "unsure")] == [ident]
    code, _, said = ctl(k.one, "release", ident)
    assert code == 1 and "--again" in said
    # several rounds of the periodic work
    runs = len(k.audit(ident))
    time.sleep(1)
    assert len(k.audit(ident)) == runs and len(sink.messages) == 1
    sink.data_delay = 0
    assert ctl(k.one, "release", ident, "--again")[0] == 0
    assert len(sink.messages) == 2


def test_answer_that_means_nothing(keeper):
    """To a mail that is all there only 4xx and 5xx say that it was not
    taken."""
    one = Script(CLEAR[:5] + [b"354 what?\r\n"])
    k = keeper(next_hop=one.address)
    ident = k.keep("odd")
    code, _, said = ctl(k.one, "release", ident)
    assert code == 1 and "unsure" in said and k.state(ident) == "unsure"


def test_end_of_the_daemon_does_not_wait(keeper, sink):
    sink.data_delay = 600
    k = keeper(next_hop=sink.address)
    ident = k.keep("stop")
    ctl(k.one, "release", ident, "--wait", "0")
    sink.wait(1)
    begin = time.monotonic()
    k.one.stop()
    assert time.monotonic() - begin < 10
    sink.data_delay = 0
    k.one.start()
    waited(k, ident, "unsure")
    assert len(sink.messages) == 1


def test_many_slow_releases_leave_room_for_mail(keeper, sink):
    """Mail is kept as ever while nothing comes of many releases."""
    k = keeper(next_hop=sink.address)
    idents = [k.keep(f"n{i}") for i in range(12)]
    sink.data_delay = 3
    for ident in idents:
        ctl(k.one, "release", ident, "--wait", "0")
    begin = time.monotonic()
    for i in range(5):
        k.keep(f"more{i}")
    assert time.monotonic() - begin < 10
    sink.data_delay = 0
    proc.wait_for(lambda: len(items(k.one, "--state", "released")) == 12, 30,
                  "all of them")
    assert len(sink.messages) == 12


@pytest.mark.skipif(os.environ.get("WEIR_LONG") != "1",
                    reason="takes 40 s: WEIR_LONG=1")
def test_next_hop_of_35_seconds(keeper, sink):
    """With everything as it is by default."""
    sink.data_delay = 35
    k = keeper(next_hop=sink.address)
    ident = k.keep("long")
    begin = time.monotonic()
    code, _, said = ctl(k.one, "release", ident)
    assert 19 < time.monotonic() - begin < 28
    assert code == 1 and "not finished" in said
    waited(k, ident, "released", 30)
    assert len(sink.messages) == 1
