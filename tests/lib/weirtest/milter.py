# SPDX-License-Identifier: GPL-2.0-or-later
"""A scripted milter client: the MTA's side, frame by frame.

Commands return when the filter has answered, if an answer is due.  Anything
that the protocol forbids raises ProtocolError; the end of the connection
raises Closed."""

import socket
import struct

from . import proc

ACTIONS = 0x1FF
PROTOCOL = 0x1FFFFF

NO_SEND = {"C": 0x1, "H": 0x2, "M": 0x4, "R": 0x8, "B": 0x10, "L": 0x20,
           "N": 0x40, "U": 0x100, "T": 0x200}
NO_REPLY = {"L": 0x80, "C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000,
            "T": 0x10000, "U": 0x20000, "N": 0x40000, "B": 0x80000}
NOSEND_MASK = 0x37F
NOREPLY_MASK = 0xFF080
SKIP = 0x400
LEADSPC = 0x100000

FINAL = {"c": "continue", "a": "accept", "r": "reject", "t": "tempfail",
         "d": "discard", "y": "replycode", "s": "skip", "f": "connfail",
         "4": "shutdown"}
EDITS = {"h": "add_header", "i": "insert_header", "m": "change_header",
         "b": "replace_body", "+": "add_rcpt", "2": "add_rcpt_par",
         "-": "del_rcpt", "e": "change_from", "q": "quarantine"}


class ProtocolError(Exception):
    """The filter said what it may not say."""


class Closed(Exception):
    """The filter closed the connection."""


class Reply:
    """An answer: kind is a value of FINAL; text of a replycode; edits."""

    def __init__(self, kind, text="", edits=()):
        self.kind = kind
        self.text = text
        self.edits = list(edits)

    def __repr__(self):
        return f"Reply({self.kind!r}, {self.text!r}, {self.edits!r})"

    @property
    def code(self):
        """The SMTP class: 2, 4 or 5."""
        if self.kind == "replycode":
            return int(self.text[0])
        return {"reject": 5, "tempfail": 4, "shutdown": 4,
                "connfail": 4}.get(self.kind, 2)


def frame(command, data=b""):
    """One packet."""
    return struct.pack(">I", len(data) + 1) + command.encode() + data


def text_bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


def cstring(text):
    return text_bytes(text) + b"\0"


class MilterClient:
    def __init__(self, address, timeout=10, split=False):
        self.sock = proc.connect(address, timeout)
        self.split = split
        self.buffer = b""
        self.version = self.actions = self.protocol = 0
        self.symlists = {}
        self.progress = 0
        self.skipped = None

    # frames

    def send_raw(self, data):
        """Octets as they are; one by one with split."""
        try:
            if not self.split:
                self.sock.sendall(data)
                return
            for i in range(len(data)):
                self.sock.sendall(data[i:i + 1])
        except (BrokenPipeError, ConnectionResetError):
            raise Closed() from None

    def send(self, command, data=b""):
        self.send_raw(frame(command, data))

    def packet(self):
        """The next packet from the filter: (code, data)."""
        while True:
            if len(self.buffer) >= 4:
                size = struct.unpack(">I", self.buffer[:4])[0]
                if size == 0 or size > 64 << 20:
                    raise ProtocolError(f"packet of {size} octets")
                if len(self.buffer) >= 4 + size:
                    data = self.buffer[4:4 + size]
                    self.buffer = self.buffer[4 + size:]
                    return chr(data[0]), data[1:]
            try:
                got = self.sock.recv(65536)
            except ConnectionResetError:
                raise Closed() from None
            if not got:
                raise Closed()
            self.buffer += got

    def silent(self, seconds=0.05):
        """True if nothing comes for so long."""
        if self.buffer:
            return False
        before = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            got = self.sock.recv(65536)
            self.buffer += got
            return not got
        except socket.timeout:
            return True
        finally:
            self.sock.settimeout(before)

    def reply(self, command):
        """Read up to the final answer to a command."""
        edits = []
        while True:
            code, data = self.packet()
            if code == "p":
                self.progress += 1
                continue
            if code in EDITS:
                if command != "E":
                    raise ProtocolError(f"edit {code} after {command}")
                edits.append((EDITS[code], self.edit_fields(code, data)))
                continue
            if code not in FINAL:
                raise ProtocolError(f"unknown reply {code!r}")
            if code == "y":
                if not data.endswith(b"\0") or data[:1] not in b"45":
                    raise ProtocolError(f"reply code {data!r}")
                return Reply("replycode", data[:-1].decode(), edits)
            if data:
                raise ProtocolError(f"data after {code}: {data!r}")
            if code == "s" and not self.offered_protocol & SKIP:
                raise ProtocolError("skip was not offered")
            return Reply(FINAL[code], "", edits)

    def edit_fields(self, code, data):
        """What an edit says, checked against what was agreed."""
        need = {"h": 1, "i": 1, "b": 2, "+": 4, "-": 8, "m": 0x10,
                "q": 0x20, "e": 0x40, "2": 0x80}[code]
        if not self.actions & need:
            raise ProtocolError(f"edit {code} was not agreed")
        if code == "b":
            return data
        index = ()
        if code in "im":
            index = (struct.unpack(">I", data[:4])[0],)
            data = data[4:]
        if not data.endswith(b"\0"):
            raise ProtocolError(f"edit {code} does not end with NUL")
        words = data[:-1].split(b"\0")
        if len(words) not in {"h": (2,), "i": (2,), "m": (2,),
                              "2": (1, 2), "e": (1, 2)}.get(code, (1,)):
            raise ProtocolError(f"edit {code} with {len(words)} words")
        return index + tuple(w.decode("utf-8", "replace") for w in words)

    # commands

    def negotiate(self, version=6, actions=ACTIONS, protocol=PROTOCOL):
        self.offered_protocol = protocol
        self.send("O", struct.pack(">III", version, actions, protocol))
        code, data = self.packet()
        if code != "O" or len(data) < 12:
            raise ProtocolError(f"negotiation answered by {code} {data!r}")
        self.version, self.actions, self.protocol = struct.unpack(
            ">III", data[:12])
        if self.version > version or self.version < 2:
            raise ProtocolError(f"version {self.version} of {version}")
        if self.actions & ~actions:
            raise ProtocolError(f"actions {self.actions:x}")
        if self.protocol & ~protocol:
            raise ProtocolError(f"protocol {self.protocol:x}")
        rest = data[12:]
        while rest:
            stage = struct.unpack(">I", rest[:4])[0]
            names, end, rest = rest[4:].partition(b"\0")
            if not end:
                raise ProtocolError("macro list without end")
            self.symlists[stage] = names.decode().split()
        return self

    def command(self, command, data=b""):
        """Send an event unless the filter does not want it; its Reply, or
        None when none is due."""
        if self.skipped == command:
            return None
        if self.skipped is not None and command != "D":
            self.skipped = None
        if self.protocol & NO_SEND.get(command, 0):
            return None
        self.send(command, data)
        if self.protocol & NO_REPLY.get(command, 0):
            return None
        reply = self.reply(command)
        if reply.kind == "skip":
            self.skipped = command
        return reply

    def macros(self, command, **pairs):
        """Macros for a command; a long name comes without braces."""
        data = command.encode()
        for name, text in pairs.items():
            if len(name) > 1:
                name = "{" + name + "}"
            data += cstring(name) + cstring(text)
        self.send("D", data)

    def connect(self, name="client.example.org", address="192.0.2.10",
                port=40000, family=None):
        if family is None:
            family = "6" if ":" in address else "4"
        data = cstring(name) + family.encode()
        if family != "U":
            data += struct.pack(">H", port) + cstring(address)
        return self.command("C", data)

    def helo(self, name="client.example.org"):
        return self.command("H", cstring(name))

    def mail(self, sender="<sender@example.org>", *params):
        return self.command("M", b"".join(map(cstring, (sender, *params))))

    def rcpt(self, recipient="<user@example.net>", *params):
        return self.command("R", b"".join(map(cstring,
                                              (recipient, *params))))

    def data(self):
        return self.command("T") if self.version >= 4 else None

    def header(self, name, value):
        if self.protocol & LEADSPC:
            value = b" " + text_bytes(value)
        return self.command("L", cstring(name) + cstring(value))

    def eoh(self):
        return self.command("N")

    def body(self, chunk):
        return self.command("B", text_bytes(chunk))

    def eom(self, chunk=b""):
        return self.command("E", chunk)

    def unknown(self, line):
        return self.command("U", cstring(line))

    def abort(self):
        self.skipped = None
        self.send("A")

    def quit(self):
        self.send("Q")

    def quit_nc(self):
        self.send("K")

    def closed(self, timeout=5):
        """Wait for the filter to close; True if it did without a word."""
        self.sock.settimeout(timeout)
        try:
            got = self.buffer or self.sock.recv(1)
        except ConnectionResetError:
            return True
        return not got

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # whole messages

    def session(self, **offer):
        """Negotiate, connect, helo; the first answer that is not continue."""
        self.negotiate(**offer)
        for reply in (self.connect(), self.helo()):
            if reply is not None and reply.kind != "continue":
                return reply
        return None

    def message(self, raw, sender="<sender@example.org>",
                recipients=("<user@example.net>",)):
        """A whole message; the Reply that decides about it.  refused holds
        the recipients that were not taken."""
        self.refused = []
        headers, body = split_message(raw)

        def decided(reply):
            return reply is not None and reply.kind not in ("continue",
                                                            "skip")
        reply = self.mail(sender)
        if decided(reply):
            return reply
        for one in recipients:
            reply = self.rcpt(one)
            if not decided(reply):
                continue
            if reply.kind in ("accept", "discard"):
                return reply
            self.refused.append((one, reply))
        if len(self.refused) == len(recipients):
            return reply
        reply = self.data()
        if decided(reply):
            return reply
        for name, value in headers:
            reply = self.header(name, value)
            if decided(reply):
                return reply
        reply = self.eoh()
        if decided(reply):
            return reply
        for at in range(0, len(body), 65535):
            reply = self.body(body[at:at + 65535])
            if decided(reply):
                return reply
        return self.eom()


def split_message(raw):
    """Header fields (folded lines split by LF) and the body in CRLF, as
    Postfix would cut them: the first line that is no header begins the
    body."""
    lines = raw.replace(b"\r\n", b"\n").split(b"\n")
    if lines and lines[0].startswith(b"From "):
        lines.pop(0)
    if lines and lines[-1] == b"":
        lines.pop()
    headers = []
    while lines:
        line = lines[0]
        if line == b"":
            lines.pop(0)
            break
        if line[:1] in b" \t" and headers:
            headers[-1][1] += b"\n" + line
        else:
            name, colon, value = line.partition(b":")
            if not colon or not name or any(c <= 32 or c == 127
                                            for c in name):
                break
            headers.append([name, value[1:] if value[:1] == b" "
                            else value])
        lines.pop(0)
    body = b"".join(line + b"\r\n" for line in lines)
    return [(n, v.replace(b"\0", b"")) for n, v in headers], body
