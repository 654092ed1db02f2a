# SPDX-License-Identifier: GPL-2.0-or-later
"""contrib/dovecot with a real Dovecot: moving mail teaches bayes."""

import imaplib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from weirtest import daemon, proc

CONTRIB = Path(__file__).resolve().parents[2] / "contrib" / "dovecot"
MAIL = (b"From: a@example.com\r\nSubject: winner %d\r\n"
        b"Message-ID: <%d@example.com>\r\n\r\ncheap pills %d\r\n")


@pytest.fixture
def dovecot(folder):
    """(an IMAP connection, stats of the database)"""
    if shutil.which("doveadm") is None or shutil.which("sievec") is None:
        pytest.skip("no Dovecot with Sieve (dovecot-imapd, dovecot-sieve)")
    if os.geteuid() != 0:
        pytest.skip("needs root")
    weirctl = proc.program("weirctl")
    if weirctl is None:
        pytest.skip(f"weirctl is not built in {proc.build_dir()}")
    conf = folder / "weir.conf"
    conf.write_text(f'module_path = "{daemon.module_path()}"\n'
                    f'module "bayes" {{ database = "{folder}/db" '
                    'scope = user }\n')
    for name in ("pipe", "sieve", "run", "home", "Maildir"):
        (folder / name).mkdir(mode=0o755)
    # what the example's paths mean here
    script = (CONTRIB / "weir-learn").read_text()
    script = script.replace("set -eu", f"set -eu\nWEIR_CONFIG={conf}\n"
                            f"WEIRCTL={weirctl}\nexec 2>>{folder}/log")
    (folder / "pipe" / "weir-learn").write_text(script)
    (folder / "pipe" / "weir-learn").chmod(0o755)
    example = (CONTRIB / "90-weir.conf").read_text()
    example = example.replace("/usr/lib/dovecot/sieve-pipe",
                              str(folder / "pipe"))
    example = example.replace("/etc/dovecot/sieve", str(folder / "sieve"))
    imap = folder / "dovecot.conf"
    imap.write_text(
        f"base_dir = {folder}/run\nstate_dir = {folder}/run\n"
        f"log_path = {folder}/dovecot.log\nssl = no\nprotocols = imap\n"
        f"mail_location = maildir:{folder}/Maildir\n"
        f"mail_home = {folder}/home\nfirst_valid_uid = 1\n"
        "mail_uid = nobody\nmail_gid = nogroup\n"
        "namespace inbox {\n  inbox = yes\n}\n" + example)
    for name in ("learn-spam", "learn-ham"):
        shutil.copy(CONTRIB / f"{name}.sieve", folder / "sieve")
        subprocess.run(["sievec", "-c", imap, folder / "sieve" /
                        f"{name}.sieve"], check=True, capture_output=True)
    # it refuses to serve root
    subprocess.run(["chown", "-R", "nobody:nogroup", folder], check=True)
    os.environ["USER"], before = "user@example.com", os.environ.get("USER")
    try:
        box = imaplib.IMAP4_stream(
            "setpriv --reuid nobody --regid nogroup --clear-groups "
            f"env HOME={folder}/home /usr/lib/dovecot/imap -c {imap}")
    finally:
        if before is not None:
            os.environ["USER"] = before

    def stats():
        done = subprocess.run([weirctl, "-c", conf, "bayes", "stats",
                               "--json", "--db", folder / "db"],
                              capture_output=True, check=False)
        if done.returncode != 0:
            return {}
        return {s["scope"]: (s["spam"], s["ham"])
                for s in json.loads(done.stdout)["scopes"]}

    def wait(scopes):
        try:
            proc.wait_for(lambda: stats() == scopes, 20)
        except TimeoutError:
            logs = "".join(p.read_text() for p in
                           (folder / "log", folder / "dovecot.log")
                           if p.exists())
            assert stats() == scopes, logs

    yield box, wait
    box.logout()


def test_moving_teaches(dovecot):
    box, wait = dovecot
    for name in ("Junk", "Trash"):
        assert box.create(name)[0] == "OK"
    for i in range(4):
        assert box.append("INBOX", None, None, MAIL % (i, i, i))[0] == "OK"
    box.select("INBOX")
    assert box._simple_command("MOVE", "1:2", "Junk")[0] == "OK"
    wait({"": (2, 0), "user@example.com": (2, 0)})
    # one was none; it counts for the other class
    box.select("Junk")
    assert box._simple_command("MOVE", "1", "INBOX")[0] == "OK"
    wait({"": (1, 1), "user@example.com": (1, 1)})
    # thrown away: no opinion
    assert box._simple_command("MOVE", "1", "Trash")[0] == "OK"
    box.select("INBOX")
    assert box._simple_command("MOVE", "1", "Junk")[0] == "OK"
    wait({"": (2, 1), "user@example.com": (2, 1)})
