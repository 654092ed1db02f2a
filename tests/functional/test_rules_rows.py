# SPDX-License-Identifier: GPL-2.0-or-later
"""Declared rules and macros, row by row of what they promise: objects P-020
to P-043, slots and order P-050 to P-064, macros S-100 to S-116."""

import hashlib
import json
import subprocess
import time

import pytest
from weirtest import daemon, proc

MAIL = ("From: From@example.com\n"
        "To: a@x.example, b@y.example, c@sub.x.example\n"
        "Message-ID: <1@example.com>\nMessage-ID: <2@example.com>\n"
        "Subject: =?utf-8?q?gr=C3=BCn?= __RULE__=?utf-8?q?=0D=0AX:_y?=\n"
        "X-Top: one\nX-Top: two\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=b\n\n"
        "--b\nContent-Type: text/plain; name=a.txt\nX-Part: inner\n\nhi\n"
        "--b\nContent-Type: application/x-dosexec\nContent-Disposition: "
        "attachment; filename=\"=?utf-8?q?=C3=BCber.exe?=\"\n\nMZ\n"
        "--b\nContent-Type: image/png\nContent-Disposition: attachment; "
        "filename*=utf-8''c.png\n\nx\n--b--\n")
# seven points for b, from a check before the declared rules
POINTS = '''
rule "points" { stage = "rcpt", priority = 100, function(mail)
    if mail.rcpt:find("^b@") then mail:add_score(7, "words") end
end }
'''
EXE = 'filename ".*\\\\.exe"'


def frame(begin, end, more=""):
    """A time frame by hours from now."""
    at = [time.strftime("%H:%M", time.gmtime(time.time() + h * 3600))
          for h in (begin, end)]
    return f'timeframe {{ from = "{at[0]}", to = "{at[1]}", zone = "UTC"' \
        f'{more} }}'


def day(offset):
    return time.strftime("%a", time.gmtime(
        time.time() + offset * 86400)).lower()


# row, slots of the rule, whom it hits
OBJECTS = [
    ("P-020", 'from = regex "from@.*"', "abc"),
    ("P-020", 'from = regex "FROM@EXAMPLE[.]COM"', "abc"),
    ("P-020", 'from = regex "rom@.*"', ""),
    ("P-021", 'from = address "FROM@example.com"', "abc"),
    ("P-021", 'to = address "B@Y.example"', "b"),
    ("P-022", 'to = domain "x.example"', "a"),
    ("P-022", 'from = domain "EXAMPLE.com"', "abc"),
    ("P-023", 'from = ip "192.0.2.9"', "abc"),
    ("P-023", 'from = ip "192.0.2.90"', ""),
    ("P-024", 'from = network "192.0.2.0/24"', "abc"),
    ("P-024", 'from = network "2001:db8::/32"', ""),
    ("P-027", 'from = receiver "b@y.example"', "b"),
    ("P-027", 'from = receiver_domain "x.example"', "a"),
    ("P-027", 'to = receiver_regex ".*[.]?x[.]example"', "ac"),
    ("P-028", "when = " + frame(-2, 2), "abc"),
    ("P-028", "when = " + frame(2, 4), ""),
    ("P-028", "when = " + frame(
        -2, 2, f', days = {{ "{day(-2 / 24)}" }}'), "abc"),
    ("P-028", "when = " + frame(-2, 2, f', days = {{ "{day(3)}" }}'), ""),
    ("P-029", "what = spamlevel(7)", "b"),
    ("P-029", "what = spamlevel(7.1)", ""),
    ("P-029", "what = spamlevel(0)", "abc"),
    ("P-031", 'what = header("x-top", "^TWO$", "top")', "abc"),
    ("P-031", 'what = header("Subject", "gr\u00fcn", "top")', "abc"),
    ("P-031", 'what = header("X-Part", "inner")', "abc"),
    ("P-031", 'what = header("X-Part", "inner", "top")', ""),
    ("P-032", 'what = content_type "IMAGE/.*"', "abc"),
    ("P-032", 'what = content_type "image"', ""),
    ("P-033", 'what = filename "\u00fcber.EXE"', "abc"),
    ("P-033", 'what = filename "exe"', ""),
    ("P-033", 'what = filename "c[.]png"', "abc"),
    ("P-052", "", "abc"),
    ("P-052", 'from = domain "example.com", to = domain "y.example", '
              'when = timeframe {}, what = spamlevel(1)', "b"),
    ("P-054", 'to = { domain "x.example", domain "y.example" }', "ab"),
    ("P-054", 'to = { { domain "x.example", domain "y.example" }, '
              '{ address "c@sub.x.example" } }', "abc"),
    ("P-055", "to = { {} }", ""),
    ("P-055", "to = { { all = true } }", "abc"),
    ("P-055", "to = { { invert = true } }", "abc"),
    ("P-055", "to = { { all = true, invert = true } }", ""),
    ("P-055", 'to = { domain "x.example", invert = true }', "bc"),
    ("P-055", 'to = { regex ".*x[.]example", regex "c@.*", all = true }',
     "c"),
    ("P-055", 'to = { regex ".*x[.]example", regex "c@.*", all = true, '
              'invert = true }', "ab"),
    ("P-055", 'from = { domain "other.example", invert = true }', "abc"),
    ("P-055", f"when = {{ {frame(2, 4)}, invert = true }}", "abc"),
    ("P-055", "what = { spamlevel(7), invert = true }", "ac"),
    ("P-056", f'what = {{ {{ {EXE}, content_type "text/.*", all = true }} }}',
     ""),
    ("P-056", f'what = {{ {{ {EXE}, spamlevel(3), all = true }} }}', "b"),
    ("P-056", f'what = {{ {EXE}, content_type "text/.*", all = true }}',
     "abc"),
]

# row, text, what becomes of it for b in a rule that hits only b
MACROS = [
    ("S-100", "__SENDER__", "From@example.com"),
    ("S-101", "__RECEIVERS__", "a@x.example, b@y.example, c@sub.x.example"),
    ("S-102", "__ADMIN__", "root@example.net"),
    ("S-103", "__TARGETS__", "b@y.example"),
    ("S-104", "__SUBJECT__", "gr\u00fcn __RULE__  X: y"),
    ("S-105", "__MSGID__", "<2@example.com>"),
    ("S-106", "__RULE__", None),
    ("S-108", "[__VIRUS_INFO__]", "[]"),
    ("S-109", "__SPAMLEVEL__", "7.0"),
    ("S-110", "__SPAM_INFO__", "7.0 RULES_SCORE points: words"),
    ("S-111", "__SENDER_IP__", "192.0.2.9"),
    ("S-113", "__FILENAME__", "a.txt"),
    ("S-114", "__SPAMSTARS__", "*******"),
    ("S-115", "__SPAM_HITS__", "RULES_SCORE=7.0"),
    ("S-116", "__NONE__ __SENDER_ __ __SPAMSTARS__", None),
]


@pytest.fixture
def judge(folder):
    """judge(rules, mail, *options): what weirctl rules test says."""
    if proc.program("weirctl") is None:
        pytest.skip("weirctl is not built")
    (folder / "try.conf").write_text(
        f'module_path = "{daemon.module_path()}"\ndisagree = "drop"\n'
        + daemon.section("rules", path=folder / "r.lua",
                         admin="root@example.net"))

    def run(rules, mail=MAIL, *options, sender="From@example.com"):
        (folder / "r.lua").write_text(POINTS + rules)
        (folder / "m.eml").write_text(mail)
        done = subprocess.run(
            [proc.program("weirctl"), "--json", "rules", "test", "--client",
             "192.0.2.9", "--from", sender, "-c", folder / "try.conf",
             *options, folder / "r.lua", folder / "m.eml"],
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr + done.stdout
        got = json.loads(done.stdout)[0]
        got["trace"] = {r["name"]: r for r in got["rules"]}
        return got
    return run


def hit(row):
    """Letters of the recipients that a rule of score(0) hit."""
    who = [d.get("recipient") for d in row.get("did", [])
           if d["effect"] == "score"]
    return "abc" if who == [None] else "".join(w[0] for w in who)


def test_objects_and_slots(judge):
    names = [f"{i:02} {row}" for i, (row, _, _) in enumerate(OBJECTS)]
    got = judge("".join(
        f'rule "{name}" {{ {slots}{"," if slots else ""} '
        'action = score(0, "hit") }\n'
        for name, (_, slots, _) in zip(names, OBJECTS)))
    wrong = [(name, slots, hit(got["trace"][name]), want)
             for name, (_, slots, want) in zip(names, OBJECTS)
             if hit(got["trace"][name]) != want]
    assert not wrong, wrong


def test_macros(judge):
    names = [f"{i:02} {row}" for i, (row, _, _) in enumerate(MACROS)]
    got = judge("".join(
        f'rule "{name}" {{ to = domain "y.example", '
        # what they add themselves would be told, too
        + (f'priority = 60, action = set_header("X", "{text}") }}\n'
           if "_SPAM_" in text else f'action = score(0, "{text}") }}\n')
        for name, (_, text, _) in zip(names, MACROS)) + '''
rule "version" { action = score(0, "__VERSION__") }
rule "host" { action = score(0, "__HOST__|__DOMAIN__|__FQDN__") }
''')

    def said(name):
        return got["trace"][name]["did"][0]["text"].partition(" ")[2]
    want = {name: value for name, (_, _, value) in zip(names, MACROS)}
    for name in names:
        if name.endswith("S-106"):
            want[name] = name
        elif name.endswith("S-116"):
            want[name] = "__NONE__ __SENDER_ __ *******"
    assert {name: said(name) for name in names} == want
    # S-112, S-115
    version = subprocess.run([proc.program("weirctl"), "--version"],
                             capture_output=True, text=True, timeout=10)
    assert said("version") in version.stdout and said("version")
    host, domain, fqdn = said("host").split("|")
    assert fqdn == (f"{host}.{domain}" if domain else host)
    # nothing there: S-100, S-104; and not more than a hundred: S-114
    got = judge('rule "m" { to = domain "y.example", priority = 10, '
                'action = score(0, "[__SENDER__] __SUBJECT__") }\n'
                'rule "up" { stage = "rcpt", function(mail) '
                'mail:add_score(500, "") end }\n'
                'rule "stars" { to = domain "y.example", '
                'action = score(0, "__SPAMSTARS__") }\n',
                MAIL.replace("Subject:", "X-Subject:"), sender="")
    assert said("m") == "[] No Subject"
    assert said("stars") == "*" * 100


def test_rule_info(judge):
    """S-107: each rule that matched so far, for whom, what it does."""
    got = judge('rule "one" { priority = 60, to = domain "y.example", '
                'action = { score(0), subject "[x]" } }\n'
                'rule "no" { priority = 55, to = domain "z.example", '
                'action = block() }\n'
                'rule "two" { action = score(0, "__RULE_INFO__") }\n')
    assert got["trace"]["two"]["did"][0]["text"].partition(" ")[2] == (
        "one (r.lua:5) for b@y.example: score, subject; two (r.lua:7) for "
        "a@x.example, b@y.example, c@sub.x.example: score")


@pytest.mark.parametrize("what, names", [
    (EXE, "\u00fcber.exe"),
    (f'{{ {EXE}, content_type "image/.*" }}', "\u00fcber.exe, c.png"),
    (f'{{ {{ {EXE}, content_type "application/.*", all = true }} }}',
     "\u00fcber.exe"),
    (f"{{ {{ {EXE}, invert = true }} }}", "a.txt, c.png"),
    ("spamlevel(0)", "a.txt")])
def test_parts_that_matched(judge, what, names):
    """P-056, S-113: and of marks intersects, or unites, invert gives the
    rest; texts name those parts."""
    got = judge(f'rule "m" {{ what = {what}, '
                'action = score(0, "__FILENAME__") }')
    assert got["trace"]["m"]["did"][0]["text"].partition(" ")[2] == names


def test_each_recipient_has_its_end(judge):
    """P-057, P-036, P-037, P-060: final actions end a recipient's rules."""
    got = judge('rule "r" { priority = 90, to = domain "x.example", '
                'action = reject("__TARGETS__", 554) }\n'
                'rule "q" { priority = 80, to = domain "y.example", '
                'action = block() }\n'
                'rule "all" { priority = 70, action = score(0, "left") }\n')
    assert {r["address"]: r["verdict"] for r in got["recipients"]} == {
        "a@x.example": "reject", "b@y.example": "discard",
        "c@sub.x.example": "accept"}
    assert got["trace"]["r"]["did"][0]["text"] == "a@x.example"
    assert hit(got["trace"]["all"]) in ("c", "abc")
    ended = judge('rule "t" { priority = 90, action = tempfail("x", 451) }\n'
                  'rule "behind" { action = score(0, "never") }\n')
    assert ended["trace"]["behind"]["result"] != "matched"
    assert {r["verdict"] for r in ended["recipients"]} == {"tempfail"}


def test_actions_in_order(judge):
    """P-058, P-040, P-043: by priority, none behind the first final one."""
    got = judge('rule "m" { action = { accept(), block(), bcc "z@z.example", '
                'set_header("X-Top", "new"), score(0, "s") } }')
    assert [d["effect"] for d in got["trace"]["m"]["did"]] == [
        "change header", "delete header", "score", "add recipient",
        "discard"] or [d["effect"] for d in got["trace"]["m"]["did"]] == [
        "score", "change header", "delete header", "add recipient",
        "discard"]


def test_match_first_act_later(judge):
    """P-059: later rules see the mail as it came."""
    got = judge('rule "1" { priority = 90, action = { set_header("X-New", '
                '"1"), score(50, "much") } }\n'
                'rule "2" { what = header("X-New", "1", "top"), '
                'action = score(0, "") }\n'
                'rule "3" { what = spamlevel(20), action = score(0, "") }\n'
                'rule "4" { what = symbol "RULES_SCORE", '
                'action = score(0, "") }\n')
    assert hit(got["trace"]["1"]) == "abc"
    assert hit(got["trace"]["2"]) == "" and hit(got["trace"]["3"]) == ""
    assert hit(got["trace"]["4"]) == "b", "only what was found before"


def test_fields_of_a_rule(judge):
    """P-050, P-051, P-053, P-064."""
    text = ('rule "low" { priority = 0, action = score(0, "") }\n'
            'rule "first" { priority = 50, action = score(0, "") }\n'
            'rule "second" { action = score(0, "") }\n'
            'rule "high" { priority = 100, action = score(0, "") }\n'
            'rule "off" { active = false, priority = 99, '
            'action = reject "never" }\n'
            'rule "in" { direction = "in", action = score(0, "") }\n'
            'rule "out" { direction = "out", action = score(0, "") }\n'
            f'rule "when" {{ when = {frame(2, 4)}, what = {EXE}, '
            'action = score(0, "") }\n')
    got = judge(text)
    order = [r["name"] for r in got["rules"] if r["name"] != "points"]
    assert order == ["high", "first", "second", "in", "out", "when", "low"]
    assert hit(got["trace"]["in"]) == "abc"
    assert got["trace"]["out"]["result"] != "matched"
    # nothing is looked for in the mail once it is too late
    assert [w["slot"] for w in got["trace"]["when"]["why"]] == ["when"]
    out = judge(text, MAIL, "--direction", "out")
    assert out["trace"]["in"]["result"] != "matched"
    assert hit(out["trace"]["out"]) == "abc"
    with pytest.raises(AssertionError, match="0 to 100"):
        judge('rule "x" { priority = 101, action = accept() }')


def test_digest(weir, folder):
    """P-063: two machines with the same files have the same digest."""
    rules = folder / "rules"
    rules.mkdir()
    one = weir(daemon.listener("m", "milter", "unix:{dir}/m.sock")
               + daemon.section("rules", path=rules))
    texts = {"20-b.lua": 'rule "b" { action = accept() }\n',
             "10-a.lua": 'rule "a" { active = false, action = accept() }\n'}
    for name, text in texts.items():
        (rules / name).write_text(text)
    one.ctl("reload")
    want = hashlib.sha256("".join(
        f"{name}\0{len(text)}:{text}"
        for name, text in sorted(texts.items())).encode()).hexdigest()
    proc.wait_for(lambda: one.ctl_json("rules", "digest") == {
        "sha256": want, "files": 2, "rules": 2}, 10, "the digest")
    assert want in one.ctl("rules", "digest")
    assert "a [not active] (10-a.lua:1)" in one.ctl("rules", "list")
