# What the hostile programs share. A deed that succeeds although it must not prints ESCAPED.
import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

CALLS = dict(
    mmap=9, madvise=28, shmget=29, clone=56, semget=64, msgget=68, ptrace=101, personality=135,
    chroot=161, mount=165, umount2=166, pivot_root=155, swapon=167, reboot=169, sethostname=170,
    init_module=175, add_key=248, keyctl=250, unshare=272, perf_event_open=298,
    name_to_handle_at=303, open_by_handle_at=304, setns=308, process_vm_readv=310,
    process_vm_writev=311, kcmp=312, finit_module=313, seccomp=317, memfd_create=319, kexec_load=246,
    bpf=321, userfaultfd=323, io_uring_setup=425, open_tree=428, fsopen=430, clone3=435,
    pidfd_getfd=438, memfd_secret=447, settimeofday=164, clock_settime=227, iopl=172, syslog=103,
    fanotify_init=300, quotactl=179, acct=163, modify_ldt=154, capset=126)


def call(name, *arguments):
    """A raw system call; raises OSError as the kernel says."""
    values = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(CALLS[name] if isinstance(name, str) else name), *values)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(name))
    return result


def escape(deed, *arguments):
    """Does what must fail, and lets the failure end the program."""
    result = deed(*arguments)
    print("ESCAPED", deed, arguments, result, flush=True)


def contained(deed, *arguments):
    """Does what must fail, and goes on when it has."""
    try:
        result = deed(*arguments)
    except OSError as error:
        print("contained:", errno.errorcode.get(error.errno, type(error).__name__), flush=True)
    else:
        print("ESCAPED", deed, arguments, result, flush=True)


def read(path):
    with open(path, "rb") as file:
        return file.read(100)


def write(path, data=b"x"):
    with open(path, "wb") as file:
        return file.write(data)
