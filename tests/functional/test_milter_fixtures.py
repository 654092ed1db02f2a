# SPDX-License-Identifier: GPL-2.0-or-later
"""The scenarios of the milter-manager fixtures, from the MTA's side.

A fixture imports others and adds commands; what its filters would answer is
their business, but the commands are a session that Weir must follow with
right answers, whatever their order: in a legal order nobody has an opinion,
so every answer is "continue"; an illegal order may also end in a closed
connection or a temporary failure."""

import configparser

import pytest

from weirtest import corpus, daemon, proc
from weirtest.milter import Closed, MilterClient

ARCHIVE = "milter-policy/milter-manager-fixtures"
CONF = (daemon.listener("milter", "milter", "unix:{dir}/m.sock")
        + daemon.section("module", "benchmime"))

STEP_BITS = {
    "no-connect": 0x1, "no-helo": 0x2, "no-envelope-from": 0x4,
    "no-envelope-recipient": 0x8, "no-body": 0x10, "no-headers": 0x20,
    "no-end-of-header": 0x40, "no-reply-header": 0x80, "no-unknown": 0x100,
    "no-data": 0x200, "skip": 0x400, "envelope-recipient-rejected": 0x800,
    "header-value-with-leading-space": 0x100000, "none": 0}
ACTION_BITS = {
    "add-headers": 0x1, "change-body": 0x2, "add-envelope-recipient": 0x4,
    "delete-envelope-recipient": 0x8, "change-headers": 0x10,
    "quarantine": 0x20, "change-envelope-from": 0x40,
    "add-envelope-recipient-with-parameters": 0x80,
    "set-symbol-list": 0x100, "none": 0}

# (state, command) -> state; what is missing is out of order.
ORDER = {
    ("start", "negotiate"): "ready", ("ready", "connect"): "connected",
    ("connected", "helo"): "greeted", ("greeted", "helo"): "greeted",
    ("connected", "envelope-from"): "mail",
    ("greeted", "envelope-from"): "mail",
    ("mail", "envelope-recipient"): "rcpt",
    ("rcpt", "envelope-recipient"): "rcpt", ("rcpt", "data"): "data",
    ("data", "header"): "data", ("data", "end-of-header"): "body",
    ("body", "body"): "body", ("body", "end-of-message"): "greeted",
}


def bits(text, table):
    value = 0
    for word in text.split("|"):
        value |= table.get(word.strip(), 0)
    return value


def unescape(text):
    return (text.replace("\\s", " ").replace("\\n", "\n")
            .replace("\\t", "\t").replace("\\r", "\r"))


def read(path):
    parser = configparser.ConfigParser(
        delimiters=("=",), comment_prefixes=("#",), interpolation=None,
        strict=False, empty_lines_in_values=False)
    parser.optionxform = str
    parser.read_string(path.read_text())
    return parser


def commands(path, depth=0):
    """All commands of a fixture and what it imports, in order."""
    if depth > 20:
        raise ValueError(f"{path}: imports itself")
    parser = read(path)
    scenario = parser["scenario"]
    found = []
    if "import" in scenario:
        found = commands(path.parent / scenario["import"], depth + 1)
    # a section named like an imported action overrides its values
    own = scenario.get("actions", "").split(";")
    for i, (name, values) in enumerate(found):
        if name in parser and name not in own:
            found[i] = (name, {**values, **dict(parser[name])})
    for name in own:
        if name and name in parser:
            found.append((name, dict(parser[name])))
    return found


def fixtures():
    folder = corpus.unpack(ARCHIVE)
    return sorted(folder.rglob("*.txt")) if folder is not None else []


FIXTURES = fixtures()


def play(client, command, values):
    """One command; the Reply or None."""
    if "macro" in values:
        words = values["macro"].split(";")
        letter = {"connect": "C", "helo": "H", "envelope-from": "M",
                  "envelope-recipient": "R", "data": "T"}[command]
        client.macros(letter, **{
            k.strip("{}"): v for k, v in zip(words[::2], words[1::2])})
    if command == "negotiate":
        client.negotiate(
            version=int(values.get("version", 6)),
            actions=bits(values.get("action", ""), ACTION_BITS),
            protocol=bits(values.get("step", ""), STEP_BITS))
        return None
    if command == "connect":
        address = values["address"]
        kind, _, rest = address.partition(":")
        port, _, host = rest.partition("@")
        return client.connect(values["host"], host.strip("[]"), int(port),
                              {"inet": "4", "inet6": "6"}[kind])
    if command == "helo":
        return client.helo(values["fqdn"])
    if command == "envelope-from":
        return client.mail(f"<{values['from']}>")
    if command == "envelope-recipient":
        return client.rcpt(f"<{values['recipient']}>")
    if command == "header":
        return client.header(unescape(values["name"]),
                             unescape(values["value"]))
    if command == "body":
        return client.body(unescape(values["chunk"]))
    if command == "end-of-message":
        return client.eom(unescape(values.get("chunk", "")).encode())
    if command == "unknown":
        return client.unknown(values["unknown_command"])
    if command == "abort":
        return client.abort()
    if command == "quit":
        return client.quit()
    return {"data": client.data, "end-of-header": client.eoh}[command]()


@pytest.fixture(scope="module")
def filter_address(tmp_path_factory):
    if not FIXTURES:
        pytest.skip(f"no test data: {corpus.data_dir() / ARCHIVE}.tar.xz")
    if proc.program("weir") is None:
        pytest.skip(f"weir is not built in {proc.build_dir()}")
    folder = tmp_path_factory.mktemp("f")
    one = daemon.Weir(folder, CONF)
    one.start()
    alive = sorted(proc.children(one.pid))
    yield f"unix:{folder}/m.sock"
    try:
        assert sorted(proc.children(one.pid)) == alive, "a worker died"
    finally:
        one.stop()


@pytest.mark.parametrize("split", [False, True], ids=["whole", "octets"])
@pytest.mark.parametrize(
    "path", FIXTURES or [None],
    ids=lambda p: f"{p.parent.name}-{p.stem}" if p else "absent")
def test_fixture(filter_address, path, split):
    script = commands(path)
    if not script:
        # the whole-program ones only name an expected summary
        script = commands(path.parent.parent / "leader" / "quit.txt")
    state = "start"
    with MilterClient(filter_address, timeout=5, split=split) as client:
        if script[0][1].get("command") != "negotiate":
            client.negotiate()
            state = "ready"
        for name, values in script:
            command = values.get("command")
            if command is None:
                continue
            if command == "abort":
                state = "greeted" if state not in ("start", "ready",
                                                   "connected") else state
            elif command not in ("unknown", "quit"):
                state = ORDER.get((state, command), "disorder")
            try:
                reply = play(client, command, values)
            except Closed:
                assert state == "disorder", f"closed at {name}"
                return
            if reply is None or command == "unknown":
                assert reply is None or reply.kind == "continue"
                continue
            if state == "disorder":
                assert reply.code in (2, 4), (name, reply)
                if reply.code == 4:
                    return
            else:
                assert reply.kind == "continue", (name, reply)
        if script[-1][1].get("command") == "quit":
            assert client.closed()
