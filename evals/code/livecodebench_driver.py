"""Judges one program by one problem's tests, inside the sandbox: LiveCodeBench's grader re-created.

Two processes. The judge (this one) holds the expected answers; the candidate, a fork made before they
were read, runs the program and sends what it printed or returned. Profile `official` runs all tests in
one candidate, wrapped as LiveCodeBench 28fef95 (lcb_runner/evaluation/testing_util.py) wraps programs,
with the stand-ins and the guard that its verdicts depend on. Profile `fixed` runs each test in a
process of its own, as __main__, with real pipes.

Input (stdin): a line of JSON {"profile", "function", "timeout", "program": bytes, "inputs": [bytes]},
the texts named there, then a line of JSON [bytes] and the expected texts. Output (descriptor 3):
{"results": [true | -2 | -3 | -4 ...], "code", "message", "error", "output", "input", "expected"}.
"""

import ast
import builtins
import ctypes
import faulthandler
import io
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
import types
import unittest.mock
from decimal import Decimal

RESULT = 3
PR_SET_DUMPABLE = 4
MAX_OUTPUT = 64 << 20  # of one test, for the judge's memory
EXCERPT = 300

STAR_MODULES = ("string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys "
                "json builtins typing").split()
PLAIN_MODULES = [name for name in STAR_MODULES if name not in ("builtins", "typing")]
PRELUDE = "".join([f"from {name} import *\n" for name in STAR_MODULES] + [f"import {name}\n" for name in PLAIN_MODULES]
                  + ["sys.setrecursionlimit(50000)\n"])


class TimeoutException(Exception):
    """Raised by the alarm. Its name matters: verdicts look for it in the repr of what was raised."""


# ------------------------------------------------------------------------------------------- messages


def decode(data):
    return data.decode("utf-8", "surrogatepass")


def encode(text):
    return text.encode("utf-8", "surrogatepass")


def shortened(value):
    text = value if isinstance(value, str) else str(value)
    if len(text) <= EXCERPT:
        return text
    return text[:EXCERPT // 2] + "...(truncated) ..." + text[-(EXCERPT // 2):]


class Channel:
    """Tagged messages between judge and candidate; the judge gives up at a deadline."""

    def __init__(self, read_fd, write_fd, pid=0):
        self.read_fd, self.write_fd = read_fd, write_fd
        self.pid = pid  # of the other side; 0 in the candidate
        self.deadline = None
        self.ended = False

    def send(self, tag, payload=b""):
        data = memoryview(tag + struct.pack("<Q", len(payload)) + payload)
        while data:
            data = data[_os_write(self.write_fd, data):]

    def _read(self, count):
        pieces, left = [], count
        while left:
            if self.pid:
                self._wait()
            piece = _os_read(self.read_fd, min(left, 1 << 20))
            if not piece:
                raise EOFError
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _wait(self):
        """Until there is something to read. The candidate's death counts as its end even when a
        process that it left behind holds the pipe."""
        while True:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if select.select([self.read_fd], [], [], min(left, 0.05 if not self.ended else 0))[0]:
                return
            if self.ended:
                raise EOFError
            self.ended = os.waitpid(self.pid, os.WNOHANG)[0] != 0

    def receive(self):
        tag, size = struct.unpack("<cQ", self._read(9))
        if size > MAX_OUTPUT and self.pid:
            raise OverflowError
        return tag, self._read(size)


# Kept from before any guard sets attributes of `os` to None.
_os_read, _os_write = os.read, os.write


# ------------------------------------------------------------------------------- the candidate, official


def on_alarm(_signal, _frame):
    print("time limit: the alarm went off")  # into what the program has printed, as there
    raise TimeoutException


def guard():
    """What the official guard takes away; programs are judged as if it were not there."""
    faulthandler.disable()
    builtins.quit = None
    builtins.help = None
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in ("kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate replace "
                 "unlink fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir").split():
        setattr(os, name, None)
    for name in ("rmtree", "move", "chown"):
        setattr(shutil, name, None)
    subprocess.Popen = None
    for name in ("ipdb", "joblib", "resource", "psutil", "tkinter"):
        sys.modules[name] = None


def without_main_guard(code):
    """A last `if __name__ == '__main__':` gives way to its body."""
    try:
        tree = ast.parse(code)
        last = tree.body[-1]
        if isinstance(last, ast.If) and ast.unparse(last.test).strip() == "__name__ == '__main__'":
            code = ast.unparse(tree.body[:-1]) + "\n" + ast.unparse(last.body)
    except:  # noqa: E722  the alarm too passes unnoticed here
        pass
    return code


def as_function(code):
    """Imports first, everything else in one function; text that does not parse stays as it is."""
    try:
        imports, others = [], []
        for statement in ast.parse(code).body:
            (imports if isinstance(statement, (ast.Import, ast.ImportFrom)) else others).append(statement)
        nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        function = ast.FunctionDef(name="wrapped_function", args=nothing, body=others, decorator_list=[], lineno=-1)
        return PRELUDE + "\n" + ast.unparse(imports) + "\n" + ast.unparse(function)
    except Exception:
        return code


def load(code, timeout):
    """The module of `code`, or its Solution where the text speaks of one."""
    signal.alarm(timeout)
    try:
        module = types.ModuleType("tmp_sol", "")
        exec(code, module.__dict__)
        return module.Solution() if "class Solution" in code else module
    finally:
        signal.alarm(0)


class StandInBuffer:
    def __init__(self, text):
        self._bytes = text.encode("utf-8")

    def read(self, *_):
        return self._bytes

    def readline(self, *_):
        return self._bytes.split(b"\n")[0] + b"\n"


class StandIn:
    """sys.stdin of a program: whole reads repeat, lines go on, and there is no iteration."""

    def __init__(self, text):
        self._text = text
        self._stream = io.StringIO(text)
        self.buffer = StandInBuffer(text)

    def read(self, *_):
        return self._text

    def readline(self, *arguments):
        return self._stream.readline(*arguments)

    def readlines(self, *_):
        return self._text.split("\n")

    def __getattr__(self, name):
        return getattr(self._stream, name)


class LazyOpen:
    """builtins.open while a program runs: a mock of a file with the input, made when it is used."""

    def __init__(self, text):
        self._text, self._mock = text, None

    def _made(self):
        if self._mock is None:
            self._mock = unittest.mock.mock_open(read_data=self._text)
        return self._mock

    def __call__(self, *arguments, **named):
        return self._made()(*arguments, **named)

    def __getattr__(self, name):
        return getattr(self._made(), name)


class Patched:
    """Attributes replaced for the length of a `with`, in the order given, put back in reverse."""

    def __init__(self, *changes):
        self._changes, self._undo = changes, []

    def __enter__(self):
        try:
            for target, name, value in self._changes:
                # `sys.stdin` is looked up now: of the real stream, until it is itself replaced.
                owner = sys.stdin if target == "stdin" else target
                is_own = name in vars(owner)
                before = getattr(owner, name)
                setattr(owner, name, value)
                self._undo.append((owner, name, before, is_own))
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for owner, name, before, is_own in reversed(self._undo):
            if is_own:
                setattr(owner, name, before)
            else:
                delattr(owner, name)


def call_with_input(function, text):
    lines = iter(text.split("\n"))
    # The methods go onto the stream that a program got by `from sys import stdin`.
    with Patched(("stdin", "read", lambda *_: text), ("stdin", "readlines", lambda *_: text.split("\n")),
                 ("stdin", "readline", lambda *_: next(lines)), (sys, "stdin", StandIn(text)), (builtins, "open", LazyOpen(text))):
        try:
            function()
        except SystemExit:
            pass


class Captured:
    """sys.stdout replaced by a text in memory that cannot be closed."""

    def __enter__(self):
        self._before = sys.stdout
        sys.stdout = self._stream = io.StringIO()
        self._stream.close = lambda _: 1
        return self

    def __exit__(self, *_):
        self.text = self._stream.getvalue()
        sys.stdout = self._before


def send_exception(channel, exception):
    signal.alarm(0)
    text = repr(exception)
    tag = b"T" if "timeoutexception" in text.lower() else b"E"
    channel.send(tag, shortened(text).encode("utf-8", "backslashreplace"))


def run_stdin(channel, program, inputs, timeout):
    module = load(as_function(without_main_guard(program)), timeout)
    function = getattr(module, "wrapped_function")
    for text in inputs:
        signal.alarm(timeout)
        faulthandler.enable()
        with Captured() as captured:
            try:
                call_with_input(function, text)
                signal.alarm(0)
            except Exception as exception:
                send_exception(channel, exception)
                return
            finally:
                signal.alarm(0)
                faulthandler.disable()
        channel.send(b"O", encode(captured.text))
        if channel.receive()[0] != b"G":
            return


def is_plain(value):
    """Whether JSON tells all there is to know about `value`."""
    left = [value]
    while left:
        one = left.pop()
        kind = type(one)
        if kind is list:
            left.extend(one)
        elif kind is dict:
            if any(type(key) is not str for key in one):
                return False
            left.extend(one.values())
        elif one is not None and kind not in (bool, int, float, str):
            return False
    return True


def plain_text(value):
    """`value` as JSON, or None where that would be another value."""
    try:
        text = json.dumps(value)
        return text if is_plain(value) else None
    except Exception:
        return None


def run_function(channel, program, name, inputs, timeout):
    owner = load(PRELUDE + "\n\n" + program, timeout)
    method = getattr(owner, name)
    arguments = [[json.loads(line) for line in text.split("\n")] for text in inputs]
    for given in arguments:
        signal.alarm(timeout)
        faulthandler.enable()
        try:
            value = method(*given)
            signal.alarm(0)
            if isinstance(value, tuple):
                value = list(value)
            text = plain_text(value)
            if text is not None:
                channel.send(b"V", text.encode())
            else:
                # Equal or not is for the value itself to say, now that it is fixed.
                channel.send(b"Q")
                is_equal = value == json.loads(channel.receive()[1])
                channel.send(b"=" if is_equal else b"!")
                if not is_equal:
                    channel.send(b"S", shortened(value).encode("utf-8", "backslashreplace"))
        except Exception as exception:
            send_exception(channel, exception)
            return
        finally:
            signal.alarm(0)
            faulthandler.disable()
        if channel.receive()[0] != b"G":
            return


def candidate(channel, task, program, inputs):
    """The whole of the forked process, official. What is not an Exception ends it without a word."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    sys.stdin.close()
    sys.stdin = open(os.open(os.devnull, os.O_RDONLY), encoding="utf-8", closefd=False)
    signal.signal(signal.SIGALRM, on_alarm)
    guard()
    signal.alarm(task["timeout"])
    try:
        if task["function"]:
            run_function(channel, program, task["function"], inputs, task["timeout"])
        else:
            run_stdin(channel, program, inputs, task["timeout"])
    except Exception as exception:
        channel.send(b"X", shortened(str(exception)).encode("utf-8", "backslashreplace"))
    finally:
        signal.alarm(0)


# -------------------------------------------------------------------------------------------- comparing


def decimals(line):
    try:
        return [Decimal(word) for word in line.split()]
    except Exception:
        return None


def stripped_lines(text):
    return [line.strip() for line in text.strip().split("\n")]


def difference(printed, expected):
    """"" when what was printed counts as right, else why not. May raise, on signalling NaNs."""
    lines, wanted = stripped_lines(printed), stripped_lines(expected)
    if len(lines) != len(wanted):
        return f"{len(lines)} lines printed, {len(wanted)} expected"
    for number, (line, want) in enumerate(zip(lines, wanted), 1):
        if line == want:
            continue
        values, wanted_values = decimals(line), decimals(want)
        if values is None or wanted_values is None or values != wanted_values:
            return f"line {number}: {shortened(line)} where {shortened(want)} is expected"
    return ""


class Verdict:
    """Results so far, and about the first failure what a person wants to know."""

    def __init__(self):
        self.results, self.about = [], {}

    def stop(self, result, code, message, **about):
        self.results.append(result)
        self.about = {"code": code, "message": message, **about}

    def replace(self, result, code, message, **about):
        self.results = []
        self.stop(result, code, message, **about)

    def as_json(self):
        def shown(value):
            return shortened(value).encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value

        return {"results": self.results, **{key: shown(value) for key, value in self.about.items()}}


# ----------------------------------------------------------------------------------- the judge, official


def fork_candidate(body):
    """(channel, pid) of a fork that runs `body(channel)`. It holds neither the result's descriptor
    nor anything that was not read before."""
    there, to_judge = os.pipe()
    to_candidate, here = os.pipe()
    pid = os.fork()
    if pid:
        os.close(to_judge)
        os.close(to_candidate)
        return Channel(there, here, pid), pid
    status = 1
    try:
        os.setpgid(0, 0)
        os.close(there)
        os.close(here)
        os.close(RESULT)
        body(Channel(to_candidate, to_judge))
        status = 0
    finally:
        os._exit(status)


def end(channel, pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass
    if not channel.ended:
        os.waitpid(pid, 0)
    os.close(channel.read_fd)
    os.close(channel.write_fd)


def judge_official(channel, task, inputs, expected):
    verdict = Verdict()
    channel.deadline = time.monotonic() + (task["timeout"] + 1) * len(inputs) + 5
    try:
        wanted = None
        for index, text in enumerate(inputs):
            tag, payload = channel.receive()
            if task["function"] and wanted is None and tag != b"X":
                wanted = [json.loads(one) for one in expected]
            about = {"input": text, "expected": expected[index]}
            if tag == b"X":
                verdict.replace(-4, -4, "error during testing", error=payload.decode())
                break
            if tag == b"Q":
                channel.send(b"A", expected[index].encode("utf-8", "surrogatepass"))
                tag, payload = channel.receive()
            if tag in (b"T", b"E"):
                code, message = (-3, "time limit exceeded") if tag == b"T" else (-4, "runtime error")
                verdict.stop(code, code, message, error=payload.decode(), **about)
                break
            if tag == b"O":
                printed = decode(payload)
                wrong = difference(printed, expected[index])
                if wrong:
                    verdict.stop(-2, -2, "wrong answer: " + wrong, output=printed, **about)
                    break
            elif tag == b"V":
                value = json.loads(payload)
                if value != wanted[index]:
                    verdict.stop(False, -2, "wrong answer", output=str(value), **about)
                    break
            elif tag == b"!":
                verdict.stop(False, -2, "wrong answer", **about)
                tag, payload = channel.receive()
                if tag == b"S":
                    verdict.about["output"] = payload.decode()
                else:  # a value that cannot be shown is an error besides
                    verdict.stop(-4, -4, "runtime error", error=payload.decode(), **about)
                break
            elif tag != b"=":
                raise EOFError
            verdict.results.append(True)
            if index + 1 < len(inputs):
                channel.send(b"G")
    except TimeoutError:
        verdict.replace(-2, -5, "the grader's own time limit for all tests passed")
    except OverflowError:
        verdict.stop(-2, -2, "wrong answer: more output than the grader takes")
    except (EOFError, OSError, struct.error):
        verdict.replace(-2, -5, "the program ended the process that judges it")
    except Exception as exception:
        verdict.replace(-4, -4, "error during testing", error=f"{type(exception).__name__}: {exception}")
    return verdict


# ----------------------------------------------------------------------------------- both sides, fixed


def run_as_main(program, task, text, value_fd):
    """One test in a process of its own; returns its exit status."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    exec(PRELUDE, main.__dict__)
    status = 0
    try:
        exec(compile(program, "program.py", "exec"), main.__dict__)
        if task["function"]:
            owner = main.Solution() if hasattr(main, "Solution") else main
            value = getattr(owner, task["function"])(*[json.loads(line) for line in text.split("\n")])
            data = json.dumps(value).encode()  # tuples are lists
            while data:
                data = data[_os_write(value_fd, data):]
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
    except BaseException:
        traceback.print_exc()
        status = 1
    try:
        threading._shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        status = status or 1
    return status & 0xFF


def start_fixed(program, task, text):
    """(pid, write end of stdin, read ends of stdout or value, stderr)."""
    given, feed = os.pipe()
    take, printed = os.pipe()
    errors, complaints = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setpgid(0, 0)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(given if not task["function"] else null, 0)
            os.dup2(printed if not task["function"] else null, 1)
            os.dup2(complaints, 2)
            value_fd = RESULT
            if task["function"]:
                os.dup2(printed, RESULT, inheritable=False)
            else:
                os.close(RESULT)
            os.closerange(RESULT + 1, 64)
            status = run_as_main(program, task, text, value_fd)
        finally:
            os._exit(status)
    for fd in (given, printed, complaints):
        os.close(fd)
    return pid, feed, take, errors


def run_fixed(program, task, text):
    """(output, last line of stderr, exit status or None at the time limit)."""
    pid, feed, take, errors = start_fixed(program, task, text)
    os.set_blocking(feed, False)
    deadline = time.monotonic() + task["timeout"]
    data = memoryview(b"" if task["function"] else encode(text))
    if not data:
        os.close(feed)
    output, complaints, status = [], b"", None
    open_fds, size, ended = {take, errors}, 0, False
    while open_fds and time.monotonic() < deadline and size <= MAX_OUTPUT:
        ready, writable, _ = select.select(open_fds, [feed] if data else [], [], 0.05)
        if writable:
            try:
                data = data[os.write(feed, data[:1 << 16]):]
            except BrokenPipeError:
                data = data[:0]
            if not data:
                os.close(feed)
        for fd in ready:
            piece = os.read(fd, 1 << 20)
            if not piece:
                open_fds.discard(fd)
            elif fd == take:
                output.append(piece)
                size += len(piece)
            else:
                complaints = (complaints + piece)[-4096:]
        if not ready and not ended:
            found, code = os.waitpid(pid, os.WNOHANG)
            ended = found != 0
            status = code if ended else None
        elif not ready:
            break  # a process it left behind holds the pipes
    while not ended and time.monotonic() < deadline and size <= MAX_OUTPUT:
        found, code = os.waitpid(pid, os.WNOHANG)
        ended = found != 0
        status = code if ended else None
        if not ended:
            time.sleep(0.001)
    if data:
        os.close(feed)
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass
    if not ended:
        os.waitpid(pid, 0)
    os.close(take)
    os.close(errors)
    lines = complaints.decode("utf-8", "replace").strip().split("\n")
    return b"".join(output), lines[-1], status


def judge_fixed(program, task, inputs, expected):
    verdict = Verdict()
    for text, want in zip(inputs, expected):
        about = {"input": text, "expected": want}
        output, complaint, status = run_fixed(program, task, text)
        if len(output) > MAX_OUTPUT:
            verdict.stop(-2, -2, "wrong answer: more output than the grader takes", **about)
            break
        if status is None:
            verdict.stop(-3, -3, "time limit exceeded", **about)
            break
        if status != 0:
            verdict.stop(-4, -4, "runtime error", error=complaint or f"wait status {status}", **about)
            break
        try:
            if task["function"]:
                value = json.loads(output)
                wrong = "" if value == json.loads(want) else f"{shortened(value)} where {shortened(want)} is expected"
            else:
                wrong = difference(output.decode("utf-8", "surrogateescape"), want)
        except Exception as exception:
            wrong = f"{type(exception).__name__}: {exception}"
        if wrong:
            verdict.stop(-2, -2, "wrong answer: " + wrong, output=output.decode("utf-8", "replace"), **about)
            break
        verdict.results.append(True)
    return verdict


# -------------------------------------------------------------------------------------------------- main


class Input:
    """Reads descriptor 0 as far as asked and no further: what a fork must not know stays unread."""

    def line(self):
        line = bytearray()
        while not line.endswith(b"\n"):
            piece = os.read(0, 1)
            if not piece:
                raise EOFError
            line += piece
        return json.loads(line)

    def bytes(self, count):
        pieces = []
        while count:
            piece = os.read(0, min(count, 1 << 20))
            if not piece:
                raise EOFError
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)


def main():
    # A program of the same user could else look into the judge's memory and descriptors.
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    sys.set_int_max_str_digits(50000)
    sys.setrecursionlimit(50000)  # of the official grader, once a program is loaded
    source = Input()
    task = source.line()
    program = source.bytes(task["program"]).decode("utf-8", "replace")
    inputs = [decode(source.bytes(count)) for count in task["inputs"]]
    if not inputs:
        verdict = Verdict()
    elif task["profile"] == "official":
        channel, pid = fork_candidate(lambda there: candidate(there, task, program, inputs))
        expected = [decode(source.bytes(count)) for count in source.line()]
        verdict = judge_official(channel, task, inputs, expected)
        end(channel, pid)
    else:
        expected = [decode(source.bytes(count)) for count in source.line()]
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        verdict = judge_fixed(program, task, inputs, expected)
    data = json.dumps(verdict.as_json()).encode()
    while data:
        data = data[os.write(RESULT, data):]


main()
