# SPDX-License-Identifier: GPL-2.0-or-later
"""Policy requests as they were seen in the field, and in pieces."""

import socket

import pytest

from weirtest import corpus, daemon
from weirtest.policy import DEFAULTS

from test_explain import records

ARCHIVE = "milter-policy/postfix-policy-requests"
CONF = daemon.listener("policy", "policy", "unix:{dir}/p.sock")


def samples():
    folder = corpus.unpack(ARCHIVE)
    return sorted(folder.rglob("*.txt")) if folder is not None else []


@pytest.mark.parametrize("split", [False, True], ids=["whole", "octets"])
@pytest.mark.parametrize("path", samples() or [None],
                         ids=lambda p: p.stem if p else "absent")
def test_sample(weir, policy_client, path, split):
    if path is None:
        pytest.skip(f"no test data: {corpus.data_dir() / ARCHIVE}.tar.xz")
    one = weir(CONF)
    client = policy_client(f"unix:{one.dir}/p.sock")
    data = path.read_bytes()
    requests = data.split(b"\n\n")
    complete = [r for r in requests[:-1] if r.strip()]
    # one at a time, as Postfix does: it waits for each answer
    for request in complete:
        client.send_raw(request.strip(b"\n") + b"\n\n", split)
        if request.lstrip().startswith(b"request="):
            assert client.answer() == "DUNNO"
            continue
        # a blank line inside: the rest is no request
        answer = client.answer()
        assert answer is None or answer.split()[0] in (
            "DUNNO", "DEFER", "DEFER_IF_PERMIT")
        return
    rest = requests[-1].strip(b"\n")
    if rest:
        client.send_raw(rest, split)
        client.sock.settimeout(0.2)
        with pytest.raises(socket.timeout):
            client.answer()
        client.sock.settimeout(10)
        client.send_raw(b"\n\n", split)
        assert client.answer() == "DUNNO"


def test_many_requests_on_one_connection(weir, policy_client):
    one = weir(CONF)
    client = policy_client(f"unix:{one.dir}/p.sock")
    for i in range(200):
        assert client.ask(instance=f"{i}.1.2.0") == "DUNNO"


@pytest.mark.parametrize("absent", sorted(set(DEFAULTS) - {"request"}))
def test_no_attribute_is_needed(weir, policy_client, absent):
    one = weir(CONF)
    client = policy_client(f"unix:{one.dir}/p.sock")
    assert client.ask(**{absent: None}) == "DUNNO"


def test_unknown_attributes_are_ignored(weir, policy_client):
    one = weir(CONF)
    client = policy_client(f"unix:{one.dir}/p.sock")
    assert client.ask(some_new_thing="yes", server_name="x") == "DUNNO"


@pytest.mark.parametrize("junk", [
    b"\n\n", b"no equal sign\n\n", b"request=other\n\n",
    b"sender=a@b\n\n", b"request=smtpd_access_policy\n\0=\0\n\n",
    b"request=smtpd_access_policy\nsender=" + b"a" * 10_000_000 + b"\n\n",
    b"x" * 10_000_000,
    b"request=smtpd_access_policy\n" + b"a=b\n" * 1_000_000 + b"\n",
], ids=["empty", "no-value", "other-request", "no-request", "nul",
        "long-value", "endless-line", "many"])
def test_junk_is_survived(weir, policy_client, junk):
    """Junk ends in a close or a harmless action; the service goes on."""
    one = weir(CONF)
    address = f"unix:{one.dir}/p.sock"
    client = policy_client(address)
    try:
        client.send_raw(junk)
        if not junk.strip():
            # empty lines are no request: they may be passed over
            client.send_raw(b"sender=a@b\n\n")
        answer = client.answer()
    except (BrokenPipeError, ConnectionResetError):
        answer = None
    assert answer is None or answer.split()[0] in (
        "DUNNO", "DEFER", "DEFER_IF_PERMIT"), answer
    assert policy_client(address).ask() == "DUNNO"


def test_end_of_message_has_no_content(weir, policy_client):
    """Checks of the content are not asked, and the record says so."""
    one = weir(CONF + daemon.section("module", "benchmime",
                                     on_failure="tempfail"))
    client = policy_client(f"unix:{one.dir}/p.sock")
    assert client.ask(protocol_state="END-OF-MESSAGE") == "DUNNO"
    client.close()
    record, = records(one, 1)
    assert [u["module"] for u in record["unscanned"]] == ["benchmime"]
    assert "no content" in record["unscanned"][0]["reason"]
