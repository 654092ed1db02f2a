# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions that modules publish for rules (weir.lua/1)."""

import time

import pytest

from weirtest import daemon


@pytest.fixture
def rules(weir, folder):
    """rules(text): a daemon with these rules and the module luatest."""
    if not (daemon.module_path() / "mod_luatest.so").exists():
        pytest.skip("mod_luatest is not built (make abi-modules)")

    def start(text, extra="", **rows):
        path = folder / "r.lua"
        path.write_text(text)
        one = weir(daemon.listener("m", "milter", "unix:{dir}/m.sock")
                   + daemon.section("module", "luatest", timeout="2s", **rows)
                   + daemon.section("rules", path=path) + extra)
        one.address = f"unix:{one.dir}/m.sock"
        return one
    return start


def ask(one, milter_client):
    """The answer to RCPT."""
    m = milter_client(one.address)
    m.session()
    m.mail("<a@example.org>")
    return m.rcpt("<u@example.net>")


GOOD = '''
local t = weir.call.luatest
rule "call" { stage = "rcpt", function(mail)
    local function same(...)
        local n = select("#", ...)
        local r = table.pack(t.echo(...))
        assert(r.n == n, "number of results")
        for i = 1, n do
            local a = select(i, ...)
            assert(type(r[i]) == type(a) and math.type(r[i]) == math.type(a))
            if type(a) ~= "table" then assert(r[i] == a) end
        end
        return ...
    end
    same()
    same(nil)
    same(true, false, nil, 1, 1.5, "a\\0b", "")
    local l = t.echo({ 1, { "x", {} }, 3 })
    assert(#l == 3 and l[2][1] == "x" and #l[2][2] == 0)
    assert(#t.echo({}) == 0)
    local sender, verdict = t.about()
    assert(sender == "a@example.org" and verdict < 0)
    assert(mail:fact("luatest.seen") == "yes")
    assert(t.later(30) == "late")
    local r, mechanism = weir.call.spf.check("192.0.2.1", "h.example",
                                              "a@spf.example")
    assert(r == "pass" and mechanism == "ip4:192.0.2.0/24", r)
    local ok, why = pcall(weir.call.spf.check, "junk")
    assert(not ok and why:find("weir.call.spf.check: not an IP address", 1,
                               true), why)
    -- each way to fail, caught
    for name, text in pairs { fails = "out of order", status = "E_LIMIT",
                              silent = "without an answer",
                              bottomless = "E_LIMIT" } do
        local ok, why = pcall(t[name])
        assert(not ok and why:find("weir.call.luatest." .. name .. ": ", 1,
                                   true) and why:find(text, 1, true), why)
    end
    local ok, why = pcall(t.later, 60000)
    assert(not ok and why:find("no answer within", 1, true), why)
    local ok, why = pcall(t.echo, print)
    assert(not ok and why:find("a function can't be handed", 1, true), why)
    local deep = {}
    deep[1] = deep
    ok, why = pcall(t.echo, deep)
    assert(not ok and why:find("too deep", 1, true), why)
    ok, why = pcall(function() return t.ecko end)
    assert(not ok and why:find('weir.call.luatest has no "ecko" (did you '
                               .. 'mean "echo"?)', 1, true), why)
    ok, why = pcall(function() return weir.call.luatst end)
    assert(not ok and why:find('did you mean "luatest"', 1, true), why)
    mail:tempfail("all well")
end }'''


def test_values_and_errors(rules, milter_client, folder):
    zone = folder / "zone"
    zone.write_text('spf.example. 60 IN TXT "v=spf1 ip4:192.0.2.0/24 -all"\n')
    one = rules(GOOD, daemon.section("module", "spf")
                + daemon.section("dns", zone=zone))
    reply = ask(one, milter_client)
    assert reply.kind == "replycode" and "all well" in reply.text, one.log()
    # what a function could not do is the rule's matter, not its module's
    status = one.ctl_json("status")
    assert status["workers"], status


@pytest.mark.parametrize("name, why", [
    ("fails", "out of order"), ("silent", "it ended without an answer")])
def test_on_failure(rules, milter_client, name, why):
    """An error that the rule does not catch is its on_failure."""
    one = rules(f'''
rule "bad" {{ stage = "rcpt", on_failure = "pass", function(mail)
    weir.call.luatest.{name}() end }}
rule "worse" {{ stage = "rcpt", priority = 1, on_failure = "tempfail",
    function(mail) weir.call.luatest.{name}() end }}''')
    reply = ask(one, milter_client)
    assert reply.kind == "replycode" and reply.code == 4, reply
    assert f'rule "bad" (r.lua:2): r.lua:3: weir.call.luatest.{name}: {why}' \
        in one.log().replace('\\"', '"'), one.log()
    failures = {r["name"]: r["failures"]
                for r in one.ctl_json("rules", "stats")}
    assert failures == {"bad": 1, "worse": 1}


def test_unknown_at_start(rules):
    with pytest.raises(RuntimeError) as e:
        rules("local f = weir.call.luatest.ecko\n")
    assert 'weir.call.luatest has no "ecko" (did you mean "echo"?)' in \
        str(e.value).replace("\\", "")


def test_client_leaves(rules, milter_client):
    """Clients go away while a function sleeps, works in a thread, or has not
    begun; nothing is left open."""
    one = rules('''
rule "wait" { stage = "rcpt", function(mail)
    if mail.sender == "job@example.org" then weir.call.luatest.busy() end
    weir.call.luatest.later(200)
end }''')
    for i in range(30):
        m = milter_client(one.address)
        m.session()
        m.mail("<job@example.org>" if i % 2 else "<a@example.org>")
        m.send("R", b"<u@example.net>\0")
        time.sleep(0.01 * (i % 15))
        m.close()
    reply = ask(one, milter_client)
    assert reply.kind in ("continue", "accept"), reply
