#!/usr/bin/python3 -IB
# SPDX-License-Identifier: GPL-2.0-or-later
"""The program of mod_programtest: it does what it is told, good and bad."""

import array
import errno
import json
import os
import signal
import socket
import struct
import sys
import threading
import time

HEAD = struct.Struct("=IIQIiII")
MAGIC, HELLO, REQUEST, CANCEL, RESPONSE, CONFIG = 0x31505257, 1, 2, 3, 4, 5
sock = socket.socket(fileno=3)
cancelled = set()
closed = []


def packet(kind, ident, value=0, payload=b"", flags=0, magic=MAGIC, size=None):
    return HEAD.pack(magic, kind, ident, flags, value,
                     len(payload) if size is None else size, 0) + payload


def receive():
    data, extra, flags, _ = sock.recvmsg(65536 + HEAD.size,
                                         socket.CMSG_SPACE(4))
    if not data:
        time.sleep(60 if closed else 0)
        os._exit(0)
    fds = array.array("i")
    for level, kind, octets in extra:
        fds.frombytes(octets)
    _, kind, ident, flags, value, _, _ = HEAD.unpack(data[:HEAD.size])
    return kind, ident, flags, value, data[HEAD.size:], \
        fds[0] if fds else None


def refused(call, *args):
    """What a call that must fail says."""
    try:
        call(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
    except ValueError:      # what setrlimit makes of it
        return "EPERM"
    return "ALLOWED"


def start(path):
    os.execv(path, [path, "-c", "echo started"])


DENIED = {
    "execve": lambda arg: start(arg or "/bin/sh"),
    "fork": lambda arg: os.fork(),
    "socket": lambda arg: socket.socket(socket.AF_INET),
    "unixsocket": lambda arg: socket.socket(socket.AF_UNIX),
    "socketpair": lambda arg: socket.socketpair(),
    "connect": lambda arg: sock.connect("/dev/null"),
    "kill": lambda arg: os.kill(os.getppid(), 0),
    "killgroup": lambda arg: os.kill(0, 0),
    "setuid": lambda arg: os.setuid(0),
    "read": lambda arg: open(arg).close(),
    "write": lambda arg: open(arg, "w").close(),
    "append": lambda arg: open(arg, "a").close(),
    "truncate": lambda arg: os.truncate(arg, 0),
    "unlink": os.unlink, "mkdir": os.mkdir,
    "chmod": lambda arg: os.chmod(arg, 0o777),
    "rlimit": lambda arg: __import__("resource").setrlimit(
        __import__("resource").RLIMIT_NOFILE, (2000, 2000)),
    "setsid": lambda arg: os.setsid(),
    "nice": lambda arg: os.nice(-1),
    "pdeathsig": lambda arg: prctl(1, 0),
}


def prctl(what, value):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(what, value, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")


def memory(arg):
    try:
        return str(len(bytearray(1 << 29)))
    except MemoryError:
        return "ENOMEM"


def message(fd):
    total = length = 0
    with open(fd, "rb") as f:
        while block := f.read(65536):
            length += len(block)
            for octet in block:
                total = (total * 31 + octet) & 0xFFFFFFFF
        try:
            os.write(f.fileno(), b"x")
            return "WRITABLE"
        except OSError:
            return f"{length} {total} sealed"


def temp(path):
    with open(f"{path}/file", "w+") as f:
        f.write("word")
    return path


def thread():
    seen = []
    one = threading.Thread(target=lambda: seen.append(1))
    one.start()
    one.join()
    return str(len(seen))


def bad(ident, word, arg):
    if word == "crash":
        os.kill(os.getpid(), signal.SIGSEGV) if arg else os.abort()
    elif word == "exit":
        print("these are my last words", file=sys.stderr, flush=True)
        os._exit(int(arg))
    elif word == "raise":
        raise ValueError(arg)
    elif word == "close":
        closed.append(True)
        sock.shutdown(socket.SHUT_RDWR)
        time.sleep(60)
    elif word == "hang":
        time.sleep(60)
    elif word == "spin":
        while True:
            pass
    elif word == "garbage":
        fds = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                array.array("i", [0]))] if arg == "descriptor" else []
        sock.sendmsg([{
            "short": b"x" * 5, "magic": packet(RESPONSE, ident, magic=1),
            "id": packet(RESPONSE, ident + 77),
            "twice": packet(RESPONSE, ident), "hello": packet(HELLO, 1, 1),
            "request": packet(REQUEST, ident, 5), "status":
            packet(RESPONSE, ident, -65), "positive": packet(
                RESPONSE, ident, 1), "size": packet(RESPONSE, ident, size=9),
            "long": packet(RESPONSE, ident, payload=b"x" * 65537),
            "descriptor": packet(RESPONSE, ident)}[arg]], fds)
        if arg == "twice":
            sock.send(packet(RESPONSE, ident))
        time.sleep(60)
    elif word == "flood":
        for i in range(int(arg)):
            print(f"line {i} " + "x" * (2000 if i == 1 else 10))
        sys.stdout.flush()
        return "written"
    else:
        return None


def answer(config, ident, text, fd):
    word, _, arg = text.partition(" ")
    if word == "status":
        return sock.send(packet(RESPONSE, ident, int(arg)))
    if word == "sleep":
        for _ in range(int(arg) // 10):
            if ident in cancelled:
                print("cancelled in time", flush=True)
                break
            time.sleep(0.01)
        text = "slept"
    elif word == "echo":
        text = arg
    elif word == "fill":
        text = "f" * int(arg)
    elif word == "options":
        text = json.dumps(config, sort_keys=True)
    elif word == "environment":
        text = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd(),
                           sorted(os.listdir("/proc/self/fd"))])
    elif word == "message":
        text = message(fd)
    elif word == "temp":
        text = temp(config["temp_dir"])
    elif word == "thread":
        text = thread()
    elif word == "memory":
        text = memory(arg)
    elif word in DENIED:
        text = refused(DENIED[word], arg)
    else:
        text = bad(ident, word, arg)
    sock.send(packet(RESPONSE, ident, payload=text.encode()))


def work(*request):
    try:
        answer(*request)
    except Exception as e:  # noqa: B902
        print(f"{type(e).__name__}: {e}", file=sys.stderr, flush=True)
        os._exit(3)


def main():
    kind, _, _, _, payload, _ = receive()
    assert kind == CONFIG, kind
    config = json.loads(payload)
    init = config["options"]["init"]
    if init == "exit":
        sys.exit("no engine")
    elif init == "hang":
        time.sleep(60)
    elif init == "garbage":
        sock.send(packet(RESPONSE, 1))
    elif init == "many":
        sock.send(packet(HELLO, os.getpid(), 64))
    sock.send(packet(HELLO, os.getpid(), 1 if init == "one" else 4))
    while True:
        kind, ident, _, _, payload, fd = receive()
        if kind == CANCEL:
            cancelled.add(ident)
        elif payload == b"deaf":
            time.sleep(60)
        else:
            threading.Thread(target=work, args=(
                config, ident, payload.decode(), fd), daemon=True).start()


main()
