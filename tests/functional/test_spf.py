# SPDX-License-Identifier: GPL-2.0-or-later
"""SPF: `weirctl spf check` over the suites of RFC 7208 and RFC 4408, and the
module in a daemon."""

import itertools
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from weirtest import corpus, daemon, proc

from test_explain import records

yaml = pytest.importorskip("yaml")

# what RFC 7208 decided otherwise than RFC 4408 allowed: its result counts
CHANGED = {"upper-macro": "RFC 7208 7.3 leaves \"~-._\" unescaped"}


def load(name):
    """(section, case, test, zonedata) of one suite, or nothing."""
    folder = corpus.unpack("spf/rfc7208-rfc4408-suite")
    if folder is None:
        return []
    path = next(folder.rglob(f"{name}-tests.yml"))
    found = []
    for part in yaml.safe_load_all(path.read_text("utf-8")):
        found += [(part["description"], case, test, part["zonedata"])
                  for case, test in part["tests"].items()]
    return found


def suite(name):
    """Parameters of one suite."""
    cases = load(name)
    if not cases:
        return [pytest.param(None, None, id="no-data", marks=pytest.mark.skip(
            reason=f"no test data: {corpus.data_dir() / 'spf'}"))]
    return [pytest.param(test, zone, id=case)
            for _, case, test, zone in cases]


def name_text(name):
    """A name as a master file has it; label separators stay."""
    return "".join(c if c.isalnum() and c.isascii() or c in "-_."
                   else f"\\{ord(c):03d}" for c in name).rstrip(".") + "."


def string_text(value):
    """A quoted string; odd octets escaped."""
    return '"' + "".join(
        chr(o) if 32 <= o < 127 and o not in b'"\\' else f"\\{o:03d}"
        for o in value.encode("latin-1")) + '"'


def record_lines(owner, records):
    """The records of one name.  SPF stands for TXT, too, where a suite has
    no TXT of its own (see the head of the suite)."""
    types = [t for r in records if r != "TIMEOUT" for t in r]
    for record in records:
        if record == "TIMEOUT":
            yield f"$TIMEOUT {owner}"
            continue
        (kind, data), = record.items()
        if data == "NONE":
            continue
        if kind in ("SPF", "TXT"):
            strings = data if isinstance(data, list) else [data]
            if not strings:
                continue
            text = " ".join(map(string_text, strings))
            yield f"{owner} {kind} {text}"
            if kind == "SPF" and "TXT" not in types:
                yield f"{owner} TXT {text}"
        elif kind == "MX":
            host = name_text(data[1]) if data[1] else "."
            yield f"{owner} MX {data[0]} {host}"
        elif kind in ("PTR", "CNAME"):
            yield f"{owner} {kind} {name_text(data)}"
        else:
            yield f"{owner} {kind} {data}"


def zone_text(zone):
    """A suite's zone data as a master file."""
    lines = []
    for name, records in zone.items():
        lines += record_lines(name_text(name), records)
    return "\n".join(lines) + "\n"


class Check:
    """The built weirctl with a zone file."""

    def __init__(self, folder):
        self.binary = proc.program("weirctl")
        if self.binary is None:
            pytest.skip(f"weirctl is not built in {proc.build_dir()}")
        self.conf = folder / "weir.conf"
        self.conf.write_text(f'module_path = "{daemon.module_path()}"\n'
                             'module "spf" { }\n')
        self.file = folder / "zone"

    def run(self, zone, ip, sender, helo, *options, status=0):
        self.file.write_text(zone)
        done = subprocess.run(
            [self.binary, "-c", self.conf, "spf", "check", ip, sender, helo,
             "--zone", self.file, *options],
            capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        err = done.stderr.decode()
        assert not any(w in err for w in daemon.SANITIZER_WORDS), err
        assert done.returncode == status, err
        return done.stdout.decode()

    def json(self, *args):
        return json.loads(self.run(*args, "--json"))


@pytest.fixture
def check(folder):
    return Check(folder)


def one_case(check, test, zone):
    """Result and explanation as the suite wants them."""
    said = check.json(zone_text(zone), str(test["host"]),
                      test.get("mailfrom") or "", str(test["helo"]))
    wanted = test["result"]
    wanted = wanted if isinstance(wanted, list) else [wanted]
    assert said["result"] in wanted, said
    assert not any(q["type"] == "SPF" for q in said["lookups"])
    if "explanation" in test and test["explanation"] != "DEFAULT":
        assert said["explanation"] == test["explanation"], said
    elif test.get("explanation") == "DEFAULT":
        assert said["explanation"] == "", said
    return said


@pytest.mark.parametrize("test, zone", suite("rfc7208"))
def test_rfc7208(check, test, zone):
    one_case(check, test, zone)


@pytest.mark.parametrize("test, zone", suite("rfc4408"))
def test_rfc4408(check, test, zone, request):
    case = request.node.callspec.id
    if case in CHANGED:
        pytest.skip(f"changed: {CHANGED[case]}")
    one_case(check, test, zone)


def test_suites_are_complete():
    """All 203 cases run, each once."""
    cases = load("rfc7208")
    if not cases:
        pytest.skip("no test data")
    assert len(cases) == 203
    assert len({case for _, case, _, _ in cases}) == 203


ZONE = """\
example.org. TXT "v=spf1 ip4:192.0.2.0/24 include:inc.example.org -all exp=w.example.org"
inc.example.org. TXT "v=spf1 mx ?all"
inc.example.org. MX 10 mx.example.org.
mx.example.org. A 198.51.100.7
w.example.org. TXT "%{i} is none of ours: ask %{l}%_at %{d}"
slow.example.org. TXT "v=spf1 a:dead.example.org -all"
$TIMEOUT dead.example.org.
macros.example.org. TXT "v=spf1 a:%{d2147483648} a:%{s99999999999} a:%{d0} -all"
"""


def test_json_names_everything(check):
    said = check.json(ZONE, "198.51.100.7", "a@example.org", "h")
    assert said["result"] == "pass"
    assert said["mechanism"] == "include:inc.example.org"
    assert (said["inner"], said["inner_domain"]) == ("mx", "inc.example.org")
    assert [(q["type"], q["name"], q["status"]) for q in said["lookups"]] == [
        ("TXT", "example.org", "ok"), ("TXT", "inc.example.org", "ok"),
        ("MX", "inc.example.org", "ok"), ("A", "mx.example.org", "ok")]
    assert said["lookups"][2]["answers"] == ["10 mx.example.org"]
    said = check.json(ZONE, "203.0.113.1", "joe@example.org", "h")
    assert said["result"] == "fail"
    assert said["explanation"] == \
        "203.0.113.1 is none of ours: ask joe at example.org"


def test_errors_say_why(check):
    said = check.json(ZONE, "203.0.113.1", "a@slow.example.org", "h")
    assert said["result"] == "temperror"
    assert said["problem"] == "A of dead.example.org: no answer in time"
    assert said["lookups"][-1]["status"] == "timeout"
    said = check.json(ZONE, "203.0.113.1", "a@macros.example.org", "h")
    assert said["result"] == "permerror"
    assert "a:%{d0}" in said["problem"]
    said = check.json(ZONE, "203.0.113.1", "", "h.example.org")
    assert said["result"] == "none" and said["identity"] == "helo"


def test_text_is_for_people(check):
    said = check.run(ZONE, "198.51.100.7", "a@example.org", "h")
    assert "result       pass\n" in said
    assert "by           mx of inc.example.org\n" in said
    assert "MX inc.example.org\n    10 mx.example.org\n" in said


def test_wrong_use_is_refused(check):
    check.run(ZONE, "192.0.2", "a@example.org", "h", status=1)
    check.run(ZONE, "192.0.2.1", "a@example.org", "h", "more", status=2)
    check.run("x. A nonsense\n", "192.0.2.1", "a@x.y", "h", status=2)


# the module in a daemon

SITE = """
ok.example. 60 IN TXT "v=spf1 ip4:192.0.2.0/24 -all exp=why.ok.example"
why.ok.example. 60 IN TXT "%{i} is none of ours"
none.example. 60 IN A 192.0.2.9
soft.example. 60 IN TXT "v=spf1 ~all"
neutral.example. 60 IN TXT "v=spf1 ?all"
broken.example. 60 IN TXT "v=spf1 nonsense -all"
ours.example. 60 IN MX 10 mx.ours.example.
mx.ours.example. 60 IN A 203.0.113.25
late.example. 60 IN TXT "v=spf1 a:a.late.example a:b.late.example -all"
dead.example. 60 IN TXT "v=spf1 a -all"
"""


@pytest.fixture
def site(weir, fake_dns):
    """A daemon with the module, a policy and a milter listener."""
    def start(**options):
        fake_dns.load(SITE)
        return weir(
            daemon.section("dns", servers=[fake_dns.address], timeout="1s")
            + daemon.listener("policy", "policy", "unix:{dir}/policy")
            + daemon.listener("milter", "milter", "unix:{dir}/milter")
            + daemon.section("module", "spf", **options))
    return start


def ask(client, sender, instance, address="203.0.113.9", state="RCPT",
        rcpt="you@ours.example"):
    return client.ask(
        request="smtpd_access_policy", protocol_state=state,
        protocol_name="ESMTP", client_address=address, client_name="unknown",
        helo_name="h.example", sender=sender, recipient=rcpt,
        instance=instance)


def test_policy_asks_once_for_all_recipients(site, policy_client, fake_dns):
    one = site()
    client = policy_client(f"unix:{one.dir}/policy")
    said = [ask(client, "joe@ok.example", "1", rcpt=f"r{i}@ours.example")
            for i in range(3)]
    for answer in said:
        assert answer.startswith("REJECT 5.7.23 SPF MAIL FROM check failed: "
                                 "203.0.113.9"), said
        assert "203.0.113.9 is none of ours" in answer
    assert fake_dns.count("ok.example", "TXT") == 1
    assert fake_dns.count(kind="SPF") == 0
    said = ask(client, "joe@ok.example", "2", "192.0.2.77")
    assert said.startswith("PREPEND Received-SPF: pass (")
    # the answer stood in the cache
    assert fake_dns.count("ok.example", "TXT") == 1


def test_policy_prepends_the_header(site, policy_client):
    one = site()
    client = policy_client(f"unix:{one.dir}/policy")
    said = ask(client, "joe@ok.example", "1", "192.0.2.77")
    assert said.startswith("PREPEND Received-SPF: pass ("), said
    assert "mechanism=\"ip4:192.0.2.0/24\"" in said
    assert ask(client, "joe@ok.example", "1", "192.0.2.77",
               rcpt="r2@ours.example") == "DUNNO"


def test_silence_is_temperror(site, policy_client, fake_dns):
    one = site(temperror="tempfail")
    fake_dns.mode("drop", suffix="dead.example")
    client = policy_client(f"unix:{one.dir}/policy")
    said = ask(client, "joe@dead.example", "1")
    assert said.startswith("DEFER_IF_PERMIT 4.7.24 SPF check not possible "
                           "now: TXT of dead.example"), said


def test_slow_answers_end_at_the_limit(site, policy_client, fake_dns):
    one = site(temperror="tempfail", time_limit="500ms", exempt_mx=False)
    fake_dns.mode("slow", 0.35, suffix="late.example")
    client = policy_client(f"unix:{one.dir}/policy")
    said = ask(client, "joe@late.example", "1")
    assert said.startswith("DEFER_IF_PERMIT 4.7.24"), said
    assert "in time" in said


GREY = 'module "greylist" { delay = "1s" }\n'


def test_order_with_greylist(weir, fake_dns, policy_client):
    """Backup MX, exclusions, SPF, greylisting: each only where those before
    it had nothing to say."""
    fake_dns.load(SITE)
    fake_dns.mode("drop", suffix="dead.example")
    one = weir(
        daemon.section("dns", servers=[fake_dns.address], timeout="1s")
        + daemon.listener("policy", "policy", "unix:{dir}/policy")
        + daemon.section("module", "spf", time_limit="1s",
                         exclude_clients=["198.51.100.0/24"],
                         exclude_recipients=["any@ours.example"]) + GREY)
    client = policy_client(f"unix:{one.dir}/policy")
    soft = ("softfail", "neutral", "none", "permerror", "temperror")
    senders = [f"joe@{d}.example"
               for d in ("soft", "neutral", "none", "broken", "dead")]
    # what is not a pass is greylisted, then let in with the field, once
    for sender in senders:
        assert ask(client, sender, f"1 {sender}").startswith(
            "DEFER_IF_PERMIT 4.7.1"), sender
    tries = itertools.count()
    proc.wait_for(lambda: ask(client, senders[-1], f"try {next(tries)}")
                  .startswith("PREPEND"), 10, "the end of the delay")
    for sender, result in zip(senders, soft):
        said = ask(client, sender, f"2 {sender}")
        assert said.startswith(f"PREPEND Received-SPF: {result} ("), said
        assert ask(client, sender, f"2 {sender}",
                   rcpt="r2@ours.example").startswith(("DUNNO", "DEFER"))
    # a pass is not greylisted, a fail is refused at once
    assert ask(client, "joe@ok.example", "3", "192.0.2.77").startswith(
        "PREPEND Received-SPF: pass (")
    assert ask(client, "joe@ok.example", "4").startswith(
        "REJECT 5.7.23 SPF MAIL FROM check failed")
    # a recipient that wants none of it, a client that is not asked about:
    # greylisted, not refused
    assert ask(client, "joe@ok.example", "5",
               rcpt="any@ours.example").startswith("DEFER_IF_PERMIT 4.7.1")
    asked = fake_dns.count("ok.example", "TXT")
    assert ask(client, "joe@ok.example", "6", "198.51.100.7").startswith(
        "DEFER_IF_PERMIT 4.7.1")
    assert fake_dns.count("ok.example", "TXT") == asked
    # our own backup MX passes on what others sent: neither
    said = ask(client, "joe@ok.example", "7", "203.0.113.25")
    assert said.startswith("PREPEND Received-SPF: fail ("), said


def test_milter_adds_the_header_and_explains(site, milter_client):
    one = site()
    client = milter_client(f"unix:{one.dir}/milter")
    client.negotiate()
    client.connect(address="192.0.2.77")
    client.helo("h.example")
    decided = client.message(b"From: joe@ok.example\r\n\r\nbody\r\n",
                             sender="<joe@ok.example>")
    assert any("Received-SPF" in repr(e) for e in decided.edits), decided
    client.quit()


# a second opinion

LONG = os.environ.get("WEIR_LONG") == "1"


@pytest.fixture
def cross(monkeypatch):
    """libspf2 and its headers must have been there."""
    text = (proc.build_dir() / "config.log").read_text(errors="replace")
    if "SPF2_CPPFLAGS='-DHAVE_LIBSPF2'" not in text:
        pytest.skip("built without libspf2 (libspf2-dev)")
    monkeypatch.setenv("WEIR_HELPER", str(proc.build_dir() / "weir-helper"))


def helpers(one):
    """Process ids of libspf2's helper."""
    return [pid for pid in proc.children(one.pid)
            if b"weir-helper" in proc.arguments(pid)]


class Crossed:
    """Requests that pass, and what their records say of the cross-check."""

    def __init__(self, one, policy_client):
        self.one = one
        self.client = policy_client
        self.count = 0

    def ask(self):
        self.count += 1
        client = self.client(f"unix:{self.one.dir}/policy")
        said = ask(client, "joe@ok.example", str(self.count), "192.0.2.77")
        assert said.startswith("PREPEND Received-SPF: pass"), said
        client.close()
        facts = records(self.one, self.count)[-1]["facts"]
        assert facts["spf.result"] == "pass"
        return facts.get("spf.cross")


def test_cross_check(site, policy_client, cross):
    """libspf2 is asked in a helper; when that dies mail goes on."""
    one = site(cross_check=True)
    crossed = Crossed(one, policy_client)
    helper, = helpers(one)
    assert "libspf2" in Path(f"/proc/{helper}/maps").read_text()
    for pid in proc.children(one.pid):
        if pid != helper:
            assert "libspf2" not in Path(f"/proc/{pid}/maps").read_text()
    assert crossed.ask() == "libspf2 agrees"
    os.kill(helper, signal.SIGABRT) # as the library does to itself
    crossed.ask()
    proc.wait_for(lambda: "event=helper.death" in one.log(), 5, "the death")
    proc.wait_for(lambda: [p for p in helpers(one) if p != helper], 10,
                  "another helper")
    proc.wait_for(lambda: crossed.ask() == "libspf2 agrees", 10, "its answer")


def test_cross_check_is_off(site):
    """Nobody who does not ask for it has such a process."""
    assert helpers(site()) == []


def drive_cross(folder, number, test, zone):
    """(our result, what libspf2 said) of a case, through weir-drive."""
    (folder / "zone").write_text(zone_text(zone))
    done = subprocess.run(
        [proc.program("weir-drive"), "-c", folder / "weir.conf", "--eml",
         folder / "mail", "--client", str(test["host"]), "--helo",
         str(test["helo"]), "--from", test.get("mailfrom") or "", "--rcpt",
         "u@example.net", "--zone", folder / "zone", "--json"],
        capture_output=True, text=True, timeout=60)
    facts = json.loads(done.stdout)["facts"]
    return facts.get("spf.result"), facts.get("spf.cross", "not asked")


def test_cross_check_of_the_suite(folder, cross):
    """Every case comes back: libspf2 agrees, differs or dies, and our result
    is the suite's all the same.  All cases with WEIR_LONG=1."""
    cases = load("rfc7208")
    if not cases:
        pytest.skip("no test data")
    (folder / "mail").write_text("From: a@example.org\n\nx\n")
    (folder / "weir.conf").write_text(
        f'module_path = "{daemon.module_path()}"\n'
        'module "spf" { cross_check = yes exempt_mx = no }\n')
    said = {}
    for number, (_, case, test, zone) in enumerate(cases):
        if not LONG and number % 20 != 0:
            continue
        result, other = drive_cross(folder, number, test, zone)
        wanted = test["result"]
        assert result in (wanted if isinstance(wanted, list) else [wanted])
        said[case] = other
    ends = [other.split()[1] if other.startswith("libspf2") else other
            for other in said.values()]
    print({end: ends.count(end) for end in sorted(set(ends))})
    print({c: o for c, o in said.items() if o.startswith("libspf2 says")})
    assert "libspf2 did not answer" not in said.values()
    assert ends.count("agrees") >= 4 * ends.count("says")
