# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings of real sessions, and weirctl replay: exactly the decisions that
a changed configuration changes, without a packet to anybody."""

import json
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess

import pytest
from weirtest import daemon, proc
from weirtest.milter import Closed

MAIL = b"From: a@example.org\r\nSubject: n%d\r\n\r\nbody %d\r\n"
SESSIONS = 50

RULES = '''
rule "points" { stage = "rcpt", function(mail)
	local n = tonumber(mail.sender:match("^s(%d+)@"))
	mail:add_score(n % 10, "as many as the last digit")
end }
rule "dns" { stage = "mail", function(mail)
	if #weir.dns.a(mail.sender_domain) == 0 then
		mail:reject("no such domain")
	end
end }
'''


def conf(folder, fake_dns, rules, reject=8, extra="", record=None, weight=0):
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "r.lua").write_text(rules)
    record = {"enabled": True} if record is None else record
    return (daemon.listener("m", "milter", "unix:{dir}/m.sock")
            + daemon.section("rules", path=folder / "rules")
            + daemon.section("action", reject=reject)
            + daemon.section("module", "spf")
            + f"scores {{ SPF_SOFTFAIL = {weight}\nSPF_NEUTRAL = 0 }}\n"
            + daemon.section("dns", servers=[fake_dns.address],
                             timeout="1s", tries=1)
            + (daemon.section("record", **record) if record else "")
            + extra)


def zone(fake_dns):
    fake_dns.load("".join(
        f"d{i}.example. 60 IN A 192.0.2.1\n"
        f"d{i}.example. 60 IN TXT \"v=spf1 {'~' if i == 3 else '?'}all\"\n"
        for i in range(5)))


def send(milter_client, one, n):
    """A session: sender sN@dM.example, M of 0 to 5: d5 does not exist."""
    m = milter_client(f"unix:{one.dir}/m.sock")
    m.session()
    reply = m.message(MAIL % (n, n), sender=f"<s{n}@d{n % 6}.example>",
                      recipients=(f"<u{n}@example.net>",
                                  f"<v{n}@example.net>"))
    m.quit()
    m.close()
    return reply


def recorded(one):
    """Octets of all recordings."""
    path = one.state / "recordings"
    return sum(p.stat().st_size for p in path.glob("*.rec")) \
        if path.exists() else 0


def wait_recorded(one, conf_path, count):
    """Until so many sessions are there."""
    def recorded():
        got = replay(one, conf_path, check=False)
        return got if got and got["sessions"] >= count else None
    return proc.wait_for(recorded, 10, f"{count} recorded sessions")


def replay(one, new, *args, check=True):
    done = subprocess.run(
        [proc.program("weirctl"), "-c", one.conf_path, "--json", "replay",
         "--config", new, *args], capture_output=True, text=True, timeout=60)
    if not check and done.returncode != 0:
        return None
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def new_conf(one, folder, text):
    """The configuration of a daemon with other sections."""
    head = one.conf_path.read_text().split("listener")[0]
    path = folder / "new.conf"
    path.write_text(head + text.replace("{dir}", str(one.dir)))
    return path


def test_exactly_the_expected_decisions(weir, folder, milter_client,
                                        fake_dns):
    zone(fake_dns)
    one = weir(conf(folder, fake_dns, RULES))
    for n in range(SESSIONS):
        reply = send(milter_client, one, n)
        # points 0 to 9; 8 and more are refused, and so is d5
        refused = n % 6 == 5 or n % 10 >= 8
        assert (reply.code == 5) == refused, (n, reply)
    same = wait_recorded(one, one.conf_path, SESSIONS)
    assert same["sessions"] == SESSIONS and same["changed"] == 0
    assert same["uncertain"] == 0, same["reasons"]
    one.stop()
    asked = fake_dns.count()

    # another threshold: 6 and 7 points are refused, too
    new = new_conf(one, folder, conf(folder, fake_dns, RULES, reject=6))
    got = replay(one, new, "--since", "1h")
    expect = {f"{k}{n}@example.net" for n in range(SESSIONS) for k in "uv"
              if n % 6 != 5 and n % 10 in (6, 7)}
    assert {d["recipient"] for d in got["decisions"]} == expect
    assert got["changed"] == len(expect) and got["uncertain"] == 0
    assert got["changes"] == [{"old": "accept", "new": "reject",
                               "count": len(expect)}]
    one_d = got["decisions"][0]
    assert one_d["old"]["verdict"] == "accept"
    assert one_d["new"]["verdict"] == "reject"
    assert one_d["new"]["by"] == "action" and one_d["new"]["score"] >= 6

    # a rule that is gone: what was refused at MAIL has an unknown future
    rules = RULES[:RULES.index('rule "dns"')]
    new = new_conf(one, folder, conf(folder, fake_dns, rules))
    got = replay(one, new)
    changed = [d for d in got["decisions"]]
    assert {d["sender"] for d in changed} == {
        f"s{n}@d5.example" for n in range(SESSIONS) if n % 6 == 5}
    assert {d["new"]["verdict"] for d in changed} == {"goes on"}
    assert {d["recorded_to"] for d in changed} == {"mail"}

    # weights: SPF_SOFTFAIL for d3 is re-weighed; spf itself runs again
    new = new_conf(one, folder, conf(folder, fake_dns, RULES, weight=20))
    got = replay(one, new)
    assert {d["recipient"] for d in got["decisions"]} == {
        f"{k}{n}@example.net" for n in range(SESSIONS) for k in "uv"
        if n % 6 == 3 and n % 10 < 8}
    assert any(f["symbol"] == "SPF_SOFTFAIL" and f["new"] == 20
               for f in got["decisions"][0]["findings"])

    # --limit takes the newest; text for people
    assert replay(one, new, "--limit", "5")["sessions"] == 5
    text = subprocess.run(
        [proc.program("weirctl"), "-c", one.conf_path, "replay", "--config",
         new, "-v"], capture_output=True, text=True, timeout=60).stdout
    assert f"{SESSIONS} sessions" in text and "accept -> reject" in text
    # nobody was asked anything
    assert fake_dns.count() == asked
    # private
    for path in (one.state / "recordings").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((one.state / "recordings").stat().st_mode) == 0o700


def test_what_was_not_recorded_is_said(weir, folder, milter_client,
                                       fake_dns):
    zone(fake_dns)
    one = weir(conf(folder, fake_dns, RULES))
    for n in range(4):
        send(milter_client, one, n)
    wait_recorded(one, one.conf_path, 4)
    asked = fake_dns.count()
    # a name that nobody asked for, a body, the store
    rules = RULES + '''
rule "more" { stage = "rcpt", function(mail)
	if mail.sender:find("^s0") then weir.dns.a("unasked.example") end
	if mail.sender:find("^s1") then weir.store.get("x") end
end }
rule "body" { function(mail)
	if mail.sender:find("^s2") then mail:parts() end
end }
'''
    new = new_conf(one, folder, conf(folder, fake_dns, rules))
    got = replay(one, new, "-v")
    assert got["uncertain"] == 6 and got["same"] == 2
    assert {r["reason"]: r["sessions"] for r in got["reasons"]} == {
        "a DNS answer was not recorded": 1,
        "the body was not recorded": 1, "the store is not recorded": 1}
    said = {d["sender"][:2]: d["uncertain"] for d in got["decisions"]}
    assert said["s0"][0]["about"] == "unasked.example, type 1"
    assert said["s3"] == []
    assert fake_dns.count() == asked
    # with bodies nothing is missing
    two = weir(conf(folder, fake_dns, RULES,
                    record={"enabled": True, "bodies": True}))
    send(milter_client, two, 2)
    wait_recorded(two, two.conf_path, 1)
    got = replay(two, new_conf(two, folder,
                               conf(folder, fake_dns, rules)))
    assert got["uncertain"] == 0 and got["same"] == 2, got


def test_modules_with_a_memory_speak_as_they_did(weir, folder,
                                                 milter_client, fake_dns):
    zone(fake_dns)
    grey = daemon.section("module", "greylist", delay="1h")
    one = weir(conf(folder, fake_dns, RULES, extra=grey))
    assert send(milter_client, one, 0).code == 4
    got = wait_recorded(one, one.conf_path, 1)
    assert got["uncertain"] == 0 and got["same"] == 2, got
    # other options: what it would say now is not known
    new = new_conf(one, folder, conf(folder, fake_dns, RULES, extra=daemon
                                     .section("module", "greylist",
                                              delay="2h")))
    got = replay(one, new, "-v")
    assert got["uncertain"] == 2
    assert got["decisions"][0]["uncertain"] == [
        {"reason": "a module that is not run has other options now",
         "about": "greylist"}]
    # without it
    new = new_conf(one, folder, conf(folder, fake_dns, RULES))
    got = replay(one, new)
    assert {d["new"]["verdict"] for d in got["decisions"]} == {"goes on"}


def test_policy_requests(weir, folder, policy_client, fake_dns):
    """What Postfix asks by policy delegation is recorded and replayed."""
    zone(fake_dns)
    text = daemon.listener("p", "policy", "unix:{dir}/p.sock")
    rules = 'rule "a" { stage = "rcpt", function(mail)\n' \
        'if mail.rcpt == "no@example.net" then mail:reject("no") end end }\n'
    one = weir(text + conf(folder, fake_dns, rules))
    p = policy_client(f"unix:{one.dir}/p.sock")
    for n, name in enumerate(("no", "yes", "no")):
        got = p.ask(recipient=f"{name}@example.net", instance=f"i{n}",
                    sender=f"s{n}@d1.example")
        assert got.startswith("REJECT") == (name == "no"), got
    p.close()
    got = wait_recorded(one, one.conf_path, 3)
    assert got["changed"] == 0 and got["uncertain"] == 0, got
    new = new_conf(one, folder, text + conf(
        folder, fake_dns, rules.replace("no@", "yes@")))
    got = replay(one, new)
    assert [(d["recipient"], d["old"]["verdict"], d["new"]["verdict"])
            for d in got["decisions"]] == [
                ("no@example.net", "reject", "goes on"),
                ("yes@example.net", "accept", "reject"),
                ("no@example.net", "reject", "goes on")], got


def test_an_early_refusal(weir, folder, milter_client, fake_dns):
    """A client that was refused before a message."""
    zone(fake_dns)
    rules = 'rule "a" { stage = "helo", function(mail)\n' \
        'if mail.helo == "bad" then mail:reject("no") end end }\n'
    one = weir(conf(folder, fake_dns, rules))
    m = milter_client(f"unix:{one.dir}/m.sock")
    m.negotiate()
    m.connect()
    assert m.helo("bad").code == 5
    m.close()
    got = wait_recorded(one, one.conf_path, 1)
    assert got["same"] == 1, got
    got = replay(one, new_conf(one, folder, conf(
        folder, fake_dns, rules.replace("bad", "worse"))))
    assert got["decisions"][0]["new"]["verdict"] == "goes on"
    assert got["decisions"][0]["recipient"] == ""


def test_off_is_off(weir, folder, milter_client, fake_dns):
    zone(fake_dns)
    one = weir(conf(folder, fake_dns, RULES, record={}))
    send(milter_client, one, 0)
    one.stop()
    assert not (one.state / "recordings").exists()
    done = subprocess.run([proc.program("weirctl"), "-c", one.conf_path,
                           "replay"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 1 and "record { enabled" in done.stderr


def test_bounds_and_sampling(weir, folder, milter_client, fake_dns):
    zone(fake_dns)
    one = weir(conf(folder, fake_dns, RULES,
                    record={"enabled": True, "count": 100, "sample": 50}))
    for n in range(20):
        send(milter_client, one, n % 5)
    got = wait_recorded(one, one.conf_path, 10)
    one.stop()
    assert replay(one, one.conf_path)["sessions"] == 10
    one = weir(conf(folder, fake_dns, RULES,
                    record={"enabled": True, "count": 100}))
    for n in range(250):
        send(milter_client, one, n % 5)
    one.stop()
    got = replay(one, one.conf_path)
    assert 50 <= got["sessions"] <= 100, got["sessions"]


def test_kill_and_damage(weir, folder, milter_client, fake_dns):
    """kill -9 costs at most what was under way; damage is passed over."""
    zone(fake_dns)
    one = weir(conf(folder, fake_dns, RULES))
    for n in range(5):
        send(milter_client, one, n)
    wait_recorded(one, one.conf_path, 5)
    status = one.ctl_json("status")
    os.kill(status["workers"][0]["pid"], signal.SIGKILL)

    def answered():
        try:
            return send(milter_client, one, 1) is not None
        except (Closed, OSError):  # the worker is gone
            return False
    proc.wait_for(answered, 20, "a new worker")
    wait_recorded(one, one.conf_path, 6)
    one.stop()
    path = sorted((one.state / "recordings").glob("*.rec"))[0]
    octets = path.read_bytes()
    path.write_bytes(b"WRF1 garbage" + octets[:-10])
    got = replay(one, one.conf_path)
    assert got["sessions"] == 5 and got["damaged_octets"] > 0
    assert got["unreadable"] == 0


def test_full_disk(weir, folder, milter_client, fake_dns):
    """No room for recordings: mail flows, and the loss is told; when there
    is room again, it goes on."""
    zone(fake_dns)
    state = folder / "weir0" / "state"
    where = state / "recordings"
    user, group = daemon.unprivileged()
    (folder / "weir0").mkdir(exist_ok=True)
    where.mkdir(parents=True)
    for path in (state, where):
        shutil.chown(path, user, group)
        path.chmod(0o700)
    options = f"size=64k,mode=0700,uid={pwd.getpwnam(user).pw_uid}"
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "weir-test", where],
            capture_output=True).returncode != 0:
        pytest.skip("a small file system can't be mounted")
    try:
        one = daemon.Weir(folder / "weir0", conf(folder, fake_dns, RULES))
        one.start()
        filler = where / "filler"
        filler.write_bytes(bytes(60 << 10))
        for n in range(8):
            assert send(milter_client, one, n % 5).code == 2
        proc.wait_for(lambda: "record.dropped" in one.log(), 10, "the loss")
        assert "recordings can't be written" in one.log()
        filler.unlink()
        send(milter_client, one, 1)
        proc.wait_for(lambda: "are written to" in one.log(), 10, "the end")
        got = wait_recorded(one, one.conf_path, 1)
        assert got["unreadable"] == 0 and got["damaged_octets"] == 0, got
        one.stop()
    finally:
        subprocess.run(["umount", where], capture_output=True)


def test_documented_commands(weir, folder, milter_client, fake_dns):
    """Every weirctl line of "Try before you deploy" does what it says."""
    zone(fake_dns)
    one = weir(conf(folder, fake_dns, RULES))
    send(milter_client, one, 1)
    wait_recorded(one, one.conf_path, 1)
    (folder / "mail.eml").write_bytes(MAIL % (1, 1))
    new = new_conf(one, folder, conf(folder, fake_dns, RULES, reject=1))
    doc = (proc.ROOT / "doc/rules.md").read_text()
    doc = doc[doc.index("## Try before you deploy"):]
    doc = doc[:doc.index("\n## ")]
    lines = re.findall(r"^\s+weirctl (.*)$", doc, re.M)
    assert len(lines) >= 5 and any("replay" in x for x in lines)
    for line in lines:
        words = [{"/etc/weir/weir.conf": one.conf_path,
                  "/etc/weir/rules": folder / "rules",
                  "mail.eml": folder / "mail.eml",
                  "new.conf": new}.get(w, w) for w in line.split()]
        done = subprocess.run(
            [proc.program("weirctl"), "-c", one.conf_path,
             *map(str, words)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (line, done.stderr, done.stdout)
        if "replay" in line:
            assert "accept -> reject" in done.stdout, done.stdout
