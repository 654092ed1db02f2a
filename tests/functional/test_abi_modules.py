# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules of other ages and modules that are none, in today's programs: what
loads works, what does not is refused with a reason, and the mail goes on."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from weirtest import author, daemon, proc
from weirtest.milter import Closed, MilterClient

SOURCE = proc.ROOT / "tests/abi/mod_old.c"
MAIL = b"Subject: =?utf-8?q?h=C3=A9?=\r\n\r\nbody\r\n"
MAJOR, MINOR = author.abi_version()
CASE = """\
case everything of the first version works
  config <<END
END
  option text = "given" part "one" { number = 8 }
  zone yes.test. A 192.0.2.7
  client 192.0.2.9
  from alice@example.org
  rcpt bob@example.com
  mail <<END
Subject: =?utf-8?q?h=C3=A9?=

body
END
  expect fact old.stages = connect helo mail rcpt data header eoh body eom
  expect fact old.sender = alice@example.org
  expect fact old.rcpts = 1
  expect fact old.subject = h\u00e9
  expect fact old.mime = text/plain
  expect fact old.dns = 192.0.2.7
  expect fact old.timer = 0
  expect fact old.hold = 3
  expect fact old.job = 1
  expect fact old.store = value
  expect fact old.service = 1
  expect fact old.text = given
  expect fact old.part = 8
  expect fact old.has = 1
  expect fact old.unknown = -5
  expect fact old.finding = OLD_SEEN
  expect fact old.verdict = 1
  expect fact old.remote = ping
  expect symbol OLD_SEEN 3.0
  expect edit header-add X-Old yes
""".replace("  config <<END\nEND\n", "")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """built(version): the module against kept headers, or "younger"."""
    made = {}

    def build(version, oldest=None):
        if (version, oldest) not in made:
            where = tmp_path_factory.mktemp("old")
            # helpers are another user: down to the folder of all of them
            for parent in (where, *where.parents):
                if parent == Path(tempfile.gettempdir()):
                    break
                parent.chmod(0o755)
            flags = [] if oldest is None else [f"-DOLDEST={oldest}"]
            if version == "younger":
                include = author.younger_headers(where / "include")
                flags.append("-DFUTURE")
            else:
                include = dict(author.baselines())[version]
            made[version, oldest] = author.compile_file(
                SOURCE, where / "mod_old.so", include, flags)
        return made[version, oldest]
    return build


def drive(module, folder, *args, text=CASE):
    path = folder / "x.case"
    path.write_text(text)
    done = subprocess.run(
        [proc.program("weir-drive"), *args, "--module", module, path],
        capture_output=True, text=True, timeout=300,
        env={**os.environ, "WEIR_HELPER": str(proc.program("weir-helper"))})
    return done.returncode, done.stdout + done.stderr


KEPT = [name for name, _ in author.baselines()]
NO_BASELINE = pytest.mark.skipif(
    not KEPT, reason=f"ABI {MAJOR}.{MINOR}: nothing was promised yet")


@NO_BASELINE
@pytest.mark.parametrize("version", KEPT)
@pytest.mark.parametrize("mode", [
    ["--strict"], ["--abi", KEPT[0][1:] if KEPT else "", "--strict"],
    ["--abi", "next"],
    ["--split", "--shuffle", "--cancel-each", "--repeat", "20", "--leaks",
     "--strict"]])
def test_old_module_works(built, folder, version, mode):
    status, out = drive(built(version), folder, *mode)
    assert status == 0, out


@NO_BASELINE
@pytest.mark.parametrize("version", KEPT)
def test_old_module_in_the_daemon(built, weir, folder, version):
    one = weir(daemon.listener("in", "milter", f"unix:{folder}/m.sock")
               + daemon.section("module", "old", path=str(built(version)),
                                text="given"))
    with MilterClient(f"unix:{folder}/m.sock") as c:
        c.session()
        reply = c.message(MAIL)
        assert reply.kind in ("continue", "accept")
        assert ("X-Old", b"yes") in [
            (d[-2].decode() if isinstance(d[-2], bytes) else d[-2],
             d[-1].strip() if isinstance(d[-1], bytes) else
             d[-1].strip().encode())
            for n, d in reply.edits if n == "add_header"], reply.edits
    assert one.ctl("old", "ask") == "still here\n"
    assert "weir_old_mails_total 1" in one.ctl("metrics")


@pytest.mark.skipif(MAJOR == 0, reason="ABI 0.x: exact match only")
def test_younger_module(built, folder):
    """It has more members, stages and tables than this host knows: it says
    itself whether it can do without them."""
    status, out = drive(built("younger"), folder)
    assert status != 0
    assert f"its abi_minor_min asks for ABI {MAJOR}.{MINOR + 1} or newer, " \
           f"this host has {MAJOR}.{MINOR}: update the host" in out
    module = built("younger", oldest=0)
    status, out = drive(module, folder, "--strict", text=CASE
                        + "  expect fact old.future = 0\n")
    assert status == 0, out
    # on a host of its own age it sees that there is more
    status, out = drive(module, folder, "--abi", "next", text=CASE
                        + "  expect fact old.future = 1\n")
    assert status == 0, out


# Files that are no modules, or harm the host when it looks at them: (name,
# what is compiled, what is said).  Each is tried in a reload: it is refused
# with that line, the configuration stays, mail flows as before.

OPTION = ('static const struct weir_option o[] = {{ {{ .name = "a", .type = '
          'WEIR_OPT_INT, .help = "A number.", {} }}, {{ .name = NULL }} }};\n')
SIGNALS = {"crash": "*(volatile int *)0 = 1;", "abort": "abort();",
           "exit": "exit(0);"}
BAD = [
    ("magic", {"body": ".magic = 1,"}, "this is no Weir module (magic "
     "00000001)"),
    ("size-0", {"body": ".size = 0,"}, "descriptor of 0 octets, at least"),
    ("size-short", {"body": ".size = 64,"}, "descriptor of 64 octets"),
    ("size-huge", {"body": ".size = 0xffffffffu,"},
     "descriptor of 4294967295 octets"),
    ("major", {"body": f".abi_major = {MAJOR + 1},"},
     f"built for ABI {MAJOR + 1}.{MINOR}, this host has {MAJOR}.{MINOR}: "
     "rebuild it with this host's headers"),
    ("minor", {"body": f".abi_minor = {MINOR + 1}, .abi_minor_min = "
                       f"{MINOR + 1},"}, f"{MAJOR}.{MINOR + 1}"),
    ("stride", {"body": ".stride_option = 3,"}, "impossible row sizes 3"),
    ("no-entry", {"entry": False}, "does not export mod_no_entry_LTX_"
     "weir_entry"),
    ("null-entry", {"entry": "WEIR_EXPORT const struct weir_module "
                    "*mod_null_entry_LTX_weir_entry(void);\nconst struct "
                    "weir_module *mod_null_entry_LTX_weir_entry(void) { "
                    "(void)&module; return 0; }\n"},
     "its entry function returns nothing"),
    ("null-name", {"body": ".name = NULL,"}, "id, name, version, license or "
     "summary is missing"),
    ("other-name", {"body": '.name = "other",'}, 'it calls itself "other"'),
    ("no-create", {"body": ".create = NULL,"}, "create is missing"),
    ("same-id", {"body": '.id = "weir.test.probe",'},
     "modules probe and same-id both have the id weir.test.probe"),
    ("default", {"head": OPTION.format('.fallback = "9", .hi = "5"'),
                 "body": ".options = o,"}, "option a"),
    ("bad-default", {"head": OPTION.format('.fallback = "x"'),
                     "body": ".options = o,"}, "option a"),
    ("net-default", {"head": OPTION.replace("INT", "NETLIST").format(
        '.fallback = "::1, 10.0.0.0/99"'), "body": ".options = o,"},
     'option a: its default "10.0.0.0/99" is no network'),
    ("not-text", {"body": '.version = "1\\xff",'},
     "id, version, license or summary is not one line of UTF-8"),
    ("needs", {"head": 'static const char *const n[] = { "weir.none/1", NULL '
               "};\n", "body": ".needs = n,"},
     "it needs weir.none/1, which this host does not have"),
    ("symbol", {"head": "static const struct weir_symbol y[] = { { "
                '"GREYLIST_PASSED", "", 1 }, { NULL, NULL, 0 } };\n',
                "body": ".symbols = y,"}, "has no help text"),
    ("refuses", {"create": "return WEIR_E_LIMIT;"},
     "module refuses refuses to start (E_LIMIT)"),
    ("endless", {"create": "for (;;) pause();"},
     "module endless did not return within"),
    ("dangling", {"head": "void nobody_has_this(void);\n",
                  "create": "nobody_has_this(); return 0;"},
     "undefined symbol: nobody_has_this"),
] + [(f"{what}-{where}", options, said)
     for what, text in SIGNALS.items()
     for where, options in (
         ("create", {"create": text + " return 0;"}),
         ("constructor", {"head": "__attribute__((constructor)) static void "
                          f"early(void) {{ {text} }}\n"}))
     for said in ({"crash": "died of signal 11", "abort": "died of signal 6",
                   "exit": "ended the process"}[what],)]


def sanitized():
    return b"__asan_init" in proc.program("weir").read_bytes()


def refusals(one):
    return [line for line in one.log().splitlines()
            if "event=config.refused" in line]


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """A daemon that all of them try to get into."""
    folder = tmp_path_factory.mktemp("bad")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    if not (daemon.module_path() / "mod_probe.so").exists():
        pytest.skip("tests/abi is not built (make abi-modules)")
    where = folder / "weir"
    where.mkdir()
    conf = (daemon.listener("in", "milter", f"unix:{folder}/m.sock")
            + daemon.section("module", "probe"))
    one = daemon.Weir(where, conf).start()
    one.milter, one.conf_text, one.modules = f"unix:{folder}/m.sock", conf, \
        folder
    yield one
    one.stop()


@pytest.mark.parametrize("name, options, said", BAD, ids=[b[0] for b in BAD])
def test_bad_module_is_refused(serving, name, options, said):
    if sanitized() and name.split("-")[0] in ("crash", "abort"):
        pytest.skip("deaths are for plain builds")
    path = author.compile_module(serving.modules, name, **options)
    before = len(refusals(serving))
    serving.write_conf(serving.conf_text
                       + daemon.section("module", name, path=str(path)))
    os.kill(serving.pid, signal.SIGHUP)
    proc.wait_for(lambda: len(refusals(serving)) > before, 30, "a refusal")
    line = refusals(serving)[-1].replace('\\"', '"')
    assert said in line, line
    # the mail outcome: as before
    with MilterClient(serving.milter) as c:
        c.session()
        assert c.message(MAIL).kind in ("continue", "accept")


# What harms mail that is under way: (name, code of the HELO callback, what the
# log says, what becomes of the client's mail, who is alive then).  The rest of
# them, stage by stage, is in test_modules.py.

RUNNING = [
    ("odd", "return 12345;", None, "accepted"),
    ("negative", "return WEIR_E_TEMP;", "module=negative", "deferred"),
    ("unknown", "return -12345;", "module=unknown", "deferred"),
    ("jumps", "raise(SIGILL); return 0;", "event=worker.crash", "lost"),
    ("stack", "volatile char a[9000000]; for (size_t i = 0; i < sizeof(a); "
     "i += 4096) a[i] = 1; return a[0];", "event=worker.crash", "lost"),
    ("writes", "weir_str v; if (host->attr_get(c, WEIR_A_HELO, "
     "WEIR_RCPT_NONE, &v) == 0) memset((char *)(uintptr_t)v.ptr - (1 << 30), "
     "1, 4096); return 0;", "event=worker.crash", "lost"),
    ("bomb", "int n = 0; for (int i = 0; i < 50; i++) { pid_t p = fork(); "
     "if (p == 0) _exit(0); n += p > 0; } return n > 0 ? WEIR_E_INTERNAL : 0;",
     None, "accepted"),
    ("hoards", "for (int i = 0; i < 1024; i++) { char *p = malloc(1 << 20); "
     "if (p == 0) return 0; p[0] = 1; } return 0;", None, "accepted"),
    ("double", "weir_hold *o = host->hold(c, 50, done, 0); "
     "host->release(o, 0); host->release(o, 0); host->release((weir_hold *)"
     "(uintptr_t)0x123456789, 0); return 0;", None, "accepted"),
    ("late", "if (kept != 0 && host->stage(kept) != WEIR_E_STALE) abort(); "
     "kept = c; return 0;", None, "accepted"),
    ("sets", "struct weir_verdict v = { .size = sizeof(v), .action = "
     "WEIR_ACT_REJECT, .scope = WEIR_SCOPE_MESSAGE }; return "
     "host->verdict(c, &v) == WEIR_E_STATE ? 0 : WEIR_E_INTERNAL;", None,
     "accepted"),
]
HEAD = ("static const struct weir_host *host;\nstatic weir_call *kept;\n"
        "static void done(weir_call *c, int status, void *arg)\n"
        "{ (void)c; (void)status; (void)arg; (void)kept; }\n")


@pytest.mark.parametrize("name, helo, said, outcome", RUNNING,
                         ids=[r[0] for r in RUNNING])
def test_bad_module_at_work(weir, folder, name, helo, said, outcome):
    if sanitized() and outcome == "lost":
        pytest.skip("deaths are for plain builds")
    path = author.compile_module(
        folder, name, head=HEAD, create="host = h; (void)done; return 0;",
        helo=helo)
    one = weir(daemon.listener("in", "milter", f"unix:{folder}/m.sock")
               + daemon.section("module", name, path=str(path)))
    check_outcome(one, folder, said, outcome)


def check_outcome(one, folder, said, outcome):
    for _ in range(2):
        try:
            with MilterClient(f"unix:{folder}/m.sock") as c:
                reply = c.session() or c.message(MAIL)
            got = "deferred" if reply.kind in ("replycode", "tempfail") else \
                "accepted"
            if reply.kind == "replycode":
                assert reply.text.startswith("4"), reply
        except Closed:
            got = "lost"
        assert got == outcome, one.log()[-2000:]
    if said is not None:
        proc.wait_for(lambda: said in one.log(), 10, said)
    else:
        assert "event=worker.crash" not in one.log()


def test_exception_of_cxx_does_not_get_far(weir, folder):
    """A C++ module that lets one out: the worker ends, the master has
    another."""
    if sanitized():
        pytest.skip("deaths are for plain builds")
    source = folder / "mod_throws.cc"
    source.write_text("""\
#include <stdexcept>
#include <weir/weir.h>
static int create(const weir_host *, weir_self *, const weir_conf *, void **)
{ return WEIR_OK; }
static int helo(void *, weir_call *) { throw std::runtime_error("x"); }
static const weir_stages collect = { sizeof(weir_stages), 0, nullptr, helo,
	nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr };
static const weir_module module = { WEIR_MAGIC, sizeof(weir_module),
	WEIR_ABI_MAJOR, WEIR_ABI_MINOR, WEIR_ABI_MINOR, sizeof(weir_option),
	sizeof(weir_symbol), 0, 0, 0, 0, "org.example.throws", "throws", "1",
	"ISC", "Throws.", nullptr, nullptr, nullptr, nullptr, &collect,
	nullptr, nullptr, create, nullptr, nullptr, nullptr, nullptr, 0, 0 };
WEIR_MODULE_EXPORT(mod_throws, module)
""")
    path = author.compile_file(source, folder / "mod_throws.so",
                               flags=["-std=c++17"], compiler="c++")
    one = weir(daemon.listener("in", "milter", f"unix:{folder}/m.sock")
               + daemon.section("module", "throws", path=str(path)))
    check_outcome(one, folder, "event=worker.crash", "lost")
