# SPDX-License-Identifier: GPL-2.0-or-later
"""Site rules tried before they are deployed: weirctl rules check and test."""

import json
import subprocess

import pytest
from weirtest import daemon, proc

MAIL = (b"From: a@example.com\nTo: u@x.example, v@y.example\n"
        b"Subject: hello\n\nbody\n")


def ctl(*args, status=0):
    """weirctl without a daemon."""
    if proc.program("weirctl") is None:
        pytest.skip("weirctl is not built")
    done = subprocess.run([proc.program("weirctl"), *map(str, args)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr + done.stdout
    return done


@pytest.fixture
def conf(folder):
    path = folder / "try.conf"
    path.write_text(f'module_path = "{daemon.module_path()}"\n'
                    'disagree = "drop"\n'
                    + daemon.section("spf")
                    .replace("spf {", 'module "spf" {')
                    + daemon.section("networks", "internal",
                                     addresses=["10.0.0.0/8"]))
    return path


def test_check(folder, conf):
    path = folder / "10-a.lua"
    path.write_text('rule "x" { stage = "rcpt", function(mail)\n'
                    '\tif mail.sender_domian == "a" then\n'
                    '\t\tmail:rejct("no")\n'
                    '\tend\n'
                    '\tif mail:has("SPF_FIAL") then mail:accept() end\n'
                    'end }\n')
    done = ctl("rules", "check", path, status=1)
    assert f'{path}:2: mail has no "sender_domian" (did you mean ' \
        '"sender_domain"?)' in done.stderr
    assert f'{path}:3: mail has no method "rejct"' in done.stderr
    assert "SPF_FIAL" not in done.stderr, "nothing is known of symbols"
    done = ctl("rules", "check", "-c", conf, path, status=1)
    assert f'{path}:5: unknown symbol "SPF_FIAL" (did you mean ' \
        '"SPF_FAIL"?)' in done.stderr
    said = json.loads(ctl("--json", "rules", "check", folder,
                          status=1).stdout)
    assert [p["line"] for p in said["problems"]] == [2, 3]
    assert said["files"] == 1 and said["rules"] == 1
    path.write_text('rule "x" { stage = "rcpt",\n function(mail end }\n')
    done = ctl("rules", "check", path, status=1)
    assert f"{path}:2: " in done.stderr
    path.write_text('rule "x" { action = reject "no" }\n')
    assert "1 rules, 0 mistakes" in ctl("rules", "check", path).stdout
    ctl("rules", "check", folder / "none.lua", status=2)
    ctl("rules", "check", status=2)


def test_cookbook_has_no_unknown_names(folder):
    """Every recipe, with its maps in another place."""
    for name in ("partners", "networks", "words"):
        (folder / name).write_text("# empty\n")
    rules = folder / "rules"
    rules.mkdir()
    for path in (proc.ROOT / "doc/cookbook").glob("*.lua"):
        (rules / path.name).write_text(path.read_text().replace(
            "/etc/weir/maps", str(folder)))
    assert "0 mistakes" in ctl("rules", "check", rules).stdout


RULES = '''
rule "partners" { stage = "rcpt", function(mail)
	if mail.sender_domain == "example.org" then mail:accept() end
end }
rule "exe" { what = filename ".*\\\\.exe", action = reject "No programs" }
rule "x" { to = domain "x.example", action = reject "no __SENDER__" }
rule "shade" { shadow = true, action = reject "would" }
rule "fact" { stage = "eom", priority = 99, function(mail)
	mail:set_fact("done", "yes")
	if mail:header("Subject") == "die" then error("dead") end
end }
'''


def test_trace(folder, conf):
    rules = folder / "r.lua"
    rules.write_text(RULES)
    mails = folder / "mails"
    mails.mkdir()
    (mails / "1.eml").write_bytes(MAIL)
    (mails / "2.eml").write_bytes(MAIL.replace(b"hello", b"die"))
    one = json.loads(ctl("--json", "rules", "test", "--client", "192.0.2.9",
                         "--from", "a@example.com", "-c", conf, rules,
                         mails / "1.eml").stdout)[0]
    assert one["client"]["address"] == "192.0.2.9"
    assert one["facts"]["spf.result"] == "none", "other modules run, too"
    assert {r["address"]: r["verdict"] for r in one["recipients"]} == {
        "u@x.example": "reject", "v@y.example": "accept"}
    trace = {r["name"]: r for r in one["rules"]}
    assert trace["exe"]["result"] == "no match"
    assert trace["exe"]["why"] == [{"slot": "what", "value": "file (none)"}]
    assert trace["x"]["result"] == "matched"
    assert trace["x"]["why"] == [
        {"slot": "to", "value": "recipient v@y.example",
         "recipient": "v@y.example"}]
    assert trace["x"]["did"] == [
        {"effect": "reject", "text": "no a@example.com",
         "recipient": "u@x.example"}]
    assert trace["shade"]["shadow"] is True
    assert trace["fact"]["instructions"] < trace["fact"]["instructions_max"]
    assert trace["fact"]["did"] == [
        {"effect": "fact", "text": "rules.done = yes"}]
    assert sum(r["name"] == "partners" for r in one["rules"]) == 2
    # a folder; a rule that fails is the exit status
    done = ctl("rules", "test", "--from", "a@example.com", rules, mails,
               status=1)
    assert "2 mails" in done.stdout and "dead" in done.stdout
    assert "no match  exe (r.lua:5)" in done.stdout
    # directions
    out = json.loads(ctl("--json", "rules", "test", "--direction", "out",
                         rules, mails / "1.eml").stdout)[0]
    assert out["direction"] == "out"
    ctl("rules", "test", rules, status=2)
    ctl("rules", "test", "--client", "x", rules, mails, status=2)
    rules.write_text("rule 'x' {")
    assert "r.lua:1: " in ctl("rules", "test", rules, mails,
                              status=2).stderr


def test_dns_of_a_zone(folder):
    rules = folder / "r.lua"
    rules.write_text('rule "dns" { stage = "mail", function(mail)\n'
                     'if #weir.dns.a(mail.sender_domain) == 0 then\n'
                     'mail:reject("no such domain") end end }\n')
    (folder / "z").write_text("known.example A 192.0.2.1\n")
    mail = folder / "m.eml"
    mail.write_bytes(MAIL)
    for domain, verdict in (("known", "accept"), ("other", "reject")):
        got = json.loads(ctl(
            "--json", "--zone", folder / "z", "rules", "test", "--from",
            f"a@{domain}.example", rules, mail).stdout)[0]
        assert got["verdict"] == verdict, got


def test_shadow_says_what_would_have_changed(weir, folder, milter_client):
    rules = folder / "r.lua"
    rules.write_text("""
rule "real" { stage = "rcpt", function(mail)
	if mail.rcpt:find("^no@") then mail:reject("no") end
end }
rule "more" { shadow = true, action = reject "would" }
rule "less" { shadow = true, stage = "rcpt", priority = 90, function(mail)
	mail:accept() end }
rule "same" { shadow = true, stage = "rcpt", priority = 90, function(mail)
	if mail.rcpt:find("^no@") then mail:reject("no") end end }
""")
    one = weir(daemon.listener("m", "milter", "unix:{dir}/m.sock")
               + daemon.section("rules", path=rules))
    m = milter_client(f"unix:{one.dir}/m.sock")
    m.session()
    for _ in range(3):
        reply = m.message(MAIL, recipients=("<a@example.net>",
                                            "<no@example.net>"))
        assert reply.code == 2 and len(m.refused) == 1
    got = {r["name"]: r for r in one.ctl_json("rules", "shadow")}
    assert set(got) == {"more", "less", "same"}
    assert got["more"]["runs"] == 3 and got["more"]["reject"] == 3
    assert got["more"]["changes"] == [
        {"old": "none", "new": "reject", "count": 3}]
    assert got["less"]["changes"] == [
        {"old": "reject", "new": "accept", "count": 3}]
    assert got["same"]["would_change"] == 0 and got["same"]["reject"] == 3
    sample = got["more"]["samples"][0]
    assert sample["recipient"] == "a@example.net"
    record = one.ctl_json("explain", sample["id"])[0]
    assert record["verdict"] in ("accept", "reject")
    text = one.ctl("rules", "shadow")
    assert "would have changed 3 decisions" in text
    assert f"for example {sample['id']}" in text
    assert 'weir_rules_shadow_changes_total{' in one.ctl("metrics")
