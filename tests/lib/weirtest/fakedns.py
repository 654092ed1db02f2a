# SPDX-License-Identifier: GPL-2.0-or-later
"""A name server on loopback that can be as bad as the real ones.

UDP and TCP on one port.  The zone is text in RFC 1035 lines.  Modes, for all
names or for those at or below a suffix:

  normal          what the zone says
  drop            no answer at all
  servfail, refused
  slow SECONDS    the right answer, late
  lie ADDRESS     that address for every A question, nothing else exists
  tcp_only        UDP answers are empty and say "truncated"
  truncate        the same, and TCP never answers
  wrong_question, wrong_id, garbage
"""

import collections
import socket
import struct
import threading
import time

from dnslib import (A, CLASS, DNSHeader, DNSQuestion, DNSRecord, QTYPE, RCODE,
                    RR)

from . import proc


class FakeDNS:
    def __init__(self, zone=""):
        self.lock = threading.Lock()
        self.records = []
        self.names = set()
        self.modes = {}
        self.queries = collections.Counter()
        self.tcp_queries = 0
        self.log = []
        self.load(zone)
        self.udp, self.tcp = self._bind()
        self.port = self.udp.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=t, daemon=True)
                        for t in (self._serve_udp, self._serve_tcp)]
        for t in self.threads:
            t.start()

    @staticmethod
    def _bind():
        for _ in range(50):
            port = proc.free_port()
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            tcp = socket.socket(socket.AF_INET)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
            except OSError:
                udp.close()
                tcp.close()
                continue
            tcp.listen(64)
            udp.settimeout(0.2)
            tcp.settimeout(0.2)
            return udp, tcp
        raise OSError("no port is free for both UDP and TCP")

    # the script

    def load(self, zone):
        """Replace the zone."""
        records = list(RR.fromZone(zone)) if zone.strip() else []
        with self.lock:
            self.records = records
            self.names = {self._key(r.rname) for r in records}

    def add(self, line):
        """Add records."""
        with self.lock:
            new = list(RR.fromZone(line))
            self.records += new
            self.names |= {self._key(r.rname) for r in new}

    def mode(self, mode, argument=None, suffix=""):
        """Behave like that for names at or below suffix."""
        with self.lock:
            self.modes[suffix.lower().rstrip(".")] = (mode, argument)

    def count(self, name=None, kind=None):
        """How many queries there were, for a name and type if given."""
        with self.lock:
            return sum(n for (q, t), n in self.queries.items()
                       if (name is None or q == name.lower().rstrip("."))
                       and (kind is None or t == kind))

    def reset(self):
        """Forget modes and counters."""
        with self.lock:
            self.modes.clear()
            self.queries.clear()
            self.tcp_queries = 0
            self.log.clear()

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join(5)
        self.udp.close()
        self.tcp.close()

    # serving

    @staticmethod
    def _key(name):
        return str(name).lower().rstrip(".")

    def _mode_of(self, name):
        best = ("normal", None)
        length = -1
        for suffix, mode in self.modes.items():
            if (name == suffix or not suffix
                    or name.endswith("." + suffix)) and len(suffix) > length:
                best, length = mode, len(suffix)
        return best

    def _answer_normal(self, request):
        reply = request.reply(ra=1, aa=0)
        name = self._key(request.q.qname)
        kind = QTYPE[request.q.qtype]
        for _ in range(8):
            found = [r for r in self.records if self._key(r.rname) == name]
            hits = [r for r in found if QTYPE[r.rtype] == kind]
            alias = [r for r in found if QTYPE[r.rtype] == "CNAME"]
            if hits or not alias:
                for r in hits:
                    reply.add_answer(r)
                break
            reply.add_answer(alias[0])
            name = self._key(alias[0].rdata.label)
        if not reply.rr and name not in self.names and not any(
                n.endswith("." + name) for n in self.names):
            reply.header.rcode = RCODE.NXDOMAIN
        return reply

    def _answer(self, data, tcp):
        """The octets to send, or None."""
        try:
            request = DNSRecord.parse(data)
        except Exception:
            return None
        name = self._key(request.q.qname)
        with self.lock:
            self.queries[name, QTYPE[request.q.qtype]] += 1
            self.tcp_queries += tcp
            self.log.append((time.monotonic(), name,
                             QTYPE[request.q.qtype], tcp))
            mode, argument = self._mode_of(name)
            reply = self._answer_normal(request)
        if mode == "drop":
            return None
        if mode == "slow":
            if self.stopping.wait(argument):
                return None
        elif mode in ("servfail", "refused"):
            reply = request.reply(ra=1, aa=0)
            reply.header.rcode = getattr(RCODE, mode.upper())
        elif mode == "lie":
            reply = request.reply(ra=1, aa=0)
            if QTYPE[request.q.qtype] == "A":
                reply.add_answer(RR(request.q.qname, QTYPE.A, CLASS.IN, 60,
                                    A(argument)))
        elif mode in ("truncate", "tcp_only") and not tcp:
            reply = request.reply(ra=1, aa=0)
            reply.header.tc = 1
        elif mode == "truncate":
            return None
        elif mode == "wrong_question":
            reply.questions = [DNSQuestion("wrong.example", QTYPE.A)]
        elif mode == "wrong_id":
            reply.header.id ^= 0x5555
        elif mode == "garbage":
            return data[:2] + b"\xff" * 40
        packed = reply.pack()
        if not tcp and len(packed) > 1232:
            reply = DNSRecord(DNSHeader(id=request.header.id, qr=1, ra=1,
                                        tc=1, rd=request.header.rd),
                              q=request.q)
            packed = reply.pack()
        return packed

    def _reply_udp(self, data, peer):
        packed = self._answer(data, False)
        if packed is not None:
            try:
                self.udp.sendto(packed, peer)
            except OSError:
                pass

    def _serve_udp(self):
        while not self.stopping.is_set():
            try:
                data, peer = self.udp.recvfrom(65536)
            except socket.timeout:
                continue
            except OSError:
                return
            # a thread each: a slow answer must not delay the others
            threading.Thread(target=self._reply_udp, args=(data, peer),
                             daemon=True).start()

    def _serve_tcp(self):
        while not self.stopping.is_set():
            try:
                conn, _ = self.tcp.accept()
            except socket.timeout:
                continue
            except OSError:
                return
            threading.Thread(target=self._talk_tcp, args=(conn,),
                             daemon=True).start()

    def _talk_tcp(self, conn):
        conn.settimeout(30)
        with conn, conn.makefile("rb") as stream:
            try:
                while not self.stopping.is_set():
                    head = stream.read(2)
                    if len(head) < 2:
                        return
                    data = stream.read(struct.unpack(">H", head)[0])
                    packed = self._answer(data, True)
                    if packed is None:
                        if self.stopping.wait(30):
                            return
                        continue
                    conn.sendall(struct.pack(">H", len(packed)) + packed)
            except OSError:
                return
