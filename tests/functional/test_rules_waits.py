# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that leave while rules wait, at every stage and in everything that
waits: nothing is left open, and nothing is left in memory."""

import re

import pytest

from weirtest import daemon, proc
from weirtest.milter import Closed, ProtocolError

STAGES = ["connect", "helo", "mail", "rcpt", "data", "eoh", "eom"]
# what does not answer until the client is gone
NEVER = {
    "a": "weir.dns.a(name)", "aaaa": "weir.dns.aaaa(name)",
    "mx": "weir.dns.mx(name)", "txt": "weir.dns.txt(name)",
    "ns": "weir.dns.ns(name)", "ptr": "weir.dns.ptr(address)",
    "rbl": "weir.dns.rbl(address, name)", "sleep": "weir.sleep(60)",
    "call": "weir.call.luatest.later(60000)",
    "spf": 'weir.call.spf.check("192.0.2.1", "h.example", "a@" .. name)',
    "pcall": "pcall(function() return weir.dns.a(name) end)",
    "index": "local _ = setmetatable({}, { __index = function() "
             "return weir.dns.a(name) end }).x",
}
# what answers soon: the client leaves before, while, or after
SOON = {
    "get": 'weir.store.get("k" .. name)',
    "put": 'weir.store.put("k" .. name, "v", 60)',
    "add": 'weir.store.add("k" .. name, "v", 60)',
    "del": 'weir.store.del("k" .. name)',
    "job": "weir.call.luatest.busy()",
}
RULES = """
local ops = { %s }
local words = weir.map("%s")
for _, stage in ipairs { %s } do
    rule("wait " .. stage) { stage = stage, function(mail)
        -- OP-STAGE-NUMBER.example
        local op, at, n = mail.client_name:match("^(%%l+)%%-(%%l+)%%-(%%d+)")
        if at ~= stage or mail.sender == "b@example.org" then return end
        local name = op .. "-" .. at .. "-" .. n .. ".drop.example"
        words(name)
        ops[op](name, mail.client_addr)
    end }
end
"""


def client(connect, op, stage, number):
    """A session that has sent the command of that stage, no answer read."""
    m = connect()
    m.what = f"{op} at {stage}"
    m.negotiate()
    frames = [
        ("C", f"{op}-{stage}-{number}.example".encode() + b"\0004\x9c\x40"
         + f"192.0.{number % 250}.{STAGES.index(stage) + 1}".encode() + b"\0"),
        ("H", b"client.example\0"), ("M", b"<a@example.org>\0"),
        ("R", b"<u@example.net>\0"), ("T", b""),
        ("L", b"Subject\0test\0"), ("N", b""), ("E", b"")]
    last = {"eoh": "N", "eom": "E"}.get(stage) or "CHMRT"[STAGES.index(stage)]
    for command, data in frames:
        if command == last:
            m.send(command, data)
            return m
        reply = m.command(command, data)
        assert reply is None or reply.kind == "continue", (stage, reply)
    return m


def leave(m, how):
    """Close; or the message is given up, and the next one is served."""
    if how == "abort":
        m.abort()
    elif how == "abort and go on":
        m.abort()
        m.send("M", b"<b@example.org>\0")
        try:
            reply = m.reply("M")
        except (Closed, ProtocolError, TimeoutError) as error:
            pytest.fail(f"{m.what}: {error!r}")
        assert reply.kind == "continue", (m.what, reply)
    m.close()


def value(one, name):
    """A gauge; 0 if there is no such line."""
    found = re.search(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", one.ctl("metrics"),
                      re.M)
    return float(found.group(1)) if found else 0


@pytest.fixture
def waiting(weir, folder, fake_dns):
    if not (daemon.module_path() / "mod_luatest.so").exists():
        pytest.skip("mod_luatest is not built (make abi-modules)")
    for suffix in ("drop.example", "in-addr.arpa"):
        fake_dns.mode("drop", suffix=suffix)
    (folder / "words").write_text("a yes\n")
    ops = ", ".join(f"{k} = function(name, address) {v} end"
                    for k, v in {**NEVER, **SOON}.items())
    (folder / "r.lua").write_text(RULES % (ops, folder / "words", ", ".join(
        f'"{s}"' for s in STAGES)))
    one = weir(daemon.listener("m", "milter", "unix:{dir}/m.sock")
               + daemon.section("module", "luatest", timeout="60s")
               + daemon.section("module", "spf", timeout="60s")
               + daemon.section("rules", path=folder / "r.lua", timeout="60s")
               + daemon.section("dns", servers=[fake_dns.address],
                                timeout="6s", tries=1))
    one.address = f"unix:{one.dir}/m.sock"
    return one


def at_rest(one, *more):
    """Everything that counts what is open."""
    return {name: value(one, name) for name in (
        "weir_rules_waiting", "weir_sessions", "weir_mail_memory_bytes",
        *more)}


def test_every_point(waiting, milter_client):
    one = waiting
    before = at_rest(one)
    assert not any(at_rest(one, "weir_dns_in_flight").values()), before

    def connect():
        return milter_client(one.address, timeout=30)
    for round_, how in enumerate(("close", "abort", "abort and go on")):
        # before a message there is none to give up
        stages = STAGES if how == "close" else STAGES[2:]
        open_ = [client(connect, op, stage, 10 * round_ + 1)
                 for op in NEVER for stage in stages]
        proc.wait_for(lambda: value(one, "weir_rules_waiting") == len(open_),
                      30, f"{len(open_)} rules that wait")
        for m in open_:
            leave(m, how)
        proc.wait_for(lambda: at_rest(one) == before, 30,
                      f"{how}: everything as it was")
    for number in range(100, 106):
        for op in SOON:
            for stage in STAGES:
                leave(client(connect, op, stage, number), "close")
    # a question that nobody waits for any more ends by itself
    proc.wait_for(lambda: not any(at_rest(
        one, "weir_dns_in_flight").values()), 30, "as it was, again")
    # what ended so is garbage of Lua's, and it is collected
    held = value(one, "weir_rules_memory_bytes")
    assert 0 < held < 8 << 20, held
    m = connect()
    m.session()
    assert m.mail("<a@example.org>").kind == "continue"
    m.close()
    log = one.log()
    assert "worker.crash" not in log and "level=error" not in log, log
