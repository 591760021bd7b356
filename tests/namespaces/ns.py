# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces and processes for tests. Standard library only; root.

Namespaces are named ingot-PID-NAME and go away with the Network, whatever happens in between; a process that was started
in one is ended with it. Tests are functions run by main(), which prints one line each and a closing line that counts."""

import atexit
import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLONE_NEWNET = 0x40000000
# No test sends these: a program that ends by one, or whose shell says so, has failed by itself (assert() says no more).
CRASHES = {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}
libc = ctypes.CDLL(None, use_errno=True)


def _program(folder, program):
    path = os.path.join(TOP, folder, program)
    if not os.path.exists(path):
        sys.exit(f"{path} is missing: run make first")
    return path


def built(program):
    """The path of a program of the build under test: INGOT_BUILD, or VARIANT as for make."""
    variant = os.environ.get("VARIANT", "release")
    return _program(os.environ.get("INGOT_BUILD") or ("build" if variant == "release" else f"build/{variant}"), program)


def as_released(program):
    """The path of a program of the release build, for what a sanitizer would change: how much memory it takes."""
    return _program("build", program)


def need(*programs):
    missing = [p for p in programs if not shutil.which(p, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")]
    if missing:
        sys.exit("missing: " + " ".join(missing) + " (sudo make deps)")


def check_sanitizer(text):
    if "Sanitizer" in text or "runtime error:" in text:
        raise AssertionError(text)


def check_crash(argv, code, text):
    for crash in CRASHES:
        if code in (-crash, 128 + crash):
            raise AssertionError(f"{' '.join(map(str, argv))} ended by {crash.name}:\n{text}")


def run(*argv, check=True, seconds=60, **kwargs):
    result = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, **kwargs)
    check_sanitizer(result.stderr)
    check_crash(argv, result.returncode, result.stderr)
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: {result.stdout}{result.stderr}")
    return result


def wait_until(condition, seconds, what):
    """Calls condition until it gives something true, and returns that. Only where no event tells."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        select.select([], [], [], 0.02)


def show_number(sysroot, name, device):
    """Puts a device's number into a recorded sysfs, for the disk of that name."""
    number = os.stat(device).st_rdev
    numbers = os.path.join(sysroot, "sys/dev/block")
    os.makedirs(numbers, exist_ok=True)
    os.symlink(f"../../block/{name}", os.path.join(numbers, f"{os.major(number)}:{os.minor(number)}"))


class Process:
    """A child with pipes. Its output is kept whole in .text."""

    def __init__(self, argv, **kwargs):
        self.argv = argv
        self.text = ""
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        **kwargs)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.seen = 0

    @property
    def pid(self):
        return self.process.pid

    def _read(self, seconds):
        readable, _, _ = select.select([self.process.stdout], [], [], max(seconds, 0))
        if not readable:
            return False
        data = self.process.stdout.read()
        if data:
            self.text += data.decode(errors="replace")
        return bool(data)

    def expect(self, words, seconds=30):
        """Waits for text behind what was already expected, and returns its whole line."""
        deadline = time.monotonic() + seconds
        while True:
            at = self.text.find(words, self.seen)
            end = self.text.find("\n", at)
            if at >= 0 and end >= 0:
                self.seen = end
                return self.text[self.text.rfind("\n", 0, at) + 1:end]
            if time.monotonic() >= deadline or (not self._read(deadline - time.monotonic()) and self.process.poll() is not None):
                raise AssertionError(f"{self.argv[0]}: no {words!r} within {seconds} s in:\n{self.text}")

    def send(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def end(self, sig=signal.SIGTERM, seconds=10):
        if self.process.stdout.closed:
            return self.process.returncode
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._read(0)
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        return self.process.returncode


def _terminated(*_):
    # Once is enough: what follows takes away what the test has made, and is not to be broken off.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


class Network:
    """Ended by SIGTERM too, from its making on: outside main() and on threads' behalf as well (Python runs handlers on the main one)."""

    def __init__(self):
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _terminated)
        self.names = []
        self.processes = []
        self.folder = tempfile.mkdtemp(prefix="ingot-test-")
        os.chmod(self.folder, 0o755)
        atexit.register(self.close)

    def namespace(self, name):
        full = f"ingot-{os.getpid()}-{name}"
        self.names.append(full)  # before: a signal may come once there is one
        run("ip", "netns", "add", full)
        run("ip", "-n", full, "link", "set", "lo", "up")
        return full

    def link(self, ns_a, if_a, ns_b, if_b):
        run("ip", "-n", ns_a, "link", "add", if_a, "type", "veth", "peer", "name", if_b, "netns", ns_b)
        run("ip", "-n", ns_a, "link", "set", if_a, "up")
        run("ip", "-n", ns_b, "link", "set", if_b, "up")

    def bridge(self, ns, name, address, *members):
        run("ip", "-n", ns, "link", "add", name, "type", "bridge", "forward_delay", "0", "stp_state", "0")
        for member in members:
            run("ip", "-n", ns, "link", "set", member, "master", name)
        run("ip", "-n", ns, "address", "add", address, "dev", name)
        run("ip", "-n", ns, "link", "set", name, "up")

    def start(self, ns, *argv, **kwargs):
        process = Process(["ip", "netns", "exec", ns, *argv], **kwargs)
        self.processes.append(process)
        return process

    def run(self, ns, *argv, **kwargs):
        return run("ip", "netns", "exec", ns, *argv, **kwargs)

    @contextlib.contextmanager
    def inside(self, ns):
        """Sockets made in the block, by this thread, belong to the namespace."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{ns}", os.O_RDONLY)
        try:
            if libc.setns(there, CLONE_NEWNET) < 0:
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            libc.setns(home, CLONE_NEWNET)
            os.close(home)
            os.close(there)

    def pids(self, ns):
        return [int(p) for p in run("ip", "netns", "pids", ns, check=False).stdout.split()]

    def end_processes(self):
        processes, self.processes = self.processes, []
        for process in processes:
            process.end()
        for process in processes:
            check_sanitizer(process.text)
            check_crash(process.argv, process.process.returncode, process.text)

    def close(self):
        with contextlib.suppress(AssertionError):
            self.end_processes()
        for name in self.names:
            for pid in self.pids(name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            run("ip", "netns", "del", name, check=False)
        self.names = []
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)


def main(tests, network=None):
    """Runs the functions; those named on the command line, or all."""
    wanted = sys.argv[1:]
    passed = failed = 0
    signal.signal(signal.SIGTERM, _terminated)
    try:
        for test in tests:
            if wanted and test.__name__ not in wanted:
                continue
            started = time.monotonic()
            try:
                test()
                if network:
                    network.end_processes()
                passed += 1
                print(f"ok     {test.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
            except Exception:  # whatever went wrong is a failure of this test
                failed += 1
                print(f"FAILED {test.__name__}\n{traceback.format_exc()}", flush=True)
                if network:
                    with contextlib.suppress(AssertionError):
                        network.end_processes()
    finally:
        if network:
            network.close()
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if passed and not failed else 1)
