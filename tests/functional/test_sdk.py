# SPDX-License-Identifier: GPL-2.0-or-later
"""The SDK as an author of modules meets it: installed somewhere, and nothing
else of this tree."""

import concurrent.futures
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from weirtest import daemon, proc
from weirtest.milter import MilterClient

STAGES = "connect,helo,mail,rcpt,data,header,eoh,body,eom"
EXTENSIONS = "dns,store,timer,job,remote,edit,mime,metric,service,control,lua"


def run(env, where, command):
    done = subprocess.run(command, cwd=where, env=env, shell=True,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, \
        f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout + done.stderr


BUILD = {
    "meson": "meson setup build && meson test -C build --print-errorlogs",
    "cmake": "cmake -S . -B build && cmake --build build && "
             "ctest --test-dir build --output-on-failure",
    "automake": "autoreconf -fi && ./configure && make check",
}


def needs(system):
    if system != "meson" and not os.environ.get("WEIR_LONG"):
        pytest.skip(f"{system} takes long: WEIR_LONG=1")
    tool = {"automake": "autoreconf"}.get(system, system)
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")


@pytest.mark.parametrize("system", list(BUILD))
def test_new_module_builds_and_passes(installed, folder, system):
    needs(system)
    out = run(installed, folder, f"weir-new-module --build {system} "
              "--stages helo,rcpt,eom --extensions dns,edit hello")
    assert "weir-hello" in out
    project = folder / "weir-hello"
    assert {p.name for p in project.iterdir()} >= {
        "README.md", "ci.sh", "mod_hello.c", "mod_hello.7", "tests",
        ".github", ".gitignore"}
    assert "@" not in re.sub(r"[a-z]+@[a-z.]+|actions/checkout@v4", "", "".join(
        p.read_text() for p in project.rglob("*") if p.is_file()
        and p.suffix != ".c"))
    run(installed, project, BUILD[system])
    prefix = folder / "stage"
    install = {"meson": f"DESTDIR={prefix} meson install -C build",
               "cmake": f"DESTDIR={prefix} cmake --install build",
               "automake": f"make install DESTDIR={prefix}"}[system]
    run(installed, project, install)
    built, = prefix.rglob("mod_hello.so")
    assert list(prefix.rglob("mod_hello.7*"))
    run(installed, folder, f"weir-module-lint --strict {built}")


@pytest.mark.parametrize("stages, extensions", [
    ("helo", ""), (STAGES, EXTENSIONS), ("eom", "mime"), ("connect", "dns"),
    ("mail,rcpt", "store"), ("data", ""), ("rcpt", "metric,control"),
])
def test_every_choice_builds(installed, folder, stages, extensions):
    run(installed, folder, f"weir-new-module --build cmake --stages {stages} "
        f"--extensions '{extensions}' choice")
    where = folder / "weir-choice"
    run(installed, where, "cc -D_GNU_SOURCE -std=c11 -Wall -Wextra -Werror "
        "-O0 -fPIC -fvisibility=hidden $(pkg-config --cflags "
        "--variable=module_ldflags weir-module) $(pkg-config --cflags "
        "weir-module) mod_choice.c -o mod_choice.so")
    run(installed, where, "weir-drive --split --shuffle --cancel-each "
        "--repeat 20 --leaks --strict --module ./mod_choice.so "
        "tests/choice.case")
    run(installed, where, "weir-module-lint --strict mod_choice.so")


def test_module_rejects_in_a_daemon(installed, folder, weir):
    run(installed, folder, "weir-new-module --build cmake hello")
    where = folder / "weir-hello"
    run(installed, where, "cc -D_GNU_SOURCE -O2 -fPIC -fvisibility=hidden "
        "$(pkg-config --variable=module_ldflags weir-module) $(pkg-config "
        "--cflags weir-module) mod_hello.c -o mod_hello.so")
    one = weir(daemon.listener("in", "milter", f"unix:{folder}/m.sock")
               + 'module "hello" { path = "%s/mod_hello.so" '
               'match = {"bad.example"} }\n' % where)
    for helo, kind in (("bad.example", "replycode"),
                       ("good.example", "continue")):
        with MilterClient(f"unix:{folder}/m.sock") as c:
            c.negotiate()
            c.connect()
            reply = c.helo(helo)
            assert reply.kind == kind, reply
            if kind == "replycode":
                assert reply.text.startswith("550 5.7.1 We do not take")
    assert "HELLO_MATCH" in one.log()


@pytest.mark.parametrize("args, why", [
    ("", "usage"), ("Hello", "no name"), ("a_b", "no name"),
    ("a--b", "no name"), ("a-", "no name"), ("--name=-a", "no name"),
    ("--name a b", "usage"),
    ("--stages lunch x", 'no "lunch"'), ("--extensions x x", 'no "x"'),
    ("--build scons x", 'no "scons"'), ("--what x y", "no option --what"),
    ("--id 'a b;c' x", "id and licence"), ("--summary 'a|b' x", "summary"),
    ("--stages", "needs a value"), ("-x", "no option -x"),
    ("--stages '*' a", 'no "*"'), ("--id a..b a", "words with a dot"),
    ("--summary 'a\nb' a", "one line"), ("x y", "usage"),
])
def test_bad_command_lines(installed, folder, args, why):
    done = subprocess.run(f"weir-new-module {args}", shell=True, cwd=folder,
                          env=installed, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and why in done.stderr, done.stderr
    assert not list(folder.iterdir())


def test_nothing_is_overwritten(installed, folder):
    (folder / "weir-x").mkdir()
    (folder / "weir-x" / "mine").write_text("mine")
    done = subprocess.run("weir-new-module x", shell=True, cwd=folder,
                          env=installed, capture_output=True, text=True)
    assert done.returncode == 2 and "is not empty" in done.stderr


def test_name_with_hyphen(installed, folder):
    run(installed, folder, "weir-new-module --build automake --stages helo,eom "
        f"--extensions {EXTENSIONS} --name two-words")
    where = folder / "weir-two-words"
    text = (where / "Makefile.am").read_text()
    assert "mod_two_words_la_SOURCES = mod_two-words.c" in text
    run(installed, where, "cc -D_GNU_SOURCE -std=c11 -Wall -Wextra -Werror "
        "-fPIC -fvisibility=hidden $(pkg-config "
        "--variable=module_ldflags weir-module) $(pkg-config --cflags "
        "weir-module) mod_two-words.c -o mod_two-words.so")
    run(installed, where, "weir-drive --strict --module ./mod_two-words.so "
        "tests/two-words.case && weir-module-lint --strict mod_two-words.so")


def test_asking_on_a_terminal(installed, folder):
    """Without a name, on a terminal, it asks; Enter takes what it offers."""
    master, slave = os.openpty()
    os.write(master, b"seen\n" + b"\n" * 7)
    done = subprocess.run("weir-new-module", shell=True, cwd=folder,
                          env=installed, stdin=slave, capture_output=True,
                          text=True, timeout=30)
    os.close(master)
    os.close(slave)
    assert done.returncode == 0, done.stderr
    assert "Name of the module [hello]: " in done.stderr
    assert '.name = "seen"' in (folder / "weir-seen/mod_seen.c").read_text()


def test_asking(installed, folder):
    answers = "asked\norg.example.asked\nAsks.\nhelo mail\ndns\nISC\ncmake\n\n"
    done = subprocess.run("weir-new-module --ask", shell=True, cwd=folder,
                          env=installed, capture_output=True, text=True,
                          input=answers)
    assert done.returncode == 0, done.stderr
    text = (folder / "weir-asked" / "mod_asked.c").read_text()
    assert "collect_mail" in text and "weir_dns" in text
    assert "SPDX-License-Identifier: ISC" in text


# every module of this project, outside of its tree

def test_our_modules_build_with_the_sdk_alone(installed, folder):
    """Each folder of modules/, compiled against the installed headers, is a
    module that lint accepts."""
    commands = []
    for source in sorted((proc.ROOT / "modules").iterdir()):
        main = source / f"mod_{source.name}.c"
        make = source / "local.mk"
        if not main.exists() or not make.exists():
            continue
        where = folder / source.name
        shutil.copytree(source, where)
        text = make.read_text().replace("\\\n", " ")
        name = f"modules_{source.name}_mod_{source.name}_la"
        sources = re.search(rf"^{name}_SOURCES\s*\+?=(.*)$", text, re.M)
        listed = sources.group(1)
        while (variables := re.findall(r"\$\((\w+)\)", listed)):
            variable = variables[0]
            value = re.search(rf"^{variable}\s*=(.*)$", text, re.M).group(1)
            listed = listed.replace(f"$({variable})", value)
        files = [Path(f).name for f in listed.split() if f.endswith(".c")]
        assert all(f.startswith(f"modules/{source.name}/")
                   for f in listed.split()), listed
        wanted = set(re.findall(r"\$\(([A-Z0-9]+)_(?:LIBS|CFLAGS)\)", text))
        packages = {"PSL": "libpsl", "JANSSON": "jansson", "XML": "libxml-2.0",
                    "IDN2": "libidn2", "SQLITE": "sqlite3",
                    "PCRE2": "libpcre2-8", "LUA": "lua5.4",
                    "GMIME": "gmime-3.0", "SSL": "libssl",
                    "TLS": "libssl libcrypto",
                    "CRYPTO": "libcrypto", "CLAMAV": "libclamav libcrypto",
                    "ATTACHMENT": "libarchive libmagic zlib",
                    "LMDB": "lmdb",
                    "ARCHIVE": "libarchive", "UNICORN": "unicorn",
                    "MAGIC": "libmagic", "CURL": "libcurl"}
        libs = " ".join(packages[w] for w in wanted if w in packages)
        flags = f"$(pkg-config --cflags --libs {libs})" if libs else ""
        extra = " ".join(re.findall(r"(?<=\s)-l\w+", text))
        if "ATTACHMENT" in wanted:
            extra += " -lytnef"  # it has no pkg-config file
        commands.append((
            where, "cc -D_GNU_SOURCE -std=gnu11 -O0 -fPIC -fvisibility=hidden "
            "$(pkg-config --variable=module_ldflags weir-module) "
            f"$(pkg-config --cflags weir-module) -pthread {' '.join(files)} "
            f"-o mod_{source.name}.so {flags} {extra} && "
            f"weir-module-lint mod_{source.name}.so"))
    assert len(commands) >= 4
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(run, installed, *c) for c in commands]:
            done.result()
