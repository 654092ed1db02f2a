#!/usr/bin/python3 -IB
# SPDX-License-Identifier: BSD-2-Clause
"""The helper of mod_linkcheck: links that show another host than they lead to.

It knows nothing but packets on descriptor 3 (doc/helper-protocol.md)."""

import array
import email
import email.policy
import html.parser
import json
import os
import re
import socket
import struct
import urllib.parse

HEAD = struct.Struct("=IIQIiII")
MAGIC, HELLO, REQUEST, RESPONSE, CONFIG = 0x31505257, 1, 2, 4, 5
E_INVAL = -2
sock = socket.socket(fileno=3)


def send(kind, ident, value=0, payload=b""):
    sock.send(HEAD.pack(MAGIC, kind, ident, 0, value, len(payload), 0)
              + payload)


def receive():
    """(kind, id, payload, descriptor or None); ends with weir-helper."""
    data, extra, _, _ = sock.recvmsg(65536 + HEAD.size, socket.CMSG_SPACE(4))
    if not data:
        raise SystemExit(0)
    fds = array.array("i", b"".join(e[2] for e in extra))
    _, kind, ident, _, _, _, _ = HEAD.unpack(data[:HEAD.size])
    return kind, ident, data[HEAD.size:], fds[0] if fds else None


class Links(html.parser.HTMLParser):
    """Collects (host that is shown, host that it leads to)."""

    def __init__(self, limit):
        super().__init__()
        self.limit, self.href, self.text, self.found = limit, None, "", []

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.href, self.text = dict(attrs).get("href") or "", ""

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        shown = re.match(r"\s*https?://([\w.-]+)", self.text)
        if tag == "a" and self.href and shown:
            real = urllib.parse.urlsplit(self.href).hostname or ""
            if real and real != shown[1].lower() \
                    and len(self.found) < self.limit:
                self.found.append(f"{shown[1].lower()} {real}")
        if tag == "a":
            self.href = None


def check(raw, limit):
    links = Links(limit)
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    for part in mail.walk():
        if part.get_content_type() == "text/html":
            links.feed(part.get_content())
    return "\n".join(links.found).encode()[:65536]


def main():
    kind, _, payload, _ = receive()
    limit = json.loads(payload)["options"]["max_links"]
    send(HELLO, os.getpid(), 1)     # one request at a time
    while True:
        kind, ident, _, fd = receive()
        if kind != REQUEST:         # a CANCEL: it is answered already
            continue
        with open(fd, "rb") as mail:
            raw = mail.read()
        try:
            send(RESPONSE, ident, payload=check(raw, limit))
        except Exception as e:      # a mail that this library can't read
            print(f"{type(e).__name__}: {e}", flush=True)
            send(RESPONSE, ident, E_INVAL)


main()
