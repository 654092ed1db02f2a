# SPDX-License-Identifier: GPL-2.0-or-later
"""Attachments made for tests: archives, documents, mails around them.  Nothing
in them does harm: the program is an empty one."""

import binascii
import bz2
import gzip
import io
import lzma
import shutil
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

import pytest

# the head of a program for Windows, without any program
PROGRAM = (b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(188))


def tool(*argv, files=None, want):
    """Run a packer in a folder with these files; octets of the one wanted."""
    if shutil.which(argv[0]) is None:
        pytest.skip(f"no program {argv[0]}")
    with tempfile.TemporaryDirectory(prefix="weir-") as folder:
        for name, data in (files or {"run.exe": PROGRAM}).items():
            (Path(folder) / name).write_bytes(data)
        subprocess.run(argv, cwd=folder, check=True, timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return (Path(folder) / want).read_bytes()


def zipped(files=None, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in (files or {"run.exe": PROGRAM}).items():
            z.writestr(name, data)
    return out.getvalue()


def tarred(files=None):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, data in (files or {"run.exe": PROGRAM}).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def ar(name=b"run.exe", data=PROGRAM):
    head = b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name + b"/", 0, 0, 0,
                                               b"100644", len(data))
    return b"!<arch>\n" + head + data


def cpio(name=b"run.exe", data=PROGRAM):
    def one(n, d):
        fields = [1, 0o100644, 0, 0, 1, 0, len(d), 0, 0, 0, 0, len(n) + 1, 0]
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + n + b"\0"
        head += bytes(-len(head) % 4)
        return head + d + bytes(-len(d) % 4)
    return one(name, data) + one(b"TRAILER!!!", b"")


def cab(name=b"run.exe", data=PROGRAM, flags=0):
    """One folder, stored."""
    entry = struct.pack("<IIHHHH", len(data), 0, 0, 0, 0, 0x20) + name + b"\0"
    block = struct.pack("<IHH", 0, len(data), len(data)) + data
    at = 36 + 8
    size = at + len(entry) + len(block)
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, size, 0, at, 0, 3, 1,
                       1, 1, flags, 0, 0)
    return head + struct.pack("<IHH", at + len(entry), 1, 0) + entry + block


def lha(name=b"run.exe", data=PROGRAM):
    """Level 0, stored."""
    crc = 0
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0xa001 if crc & 1 else 0)
    rest = (b"-lh0-" + struct.pack("<IIIBBB", len(data), len(data), 0, 0x20,
                                   0, len(name)) + name
            + struct.pack("<H", crc))
    return bytes([len(rest), sum(rest) & 0xff]) + rest + data + b"\0"


def rar4(name=b"run.exe", data=PROGRAM, file_flags=0, main_flags=0):
    def block(kind, flags, rest, body=b""):
        head = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
        return struct.pack("<H", zlib.crc32(head) & 0xffff) + head + body
    entry = struct.pack("<IIBIIBBHI", len(data), len(data), 2,
                        zlib.crc32(data), 0, 29, 0x30, len(name), 0x20) + name
    return (b"Rar!\x1a\x07\0" + block(0x73, main_flags, bytes(6))
            + block(0x74, 0x8000 | file_flags, entry, data)
            + block(0x7b, 0x4000, b""))


def vint(n):
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def rar5(name=b"run.exe", data=PROGRAM, encrypted=False, volume=False):
    def block(kind, flags, rest, extra=b"", body=b""):
        inner = vint(kind) + vint(flags)
        if extra:
            inner += vint(len(extra))
        if body:
            inner += vint(len(body))
        inner += rest + extra
        inner = vint(len(inner)) + inner
        return struct.pack("<I", zlib.crc32(inner)) + inner + body
    record = vint(1) + vint(0) + vint(0) + bytes([15]) + bytes(32)
    extra = vint(len(record)) + record if encrypted else b""
    entry = (vint(4) + vint(len(data)) + vint(0x20)
             + struct.pack("<I", zlib.crc32(data)) + vint(0) + vint(1)
             + vint(len(name)) + name)
    return (b"Rar!\x1a\x07\x01\0" + block(1, 0, vint(1 if volume else 0))
            + block(2, 2 | (1 if extra else 0), entry, extra, data)
            + block(5, 0, vint(0)))


def tnef(name=b"run.exe", data=PROGRAM):
    def attribute(level, id_, value):
        return (struct.pack("<BII", level, id_, len(value)) + value
                + struct.pack("<H", sum(value) & 0xffff))
    return (struct.pack("<IH", 0x223e9f78, 1)
            + attribute(1, 0x00089006, struct.pack("<I", 0x10000))
            + attribute(2, 0x00069002, bytes(14))
            + attribute(2, 0x00018010, name + b"\0")
            + attribute(2, 0x0006800f, data))


def vba(text):
    """A module's source as MS-OVBA stores it: literals only."""
    out = b"\x01"
    for at in range(0, len(text), 3000):
        piece = text[at:at + 3000]
        chunk = b"".join(b"\0" + piece[i:i + 8]
                         for i in range(0, len(piece), 8))
        out += struct.pack("<H", 0xb000 | (len(chunk) - 1)) + chunk
    return out


def cfb(streams, clsid=bytes(16)):
    """An OLE2 file; a name "storage/stream" makes the storage.  Everything is
    kept in ordinary sectors of 512 octets."""
    entries = [["Root Entry", 5, 0xfffffffe, 0, 0, []]]
    index = {"": 0}
    body, fat = [], []

    def put(data):
        data += bytes(-len(data) % 512)
        start = len(body)
        for i in range(0, len(data), 512):
            body.append(data[i:i + 512])
            fat.append(len(body))
        fat[-1] = 0xfffffffe
        return start

    def node(path, kind):
        up, _, name = path.rpartition("/")
        if up not in index:
            node(up, 1)
        index[path] = len(entries)
        entries[index[up]][5].append(len(entries))
        entries.append([name, kind, 0xfffffffe, 0, 0, []])
        return entries[-1]

    for path, data in streams.items():
        e = node(path, 2)
        size = max(len(data), 4096)
        e[2], e[3] = put(data + bytes(size - len(data))), size
    none = 0xffffffff
    right = {}
    for e in entries:
        for a, b in zip(e[5], e[5][1:]):
            right[a] = b
    directory = b""
    for i, e in enumerate(entries):
        name = e[0].encode("utf-16-le") + b"\0\0"
        directory += (name.ljust(64, b"\0") + struct.pack(
            "<HBBIII", len(name), e[1], 1, none, right.get(i, none),
            e[5][0] if e[5] else none)
            + (clsid if i == 0 else bytes(16)) + bytes(20)
            + struct.pack("<IQ", e[2], e[3]))
    first = put(directory)
    n_fat = 1
    while (len(fat) + n_fat) > n_fat * 128:
        n_fat += 1
    start = len(body)
    fat += [0xfffffffd] * n_fat
    table = b"".join(struct.pack("<I", f) for f in fat)
    table = table.ljust(n_fat * 512, b"\xff")
    body += [table[i:i + 512] for i in range(0, len(table), 512)]
    difat = [start + i for i in range(n_fat)] + [none] * (109 - n_fat)
    head = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
            + struct.pack("<HHHHH", 0x3e, 3, 0xfffe, 9, 6) + bytes(6)
            + struct.pack("<IIIIIIIII", 0, n_fat, first, 0, 4096, 0xfffffffe,
                          0, 0xfffffffe, 0)
            + b"".join(struct.pack("<I", d) for d in difat))
    return head + b"".join(body)


MODULE = b"Attribute VB_Name = \"M\"\r\n"
AUTO = MODULE + b"Sub AutoOpen()\r\nEnd Sub\r\n"


def word(flags=0, text=b""):
    return struct.pack("<HHHHHH", 0xa5ec, 0xc1, 0, 0, 0, flags) + text


def biff(*records):
    out = b""
    for id_, data in ((0x809, struct.pack("<HH", 0x600, 5)), *records,
                      (0x0a, b"")):
        out += struct.pack("<HH", id_, len(data)) + data
    return out


def native(name=b"run.exe", data=PROGRAM):
    """\\1Ole10Native of the packager."""
    path = b"C:\\" + name + b"\0"
    rest = (struct.pack("<H", 2) + name + b"\0" + path
            + struct.pack("<HH", 0, 3) + struct.pack("<I", len(path)) + path
            + struct.pack("<I", len(data)) + data)
    return struct.pack("<I", len(rest)) + rest


TYPES = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.' \
    b'org/package/2006/content-types"></Types>'


def ooxml(files, types=TYPES):
    return zipped({"[Content_Types].xml": types, **files})


def rels(kind, target, mode="External"):
    return (f'<?xml version="1.0"?><Relationships xmlns="x"><Relationship '
            f'Id="r1" Type="http://schemas.openxmlformats.org/officeDocument'
            f'/2006/relationships/{kind}" Target="{target}" '
            f'TargetMode="{mode}"/></Relationships>').encode()


def odf(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        for name, data in files.items():
            z.writestr(name, data)
    return out.getvalue()


def rtf_object(data=PROGRAM, name=b"run.exe"):
    """RTF with a package."""
    inner = (struct.pack("<H", 2) + name + b"\0" + b"C:\\" + name + b"\0"
             + struct.pack("<HH", 0, 3) + struct.pack("<I", 4) + b"C:\\\0"
             + struct.pack("<I", len(data)) + data)
    ole = (struct.pack("<II", 0x501, 2) + struct.pack("<I", 8) + b"Package\0"
           + struct.pack("<II", 0, 0) + struct.pack("<I", len(inner)) + inner)
    return (b"{\\rtf1{\\object\\objemb{\\*\\objdata "
            + binascii.hexlify(ole) + b"}}}")


def pdf(objects, trailer=b""):
    return (b"%PDF-1.7\n" + b"".join(
        b"%d 0 obj\n%s\nendobj\n" % (i + 1, o) for i, o in enumerate(objects))
        + b"trailer\n<</Root 1 0 R" + trailer + b">>\n%%EOF\n")


def onenote(data=PROGRAM):
    return (bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")
            + bytes(64) + bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
            + struct.pack("<Q", len(data)) + bytes(12) + data + bytes(32))


def outlook(name="run.exe", data=PROGRAM):
    where = "__attach_version1.0_#00000000/"
    return cfb({"__properties_version1.0": b"",
                where + "__substg1.0_3707001F": name.encode("utf-16-le"),
                where + "__substg1.0_37010102": data})


def mail(*parts, boundary="bb", head=""):
    """A mail of parts (header, octets): CRLF line ends, base64."""
    out = [f"From: a@example.org\r\nTo: b@example.net\r\nSubject: s\r\n{head}"
           "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
           f'boundary="{boundary}"\r\n\r\nfor old readers\r\n'.encode()]
    for header, data in parts:
        if isinstance(data, bytes):
            text = binascii.b2a_base64(data, newline=False)
            data = b"\r\n".join(text[i:i + 76]
                                for i in range(0, len(text), 76))
            header += "Content-Transfer-Encoding: base64\r\n"
        else:
            data = data.encode()
        out.append(f"--{boundary}\r\n{header}\r\n".encode() + data + b"\r\n")
    out.append(f"--{boundary}--\r\n".encode())
    return b"".join(out)


TEXT = ("Content-Type: text/plain\r\n", "Dear all,\r\nhere it is.")


def attached(name, data=PROGRAM, kind="application/octet-stream"):
    return (f'Content-Type: {kind}; name="{name}"\r\nContent-Disposition: '
            f'attachment; filename="{name}"\r\n', data)


gz, bz, xz = gzip.compress, bz2.compress, lzma.compress
