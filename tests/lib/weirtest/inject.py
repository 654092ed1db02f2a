# SPDX-License-Identifier: GPL-2.0-or-later
"""System calls made by another process, as if its own code had made them: what
the kernel answers there is what its sandbox allows."""

import ctypes
import errno
import os
import platform

import pytest

SEIZE, INTERRUPT, SINGLESTEP, DETACH = 0x4206, 0x4207, 9, 17
GETREGS, SETREGS = 12, 13
WALL = 0x40000000
CALLS = {"socket": 41, "connect": 42, "sendto": 44, "clone": 56, "fork": 57,
         "vfork": 58, "execve": 59, "kill": 62, "ptrace": 101, "getpid": 39,
         "openat": 257, "execveat": 322, "io_uring_setup": 425}
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax "
         "rip cs eflags rsp ss fs_base gs_base ds es fs gs").split()


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in NAMES]


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                        ctypes.c_void_p]


def trace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"ptrace: {os.strerror(code)}")


class Inside:
    """with Inside(pid) as p: p.call("socket", 2, 1, 0)"""

    def __init__(self, pid):
        if platform.machine() != "x86_64" or os.geteuid() != 0:
            pytest.skip("system calls are injected on x86-64, by root")
        self.pid = pid

    def __enter__(self):
        trace(SEIZE, self.pid)
        trace(INTERRUPT, self.pid)
        os.waitpid(self.pid, WALL)
        self.kept = self.registers()
        self.memory = open(f"/proc/{self.pid}/mem", "r+b", buffering=0)
        # below what functions without a frame may use
        self.scratch = (self.kept.rsp - 1024) & ~15
        self.under = self.peek(self.scratch, 256)
        self.gate = self.find()
        return self

    def __exit__(self, *_):
        self.poke(self.scratch, self.under)
        self.memory.close()
        trace(SETREGS, self.pid, ctypes.addressof(self.kept))
        trace(DETACH, self.pid)

    def registers(self):
        found = Registers()
        trace(GETREGS, self.pid, ctypes.addressof(found))
        return found

    def peek(self, at, n):
        self.memory.seek(at)
        return self.memory.read(n)

    def poke(self, at, data):
        self.memory.seek(at)
        self.memory.write(data)

    def find(self):
        """The address of an instruction that makes a system call."""
        with open(f"/proc/{self.pid}/maps") as f:
            lines = [line.split() for line in f]
        for fields in lines:
            if "x" not in fields[1] or fields[-1] in ("[vdso]",
                                                      "[vsyscall]"):
                continue
            begin, end = (int(x, 16) for x in fields[0].split("-"))
            at = self.peek(begin, end - begin).find(b"\x0f\x05")
            if at >= 0:
                return begin + at
        raise AssertionError("no system call in the program's text")

    def call(self, name, *args):
        """Its result; octets among the arguments are put into memory."""
        regs = Registers.from_buffer_copy(self.kept)
        at = self.scratch
        values = []
        for one in args:
            if isinstance(one, bytes):
                self.poke(at, one + b"\0")
                one, at = at, at + (len(one) + 16 & ~15)
            values.append(one & (1 << 64) - 1)
        for register, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"),
                                   values + [0] * 6):
            setattr(regs, register, value)
        regs.rax, regs.orig_rax = CALLS[name], (1 << 64) - 1
        regs.rip = self.gate
        trace(SETREGS, self.pid, ctypes.addressof(regs))
        trace(SINGLESTEP, self.pid)
        _, status = os.waitpid(self.pid, WALL)
        assert os.WIFSTOPPED(status), "the process ended"
        return ctypes.c_int64(self.registers().rax).value

    def refused(self, name, *args):
        """None, or what came instead of the refusal."""
        got = self.call(name, *args)
        return None if got in (-errno.EPERM, -errno.EACCES, -errno.ENOSYS) \
            else (name, got)
