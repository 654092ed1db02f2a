# SPDX-License-Identifier: GPL-2.0-or-later
"""Another implementation of the MTA's side: OpenDKIM's miltertest."""

import shutil
import subprocess

import pytest
from weirtest import daemon

CONF = (daemon.listener("m", "milter", "unix:{dir}/m.sock")
        + 'dns { zone = "{dir}/t.zone" }\n'
        'module "rbl" { zone "bl.example" '
        '{ codes = {"127.0.0.2"}  score = 20  test = no } }\n'
        "action { reject = 15  add_header = 5 }\n")
ZONE = "$TTL 300\n7.113.0.203.bl.example. A 127.0.0.2\n"

SCRIPT = """\
conn = mt.connect("{dir}/m.sock")
if conn == nil then error("no connection") end
function step(status, what)
    if status ~= nil then error(what .. " failed") end
end
step(mt.conninfo(conn, "client.example.org", "{client}"), "conninfo")
step(mt.helo(conn, "client.example.org"), "helo")
step(mt.mailfrom(conn, "<sender@example.org>"), "mailfrom")
step(mt.rcptto(conn, "<user@example.net>"), "rcptto")
{rest}
mt.disconnect(conn)
"""
CLEAN = """\
if mt.getreply(conn) ~= SMFIR_CONTINUE then error("rcpt refused") end
step(mt.header(conn, "From", "sender@example.org"), "header")
step(mt.header(conn, "Subject", "miltertest"), "header")
-- no end of header, no body: nobody here wants them, so they are not asked for
step(mt.eom(conn), "eom")
if mt.getreply(conn) ~= SMFIR_CONTINUE and
    mt.getreply(conn) ~= SMFIR_ACCEPT then error("refused at eom") end
if not mt.eom_check(conn, MT_HDRADD, "X-Weir-Score") then
    error("no X-Weir-Score was added")
end
"""
LISTED = """\
if mt.getreply(conn) ~= SMFIR_REPLYCODE then
    error("rcpt of a listed client: " .. mt.getreply(conn))
end
"""


@pytest.mark.parametrize("client, rest", [("192.0.2.1", CLEAN),
                                          ("203.0.113.7", LISTED)],
                         ids=["clean", "listed"])
def test_miltertest(folder, weir, client, rest):
    if shutil.which("miltertest") is None:
        pytest.skip("miltertest is not installed")
    where = folder / "weir0"
    zone = folder / "t.zone"
    zone.write_text(ZONE)
    one = weir(CONF.replace("{dir}/t.zone", str(zone)))
    assert one.dir == where
    script = folder / "script.lua"
    script.write_text(SCRIPT.replace("{rest}", rest)
                      .replace("{dir}", str(one.dir))
                      .replace("{client}", client))
    done = subprocess.run(["miltertest", "-s", script], capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr + one.log()
