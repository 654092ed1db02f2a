# SPDX-License-Identifier: GPL-2.0-or-later
"""weir-drive's case files and modes, weir-module-lint: what passes, and that
what is wrong is found and named."""

import json
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from weirtest import daemon, proc
from weirtest.author import abi_version, compile_module

GREY = """\
case the second attempt passes
  client 203.0.113.7
  from alice@example.org
  rcpt bob@example.com
  now 2026-01-31T12:00:00Z
  expect verdict tempfail
  expect rcpt bob@example.com tempfail 450 4.7.1
  expect stage rcpt
  advance 10m
  expect delivered
  expect edits 0
"""
HOSTILE = """\
case good mail
  from good@example.org
  expect delivered

case bad mail
  from hostile@example.org
  expect delivered
"""


def module(name):
    return daemon.module_path() / f"mod_{name}.so"


@pytest.fixture
def drive(folder):
    """drive(cases, args...): status, output, error output."""
    def run(text, *args, status=None, modules=()):
        path = folder / "x.case"
        path.write_text(text)
        command = [proc.program("weir-drive")]
        for name in modules:
            if not module(name).exists():
                pytest.skip(f"mod_{name} is not built")
            command += ["--module", module(name)]
        done = subprocess.run([*map(str, command), *map(str, args), path],
                              capture_output=True, text=True, timeout=300)
        assert status is None or done.returncode == status, \
            done.stdout + done.stderr
        return done.stdout, done.stderr
    return run


# case files

def test_passes(drive):
    out, _ = drive(GREY, modules=["greylist"], status=0)
    assert out == "ok   the second attempt passes\n1 case, 0 failed\n"


def test_failure_names_line_and_what_was_there(drive, folder):
    out, _ = drive(GREY.replace("verdict tempfail", "verdict reject"),
                   modules=["greylist"], status=1)
    assert f'{folder}/x.case:6: expected verdict reject: the verdict is ' \
           '"tempfail"' in out
    assert out.endswith("1 case, 1 failed\n")


@pytest.mark.parametrize("line, why", [
    ("expect no verdict tempfail", "it is so"),
    ("expect symbol NONE", "findings: GREYLIST_DEFERRED"),
    ("expect fact a.b", "facts"), ("expect edit x", "there are no edits"),
    ("expect unscanned greylist", "all checks ran"),
    ("expect score 3", "the score is 0.00"),
    ("expect reply 550", 'the reply is "450'),
    ("expect log nonesuch", "no log line"),
    ("expect store greylist nonesuch", "E_NOTFOUND"),
    ("expect rcpt x@y none", "recipients: recipient@example.com"),
    ("expect nonesuch", "nothing of that name"),
    ("expect findings 7", "there are 1 findings"),
    ("client 1.2", "no address"), ("fail everything", "what can fail"),
    ("disconnect lunch", "no such stage"), ("advance soon", "advance"),
    ("mail nonesuch.eml", "No such file"), ("clear all", "can be cleared"),
    ("now soon", "no time"), ("store greylist k v soon", "store"),
])
def test_each_expectation_can_fail(drive, line, why):
    out, _ = drive(f"case x\n {line}\n expect verdict *\n",
                   modules=["greylist"], status=1)
    assert "x.case:2: " in out and why in out, out


def test_set_up(drive):
    drive("""\
case a listed client is found
  config <<END
networks "ours" { addresses = {"198.51.100.0/25"} }
END
  option zone "bl.example" { codes = {"127.0.0.2"} score = 4.0 test = no }
  zone <<END
1.100.51.198.bl.example. A 127.0.0.2
END
  client 198.51.100.1
  expect delivered
  expect symbol RBL_CLIENT 4.0 bl.example
  client 198.51.100.2
  expect no symbol RBL_CLIENT

case a lookup that fails is a check that did not run
  option on_failure = "tempfail" zone "bl.example" { test = no }
  fail dns 1.100.51.198.bl.example.
  client 198.51.100.1
  expect unscanned rbl
  expect verdict tempfail

case a store that fails
  fail stores
  expect no store rbl x

case a mistake in the options
  option zone "bl.example" { scroe = 4 }
  expect refused scroe

case the client goes
  option zone "bl.example" { test = no }
  disconnect helo
  expect stage helo
  expect no verdict reject
""", modules=["rbl"], status=0)


def test_store_contents_and_clock(drive):
    drive("""\
case an entry that was there
  store probe alice@example.org 1 1h
  option at = "eom" store = yes
  from alice@example.org
  expect fact probe.store = known
  expect store probe alice@example.org 1
  from carol@example.org
  expect fact probe.store = new

case a store that fails, until it is repaired
  option at = "eom" store = yes
  from alice@example.org
  fail stores
  expect fact probe.store = trouble
  repair
  expect fact probe.store = known

case jobs that are not taken
  option job = yes at = "eom" on_failure = "tempfail"
  fail jobs
  expect unscanned probe E_LIMIT
""", modules=["probe"], status=0)


def test_facts_of_modules_that_are_not_there(drive):
    """A module that depends on another one's fact is tested without it."""
    drive("""
case as if it had been found
  fact spf.result fail
  fact probe.store "not this"
  option at = "eom" store = yes
  from alice@example.org
  expect fact spf.result = fail
  expect fact probe.store = new
  clear fact
  send
  expect no fact spf.result
""", modules=["probe"], status=0)
    out, _ = drive("case bad\n  fact spf fail\n", modules=["probe"], status=1)
    assert "fact spf: keys are MODULE.WORD" in out


def test_each_step_of_a_client_that_goes_anyway(drive):
    """--cancel-each ends when the case's own disconnect comes first."""
    out, _ = drive("case goes\n  disconnect rcpt\n", "--cancel-each",
                   modules=["probe"], status=0)
    steps = int(re.search(r"disconnected at (\d+) steps", out).group(1))
    assert 3 <= steps <= 10, out


def test_bad_files(drive, folder):
    for text, why in [("", "there is no case"), ("helo x\n", "first"),
                      ("case x\nhallo y\n", 'did you mean "helo"')]:
        _, err = drive(text, status=2)
        assert why in err
    done = subprocess.run([proc.program("weir-drive"), folder / "none"],
                          capture_output=True, text=True)
    assert done.returncode == 2 and "none: No such file" in done.stderr


def test_only(drive):
    out, _ = drive(HOSTILE, "--only", "good", modules=["hostile"], status=0)
    assert "1 case, 0 failed" in out
    drive(HOSTILE, "--only", "nonesuch", modules=["hostile"], status=1)


# a module that misbehaves costs its case

@pytest.mark.parametrize("do, why", [
    ("crash", "died of signal 11"), ("abort", "died of signal 6"),
    ("exit", "ended with status 0"), ("loop", "did not end within 2 s"),
])
def test_deaths(drive, do, why):
    text = HOSTILE.replace("case bad mail\n",
                           f'case bad mail\n  option do = "{do}"\n')
    out, _ = drive(text, "--timeout", "2", modules=["hostile"], status=1)
    assert "ok   good mail" in out and why in out, out
    if do == "crash":
        assert "in module hostile stage eom" in out
    assert out.endswith("2 cases, 1 failed\n")


def test_strict_names_the_function(drive):
    text = HOSTILE.replace("case bad mail\n",
                           'case bad mail\n  option do = "stale"\n')
    text += "  expect delivered\n  send\n  expect delivered\n"
    drive(text, modules=["hostile"], status=0)
    out, _ = drive(text, "--strict", modules=["hostile"], status=1)
    assert "weir_host.stage answered E_STALE" in out
    assert "mod_hostile.so" in out


# misuses of tables: what is called where, and who is named for it
HEAD = ("static const struct weir_host *host;\nstatic weir_self *self;\n"
        "static weir_call *kept;\nstatic weir_str str;\n"
        "static const char *const n[] = { \"weir.mime/1\", \"weir.metric/1\", "
        '"weir.service/1", "weir.control/1", "weir.lua/1", "weir.remote/1", '
        '"weir.job/1", NULL };\n'
        "#define T(name) ((const struct weir_##name *)host->ext(self, "
        '"weir." #name "/1"))\n'
        "static int cmd(void *s, weir_call *c, uint32_t n, const char *const "
        "*v, bool j) { (void)s; (void)c; (void)n; (void)v; (void)j; return 0; "
        "}\n"
        "static int fn(void *s, weir_call *c, uint32_t n, const struct "
        "weir_lua_value *v) { (void)s; (void)c; (void)n; (void)v; return 0; "
        "}\n"
        "static void done(weir_call *c, int s, weir_str v, void *a) "
        "{ (void)c; (void)s; (void)v; (void)a; }\n"
        "static void ran(weir_call *c, int s, void *a) "
        "{ (void)c; (void)s; (void)a; }\n"
        "static int run(weir_jobctx *x, void *a) { (void)x; (void)a; %s "
        "return 0; }\n")
MISUSES = [
    # wrong stage
    ("T(mime)->raw(c, &str)", "weir_mime.raw answered E_STATE"),
    ("T(mime)->link_count(c, &(uint32_t){0})",
     "weir_mime.link_count answered E_STATE"),
    ("T(metric)->counter(self, \"x\", NULL, \"X.\")",
     "weir_metric.counter answered E_STATE"),
    ("T(metric)->add(self, 1 << 30, 1)", "weir_metric.add answered E_INVAL"),
    ("T(service)->provide(self, \"a/1\", self, 0)",
     "weir_service.provide answered E_STATE"),
    ("T(service)->find(self, NULL, 0)", "weir_service.find answered E_INVAL"),
    ("T(control)->command(self, \"x\", \"x\", \"X.\", cmd)",
     "weir_control.command answered E_STATE"),
    ("T(control)->print(c, WEIR_STR(\"x\"))",
     "weir_control.print answered E_STATE"),
    ("T(lua)->publish(self, \"x\", \"()\", \"X.\", fn)",
     "weir_lua.publish answered E_STATE"),
    ("T(lua)->give(c, 0, 0)", "weir_lua.give answered E_STATE"),
    ("T(remote)->start_data(c, 7, str, 0, 0, done, 0)",
     "weir_remote.start_data answered E_INVAL"),
    ("host->kept(c, 0, str)", "weir_host.kept answered E_STATE"),
    ("host->fate(c, 0)", "weir_host.fate answered E_STATE"),
    # after the end of the call
    ("if (kept != 0) T(mime)->raw(kept, &str); kept = c",
     "weir_mime.raw answered E_STALE"),
    ("if (kept != 0) T(control)->print(kept, str); kept = c",
     "weir_control.print answered E_STALE"),
    ("if (kept != 0) T(lua)->refuse(kept, str); kept = c",
     "weir_lua.refuse answered E_STALE"),
    ("if (kept != 0) host->rcpt_count(kept); kept = c",
     "weir_host.rcpt_count answered E_STALE"),
    ("if (kept != 0) host->data_get(kept, 0, 0); kept = c",
     "weir_host.data_get answered E_STALE"),
    # wrong thread
    ("job: T(mime)->raw(kept, &str);", "weir_mime.raw answered E_STATE"),
    ("job: T(service)->find(self, \"a/1\", 0);",
     "weir_service.find answered E_STATE"),
    ("job: T(metric)->gauge(self, \"x\", 0, \"X.\");",
     "weir_metric.gauge answered E_STATE"),
    ("job: T(lua)->give(kept, 0, 0);", "weir_lua.give answered E_STATE"),
    ("job: T(control)->error(kept, str);",
     "weir_control.error answered E_STATE"),
    ("job: host->folder(self);", "weir_host.folder answered E_STATE"),
]


@pytest.fixture(scope="module")
def misused():
    """All of them in one module, each in a case of its own: what is said of
    each, with --strict and without."""
    folder = Path(tempfile.mkdtemp(prefix="weir-"))
    helo, jobs = "", ""
    for n, (code, _) in enumerate(MISUSES):
        if code.startswith("job: "):
            jobs += f"case {n}: {code.removeprefix('job: ')} break;\n"
            code = "kept = c; return T(job)->start(c, run, ran, 0)"
        helo += f"case {n}: {code}; break;\n"
    path = compile_module(
        folder, "misuse", head="static int64_t deed;\n"
        + HEAD % f"switch (deed) {{ {jobs} }}" +
        'static const struct weir_option o[] = { { .name = "deed", .type = '
        'WEIR_OPT_INT, .help = "Which." }, { .name = NULL } };\n',
        body=".needs = n, .options = o,", flags=["-O0"],
        create="host = h; self = s; deed = h->conf_int(c, 0); (void)kept; "
        "(void)str; (void)cmd; (void)fn; (void)done; (void)ran; (void)run; "
        "return 0;", helo=f"switch (deed) {{ {helo} }} return 0;")
    cases = folder / "x.case"
    cases.write_text("".join(
        f"case {n}\n option deed = {n}\n send\n send\n expect delivered\n"
        for n in range(len(MISUSES))))
    said = []
    for args in (["--strict"], []):
        done = subprocess.run(
            [proc.program("weir-drive"), *args, "--module", path, cases],
            capture_output=True, text=True, timeout=300)
        blocks = re.split(r"^(ok  |FAIL) (\d+)$", done.stdout, flags=re.M)
        said.append(list(zip(blocks[1::3], blocks[3::3])))
        assert len(said[-1]) == len(MISUSES), done.stdout + done.stderr
    shutil.rmtree(folder)
    return said


@pytest.mark.parametrize("number", range(len(MISUSES)),
                         ids=[s.split()[0] + "-" + str(n)
                              for n, (_, s) in enumerate(MISUSES)])
def test_strict_names_each_misuse(misused, number):
    strict, plain = misused
    ok, text = strict[number]
    assert ok == "FAIL" and MISUSES[number][1] in text, text
    assert "mod_misuse.so" in text
    # without it the host only answers
    assert plain[number][0] == "ok  ", plain[number]


@pytest.mark.parametrize("abi", ["%d.%d" % abi_version(), "next"])
def test_hosts_of_other_ages(drive, abi):
    drive(GREY, "--abi", abi, modules=["greylist"], status=0)
    _, err = drive(GREY, "--abi", "7.7", modules=["greylist"], status=1)


# modes

WAITS = """\
case four waits at once
  option at = "eom" delay = "1ms" dns = "yes.test" job = yes store = yes
  zone yes.test. A 192.0.2.7
  expect fact probe.dns = 192.0.2.7
  expect fact probe.delay = over
  expect fact probe.store = *
  expect fact probe.job = *
"""


def test_all_modes_at_once(drive):
    out, err = drive(WAITS, "--split=3", "--shuffle", "--rounds", "2",
                     "--cancel-each", "--repeat", "60", "--leaks", "--strict",
                     modules=["probe"], status=0)
    assert "--split=3" in err
    assert "2 seeds" in out and "disconnected at" in out, out


def test_leak_is_found(drive):
    text = HOSTILE.replace("case bad mail\n",
                           'case bad mail\n  option do = "leak"\n')
    out, err = drive(text, "--leaks", "--repeat", "30", modules=["hostile"])
    if "Sanitizer" in out + err:
        return
    assert "the heap grows by" in out and "ok   good mail" in out, out


def test_seed_is_repeatable(drive):
    orders = set()
    for _ in range(3):
        out, _ = drive(WAITS, "--shuffle=5", "--json", modules=["probe"],
                       status=0)
        mail = json.loads(out)["mails"][0]
        orders.add(tuple(k for k in mail["facts"] if k != "probe.delay"
                         and k != "probe.job"))
    assert len(orders) == 1


def test_modes_with_messages(folder):
    conf = folder / "c"
    conf.write_text(f'module_path = "{daemon.module_path()}"\n'
                    'module "greylist" { }\n')
    mail = folder / "m"
    mail.write_text("Subject: x\n\nbody\n")
    done = subprocess.run(
        [proc.program("weir-drive"), "-c", conf, "--eml", mail, "--shuffle=2",
         "--cancel-each", "--repeat", "20", "--leaks", "--disconnect",
         "rcpt"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "passes more" in done.stderr
    assert "the client went at" in done.stdout or "verdict" in done.stdout


# output for machines

def test_tap_and_junit(drive):
    text = GREY + "case fails # really\n  expect verdict reject\n"
    out, _ = drive(text, "--tap", modules=["greylist"], status=1)
    lines = out.splitlines()
    assert lines[0] == "TAP version 13" and lines[-1] == "1..2"
    assert "ok 1 - the second attempt passes" in lines
    assert "not ok 2 - fails \\# really" in lines
    assert any(line.startswith("# ") and "x.case:13" in line
               for line in lines), out
    out, _ = drive(text, "--junit", modules=["greylist"], status=1)
    suite = xml.fromstring(out)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "the verdict is" in suite[1][0].text


def test_json_and_timing(drive):
    out, _ = drive(WAITS, "--json", modules=["probe"], status=0)
    case = json.loads(out)
    assert case["ok"] and case["failures"] == [] and case["line"] == 1
    costs = case["mails"][0]["costs"]["eom"]
    assert (costs["lookups"], costs["jobs"], costs["stores"],
            costs["others"]) == (1, 1, 1, 1)
    assert costs["wait_ms"] > 0
    out, _ = drive(WAITS, "--timing", modules=["probe"], status=0)
    assert "lookups" in out


# weir-module-lint

@pytest.fixture
def lint(folder):
    def run(path, *args, status):
        done = subprocess.run(
            [proc.program("weir-module-lint"), "--json", *args, str(path)],
            capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        found = json.loads(done.stdout)
        found["findings"].sort(key=lambda f: f["level"] == "error")
        return found, {f["check"]: f for f in found["findings"]}
    return run


def test_lint_of_a_good_module(lint, folder):
    found, by = lint(compile_module(folder, "good"), "--strict", status=0)
    assert by == {} and found["ok"] and found["id"] == "org.example.good"
    assert found["license"] == "ISC" and found["version"] == "1"


@pytest.mark.parametrize("check, level, options", [
    ("bind-now", "error", {"flags": ["-Wl,-z,lazy"]}),
    ("relro", "warning", {"flags": ["-Wl,-z,norelro"]}),
    ("stack", "error", {"flags": ["-Wl,-z,execstack"]}),
    ("export", "error", {"entry": False}),
    ("export", "warning",
     {"head": "WEIR_EXPORT int more;\nint more = 1;\n"}),
    ("import", "error", {"head": "__attribute__((used)) static void x(void) "
                         "{ exit(1); }\n"}),
    ("import", "error", {"head": "__attribute__((used)) static int x(void) "
                         "{ return fork(); }\n"}),
    ("import", "warning", {"head": "__attribute__((used)) static void x(void)"
                           ' { puts("x"); }\n'}),
    ("import", "warning", {"head": "__attribute__((used)) static void x(void)"
                           " { sleep(1); }\n"}),
    ("needed", "warning", {"flags": ["-Wl,--no-as-needed", "-lev"]}),
    ("constructor", "warning",
     {"head": "__attribute__((constructor)) static void x(void) { }\n"}),
    ("load", "error", {"head": "__attribute__((constructor)) static void "
                       "x(void) { volatile int *p = 0; *p = 1; }\n"}),
    ("load", "error", {"head": "__attribute__((constructor)) static void "
                       "x(void) { _exit(0); }\n"}),
    ("descriptor", "error", {"body": ".magic = 1,"}),
    ("descriptor", "error", {"body": ".abi_major = 9,"}),
    ("descriptor", "error", {"body": ".id = NULL,"}),
    ("descriptor", "error", {"body": ".size = 8,"}),
    ("descriptor", "error", {"body": '.name = "other",'}),
    ("descriptor", "error", {
        "head": 'static const char *const n[] = { "weir.none/1", NULL };\n',
        "body": ".needs = n,"}),
    ("descriptor", "error", {
        "head": "static const struct weir_option o[] = { { .name = \"a\", "
        ".type = WEIR_OPT_INT, .fallback = \"x\", .help = \"A number.\" }, "
        "{ .name = NULL } };\n", "body": ".options = o,"}),
    ("descriptor", "error", {
        "head": "static const struct weir_option o[] = { { .name = \"a\", "
        ".type = WEIR_OPT_INT }, { .name = NULL } };\n",
        "body": ".options = o,"}),
    ("help", "warning", {
        "head": "static const struct weir_option o[] = { { .name = \"a\", "
        ".type = WEIR_OPT_INT, .help = \"x\" }, { .name = NULL } };\n",
        "body": ".options = o,"}),
    ("license", "warning", {"body": '.license = "?",'}),
    ("id", "warning", {"body": '.id = "x",'}),
    ("stages", "warning", {"body": ".collect = NULL,"}),
    ("flags", "warning", {"body": ".flags = 0x8000,"}),
    ("reserved", "error", {"body": ".reserved2 = 1,"}),
    ("license", "warning", {"body": '.license = "",'}),
    ("help", "warning", {
        "head": 'static const struct weir_symbol y[] = { { "A", "x", 1 }, '
        "{ NULL, NULL, 0 } };\n", "body": ".symbols = y,"}),
])
def test_lint_finds(lint, folder, check, level, options):
    path = compile_module(folder, "bad", **options)
    _, by = lint(path, *(["--strict"] if level == "warning" else []),
                 status=1)
    assert check in by and by[check]["level"] == level, by
    if level == "warning":
        lint(path, status=0)


def test_name_with_hyphen(lint, folder, drive):
    path = compile_module(folder, "two-words")
    _, by = lint(path, "--strict", status=0)
    assert by == {}
    out, _ = drive("case x\n expect delivered\n", "--module", path, status=0)
    assert out.endswith("1 case, 0 failed\n")
    _, by = lint(compile_module(folder, "two_words"), status=1)
    assert "a-z, 0-9 and '-'" in by["descriptor"]["text"]


def test_lint_of_no_module(lint, folder):
    (folder / "mod_x.so").write_bytes(b"\x7fELF" + b"\0" * 100)
    _, by = lint(folder / "mod_x.so", status=1)
    assert "no shared library" in by["file"]["text"]
    _, by = lint(folder / "mod_none.so", status=1)
    assert "No such file" in by["file"]["text"]
    good = compile_module(folder, "good").read_bytes()
    for cut in range(0, len(good), len(good) // 4):
        (folder / "mod_x.so").write_bytes(good[:cut])
        lint(folder / "mod_x.so", status=1)


def test_lint_of_our_own(lint):
    ours = sorted(proc.build_dir().glob("modules/*/.libs/mod_*.so"))
    assert ours
    for path in ours:
        done, _ = lint(path, status=0)
        assert not [f for f in done["findings"] if f["level"] == "error"], \
            done


HELPER = ("static int in(const struct weir_helper_host *h, const weir_conf *c,"
          " void **s) { (void)h; (void)c; (void)s; return 0; }\n"
          "static int run(void *s, weir_request *r, weir_str q, int m)\n"
          "{ (void)s; (void)r; (void)q; (void)m; DEED; return 0; }\n"
          "static const struct weir_helper one = { .size = sizeof(one), .name "
          '= "one", .threads = 1, .processes = 1, .init = in, .run = run };\n'
          "static const struct weir_helper *const all[] = { &one, NULL };\n"
          'static const char *const n[] = { "weir.remote/1", NULL };\n')


@pytest.mark.parametrize("deed, status, level", [
    ("_exit(1)", 0, "notice"), ("umask(0)", 0, "notice"),
    ("sleep(1)", 0, "notice"), ("fork()", 1, "error"),
    ("puts(\"x\")", 0, "warning")])
def test_lint_knows_helpers(lint, folder, deed, status, level):
    """What a helper may do to its own process is a notice in a module that has
    one; in another it is what it was."""
    head = "#include <sys/stat.h>\n" + HELPER.replace("DEED", deed)
    path = compile_module(folder, "bad", head=head,
                          body=".helpers = all, .needs = n,")
    _, by = lint(path, status=status)
    assert by["import"]["level"] == level, by
    assert ("right in a helper" in by["import"]["text"]) == \
        (level == "notice")
    if level == "notice":
        lint(path, "--strict", status=0)
    without = "#include <sys/stat.h>\n__attribute__((used)) static void " \
        f"x(void) {{ {deed}; }}\n"
    _, by = lint(compile_module(folder, "bad", head=without),
                 status=0 if deed.startswith(("sleep", "puts")) else 1)
    assert by["import"]["level"] != "notice"


def test_lint_of_jumps(lint, folder):
    """A jump to a place that the module marks is its author's business, one to
    elsewhere is nobody's."""
    head = "#include <setjmp.h>\nstatic jmp_buf place;\n" \
        "__attribute__((used)) static void x(void) { %slongjmp(place, 1); }\n"
    _, by = lint(compile_module(folder, "bad", head=head % ""), status=1)
    assert "marks no place" in by["import"]["text"]
    path = compile_module(folder, "bad",
                          head=head % "if (setjmp(place) == 0) ")
    _, by = lint(path, "--strict", status=0)
    assert by["import"]["level"] == "notice"


@pytest.mark.parametrize("page", ["sdk/weir-new-module.1",
                                  "sdk/lint/weir-module-lint.1"])
def test_manuals(page):
    program = proc.ROOT / "sdk" / "weir-new-module" \
        if "new" in page else proc.program("weir-module-lint")
    out = subprocess.run([program, "--help"], capture_output=True, text=True,
                         check=True).stdout
    text = (proc.ROOT / page).read_text().replace("\\-", "-")
    options = set(re.findall(r"--[a-z-]+", out))
    assert "--help" in options
    for option in options:
        assert option in text, option
