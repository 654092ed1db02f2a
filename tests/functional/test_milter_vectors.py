# SPDX-License-Identifier: GPL-2.0-or-later
"""Every payload of the protocol vectors, as a frame in a legal session.

What is in order is answered and the session goes on; what is not ends in a
closed connection or a temporary failure, and never in a dead worker."""

import socket
import struct

import pytest

from weirtest import corpus, daemon, proc
from weirtest.milter import Closed, MilterClient, frame

ARCHIVE = "milter-policy/purepythonmilter-vectors"
CONF = daemon.listener("milter", "milter", "unix:{dir}/m.sock")

# How far the session is before a command is in order.
BEFORE = {"O": 0, "C": 1, "H": 2, "M": 3, "R": 4, "L": 5, "B": 6,
          "D": 3, "A": 5, "Q": 3, "U": 3}
LETTERS = {"OptionsNegotiate": "O", "DefineMacro": "D", "Connect": "C",
           "Helo": "H", "Header": "L", "BodyChunk": "B", "Abort": "A",
           "Quit": "Q", "Unknown": "U"}
# Offer nothing: every event is wanted and answered.
PROTOCOL = 0x400
SILENT = "DAQ"


def rows():
    """(name, frame or raw octets, letter, what is expected) of each row."""
    folder = corpus.unpack(ARCHIVE)
    if folder is None:
        return []
    path, = folder.rglob("vectors.tsv")
    found = []
    lines = path.read_text().split("\n")[1:]
    for number, line in enumerate(lines, 2):
        if not line:
            continue
        file, case, expect, classes, kind, octets = line.split("\t")
        data = bytes.fromhex(octets)
        # "invalid" in the name but no expected error: either way is right
        if expect == "ok" and "invalid" in case:
            expect = "any"
        # the protocol knows no character set, and libmilter takes any octet:
        # a name that is no UTF-8 may be taken as well
        if expect == "error" and b"\xff" in data:
            expect = "any"
        if kind == "Packet":
            found.append((f"{number}-{case}", None, data, expect))
        elif kind == "Payload":
            found.append((f"{number}-{case}", chr(data[0]) if data else "",
                          len(data).to_bytes(4, "big") + data, expect))
        else:
            letters = LETTERS.get(classes, "MR")
            found += [(f"{number}-{case}-{letter}", letter,
                       frame(letter, data), expect) for letter in letters]
    return found


ROWS = rows()


def advance(client, letter):
    """Bring the session to where the command is in order."""
    steps = [
        lambda: client.negotiate(protocol=PROTOCOL),
        client.connect, client.helo, client.mail, client.rcpt,
        client.data, client.eoh]
    if letter == "B":
        order = steps
    else:
        order = steps[:min(BEFORE.get(letter, 0), 5)]
        if letter == "L":
            order = steps[:6]
    for step in order:
        reply = step()
        if reply is not None and not isinstance(reply, MilterClient):
            assert reply.kind == "continue", (letter, reply)


def outcome(client, letter):
    """What the filter makes of the frame: a Reply, "silent" or "closed"."""
    try:
        if letter in ("O", None, ""):
            client.sock.settimeout(2)
            if letter != "O" and client.silent(0.3):
                return "silent"
            code, data = client.packet()
            if code != "O":
                return code
            client.version, client.actions, client.protocol = \
                struct.unpack(">III", data[:12])
            return "silent"
        if letter in SILENT:
            return "silent" if client.silent(0.2) else "closed"
        return client.reply(letter)
    except Closed:
        return "closed"


def goes_on(reply):
    """No answer was due, or it is "continue"."""
    return reply is None or reply.kind == "continue"


def still_sane(client, letter):
    """The session can carry a whole message after this."""
    if letter in ("O", None, ""):
        if letter != "O":
            client.negotiate(protocol=PROTOCOL)
        assert goes_on(client.connect())
        assert goes_on(client.helo())
    elif letter == "C":
        assert goes_on(client.helo())
    if letter not in ("O", None, "", "C", "H"):
        client.abort()
    assert client.message(b"Subject: x\n\nbody\n").kind == "continue"


def tempfails_next(client):
    """After a bad frame that has no answer: the next one must fail."""
    try:
        reply = client.mail()
    except (Closed, BrokenPipeError, ConnectionResetError):
        return True
    return reply.code == 4


@pytest.fixture(scope="module")
def filter_address(tmp_path_factory):
    if not ROWS:
        pytest.skip(f"no test data: {corpus.data_dir() / ARCHIVE}.tar.xz")
    if proc.program("weir") is None:
        pytest.skip(f"weir is not built in {proc.build_dir()}")
    folder = tmp_path_factory.mktemp("v")
    one = daemon.Weir(folder, CONF)
    one.start()
    alive = sorted(proc.children(one.pid))
    yield f"unix:{folder}/m.sock"
    try:
        assert sorted(proc.children(one.pid)) == alive, "a worker died"
    finally:
        one.stop()


@pytest.mark.parametrize("split", [False, True], ids=["whole", "octets"])
@pytest.mark.parametrize("row", ROWS or [None],
                         ids=lambda r: r[0] if r else "absent")
def test_vector(filter_address, row, split):
    _, letter, data, expect = row
    with MilterClient(filter_address, timeout=5, split=split) as client:
        advance(client, letter)
        try:
            client.send_raw(data)
            got = outcome(client, letter)
        except Closed:
            got = "closed"
        except socket.timeout:
            pytest.fail("no answer")
        if expect == "ok":
            if letter == "Q":
                assert got == "closed" or client.closed()
                return
            assert got == "silent" or (
                got != "closed" and got.kind in ("continue", "accept",
                                                "skip")), got
            still_sane(client, letter)
        elif expect == "any":
            assert got in ("silent", "closed") or got.code in (2, 4), got
        elif expect == "error":
            if got == "silent":
                assert tempfails_next(client)
            else:
                assert got == "closed" or got.code == 4, got
