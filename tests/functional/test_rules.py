# SPDX-License-Identifier: GPL-2.0-or-later
"""Site rules in the daemon: sessions over milter, waiting, escapes, the
cookbook."""

import os
import re
import time
from pathlib import Path

import pytest

from weirtest import daemon, proc
from weirtest.milter import Closed

ROOT = Path(__file__).resolve().parents[2]
ESCAPES = sorted((ROOT / "tests/lua/escape").glob("*.lua"))
COOKBOOK = sorted((ROOT / "doc/cookbook").glob("*.lua"))

MAIL = (b"From: a@example.org\r\nSubject: =?UTF-8?Q?gr=C3=BCn?=\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        b"--b\r\nContent-Type: application/zip; name=invoice.zip\r\n"
        b"Content-Disposition: attachment; filename=\"invoice.zip\"\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n"
        b"--b--\r\n")


def conf(path, **rows):
    return (daemon.listener("m", "milter", "unix:{dir}/m.sock")
            + daemon.section("rules", path=path, **rows))


@pytest.fixture
def rules(weir, folder):
    """rules(text, **options): a daemon with these rules."""
    def start(text, extra="", **rows):
        path = folder / "rules"
        path.mkdir(exist_ok=True)
        (path / "10-test.lua").write_text(text)
        one = weir(conf(path, **rows) + extra)
        one.address = f"unix:{one.dir}/m.sock"
        return one
    return start


def test_the_issue_s_ten_lines(rules, milter_client):
    one = rules('''
local partners = { ["example.org"] = true }
rule "partners" { stage = "rcpt", function(mail)
    if partners[mail.sender_domain] then mail:accept() end
end }
rule "zip" { function(mail)
    for _, part in ipairs(mail:parts()) do
        for _, name in ipairs(part.names) do
            if name:lower():find("%.zip$") then
                mail:reject("No archives, please: " .. name)
            end
        end
    end
end }''')
    m = milter_client(one.address)
    m.session()
    reply = m.message(MAIL, sender="<x@example.com>")
    assert reply.kind == "replycode"
    assert re.match(r"550 5\.7\.1 No archives, please: invoice\.zip \[",
                    reply.text)


def test_declared(rules, milter_client):
    one = rules('''
rule "exe" { what = { filename ".*\\\\.(exe|zip)" }, to = domain "example.net",
    action = { set_header("X-Rule", "__RULE__: __FILENAME__ for __TARGETS__"),
               subject "[FILE]" } }
rule "none" { what = { { filename ".*zip", content_type "text/.*",
    all = true } }, action = reject "not the same part" }
rule "subject" { what = header("Subject", "^gr\u00fcn$", "top"),
    action = set_header("X-Green", "yes") }''')
    m = milter_client(one.address)
    m.session()
    reply = m.message(MAIL)
    assert reply.kind in ("accept", "continue"), reply
    assert ("add_header", ("X-Rule",
            "exe: invoice.zip for user@example.net")) in [
                (k, tuple(str(x).strip() for x in v)) for k, v in reply.edits]
    assert any(k == "change_header" and "[FILE]" in v[2]
               for k, v in reply.edits), reply.edits
    assert any("X-Green" in v for k, v in reply.edits)


def test_before_others(weir, folder, milter_client):
    """Rules come before module action although they come after all."""
    path = folder / "r.lua"
    path.write_text('rule "s" { stage = "rcpt", function(mail)\n'
                    'mail:add_score(20, "because") end }')
    one = weir(conf(path) + daemon.section("action", reject=15))
    m = milter_client(f"unix:{one.dir}/m.sock")
    m.session()
    m.mail("<a@example.org>")
    reply = m.rcpt("<u@example.net>")
    assert reply.kind == "replycode" and reply.code == 5, reply


def test_errors_stop_the_start(weir, folder):
    path = folder / "r.lua"
    path.write_text('\nrule "x" { stge = "rcpt", function() end }\n')
    with pytest.raises(RuntimeError) as e:
        weir(conf(path))
    assert 'r.lua:2: rule "x": unknown option "stge" (did you mean ' \
        '"stage"?)' in str(e.value).replace("\\", "")


WAITING = '''
rule "wait" { stage = "rcpt", function(mail)
    for i = 1, 3 do
        weir.dns.a("slow" .. i .. ".example")
        weir.sleep(0.05)
        weir.store.put("k" .. i, "v", 60)
    end
    mail:set_fact("done", "yes")
end }'''


def test_disconnect_mid_wait(rules, milter_client, fake_dns):
    """Clients that leave at any point of a waiting rule."""
    one = rules(WAITING)
    for i in range(60):
        m = milter_client(one.address)
        m.session()
        m.mail("<a@example.org>")
        m.send("R", b"<u@example.net>\0")
        time.sleep(0.004 * i)
        m.close()
    m = milter_client(one.address)
    m.session()
    m.mail("<a@example.org>")
    assert m.rcpt("<u@example.net>").kind in ("continue", "accept")


def expected(path):
    """The head of an escape: -- expect: TEXT (or: nothing)."""
    found = re.match(r"-- expect: (.*)\n", path.read_text())
    assert found, f"{path.name} does not say what is expected"
    return found.group(1)


@pytest.mark.parametrize("path", [p for p in ESCAPES
                                  if expected(p).startswith("load: ")],
                         ids=str)
def test_escape_at_the_start(rules, path):
    """A file that tries it is refused."""
    with pytest.raises(RuntimeError) as e:
        rules(path.read_text())
    assert expected(path)[6:] in str(e.value)


# what the log names when a budget has ended a call
BUDGET = re.compile(r"(instructions|memory|stack|time): |: the budget of ")
AFTER = """
rule "after" { stage = "rcpt", priority = 1, function(mail)
    mail:tempfail("after") end }"""


@pytest.mark.parametrize("slow", [False, True], ids=["work", "time"])
def test_escapes(rules, milter_client, slow):
    """Whatever a rule tries: the budget is named in log and metrics, and the
    next message is untouched.  Each in a rule of its name, for one sender."""
    names, text = {}, AFTER
    for path in ESCAPES:
        want = expected(path)
        if want.startswith("load: ") or slow != (
                want in ("time: ", ": the budget of ")):
            continue
        names[path.stem] = want
        head = "function(mail)"
        text += "do " + path.read_text().split("\n", 1)[1].replace(
            'rule "bad"', f'rule "{path.stem}"').replace(
            head, head + f' if mail.sender ~= "{path.stem}@example.org" then '
            "return end", 1) + " end\n"
    # a busy machine: only those that are about time may meet that budget
    one = rules(text, memory="4M", time="200ms" if slow else "20s")
    wrong = []
    for name in names:
        for sender in (name, "good", name):
            m = milter_client(one.address, timeout=60)
            m.session()
            m.mail(f"<{sender}@example.org>")
            try:
                reply = m.rcpt("<u@example.net>")
            except (Closed, TimeoutError) as error:
                pytest.fail(f"{name}: {sender}: {error!r}: "
                            f"{one.log()[-3000:]}")
            m.close()
            if reply.kind != "replycode" or "after" not in reply.text:
                wrong.append(f"{name}: {sender} got {reply}")
    log = one.log().replace('\\"', '"')
    stats = {r["name"]: r for r in one.ctl_json("rules", "stats")}
    metrics = one.ctl("metrics")
    for name, want in names.items():
        lines = [line for line in log.splitlines()
                 if f'rule "{name}" (' in line]
        budget = BUDGET.match(want) is not None
        counted = (stats[name]["failures"], stats[name]["overruns"])
        if counted != (0 if want == "nothing" else 2, 2 if budget else 0):
            wrong.append(f"{name}: failures, overruns {counted}: {lines}")
        if want != "nothing" and not (
                len(lines) == 2 and all(want in line for line in lines)):
            wrong.append(f"{name}: {want!r} is not in {lines}")
        if budget and f'weir_rules_overruns_total{{rule="{name}"}} 2' \
                not in metrics:
            wrong.append(f"{name}: not in the metrics")
    assert not wrong, "\n".join(wrong)
    assert one.process.running() and "worker.crash" not in log


@pytest.mark.parametrize("path", COOKBOOK, ids=str)
def test_cookbook(weir, folder, milter_client, path):
    """Each recipe loads, and a mail goes through it."""
    place = folder / "maps"
    place.mkdir()
    for name in ("partners", "networks", "words"):
        (place / name).write_text("# empty\n")
    text = path.read_text().replace("/etc/weir/maps", str(place))
    (folder / "r.lua").write_text(text)
    one = weir(conf(folder / "r.lua", notify_spool="{dir}/state/n",
                    notify_server="unix:{dir}/none")
               + daemon.section("module", "spf")
               + daemon.section("networks", "internal",
                                addresses=["127.0.0.0/8"]))
    m = milter_client(f"unix:{one.dir}/m.sock")
    m.session()
    reply = m.message(MAIL)
    assert reply.kind in ("accept", "continue", "replycode"), reply
    log = one.log()
    assert 'rule "' not in re.sub(r".*in shadow.*", "", log), log


def test_speed(rules, milter_client):
    """100 declared rules over a 20 KB message, told by the daemon itself."""
    lines = []
    for i in range(100):
        kind = (f'from = domain "d{i}.example", ',
                f'what = header("Subject", "word{i}", "top"), ',
                f'to = regex ".*x{i}@.*", ',
                f'what = filename ".*\\\\.e{i}", ')[i % 4]
        lines.append(f'rule "r{i}" {{ {kind}action = block() }}')
    one = rules("\n".join(lines))
    big = MAIL.replace(b"hello", b"hello world " * 1700)
    m = milter_client(one.address)
    m.session()
    for _ in range(50):
        reply = m.message(big)
        assert reply.kind in ("accept", "continue"), reply
    total = sum(r["us"] for r in one.ctl_json("rules", "stats")) \
        if proc.program("weirctl") else 0
    print(f"100 declared rules: {total:.1f} us a message")
    if not os.environ.get("WEIR_SLOW"):
        assert total < 3000
