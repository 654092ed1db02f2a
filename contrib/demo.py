# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of contrib/quickstart: real messages through a real Postfix
and the Weir that was just built, each verdict explained.

Every process is one that this program started, everything lies in a temporary
folder, and both are gone at the end.  Exit status 0: each message met the
verdict that is announced for it."""

import re
import shutil
import signal
import smtplib
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "lib"))

from weirtest import daemon, postfix, proc  # noqa: E402
from weirtest.sink import Sink  # noqa: E402

DELAY = 4  # seconds; a site would say 3m

CONF = """\
listener "inbound" {
	protocol = "milter"
	address = "unix:{dir}/milter.sock"
	direction = "in"
	mode = "0666"
}
listener "policy" {
	protocol = "policy"
	address = "unix:{dir}/policy.sock"
	direction = "in"
	mode = "0666"
}
networks "internal" { addresses = {"127.0.0.0/8", "::1"} }
# a zone file in place of a name server: nothing leaves this machine
dns { zone = "{dir}/demo.zone" }
module "rbl" {
	zone "bl.example" { codes = {"127.0.0.2-11"}  score = 16.0  test = no }
}
module "greylist" {
	delay = "%ds"
	exclude_clients = {"198.51.100.0/24"}
}
action { reject = 15  add_header = 5 }
""" % DELAY

ZONE = """\
$TTL 300
7.113.0.203.bl.example.		A	127.0.0.3
20.100.51.198.in-addr.arpa.	PTR	mail.friend.example.
mail.friend.example.		A	198.51.100.20
"""

MAIL = """\
From: {sender}
To: user@example.net
Subject: {subject}
Message-ID: <{id}@example.org>
Date: Mon, 02 Feb 2026 10:00:00 +0000

{subject}.
"""


class Wrong(Exception):
    """A message met another verdict than announced."""


def say(text=""):
    print(text, flush=True)


class Demo:
    def __init__(self, folder):
        self.weir = daemon.Weir(folder / "weir", CONF, workers=2)
        self.weir.dir.joinpath("demo.zone").write_text(ZONE)
        self.sink = Sink()
        self.postfix = None
        self.folder = folder

    def start(self):
        self.weir.start()
        at = self.weir.dir
        self.postfix = postfix.Postfix(
            self.folder / "postfix", self.sink.address,
            milters=[f"unix:{at}/milter.sock"],
            policy=f"unix:{at}/policy.sock", relay_domains="example.net",
            relay_transport="$default_transport",
            smtpd_relay_restrictions="permit_mynetworks, "
            "reject_unauth_destination").start()
        say(f"   Weir    pid {self.weir.pid}, configuration "
            f"{self.weir.conf_path}")
        say(f"   Postfix on {self.postfix.address}, asks Weir by milter "
            "and policy")
        say(f"   sink    on {self.sink.address}, where accepted mail ends")

    def stop(self):
        if self.postfix is not None:
            self.postfix.stop()
        self.sink.stop()
        if self.weir.process is not None:
            self.weir.stop()

    def send(self, client, name, sender, subject):
        """One message by SMTP; Postfix believes our XCLIENT, so that it sees
        the client that we play.  The last answer of the dialogue."""
        host, _, port = self.postfix.address.rpartition(":")
        raw = MAIL.format(sender=sender, subject=subject,
                          id=f"{time.monotonic_ns()}")
        with smtplib.SMTP(host, int(port), timeout=30) as smtp:
            smtp.ehlo("quickstart.example")
            smtp.docmd("XCLIENT", f"ADDR={client} NAME={name}")
            smtp.ehlo(name if name != "[UNAVAILABLE]" else "dialup.example")
            for verb, arg in (("MAIL", f"FROM:<{sender}>"),
                              ("RCPT", "TO:<user@example.net>")):
                code, text = smtp.docmd(verb, arg)
                if code >= 400:
                    return code, text.decode()
            code, text = smtp.data(raw.encode())
            return code, text.decode()

    def explain(self, key):
        """What weirctl says of a decision; its record may take a moment."""
        def ask():
            try:
                return self.weir.ctl("explain", key)
            except RuntimeError:
                return None
        return proc.wait_for(ask, 10, f"the record of {key}")

    def step(self, number, title, want, **mail):
        say(f"\n-- {number}. {title}")
        before = len(self.sink.messages)
        code, text = self.send(**mail)
        say(f"   {mail['client']} sends from <{mail['sender']}>; Postfix "
            f"answers:")
        say(f"   {code} {text}")
        found = re.search(r"\[([0-9a-hjkmnp-tv-z]{12})\]", text) or \
            re.search(r"queued as (\w+)", text)
        if found:
            key = found.group(1)
            say(f"\n   $ weirctl explain {key}")
            for line in self.explain(key).rstrip().splitlines():
                say("   | " + line)
        if code // 100 != want:
            raise Wrong(f"{title}: expected {want}xx, got {code} {text}")
        if want == 2:
            proc.wait_for(lambda: len(self.sink.messages) > before, 20,
                          "delivery to the sink")
            say("   The sink has it.")


def main():
    reason = postfix.available()
    if reason is not None:
        sys.exit(f"quickstart: {reason}")
    keep = "--keep" in sys.argv[1:]
    folder = Path(tempfile.mkdtemp(prefix="weir-demo-"))
    folder.chmod(0o755)
    folder.joinpath("weir").mkdir()
    demo = Demo(folder)
    # what it started is to be stopped by whatever ends it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("quickstart: stopped"))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit("quickstart: stopped"))
    try:
        demo.start()
        demo.step(1, "A clean message from a client that is never greylisted",
                  2, client="198.51.100.20", name="mail.friend.example",
                  sender="anna@friend.example", subject="Minutes of Monday")
        demo.step(2, "Another from a client on a DNS list: refused",
                  5, client="203.0.113.7", name="[UNAVAILABLE]",
                  sender="win@prize.example", subject="You have won")
        stranger = {"client": "192.0.2.99", "name": "mx.stranger.example",
                    "sender": "bert@stranger.example",
                    "subject": "A first letter"}
        demo.step(3, "A stranger's first attempt: greylisted", 4, **stranger)
        say(f"\n   A real mail server tries again; so do we, in {DELAY} s.")
        time.sleep(DELAY + 0.5)
        demo.step(4, "The stranger's second attempt: delivered", 2,
                  **stranger)
        shown = "\n".join("      " + line for line in
                          CONF.replace("{dir}", "/run/weir").splitlines())
        say("\n== 4. How to go on")
        say(f"""\
   The configuration above was:

{shown}

   install      make -C {proc.build_dir()} install
   user         adduser --system --group weir
   configure    install -D -m 644 contrib/weir.conf /etc/weir/weir.conf
                and change it, see weir.conf(5); weir -t says what is wrong
   start        systemctl daemon-reload; systemctl start weir
   connect      weirctl mta-config postfix    prints the settings for main.cf
   try rules    weir-drive -c FILE --eml MAIL runs a mail without any MTA
   test all     contrib/check""")
        if keep:
            input("\n   Everything still runs; Enter stops it. ")
    except Wrong as wrong:
        sys.exit(f"quickstart: {wrong}\n{demo.weir.log()[-3000:]}")
    finally:
        demo.stop()
        shutil.rmtree(folder, ignore_errors=True)
    say("\n   All four messages met the verdict announced for them; "
        "everything is stopped.")


if __name__ == "__main__":
    main()
