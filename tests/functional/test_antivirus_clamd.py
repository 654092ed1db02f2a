# SPDX-License-Identifier: GPL-2.0-or-later
"""Antivirus with clamd as its back-end: the same results from a real clamd,
and what becomes of mail when clamd is gone, hangs or answers nonsense."""

import os
import signal
import shutil
import socket
import threading
import time

import pytest

from test_antivirus import (EICAR, PATTERN, Scanner, attachment, database,
                            encrypted_zip, header, plain, put, zipped)
from weirtest import daemon, proc


@pytest.fixture(autouse=True)
def built():
    if not (daemon.module_path() / "mod_antivirus.so").exists():
        pytest.skip("mod_antivirus is not built (libclamav-dev)")


def conf(where, **options):
    options.setdefault("max_scan_time", "3s")
    return (daemon.listener("milter", "milter", "unix:{dir}/m.sock")
            + daemon.section("module", "antivirus", backend="clamd",
                             clamd_socket=where, header="X-Virus-Status",
                             **options))


class Clamd:
    """A clamd of our own."""

    def __init__(self, folder, db, port=None):
        self.path = folder / "clamd.sock"
        temp = folder / "clamd.tmp"
        temp.mkdir()
        text = (f"DatabaseDirectory {db}\nTemporaryDirectory {temp}\n"
                "Foreground yes\nAlertExceedsMax yes\nAlertEncrypted yes\n"
                "MaxFiles 20\nMaxRecursion 6\nStructuredDataDetection yes\n"
                "StructuredMinCreditCardCount 3\nSelfCheck 600\n"
                "LogTime yes\nStreamMaxLength 1M\n"
                f"LocalSocket {self.path}\nLocalSocketMode 666\n")
        if os.geteuid() == 0:
            text += "User root\n"
        self.address = f"unix:{self.path}"
        if port is not None:
            text += f"TCPSocket {port}\nTCPAddr 127.0.0.1\n"
        file = folder / "clamd.conf"
        file.write_text(text)
        self.process = proc.Process(["/usr/sbin/clamd", "-c", file],
                                    folder / "clamd.log")
        self.process.wait_listening(self.address, 60)

    def stop(self):
        return self.process.stop()


@pytest.fixture(scope="module")
def clamd():
    import tempfile
    from pathlib import Path
    if shutil.which("clamd", path="/usr/sbin") is None:
        pytest.skip("no clamd (Debian: clamav-daemon)")
    folder = Path(tempfile.mkdtemp(prefix="weir-"))
    folder.chmod(0o755)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    one = Clamd(folder, database(folder), port)
    one.port = port
    yield one
    one.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["fildes", "instream", "inet"])
def scanner(request, weir, clamd):
    if request.param == "inet":
        return Scanner(weir(conf(f"inet:127.0.0.1:{clamd.port}")))
    return Scanner(weir(conf(clamd.address, clamd_method=request.param)))


def test_results(scanner):
    """As the engine of our own has them."""
    assert header(scanner.send(plain())) == "clean"
    for raw in (plain(PATTERN), attachment(PATTERN),
                attachment(zipped([("in.zip", zipped([("v", PATTERN)]))]))):
        reply = scanner.send(raw)
        assert reply.code == 5 and "Weir.Pattern" in reply.text, reply
    reply = scanner.send(attachment(zipped([("eicar.com", EICAR)])))
    assert reply.code == 5 and "Weir.Eicar" in reply.text
    reply = scanner.send(attachment(encrypted_zip()))
    assert header(reply) == "encrypted (Heuristics.Encrypted.Zip)"
    reply = scanner.send(attachment(zipped(
        [(f"f{i}", b"%d" % i) for i in range(40)])))
    assert header(reply).startswith("limit (") and "quarantine" in [
        e[0] for e in reply.edits]
    cards = (b"4111 1111 1111 1111\r\n5500 0000 0000 0004\r\n"
             b"3400 0000 0000 009\r\n4012 8888 8888 1881\r\n")
    assert header(scanner.send(plain(cards))).startswith("structured (")
    state = scanner.status()
    assert state["backend"] == "clamd" and state["state"] == "ok"
    assert state["engine"].startswith("ClamAV ")
    # no helper process is started for it
    assert scanner.helpers() == []


def test_too_large_for_the_stream(weir, clamd):
    one = Scanner(weir(conf(clamd.address, clamd_method="instream")))
    reply = one.send(attachment(os.urandom(2000000)))
    assert header(reply) == "limit (Clamd.StreamMaxLength)"


def test_many_at_once(weir, clamd):
    """More than there are connections: they wait for their turn."""
    from test_antivirus import mails
    one = Scanner(weir(conf(clamd.address)))
    codes = mails(one, 20, lambda i: plain(b"%d" % i if i % 2 else PATTERN))
    assert codes == [5, 2] * 10


def test_gone_is_unscanned(weir, folder):
    one = Scanner(weir(conf(f"unix:{folder}/nobody")))
    assert one.send(plain()).code == 4
    assert "connect: No such file" in one.weir.log()
    state = one.status()
    assert state["state"] == "degraded" and "connect" in state["problem"]


def test_stopped_is_a_timeout(weir, folder):
    if shutil.which("clamd", path="/usr/sbin") is None:
        pytest.skip("no clamd (Debian: clamav-daemon)")
    own = Clamd(folder, database(folder))
    try:
        one = Scanner(weir(conf(own.address, timeout="1s")))
        assert one.send(plain()).code == 2
        os.kill(own.process.pid, signal.SIGSTOP)
        begin = time.monotonic()
        assert one.send(plain(b"2")).code == 4
        assert time.monotonic() - begin < 4
        os.kill(own.process.pid, signal.SIGCONT)
        proc.wait_for(lambda: one.send(plain(b"3")).code == 2, 15, "service")
        own.process.child.kill()
        own.process.child.wait()
        assert one.send(plain(b"4")).code == 4
    finally:
        own.process.stop()


class Liar:
    """A server that answers every connection with these octets."""

    def __init__(self, path):
        self.answer = b""
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        path.chmod(0o777)
        self.server.listen(20)
        self.address = f"unix:{path}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                one, _ = self.server.accept()
            except OSError:
                return
            try:
                # a command and the octet of a descriptor, or VERSION
                got = 0
                while got < 9:
                    got += len(one.recv(100)) or 9
                one.sendall(self.answer)
            except OSError:
                pass
            one.close()

    def stop(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


@pytest.fixture
def liar(folder):
    one = Liar(folder / "liar.sock")
    yield one
    one.stop()


@pytest.mark.parametrize("answer", [
    b"", b"fd[5]: OK", b"nonsense\0", b"\0\0\0", b"x" * 5000,
    b"fd[5]: Can't allocate memory ERROR\0", b"OK\0",
    b"fd[5]: OK\0fd[6]: Can't open file ERROR\0"],
    ids=["empty", "cut", "nonsense", "nuls", "endless", "error", "short",
         "both"])
def test_nonsense_is_not_clean(weir, liar, answer):
    liar.answer = answer
    one = Scanner(weir(conf(liar.address, clamd_method="fildes")))
    assert one.send(plain()).code == 4, answer
    liar.answer = b"fd[5]: OK\0"
    assert one.send(plain()).code == 2
    liar.answer = b"fd[5]: Some.Name FOUND\0fd[5]: OK\0"
    assert one.send(plain()).code == 5


def test_address_must_be_one(folder):
    one = daemon.Weir(folder, conf("localhost:3310"))
    with pytest.raises(RuntimeError, match="clamd_socket: write unix:/PATH"):
        one.start(20)
    one.process.stop()


def test_breaker(weir, liar):
    """The version line says when the database changes."""
    liar.answer = b"fd[5]: OK\0"
    one = Scanner(weir(conf(liar.address, clamd_method="fildes",
                            breaker_hits=3, breaker_share=10)))
    liar.answer = b"ClamAV 1.4.6/100/Thu Nov 12 08:00:00 2026\0"
    assert one.status()["version"] == 100
    liar.answer = b"ClamAV 1.4.6/101/Fri Nov 13 08:00:00 2026\0"
    proc.wait_for(lambda: one.status()["version"] == 101, 5, "the next one")
    liar.answer = b"fd[5]: Bad.Name FOUND\0"
    replies = [one.send(plain(b"%d" % i)) for i in range(5)]
    assert [r.code for r in replies[:2]] == [5, 5]
    assert replies[-1].code == 2
    assert header(replies[-1]) == "demoted (Bad.Name)"


def test_old_database_of_clamd_is_said(weir, liar):
    """max_age counts for the database of a clamd, too."""
    liar.answer = b"ClamAV 1.4.6/100/Thu Nov 12 08:00:00 2020\0"
    one = Scanner(weir(conf(liar.address, clamd_method="fildes")))
    state = one.status()
    assert state["state"] == "old" and state["old"], state
    assert "too old" in one.weir.ctl("antivirus", "status")
    proc.wait_for(lambda: "\nweir_antivirus_alarm 1\n"
                  in one.weir.ctl("metrics"), 15, "the alarm")
