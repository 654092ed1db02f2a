# SPDX-License-Identifier: GPL-2.0-or-later
"""Antivirus: results and what follows from them, with the real libclamav and
signatures of our own; and what becomes of mail when the scanner dies, hangs,
has no database, no room or no memory."""

import base64
import hashlib
import io
import json
import os
import random
import re
import signal
import struct
import subprocess
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from weirtest import corpus, daemon, proc
from weirtest.milter import MilterClient

PATTERN = b"WEIR-TEST-VIRUS-PATTERN"
EICAR = (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!"
         b"$H+H*")


@pytest.fixture(autouse=True)
def built(monkeypatch):
    if not (daemon.module_path() / "mod_antivirus.so").exists():
        pytest.skip("mod_antivirus is not built (libclamav-dev)")
    monkeypatch.setenv("WEIR_HELPER",
                       str(proc.build_dir() / "weir-helper"))


def database(folder, name="db"):
    """A small database: EICAR by hash, a pattern by octets."""
    where = Path(folder) / name
    where.mkdir(exist_ok=True)
    where.chmod(0o755)
    put(where / "eicar.hdb", f"{hashlib.md5(EICAR).hexdigest()}:{len(EICAR)}"
        ":Weir.Eicar\n")
    put(where / "phish.pdb", "H:paypal.com\n")
    put(where / "pattern.ndb", f"Weir.Pattern:0:*:{PATTERN.hex()}\n")
    return where


def put(path, text):
    """Replace a database file as freshclam does."""
    fresh = path.with_name("." + path.name)
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.replace(path)


def conf(db, extra="", **options):
    options.setdefault("check_interval", "200ms")
    options.setdefault("temp_reserve", "1M")
    return (daemon.listener("milter", "milter", "unix:{dir}/m.sock")
            + daemon.section("module", "antivirus", database=db, **options)
            + extra)


def attachment(data, name="a.bin"):
    """A mail with one file in it."""
    return (b"X-First: field\r\nFrom: a@example.org\r\nTo: b@example.net\r\n"
            b"Subject: test\r\nMIME-Version: 1.0\r\n"
            b'Content-Type: multipart/mixed; boundary="=_b"\r\n\r\n'
            b"--=_b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
            b"--=_b\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Transfer-Encoding: base64\r\n"
            b"Content-Disposition: attachment; filename=" + name.encode()
            + b"\r\n\r\n" + base64.encodebytes(data).replace(b"\n", b"\r\n")
            + b"--=_b--\r\n")


def plain(text=b"nothing here", mark=b""):
    return (b"From: a@example.org\r\nSubject: plain " + mark
            + b"\r\n\r\n" + text + b"\r\n")


def zipped(members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in members:
            z.writestr(name, data)
    return out.getvalue()


def bomb(mib=100):
    """A zip of zeros that takes long to scan; packed once, named often."""
    data = b"\0" * (10 << 20)
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = pack.compress(data) + pack.flush()
    sizes = struct.pack("<III", zlib.crc32(data), len(packed), len(data))
    files, listing = b"", b""
    for i in range(mib // 10):
        name = b"zeros%d" % i
        head = (struct.pack("<HHHHH", 20, 0, 8, 0, 0) + sizes
                + struct.pack("<HH", len(name), 0))
        listing += (b"PK\1\2" + struct.pack("<H", 20) + head
                    + struct.pack("<HHHII", 0, 0, 0, 0, len(files)) + name)
        files += b"PK\3\4" + head + name + packed
    return files + listing + b"PK\5\6" + struct.pack(
        "<HHHHIIH", 0, 0, mib // 10, mib // 10, len(listing), len(files), 0)


class Scanner:
    """A daemon with the module; send() mails to it."""

    def __init__(self, weir):
        self.weir = weir
        self.address = f"unix:{weir.dir}/m.sock"

    def send(self, raw, timeout=60):
        client = MilterClient(self.address, timeout=timeout)
        try:
            assert client.session() is None
            return client.message(raw)
        finally:
            client.close()

    def status(self):
        return self.weir.ctl_json("antivirus", "status")

    def facts(self):
        """The facts of the last mail in the record."""
        last = re.findall(r"event=message.end.*? id=(\S+)", self.weir.log())
        return last

    def helpers(self):
        found = []
        for pid in proc.children(self.weir.pid):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if f.read().startswith(b"weir-helper\0antivirus.scan"):
                        found.append(pid)
            except OSError:
                pass
        return found

    def helper(self):
        pid, = proc.wait_for(self.helpers, 10, "the helper")
        return pid


@pytest.fixture
def start(weir, folder):
    """start(**options): a Scanner; db= another folder."""
    def begin(db=None, workers=1, extra="", **options):
        return Scanner(weir(conf(db or database(folder), extra, **options),
                            workers=workers))
    return begin


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One daemon for all that does no harm."""
    import shutil
    import tempfile
    if proc.program("weir") is None or not (
            daemon.module_path() / "mod_antivirus.so").exists():
        pytest.skip("mod_antivirus is not built")
    folder = Path(tempfile.mkdtemp(prefix="weir-"))
    folder.chmod(0o755)
    one = daemon.Weir(folder, conf(
        database(folder), max_files=20, max_recursion=3,
        max_file_size=1500000, max_scan_size=3000000, structured_count=3,
        limit="tempfail", header="X-Virus-Status", threads=2), env={
            "WEIR_HELPER": str(proc.build_dir() / "weir-helper")})
    one.start()
    yield Scanner(one)
    one.stop()
    shutil.rmtree(folder, ignore_errors=True)


def header(reply):
    """The value of the header that the module has added."""
    found = [e[1][-1] for e in reply.edits
             if e[0] in ("add_header", "insert_header")
             and "X-Virus-Status" in e[1]]
    assert len(found) == 1, reply
    return found[0].strip()


def test_clean_and_infected(shared):
    reply = shared.send(plain())
    assert reply.code == 2 and header(reply) == "clean"
    for raw in (plain(b"x " + PATTERN), attachment(PATTERN),
                attachment(zipped([("v.txt", PATTERN)])),
                attachment(zipped([("in.zip", zipped([("v", PATTERN)]))]))):
        reply = shared.send(raw)
        assert reply.code == 5 and "Weir.Pattern" in reply.text, reply
        assert reply.text.startswith("554 5.7.1")
    reply = shared.send(attachment(zipped([("eicar.com", EICAR)])))
    assert reply.code == 5 and "Weir.Eicar" in reply.text


def test_forged_header_goes(shared):
    reply = shared.send(b"X-Virus-Status: infected\r\n" + plain())
    kinds = [e[0] for e in reply.edits]
    assert "change_header" in kinds and header(reply) == "clean"


def test_limits_are_no_clean(shared):
    """Each limit by its name."""
    deep = b"innermost"
    nested = []
    for i in range(6):
        deep = zipped([(f"n{i}.zip", deep)])
        nested.append(deep)
    for raw, name in (
            (attachment(zipped([(f"f{i}", b"%d" % i) for i in range(40)])),
             "MaxFiles"),
            (attachment(nested[4]), "MaxRecursion"),
            (attachment(zipped([("big", os.urandom(1600000))])),
             "PartSize"),
            (attachment(zipped([("big", b"\0" * 1600000)])), "Cut"),
            (attachment(zipped([(f"z{i}", b"\0" * 1400000)
                                for i in range(9)])), "MaxScanSize")):
        reply = shared.send(raw)
        assert reply.code == 4 and name in reply.text, (name, reply)
    # within the limits
    for raw in (attachment(zipped([(f"f{i}", b"%d" % i) for i in range(10)])),
                attachment(nested[1])):
        reply = shared.send(raw)
        assert reply.code == 2 and header(reply) == "clean", reply


def test_virus_counts_more_than_a_limit(shared):
    reply = shared.send(attachment(zipped(
        [("v", PATTERN)] + [(f"f{i}", b"%d" % i) for i in range(40)])))
    assert reply.code == 5 and "Weir.Pattern" in reply.text


def test_large_mail_is_scanned_by_its_parts(shared):
    """The mail as such is larger than a file may be, its parts are not."""
    def two(first, second):
        raw = attachment(first)
        more = base64.encodebytes(second).replace(b"\n", b"\r\n")
        return raw.replace(b"--=_b--", b"--=_b\r\nContent-Type: a/b\r\n"
                           b"Content-Transfer-Encoding: base64\r\n\r\n"
                           + more + b"\r\n--=_b--")
    noise = os.urandom(800000)
    reply = shared.send(two(noise, noise[:700000]))
    assert reply.code == 2 and header(reply) == "clean", reply
    reply = shared.send(two(noise, noise[:700000] + PATTERN))
    assert reply.code == 5 and "Weir.Pattern" in reply.text


def test_structured_data(shared):
    """As many card numbers as the option says, and one less."""
    cards = [b"4111 1111 1111 1111", b"5500 0000 0000 0004",
             b"3400 0000 0000 009", b"4012 8888 8888 1881"]
    few = shared.send(plain(b"\r\n".join(cards[:2]) + b"\r\n"))
    many = shared.send(plain(b"\r\n".join(cards) + b"\r\n"))
    assert header(few) == "clean"
    assert header(many).startswith("structured (Heuristics.Structured")
    assert many.code == 2


def encrypted_zip():
    """A zip whose only member says that it is encrypted."""
    raw = bytearray(zipped([("secret.txt", os.urandom(64))],
                           zipfile.ZIP_STORED))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        i = raw.index(magic)
        raw[i + at] |= 1
    return bytes(raw)


def test_encrypted_is_a_result_of_its_own(shared):
    reply = shared.send(attachment(encrypted_zip()))
    assert reply.code == 2
    assert header(reply) == "encrypted (Heuristics.Encrypted.Zip)"


@pytest.mark.parametrize("policy, code, word", [
    ("pass", 2, "clean"), ("virus", 5, None), ("reject", 5, None),
    ("tempfail", 4, None),
    ("quarantine", 2, "encrypted (Heuristics.Encrypted.Zip)")])
def test_encrypted_policy(start, policy, code, word):
    """What is encrypted passes, is held or refused, or counts as a virus."""
    one = start(encrypted=policy, header="X-Virus-Status")
    reply = one.send(attachment(encrypted_zip()))
    assert reply.code == code
    assert ("quarantine" in [e[0] for e in reply.edits]) == (
        policy == "quarantine")
    if word is not None:
        assert header(reply) == word
    else:
        assert "Heuristics.Encrypted.Zip" in reply.text


def phish():
    """A link that says another host than it goes to."""
    return (b"From: a@example.org\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: text/html\r\n\r\n<html><body>"
            b'<a href="http://evil.example.com/x">http://www.paypal.com/'
            b"</a></body></html>\r\n")


def test_heuristic_is_not_a_virus(shared):
    """A score of its own."""
    reply = shared.send(phish())
    assert reply.code == 2
    assert header(reply).startswith("heuristic (Heuristics.Phishing.")
    proc.wait_for(lambda: 'symbols="AV_HEURISTIC"' in shared.weir.log(), 5,
                  "the log")


SHAPES = {
    "padding": lambda z: attachment(z).replace(
        base64.encodebytes(z).replace(b"\n", b"\r\n"),
        base64.b64encode(z[:31]) + b"\r\n" + base64.b64encode(z[31:])
        + b"\r\n"),
    "external": lambda z: attachment(z).replace(
        b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nContent-Type: "
        b"message/external-body; access-type=x\r\n\r\n", 1),
    "partial": lambda z: attachment(z).replace(
        b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nContent-Type: "
        b"message/partial; id=a; number=1; total=2\r\n\r\n", 1),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_that_libclamav_does_not_reach(shared, shape):
    """Decoded parts are scanned, too, where the structure is odd."""
    reply = shared.send(SHAPES[shape](zipped([("v", PATTERN * 3)])))
    assert reply.code == 5 and "Weir.Pattern" in reply.text, reply


def sample_files():
    """The clamav-testfiles, of the system or of the test data."""
    system = Path("/usr/share/clamav-testfiles")
    if system.is_dir():
        return system
    packed = corpus.data_dir() / "attachments"
    found = corpus.unpack("attachments/clamav-testfiles") \
        if packed.is_dir() else None
    if found is None:
        pytest.skip("no clamav-testfiles")
    return Path(found)


def test_clamav_testfiles(start, folder):
    """Every container of clamav-testfiles by the hash of its content."""
    files = sample_files()
    inner = (files / "clam.exe").read_bytes()
    db = database(folder)
    put(db / "clam.hdb", f"{hashlib.md5(inner).hexdigest()}:{len(inner)}"
        ":ClamAV-Test-File\n")
    one = start(db=db, max_recursion=20)
    names = sorted(p for p in files.iterdir()
                   if p.is_file() and p.stat().st_size < 100000
                   and p.suffix != ".md" and "README" not in p.name)
    assert len(names) > 20
    missed = [p.name for p in names
              if one.send(attachment(p.read_bytes(), p.name)).code != 5]
    # packers other than UPX need the official signatures' unpackers only
    assert missed == []


@pytest.mark.parametrize("archive", ["libarchive-testdata",
                                     "oletools-testdata", "python-archives"])
def test_odd_archives_have_a_result(start, archive):
    """Broken, encrypted and malformed ones: none ends the helper, none is
    unscanned, and what is encrypted is called so."""
    folder = corpus.unpack(f"attachments/{archive}")
    if folder is None:
        pytest.skip("no test data: attachments")
    one = start(header="X-Virus-Status", limit="score")
    pid = one.helper()
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        reply = one.send(attachment(path.read_bytes(), "x" + path.suffix))
        assert reply.code == 2, (path, reply)
        found[path.name] = header(reply)
    assert one.helper() == pid
    assert set(value.split()[0] for value in found.values()) <= {
        "clean", "encrypted", "limit"}
    if archive == "libarchive-testdata":
        assert sum(v.startswith("encrypted") for v in found.values()) > 5


def test_cache_knows_the_clean_until_a_reload(start, folder):
    db = database(folder)
    one = start(db=db)
    raw = plain(b"to be found later: LATER-PATTERN")
    for _ in range(3):
        assert one.send(raw).code == 2
    before = one.status()
    assert before["cached"] == 2 and before["generation"] == 1
    put(db / "later.ndb", f"Weir.Later:0:*:{b'LATER-PATTERN'.hex()}\n")
    proc.wait_for(lambda: one.status().get("generation") == 2, 15, "the reload")
    reply = one.send(raw)
    assert reply.code == 5 and "Weir.Later" in reply.text
    # infected mail is not remembered
    assert one.send(raw).code == 5
    assert one.status()["cached"] == 2


@pytest.mark.parametrize("action, code", [
    ("quarantine", 2), ("discard", 2), ("tempfail", 4), ("mark", 2)])
def test_actions(start, action, code):
    one = start(action=action, header="X-Virus-Status")
    reply = one.send(plain(PATTERN))
    assert reply.code == code
    kinds = [e[0] for e in reply.edits]
    if action == "mark":
        assert header(reply) == "infected (Weir.Pattern.UNOFFICIAL)"
    assert ("quarantine" in kinds) == (action == "quarantine")
    assert (reply.kind == "discard") == (action == "discard")


# --- the database ---

def test_no_database_is_unscanned(start, folder):
    """It starts, says so, refuses mail for now, and takes what comes."""
    empty = folder / "db"
    empty.mkdir()
    empty.chmod(0o755)
    one = start(db=empty)
    reply = one.send(plain())
    assert reply.code == 4
    state = one.status()
    assert state["state"] == "degraded" and "no database" in state["problem"]
    assert "no virus database" in one.weir.log()
    database(folder)
    proc.wait_for(lambda: one.status()["state"] == "ok", 15, "the database")
    assert one.send(plain()).code == 2
    assert one.send(plain(PATTERN)).code == 5


def test_check_warns_of_a_missing_folder(folder):
    """It may be misspelt; and is no error, since it may come later."""
    one = daemon.Weir(folder, conf(folder / "nowhere"))
    done = subprocess.run([proc.program("weir"), "-t", "-c", one.conf_path],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 1, done
    assert re.search(r"weir\.conf:\d+: warning: module antivirus: database: "
                     f"there is no folder {folder}/nowhere", done.stderr), done


def test_missing_folder_may_come_later(start, folder):
    """The sandbox was built without it: a new process can read it."""
    one = start(db=folder / "db")
    assert one.send(plain()).code == 4
    database(folder)
    proc.wait_for(lambda: one.send(plain(PATTERN)).code == 5, 20,
                  "the database")


def test_a_replaced_folder_is_no_death(start, folder):
    """However often: each time a new process, and no rest."""
    one = start(db=database(folder), extra="crash { limit = 1 }\n")
    for i in range(3):
        pid = one.helper()
        (folder / "db").rename(folder / f"old{i}")
        new = database(folder, f"new{i}")
        put(new / "later.ndb",
            f"Weir.Later{i}:0:*:{(b'LATER-%d-PATTERN' % i).hex()}\n")
        new.rename(folder / "db")
        proc.wait_for(lambda: one.send(plain(b"LATER-%d-PATTERN" % i)).code
                      == 5, 20, "the new folder")
        assert one.helper() != pid
    log = one.weir.log()
    assert "event=helper.death" not in log
    assert "event=helper.benched" not in log
    assert log.count("event=helper.restart") == 3


def test_the_benched_scanner_names_its_remedy(start, folder):
    one = start(db=database(folder), extra="crash { limit = 1 }\n")
    # signatures of one's own have no version
    assert "version " not in one.weir.ctl("antivirus", "status")
    os.kill(one.helpers()[0], signal.SIGKILL)
    proc.wait_for(lambda: "event=helper.benched" in one.weir.log(), 10,
                  "the pause")
    done = subprocess.run([proc.program("weirctl"), "-s",
                           one.weir.dir / "control.sock", "antivirus",
                           "status"], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 1
    assert "helper.benched" in done.stderr and "weirctl reload" in done.stderr
    # nobody is there to say that something is wrong, and yet it is said
    proc.wait_for(lambda: re.search("^weir_antivirus_alarm [1-9]",
                                    one.weir.ctl("metrics"), re.M), 15,
                  "the alarm")
    assert re.search("^weir_antivirus_loaded 0", one.weir.ctl("metrics"),
                     re.M)
    text = one.weir.ctl("status")
    assert "ALARM: module antivirus is not well" in text
    assert re.search(r"RESTING: helper antivirus.scan, 1 of 1 processes died "
                     r"too often, the last: \d+ died of signal 9", text), text


def test_pass_is_not_clean(start, folder):
    """on_failure = pass delivers, but says that nobody has looked."""
    empty = folder / "db"
    empty.mkdir()
    one = start(db=empty, on_failure="pass", header="X-Virus-Status")
    reply = one.send(plain(PATTERN))
    assert reply.code == 2 and header(reply) == "unscanned"


def test_corrupt_candidate_keeps_the_old_engine(start, folder):
    db = database(folder)
    one = start(db=db, reload="parallel")
    assert one.send(plain(PATTERN)).code == 5
    put(db / "broken.ndb", "Weir.Broken:0:*:zz-is-no-hex\n")
    proc.wait_for(lambda: one.status()["state"] == "alarm", 15, "the alarm")
    state = one.status()
    assert state["reload_failures"] == 1 and state["generation"] == 1
    # the file once, and its line
    assert state["problem"].count("broken.ndb") == 1
    assert "at line 1;" in state["problem"]
    assert "alarm:" in one.weir.log()
    assert one.send(plain(PATTERN)).code == 5
    assert one.send(plain()).code == 2
    done = subprocess.run([proc.program("weirctl"), "-s",
                           one.weir.dir / "control.sock", "antivirus",
                           "reload"], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 1 and "broken.ndb" in done.stderr
    (db / "broken.ndb").unlink()
    proc.wait_for(lambda: one.status()["state"] == "ok", 15, "the end")


@pytest.mark.parametrize("broken", [
    b"Weir.Broken:0:*:zz-is-no-hex\n", b"\0\1\2" * 100])
def test_corrupt_at_start_leaves_the_rest(start, folder, broken):
    """Some signatures are better than none; the alarm says which miss."""
    db = database(folder)
    (db / "broken.ndb").write_bytes(broken)
    one = start(db=db)
    state = one.status()
    assert state["state"] == "alarm" and state["left_out"] == 1
    assert one.send(plain(PATTERN)).code == 5


def test_drain(start, folder):
    """Reload without memory for two engines: scans wait, none is lost."""
    db = database(folder)
    one = start(db=db, reload="drain")
    assert one.send(plain(PATTERN)).code == 5
    put(db / "later.ndb", f"Weir.Later:0:*:{b'LATER-PATTERN'.hex()}\n")
    codes = set()

    def reloaded():
        codes.add(one.send(plain(os.urandom(8).hex().encode())).code)
        return one.status().get("generation") == 2
    proc.wait_for(reloaded, 20, "the reload")
    assert codes == {2}
    assert "reload without the old engine" in one.weir.log()
    assert one.send(plain(b"LATER-PATTERN")).code == 5


def test_old_database_is_said(start, folder):
    db = database(folder)
    past = time.time() - 10 * 86400
    for path in db.iterdir():
        os.utime(path, (past, past))
    one = start(db=db)
    state = one.status()
    assert state["state"] == "old" and state["old"]
    assert state["age_s"] > 9 * 86400
    assert "is freshclam running" in one.weir.log()
    assert one.send(plain()).code == 2


# --- what can die ---

def mails(one, n, make):
    """Send n mails side by side; their codes."""
    import concurrent.futures
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return [f.result() for f in [
            pool.submit(lambda i=i: one.send(make(i)).code)
            for i in range(n)]]


def test_helper_dies_in_a_scan(start):
    """One death costs what was under way; back within 5 s."""
    import threading
    one = start(threads=2, max_scan_size="4G", max_file_size="1G")
    old = one.helper()
    codes = []
    raw = attachment(bomb(1500))
    busy = threading.Thread(
        target=lambda: codes.append(one.send(raw).code))
    busy.start()
    proc.wait_for(lambda: proc.cpu_seconds(old) > 0 and busy.is_alive()
                  and scanning(old), 20, "the scan")
    os.kill(old, signal.SIGKILL)
    begin = time.monotonic()
    proc.wait_for(lambda: one.send(plain(mark=os.urandom(4).hex().encode())
                                   ).code == 2, 5, "service")
    assert time.monotonic() - begin < 5
    busy.join(60)
    assert codes == [4]
    assert one.helper() != old
    assert one.send(plain(PATTERN)).code == 5


def scanning(pid):
    """Does one of its threads use the processor?"""
    def ticks():
        total = 0
        for task in Path(f"/proc/{pid}/task").iterdir():
            f = (task / "stat").read_text().rpartition(")")[2].split()
            total += int(f[11]) + int(f[12])
        return total
    try:
        before = ticks()
        time.sleep(0.05)
        return ticks() > before + 2
    except OSError:
        return False


@pytest.mark.parametrize("rounds", [
    4, pytest.param(30, marks=pytest.mark.skipif(
        not os.environ.get("WEIR_LONG"), reason="long: WEIR_LONG=1"))])
def test_helper_dies_at_random_points_under_load(start, rounds):
    """Whatever ends it, and whenever: no infected mail passes, clean mail is
    in after its retries, service is back within 5 s; where it is ended again
    and again the back-off, 10 s at most, comes on top."""
    import threading
    back = 5 if rounds < 6 else 15
    one = start(threads=2, workers=2, timeout="2s", cache=0,
                extra=daemon.section("crash", limit=1000, window="1m",
                                     bench="1s"))
    chance = random.Random(5)
    over = threading.Event()
    wrong, done = [], [0, 0]

    def client(k):
        n = 0
        while not over.is_set() or n == 0:
            n += 1
            bad = n % 3 == 0
            raw = attachment(zipped([("v", (PATTERN if bad else b"x") * 50),
                                     ("n", b"%d %d" % (k, n))]))
            for _ in range(1000):
                code = one.send(raw).code
                if code != 4:
                    break
                done[1] += 1
                time.sleep(0.02)
            if code != (5 if bad else 2):
                wrong.append((k, n, code))
            done[0] += 1
    clients = [threading.Thread(target=client, args=(k,)) for k in range(4)]
    for thread in clients:
        thread.start()
    try:
        for n in range(rounds):
            pid = proc.wait_for(one.helpers, 10, "the helper")[0]
            time.sleep(chance.random() / 2)
            how = (signal.SIGSEGV, signal.SIGSTOP, signal.SIGABRT,
                   signal.SIGKILL)[n % 4]
            begin = time.monotonic()
            os.kill(pid, how)
            if how == signal.SIGSTOP:
                time.sleep(0.3)
                os.kill(pid, signal.SIGCONT)
            proc.wait_for(lambda n=n: one.send(plain(b"back %d" % n)).code
                          == 2, back, "service")
            assert time.monotonic() - begin < back
    finally:
        over.set()
        for thread in clients:
            thread.join(60)
    assert wrong == [] and done[0] > 4, (wrong, done)
    assert len(re.findall("event=helper.death", one.weir.log())) == \
        rounds - rounds // 4 - (rounds % 4 > 1)


def test_poison_is_quarantined_without_a_third_try(start):
    """The mail that ended the helper twice is held."""
    import threading
    one = start(threads=2, max_scan_size="4G", max_file_size="1G",
                extra=daemon.section("crash", limit=10, window="1m",
                                     bench="3s"))
    raw = attachment(bomb(1500))
    for n in range(2):
        pid = one.helper()
        # it has read its database, and rests
        assert one.send(plain(mark=b"%d" % n)).code == 2
        proc.wait_for(lambda: not scanning(pid), 20, "rest")
        codes = []
        busy = threading.Thread(
            target=lambda: codes.append(one.send(raw).code))
        busy.start()
        proc.wait_for(lambda: scanning(pid), 20, "the scan")
        os.kill(pid, signal.SIGKILL)
        busy.join(60)
        assert codes == [4]
        proc.wait_for(lambda: one.helpers() not in ([], [pid]), 10, "another")
    pid = one.helper()
    reply = one.send(raw)
    assert "quarantine" in [e[0] for e in reply.edits], reply
    assert one.helper() == pid
    assert len(re.findall("event=helper.death", one.weir.log())) == 2
    # nor is it when it comes again and again, whoever sends it, and others
    # are not concerned
    for n in range(25):
        client = MilterClient(one.address, timeout=60)
        assert client.session() is None
        reply = client.message(raw, f"<s{n % 5}@example.org>")
        client.close()
        assert reply.code == 2, reply
        assert "quarantine" in [e[0] for e in reply.edits], reply
        assert one.send(plain(b"other %d" % n)).code == 2
    assert one.helper() == pid
    assert len(re.findall("event=helper.death", one.weir.log())) == 2


def test_hang_is_ended(start):
    """A scan that does not come to its end: tempfail in time, and the
    process goes; others are served by the next one."""
    one = start(threads=1, timeout="1s", max_scan_time="10m",
                max_scan_size="2000000000", max_file_size="1G",
                max_files=100000)
    old = one.helper()
    raw = attachment(bomb(600))
    begin = time.monotonic()
    reply = one.send(raw)
    assert reply.code == 4 and time.monotonic() - begin < 8
    proc.wait_for(lambda: "a request did not return in its time"
                  in one.weir.log(), 15, "the end of the helper")
    proc.wait_for(lambda: one.helpers() not in ([], [old]), 10, "another")
    proc.wait_for(lambda: one.send(plain()).code == 2, 10, "service")


def test_scan_time_is_a_limit(start):
    one = start(max_scan_time="100ms", max_scan_size="1G",
                max_file_size="1G", limit="reject")
    reply = one.send(attachment(bomb(300)))
    assert reply.code == 5 and "MaxScanTime" in reply.text


def test_stopped_helper_is_a_timeout(start):
    """Neither dead nor alive: nobody waits longer than the timeout."""
    one = start(timeout="1s")
    pid = one.helper()
    os.kill(pid, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        assert one.send(plain(b"a")).code == 4
        assert 0.9 < time.monotonic() - begin < 4
    finally:
        os.kill(pid, signal.SIGCONT)
    proc.wait_for(lambda: one.send(plain(b"b")).code == 2, 10, "service")


def test_benched_helper_fails_at_once(start):
    one = start(extra=daemon.section("crash", limit=2, window="1m",
                                     bench="2s"))
    for _ in range(2):
        pid = one.helper()
        os.kill(pid, signal.SIGKILL)
        proc.wait_for(lambda: one.helpers() != [pid], 10, "the death")
    proc.wait_for(lambda: "event=helper.benched" in one.weir.log(), 5,
                  "the bench")
    begin = time.monotonic()
    assert one.send(plain()).code == 4
    assert time.monotonic() - begin < 1
    proc.wait_for(lambda: one.send(plain()).code == 2, 15, "the end of it")


def test_full_disk_is_not_clean(weir, folder):
    """Without room for its files libclamav skips parts in silence."""
    if os.geteuid() != 0:
        pytest.skip("needs root for a small file system")
    where = folder / "weir0" / "state"
    where.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "weir-test",
                       where]).returncode != 0:
        pytest.skip("can't mount a small file system")
    try:
        (folder / "weir0").chmod(0o755)
        import shutil
        user, group = daemon.unprivileged()
        shutil.chown(where, user, group)
        one = daemon.Weir(folder / "weir0", conf(database(folder),
                                                 temp_reserve="2M"))
        one.start()
        try:
            scanner = Scanner(one)
            bad = attachment(zipped([("v", PATTERN)]))
            assert scanner.send(plain(b"1")).code == 2
            assert scanner.send(bad).code == 5
            filler = where / "filler"
            with open(filler, "wb") as f:
                try:
                    while True:
                        f.write(b"\0" * 65536)
                        f.flush()
                except OSError:
                    pass
            assert scanner.send(plain(b"2")).code == 4
            assert scanner.send(bad).code == 4
            assert "temporary folder is full" in one.log()
            filler.unlink()
            assert scanner.send(bad).code == 5
            assert scanner.send(plain(b"2")).code == 2
        finally:
            one.stop()
    finally:
        subprocess.run(["umount", "-l", where])


def test_memory_limit(weir, folder):
    """A database that does not fit: declared, not a crash for ever."""
    if b"__asan_init" in (proc.build_dir() / "weir-helper").read_bytes() \
            or b"__asan" in Path(proc.program("weir")).read_bytes():
        pytest.skip("a sanitizer's build has no limit of address space")
    if not os.environ.get("WEIR_LONG"):
        pytest.skip("takes half a minute: WEIR_LONG=1")
    db = database(folder)
    numbers = random.Random(1)
    put(db / "many.ndb", "".join(
        f"Weir.Many.{i}:0:*:{numbers.randbytes(32).hex()}\n"
        for i in range(400000)))
    one = Scanner(weir(conf(db, memory_limit="128M", threads=1)))
    state = one.status()
    assert state["state"] in ("degraded", "alarm"), state
    if state["state"] == "degraded":
        assert one.send(plain()).code == 4
    (db / "many.ndb").unlink()
    proc.wait_for(lambda: one.status()["state"] == "ok", 20, "less")
    assert one.send(plain(PATTERN)).code == 5


def test_breaker(start, folder):
    """A signature that comes with an update and hits too much."""
    db = database(folder)
    one = start(db=db, breaker_hits=5, breaker_share=50, workers=2)
    for i in range(3):
        assert one.send(plain(PATTERN + b"%d" % i)).code == 5
    put(db / "bad.ndb", f"Weir.AllPdf:0:*:{b'%PDF-1.4'.hex()}\n")
    proc.wait_for(lambda: one.status().get("generation") == 2, 15, "the reload")
    replies = [one.send(plain(b"%%PDF-1.4 %d" % i)) for i in range(8)]
    assert [r.code for r in replies[:4]] == [5] * 4
    assert all("quarantine" in [e[0] for e in r.edits] for r in replies[4:])
    assert one.status()["demoted"] == ["Weir.AllPdf.UNOFFICIAL"]
    assert "is not believed" in one.weir.log()
    # what was known before stays what it is
    assert [one.send(plain(PATTERN + b"n%d" % i)).code
            for i in range(8)] == [5] * 8
    # the next database is believed anew
    (db / "bad.ndb").unlink()
    proc.wait_for(lambda: one.status().get("generation") == 3, 15, "the reload")
    assert one.status()["demoted"] == []


def test_one_engine_for_all_workers(start):
    one = start(workers=3)
    assert len(one.helpers()) == 1
    assert set(mails(one, 12, lambda i: plain(b"%d" % i))) == {2}
    assert len(one.helpers()) == 1
    metrics = one.weir.ctl("metrics")
    assert re.search(r"^weir_antivirus_mails(_total)?\{result=\"clean\"\} 12",
                     metrics, re.M), metrics

    def gauges():
        return re.search(r"^weir_antivirus_signatures 3$",
                         one.weir.ctl("metrics"), re.M)
    proc.wait_for(gauges, 15, "the gauges of one worker")
    version = one.status()["engine"]
    assert re.search(rf'^weir_antivirus_engine{{version="{version}"}} 1$',
                     one.weir.ctl("metrics"), re.M)
    # the daemon's own page tells them, too
    text = one.weir.ctl("status")
    assert re.search(r"^antivirus +loaded 1, signatures 3, database_age \d",
                     text, re.M), text
    assert "ALARM" not in text
    assert one.weir.ctl_json("status")["gauges"]["antivirus"][
        f'engine{{version="{version}"}}'] == 1


def test_commands(start, folder):
    one = start()
    text = one.weir.ctl("antivirus", "status")
    assert re.search(r"^signatures +3$", text, re.M), text
    files = {"clean.txt": b"nothing", "bad.zip": zipped([("v", PATTERN)]),
             "bad.eml": attachment(PATTERN)}
    for name, data in files.items():
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o644)
    done = subprocess.run(
        [proc.program("weirctl"), "-s", one.weir.dir / "control.sock",
         "--json", "antivirus", "scan", *[folder / f for f in files]],
        capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    found = {Path(r["file"]).name: r for r in json.loads(done.stdout)}
    assert found["clean.txt"]["result"] == "clean"
    assert found["bad.zip"]["names"] == ["Weir.Pattern.UNOFFICIAL"]
    assert found["bad.eml"]["result"] == "infected"
    assert "DatabaseDirectory" in one.weir.ctl("antivirus", "freshclam")
    rows = one.weir.ctl_json("antivirus", "freshclam")
    assert rows["DatabaseDirectory"].startswith(str(folder))
    assert rows["DatabaseMirror"] == ["database.clamav.net"]
    assert one.weir.ctl_json("antivirus", "reload")["generation"] == 2


def test_sandbox(start):
    """The helper has no rights beyond its folders."""
    pid = start().helper()
    status = Path(f"/proc/{pid}/status").read_text()
    assert re.search(r"^Seccomp:\t2$", status, re.M)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.M)
    for task in Path(f"/proc/{pid}/task").iterdir():
        filters = re.search(r"^Seccomp_filters:\t(\d+)",
                            (task / "status").read_text(), re.M)
        assert int(filters[1]) >= 2, task


# --- beside freshclam ---

@pytest.fixture
def mirror(folder):
    """A web server with the files of a folder, and its address."""
    import functools
    import http.server
    import threading
    where = folder / "mirror"
    where.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=where))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield where, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_beside_freshclam(start, folder, mirror):
    """With the configuration that the command prints a real freshclam brings
    signatures that the scanner takes by itself, twice."""
    import shutil
    if shutil.which("freshclam") is None:
        pytest.skip("no freshclam (Debian: clamav-freshclam)")
    where, url = mirror
    db = folder / "db"
    db.mkdir()
    db.chmod(0o755)
    one = start(db=db)
    file = folder / "freshclam.conf"
    file.write_text(one.weir.ctl("antivirus", "freshclam")
                    + f"DatabaseCustomURL {url}/own.ndb\n"
                    + ("DatabaseOwner root\n" if os.geteuid() == 0 else ""))

    def update(n):
        (where / "own.ndb").write_text("".join(
            f"Weir.Own{i}:0:*:{(b'OWN-PATTERN-%d' % i).hex()}\n"
            for i in range(n)))
        # freshclam asks for what is newer than its own
        os.utime(where / "own.ndb", (time.time() + 1000 * n,) * 2)
        done = subprocess.run(
            ["freshclam", f"--config-file={file}", "--update-db=custom",
             "--stdout"], capture_output=True, text=True, timeout=60)
        assert "own.ndb updated" in done.stdout, done
        proc.wait_for(lambda: one.status().get("signatures") == n, 15,
                      "the database")
    assert one.send(plain(b"OWN-PATTERN-0")).code == 4
    update(1)
    assert one.send(plain(b"OWN-PATTERN-0")).code == 5
    assert one.send(plain(b"OWN-PATTERN-1")).code == 2
    update(2)
    assert one.send(plain(b"OWN-PATTERN-1")).code == 5


@pytest.mark.parametrize("program, name", [
    ("freshclam", "freshclam.conf"), ("/usr/sbin/clamd", "clamd.conf")])
def test_examples_are_taken(program, name):
    """Each row of contrib/clamav is one that the program knows."""
    import shutil
    if shutil.which(program) is None:
        pytest.skip(f"no {program}")
    example = proc.ROOT / "contrib" / "clamav" / name
    done = subprocess.run([program, f"--config-file={example}", "--version"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "ClamAV" in done.stdout, done


@pytest.mark.parametrize("n", [1, 5])
def test_as_many_numbers_as_the_option_says(start, n):
    """structured_count numbers are a result, one less is none."""
    one = start(structured_count=n, header="X-Virus-Status")
    # no two alike, and each valid: Luhn for cards, areas for the others
    cards = [b"4111 1111 1111 1111", b"5500 0000 0000 0004",
             b"3400 0000 0000 009", b"4012 8888 8888 1881",
             b"5105 1051 0510 5100"]
    social = [b"%d-45-%d" % (101 + i, 6789 + i) for i in range(5)]
    for numbers, name in ((cards, "CreditCardNumber"), (social, "SSN")):
        for k, word in ((n, f"structured (Heuristics.Structured.{name})"),
                        (n - 1, "clean")):
            raw = plain(b"\r\n".join(numbers[:k]) + b"\r\n")
            assert header(one.send(raw)) == word, (name, k)
