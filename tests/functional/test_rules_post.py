# SPDX-License-Identifier: GPL-2.0-or-later
"""Disclaimers, notifications and copies of rules."""

import base64
import email
import email.policy
import os
import re
import subprocess

import pytest

from weirtest import daemon, proc

PLAIN = "Grüße vom Anwalt\nzweite Zeile"
RULE = '''rule "d" { action = disclaimer { text = "%s" %s } }'''


def conf(path, **rows):
    return (daemon.listener("m", "milter", "unix:{dir}/m.sock")
            + daemon.section("rules", path=path, notify_spool="{dir}/state/n",
                             **rows))


@pytest.fixture
def rules(weir, folder):
    """rules(text, **options): a daemon with these rules."""
    def start(text, **rows):
        path = folder / "r.lua"
        path.write_text(text)
        one = weir(conf(path, **rows))
        one.address = f"unix:{one.dir}/m.sock"
        return one
    return start


def send(one, milter_client, raw, **options):
    m = milter_client(one.address)
    m.session()
    reply = m.message(raw, **options)
    m.close()
    return reply


def crlf(text):
    return text.replace("\n", "\r\n").encode() \
        if isinstance(text, str) else text


def edited(raw, reply):
    """The mail as the MTA would deliver it."""
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = re.findall(rb"(?m)^[^ \t\r\n][^\n]*\n(?:[ \t][^\n]*\n)*",
                        head + b"\r\n")
    new = b"".join(v if isinstance(v, bytes) else v[0] for k, v in
                   reply.edits if k == "replace_body")
    changed = any(k == "replace_body" for k, _ in reply.edits)
    for kind, v in reply.edits:
        if kind == "change_header":
            n, name, value = int(v[0]), v[1], v[2]
            at = [i for i, f in enumerate(fields) if f.split(b":")[0].lower()
                  == name.lower().encode()][n - 1]
            fields[at] = b"" if value == "" else (
                f"{name}: {value.strip()}\r\n".replace("\r\n", "\n")
                .replace("\n", "\r\n").encode())
        elif kind == "add_header":
            fields.append(f"{v[0]}: {v[1].strip()}\r\n".encode())
    return b"".join(f for f in fields if f) + b"\r\n" + (
        new if changed else body)


def parse(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def text_of(part):
    data = part.get_payload(decode=True)
    return data.decode(part.get_content_charset("ascii")) \
        .replace("\r\n", "\n")


HEAD = "From: a@example.org\nSubject: x\nMIME-Version: 1.0\n"


def mail(content_type, encoding, body):
    return crlf(HEAD + f"Content-Type: {content_type}\n"
                f"Content-Transfer-Encoding: {encoding}\n\n") + crlf(body)


SINGLE = [
    ("utf-8", "8bit", "größer\n".encode()),
    ("utf-8", "quoted-printable", b"gr=C3=B6=C3=9Fer\n"),
    ("utf-8", "quoted-printable", b"ends softly=\n"),
    ("utf-8", "base64", base64.encodebytes("größer\n".encode())),
    ("utf-8", "base64", base64.encodebytes(b"no line end")),
    ("iso-8859-1", "8bit", "größer\n".encode("latin-1")),
    ("iso-8859-1", "quoted-printable", b"gr=F6=DFer\n"),
    ("windows-1252", "base64", base64.encodebytes(
        "größer\n".encode("cp1252"))),
]


@pytest.mark.parametrize("charset, encoding, body", SINGLE)
@pytest.mark.parametrize("place", ["end", "top"])
def test_text_in_its_own_charset(rules, milter_client, charset, encoding,
                                 body, place):
    one = rules(RULE % (PLAIN.replace("\n", "\\n"), f', position = "{place}"'))
    raw = mail(f"text/plain; charset={charset}", encoding,
               body.replace(b"\n", b"\r\n"))
    before = parse(raw)
    reply = send(one, milter_client, raw)
    after_raw = edited(raw, reply)
    after = parse(after_raw)
    assert after.items() == before.items()
    old, new = text_of(before), text_of(after)
    old = old.rstrip("\n")
    if place == "end":
        assert new.startswith(old) and new.rstrip("\n") == \
            old + ("\n" if old else "") + "--\n" + PLAIN, (old, new)
    else:
        assert new.rstrip("\n") == PLAIN + "\n--\n" + old, (old, new)
    if encoding != "base64":
        # the octets of the mail stand untouched beside it
        kept = body.replace(b"\n", b"\r\n").rstrip(b"\r\n")
        assert kept in after_raw
    assert all(len(line) <= 998 for line in after_raw.split(b"\r\n"))


MIXED = ('''multipart/mixed; boundary=m''', '''
--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Hallo Grüße
--a
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<html><BODY class=3D"x">Hallo Gr=FC=DFe</bo=
dy></html>
--a--
--m
Content-Type: text/plain; name=notes.txt
Content-Disposition: attachment; filename=notes.txt

not here
--m
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

AAECAwQ=
--m--
''')


@pytest.mark.parametrize("place", ["end", "top"])
def test_alternative(rules, milter_client, place):
    """Both readings, nothing else; the rest stays octet by octet."""
    one = rules(RULE % ("Größe & <b>", ', html = "<i>Größe &amp; __SENDER__'
                        f'</i>", position = "{place}"'))
    raw = crlf(HEAD + f"Content-Type: {MIXED[0]}\n") + crlf(MIXED[1])
    reply = send(one, milter_client, raw, sender="<x&y@example.org>")
    out = edited(raw, reply)
    parts = list(parse(out).walk())
    plain, html, notes = parts[2], parts[3], parts[4]
    want = "Größe & <b>"
    note = "<div>--<br>\n<i>Gr&#246;&#223;e &amp; x&amp;y@example.org" \
        "</i></div>"
    if place == "end":
        assert text_of(plain) == "Hallo Grüße\n--\n" + want
        assert re.search(r'Hallo Grüße\n?<div>--<br>\n<i>Gr&#246;&#223;e '
                         r'&amp; x&amp;y@example.org</i></div>\n</body>',
                         text_of(html)), text_of(html)
    else:
        assert text_of(plain) == want + "\n--\nHallo Grüße"
        assert re.search(r'class="x">\n<div><i>.*</i><br>\n--<br></div>\n'
                         'Hallo', text_of(html)), text_of(html)
    assert note or notes
    assert text_of(notes).strip() == "not here"
    tail = crlf(MIXED[1][MIXED[1].index("--a--"):])
    assert out.endswith(tail)
    assert len(parts) == 6


@pytest.mark.parametrize("raw", [
    # 7 bit, and a charset without such letters
    mail("text/plain; charset=us-ascii", "7bit", "plain\nends\n"),
    crlf("From: a@example.org\nSubject: x\n\nno MIME at all\n"),
    mail("text/plain; charset=iso-8859-7", "8bit",
         "\u03b1\r\n".encode("iso-8859-7")),
    mail("text/plain; charset=utf-16", "base64",
         base64.encodebytes("hallo".encode("utf-16")).replace(b"\n",
                                                              b"\r\n")),
    mail("text/plain; charset=no-such-thing", "8bit", b"x\xff\r\n"),
    # no text at all
    mail("application/pdf; name=x.pdf", "base64", "JVBERi0xLjQK\n"),
    crlf(HEAD + "Content-Type: multipart/mixed; boundary=q\n\n--q\n"
         "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n"
         "iVBORw0KGgo=\n--q--\n"),
])
def test_beside_what_can_not_take_it(rules, milter_client, raw):
    """The mail becomes one part, octet by octet; the text is the other."""
    one = rules(RULE % ("Größe", ""))
    reply = send(one, milter_client, raw)
    out = edited(raw, reply)
    after = parse(out)
    assert after.get_content_type() == "multipart/mixed"
    assert not after.defects, after.defects
    old, new = after.get_payload()
    before = parse(raw)
    assert old.get_content_type() == before.get_content_type()
    assert old.as_bytes().replace(b"\r\n", b"\n").rstrip(b"\n").endswith(
        raw.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n").rstrip(b"\n"))
    assert raw.partition(b"\r\n\r\n")[2] in out
    assert text_of(new).strip() == "--\nGröße"
    assert after["MIME-Version"] == "1.0"
    assert after["From"] == before["From"]


def wait_for(test):
    return proc.wait_for(test, 15)


def said(one, text, times=1):
    """The log, which a thread writes, has so many lines with the text."""
    wait_for(lambda: one.log().count(text) >= times)
    assert one.log().count(text) == times, one.log()


SEALED = [
    (crlf(HEAD + "Content-Type: multipart/signed; boundary=s; micalg=pgp-sha1;"
          " protocol=\"application/pgp-signature\"\n\n--s\n\nhello\n--s\n"
          "Content-Type: application/pgp-signature\n\nx\n--s--\n"),
     "signed or encrypted"),
    (crlf(HEAD + "Content-Type: multipart/mixed; boundary=m\n\n--m\n"
          "Content-Type: multipart/encrypted; boundary=s; protocol=x\n\n--s\n"
          "Content-Type: application/pgp-encrypted\n\nVersion: 1\n--s\n"
          "Content-Type: application/octet-stream\n\nx\n--s--\n--m--\n"),
     "signed or encrypted"),
    (mail("application/pkcs7-mime; smime-type=enveloped-data", "base64",
          "AAAA\n"), "signed or encrypted"),
    (mail("text/plain", "7bit", "x\n-----BEGIN PGP SIGNED MESSAGE-----\n"
          "Hash: SHA256\n\nhello\n"), "signed or encrypted"),
    (crlf(HEAD + "Content-Type: multipart/report; boundary=s; "
          "report-type=delivery-status\n\n--s\n\nhello\n--s--\n"), "a report"),
    (crlf(HEAD + "Content-Type: multipart/mixed; boundary=s\n\n--s\n\nhello\n"
          ), "ambiguous or incomplete"),
    (crlf(HEAD + "Content-Type: multipart/mixed; boundary=s; boundary=t\n\n"
          "--s\n\nhello\n--s--\n"), "ambiguous or incomplete"),
]


@pytest.mark.parametrize("raw, why", SEALED)
def test_left_alone(rules, milter_client, raw, why):
    one = rules(RULE % ("Text", "") + '''
rule "after" { priority = 1, function(mail)
    mail:add_header("X-Fact", mail:fact("rules.disclaimer")) end }''')
    reply = send(one, milter_client, raw)
    assert [k for k, _ in reply.edits] == ["add_header"], reply
    assert "left alone: it" in str(reply.edits) and why in str(reply.edits)
    said(one, "no disclaimer, the mail is left alone")


def test_two_disclaimers_and_methods(rules, milter_client):
    """All rules see the mail as it came; their texts follow one another."""
    one = rules('''
rule "one" { priority = 60, action = disclaimer { text = "one __RULE__",
    separator = "" } }
rule "two" { function(mail)
    mail:disclaimer { text = "two " .. mail:expand("__RULE__/__SUBJECT__"),
                      position = "end" }
    assert(not pcall(mail.disclaimer, mail, { txt = "x" }))
    assert(not pcall(mail.disclaimer, mail, { text = "x", position = "in" }))
end }
rule "shadow" { shadow = true, action = disclaimer { text = "never" } }''')
    raw = mail("text/plain", "7bit", "hello\n")
    out = edited(raw, send(one, milter_client, raw))
    assert out.endswith(b"\r\n\r\nhello\r\none one\r\n--\r\ntwo two/x\r\n")
    assert "disclaimer" not in one.log()


NOTIFY = '''rule "n" { to = domain "example.net", action = notify {
    to = "%s", subject = "Grüße: __SUBJECT__",
    body = "Von __SENDER__ an __TARGETS__\\nRegel __RULE__.\\n.\\n",
    attach = "%s" } }'''


def spool(one):
    path = one.state / "n"
    return sorted(os.listdir(path)) if path.exists() else []


@pytest.mark.parametrize("attach", ["none", "header", "mail"])
def test_notify(rules, milter_client, sink, attach):
    one = rules(NOTIFY % ("admin@example.com, __SENDER__", attach),
                notify_server=f"inet:{sink.address}")
    raw = mail("text/plain; charset=utf-8", "8bit", "größer\n.dot\n")
    raw = raw.replace(b"Subject: x", b"Subject: a\r\n =?utf-8?q?b=0D=0AEvil:"
                      b"_c?=")
    for _ in range(3):  # sent again: told once
        reply = send(one, milter_client, raw)
        assert reply.kind in ("accept", "continue") and not reply.edits
    got = sink.wait(2)
    wait_for(lambda: len([n for n in spool(one) if n.endswith(".done")]) == 2)
    assert len(sink.messages) == 2
    assert {m.sender for m in got} == {""}
    assert sorted(m.recipients[0] for m in got) == ["admin@example.com",
                                                    "sender@example.org"]
    m = parse(got[0].data)
    assert not m.defects, m.defects
    assert m["Auto-Submitted"] == "auto-generated"
    assert m["Evil"] is None
    assert m["Subject"].startswith("Grüße: a b"), m["Subject"]
    assert m["From"] and m["Date"] and m["Message-ID"]
    parts = [p for p in m.walk() if not p.is_multipart()]
    assert text_of(parts[0]).rstrip("\n") == \
        "Von sender@example.org an user@example.net\nRegel n.\n."
    if attach == "mail":
        inner = [p for p in m.walk()
                 if p.get_content_type() == "message/rfc822"]
        assert raw.partition(b"\r\n\r\n")[2] in got[0].data
        assert len(inner) == 1
    if attach == "header":
        assert b"Content-Type: text/rfc822-headers" in got[0].data
        assert b".dot" not in got[0].data
    assert not [n for n in spool(one) if n.endswith((".mail", ".failed"))]


def test_notify_nobody_and_junk(rules, milter_client, sink):
    """A bounce's sender is nobody; what is no address is left out."""
    one = rules('''
rule "n" { action = notify { to = "__SENDER__", subject = "s", body = "b" } }
rule "j" { action = notify { to = "a b@c, <x>@y, no", subject = "s",
    body = "b" } }''', notify_server=f"inet:{sink.address}")
    reply = send(one, milter_client, mail("text/plain", "7bit", "x\n"),
                 sender="<>")
    assert reply.kind in ("accept", "continue")
    said(one, "nobody to notify", 2)
    said(one, "not an address", 3)
    assert not [n for n in spool(one) if n.endswith(".mail")]


def test_waits_for_the_mta(rules, milter_client, folder, sink):
    """Nobody listens: mail flows, and what is queued is sent later, also by
    the workers of another start."""
    path = folder / "mta.sock"
    one = rules(NOTIFY % ("admin@example.com", "none"),
                notify_server=f"unix:{path}")
    for i in range(5):
        raw = mail("text/plain", "7bit", f"{i}\n").replace(
            b"Subject: x", b"Subject: %d" % i)
        assert send(one, milter_client, raw).kind in ("accept", "continue")
    assert len([n for n in spool(one) if n.endswith(".mail")]) == 5
    wait_for(lambda: "5 mails wait" in one.log())
    os.kill(one.pid, 0)
    text = one.conf_path.read_text().replace(f"unix:{path}",
                                             f"inet:{sink.address}")
    one.conf_path.write_text(text)
    one.ctl("reload")
    send(one, milter_client, mail("text/plain", "7bit", "6\n"))
    got = sink.wait(6)
    wait_for(lambda: not [n for n in spool(one) if n.endswith(".mail")])
    subjects = sorted(parse(m.data)["Subject"] for m in got)
    assert subjects == sorted([f"Grüße: {i}" for i in range(5)]
                              + ["Grüße: x"])
    assert len(sink.messages) == 6


def test_refused_by_the_mta(rules, milter_client, sink):
    """4xx waits, 5xx is kept for the operator; the others get theirs."""
    sink.rcpt_replies["never@example.com"] = "550 5.1.1 no such user"
    sink.rcpt_replies["later@example.com"] = "451 4.3.0 later"
    one = rules(NOTIFY % ("never@example.com, later@example.com, "
                          "good@example.com", "none"),
                notify_server=f"inet:{sink.address}")
    send(one, milter_client, mail("text/plain", "7bit", "x\n"))
    got = sink.wait(1)
    assert got[0].recipients == ["good@example.com"]
    wait_for(lambda: [n for n in spool(one) if n.endswith(".failed")])
    wait_for(lambda: len([n for n in spool(one)
                          if n.endswith(".mail")]) == 1)
    said(one, "550 5.1.1 no such user")
    del sink.rcpt_replies["later@example.com"]
    got = sink.wait(2, timeout=20)
    assert got[1].recipients == ["later@example.com"]


def test_loops_and_storms(rules, milter_client, sink):
    """What a rule has sent causes no other; and so many an hour."""
    one = rules('rule "all" { action = notify { to = "admin@example.net", '
                'subject = "s __SUBJECT__", body = "b" } }',
                notify_server=f"inet:{sink.address}", notify_max=3)
    send(one, milter_client, mail("text/plain", "7bit", "x\n"))
    own = sink.wait(1)[0]
    # comes back through the filter
    reply = send(one, milter_client, own.data, sender="<>",
                 recipients=["<Admin@example.net>"])
    assert reply.kind in ("accept", "continue")
    said(one, "no other is sent about it")
    # its token serves nobody else
    send(one, milter_client, own.data, sender="<>",
         recipients=["<other@example.net>"])
    send(one, milter_client, own.data, sender="<a@example.org>",
         recipients=["<admin@example.net>"])
    sink.wait(3)
    for i in range(5):
        send(one, milter_client, mail("text/plain", "7bit", "x\n").replace(
            b"Subject: x", b"Subject: %d" % i))
    said(one, "more than 3 notifications an hour")
    assert "weir_rules_notify_limited_total 5" in one.ctl("metrics")


def test_spool_out_of_order(rules, milter_client, sink):
    """What can't be queued is not forgotten: the mail waits."""
    one = rules(NOTIFY % ("admin@example.com", "none"),
                notify_server=f"inet:{sink.address}")
    blocked = one.state / "n"
    blocked.write_text("a file where the folder should be")
    reply = send(one, milter_client, mail("text/plain", "7bit", "x\n"))
    assert reply.kind == "replycode" and reply.code == 4, reply
    blocked.unlink()
    reply = send(one, milter_client, mail("text/plain", "7bit", "x\n"))
    assert reply.kind in ("accept", "continue"), one.log()
    sink.wait(1)


def test_killed_worker_loses_nothing(rules, milter_client, folder, sink):
    """A worker that dies with mail in its spool: the next one sends it,
    once."""
    one = rules(NOTIFY % ("admin@example.com", "none"),
                notify_server=f"unix:{folder}/mta.sock")
    for i in range(3):
        send(one, milter_client, mail("text/plain", "7bit", "x\n").replace(
            b"Subject: x", b"Subject: %d" % i))
    worker = one.ctl_json("status")["workers"][0]["pid"]
    os.kill(worker, 9)
    wait_for(lambda: "killed" in one.log() or "died" in one.log())
    text = one.conf_path.read_text().replace(
        f"unix:{folder}/mta.sock", f"inet:{sink.address}")
    one.conf_path.write_text(text)
    wait_for(lambda: "serving" in one.ctl("status", check=False))
    one.ctl("reload")
    # the sender's MTA tries the last one again: it was queued before
    send(one, milter_client, mail("text/plain", "7bit", "x\n").replace(
        b"Subject: x", b"Subject: 2"))
    assert len(sink.wait(3)) == 3
    wait_for(lambda: not [n for n in spool(one) if n.endswith(".mail")])
    assert len(sink.messages) == 3


def test_killed_behind_the_mta_s_answer(rules, milter_client, sink):
    """The MTA has taken it, and the worker dies before its spool says so: it
    is sent at least once, so again, with the same Message-ID.  No session is
    needed for that."""
    one = rules(NOTIFY % ("admin@example.com", "none"),
                notify_server=f"inet:{sink.address}")
    pid = one.ctl_json("status")["workers"][0]["pid"]

    def kill():
        sink.on_taken = None
        os.kill(pid, 9)
    sink.on_taken = kill
    send(one, milter_client, mail("text/plain", "7bit", "x\n"))
    got = sink.wait(2)
    wait_for(lambda: [n for n in spool(one) if n.endswith(".done")])
    assert not [n for n in spool(one) if n.endswith(".mail")]
    ids = [parse(m.data)["Message-ID"] for m in got]
    assert len(sink.messages) == 2 and ids[0] == ids[1]


def test_spool_needs_no_session(rules, milter_client, folder, sink):
    """What another start has left there is sent by the next one."""
    one = rules(NOTIFY % ("admin@example.com", "none"),
                notify_server=f"unix:{folder}/mta.sock")
    send(one, milter_client, mail("text/plain", "7bit", "x\n"))
    assert [n for n in spool(one) if n.endswith(".mail")]
    one.conf_path.write_text(one.conf_path.read_text().replace(
        f"unix:{folder}/mta.sock", f"inet:{sink.address}"))
    one.ctl("reload")
    sink.wait(1)
    wait_for(lambda: not [n for n in spool(one) if n.endswith(".mail")])


def test_an_hour_of_all_workers(weir, folder, milter_client, sink):
    """notify_max is not each worker's own, and a worker that dies does not
    begin a new hour."""
    path = folder / "r.lua"
    path.write_text(NOTIFY % ("admin@example.com", "none"))
    one = weir(conf(path, notify_server=f"inet:{sink.address}",
                    notify_max=3), workers=3)
    one.address = f"unix:{one.dir}/m.sock"

    def some(first, count):
        for i in range(first, first + count):
            send(one, milter_client, mail("text/plain", "7bit", "x\n")
                 .replace(b"Subject: x", b"Subject: %d" % i))
    some(0, 9)
    sink.wait(3)
    pids = {w["pid"] for w in one.ctl_json("status")["workers"]}
    for pid in pids:
        os.kill(pid, 9)
    wait_for(lambda: len({w["pid"] for w in one.ctl_json("status").get(
        "workers", [])} - pids) == 3 if "serving" in one.ctl(
            "status", check=False) else False)
    some(9, 3)
    assert "more than 3 notifications an hour" in one.log()
    wait_for(lambda: not [n for n in spool(one) if n.endswith(".mail")])
    assert len(sink.messages) == 3


def test_bcc(rules, milter_client, sink):
    one = rules('''
rule "bcc" { action = { bcc("one@example.com", "__SENDER__"),
                        subject "[x]" } }
rule "original" { action = bcc { "archive@example.com", original = true } }
rule "drop" { priority = 1, action = block() }''',
                notify_server=f"inet:{sink.address}")
    raw = mail("text/plain", "8bit", "größer\n.dot\n")
    reply = send(one, milter_client, raw)
    assert reply.kind == "discard", reply
    got = sink.wait(1)[0]
    assert got.recipients == ["archive@example.com"] and got.sender == ""
    # the mail as it came behind our own field
    first, _, rest = got.data.partition(b"\r\n")
    assert first.startswith(b"X-Weir-Notification: ")
    assert rest == raw


def test_tries_send_nothing(folder, sink):
    """weir-drive says what would be sent, and queues nothing."""
    if proc.program("weir-drive") is None:
        pytest.skip("weir-drive is not built")
    (folder / "r.lua").write_text(NOTIFY % ("admin@example.com", "none"))
    (folder / "m.eml").write_bytes(mail("text/plain", "7bit", "x\n"))
    (folder / "weir.conf").write_text(
        f'state_dir = "{folder}/state"\n' + daemon.section(
            "rules", path=folder / "r.lua", notify_spool=folder / "n",
            notify_server=f"inet:{sink.address}"))
    done = subprocess.run(
        [proc.program("weir-drive"), "-c", folder / "weir.conf", "--eml",
         folder / "m.eml", "--rcpt", "u@example.net"],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (folder / "n").exists()
    assert not sink.messages
