#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the lab as a person has it: make lab, what it prints, how it fails, build/lab/env, make lab-down.

Two runs end early, for what must be true then: in the first the provisioner is killed, in the second the lab itself, which
leaves a provisioner, its dnsmasq and machines behind. The third has to clear them away and go the whole path; the fourth, once that
is gone, goes it by mouse and keyboard in a browser.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab.checks import Checks, Skipped, expect  # noqa: E402
from lab.net import Namespace  # noqa: E402
from lab.proc import ProcessId  # noqa: E402
from lab.records import Records  # noqa: E402
from lab.wait import Deadline, LabError, wait_until  # noqa: E402
from lab.world import RECORDS  # noqa: E402

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("INGOT_BUILD", "build")).resolve()
ROOT, NAMESPACE = BUILD / "lab", "ingot-lab"
STEPS = ("machines", "start", "discover", "accept", "deploy", "enroll", "pool", "image", "volume", "vm", "migrate")
DASHBOARD_STEPS = ("sign in", "discover", "accept", "deploy", "pool", "image", "volume", "virtual machine", "screen", "console", "migrate")
STARTED = r"\] +start +the provisioner answers"
LONG = 15.0  # seconds; a step that takes longer must have said something meanwhile
START, END = 600, 60  # seconds; make looks first whether all is built
LINE = re.compile(r"^\[ *(?P<at>[0-9.]+) s\]  (?P<step>\S*) +(?P<text>.*?)(?: \((?P<took>[0-9.]+) s\))?$")


class Run:
    """make lab, as it is started from a shell; what it prints is shown and kept."""

    def __init__(self, *words: str) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(["make", "-C", str(TOP), "--no-print-directory", "lab", *words], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *reason: object) -> None:
        """A check that failed leaves it in nobody's way."""
        if self._process.poll() is None:
            self.kill()

    def until(self, pattern: str) -> None:
        """Reads on until a line matches; its end is one that does not."""
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            print(f"      {self.lines[-1]}", flush=True)
            if re.search(pattern, line):
                return
        raise LabError(f"make lab ended with {self._process.wait(END)} before it said {pattern!r}")

    def end(self) -> int:
        """Reads the rest; its exit status."""
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            print(f"      {self.lines[-1]}", flush=True)
        return self._process.wait(END)

    def kill(self) -> None:
        """make and the lab, and none of what the lab has started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(END)


def recorded() -> dict[str, ProcessId]:
    """Of the lab that is there, what it has started, by name."""
    return {entry["name"]: ProcessId(entry["pid"], entry["start"]) for entry in Records.open(ROOT / RECORDS)
            if entry["kind"] == "process"}


def commands_there() -> list[str]:
    """What runs in the lab's network."""
    return sorted(Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() for pid in Namespace(NAMESPACE).members())


class MakeLab:
    def __init__(self) -> None:
        self.left: dict[str, ProcessId] = {}
        self.whole: Run | None = None
        self.ended: dict[str, ProcessId] = {}

    def step_that_fails(self) -> str:
        with Run() as run:
            run.until(STARTED)
            os.kill(recorded()["ingot-provisioner"].pid, signal.SIGKILL)
            expect(run.end() != 0, "make lab ended well without its provisioner")
        text = "\n".join(run.lines)
        said = re.search(r"^FAILED in step (\S+) after \d+ s: (.*provisioner.*)$", text, re.MULTILINE)
        expect(said and said[1] == "discover", f"it does not say which step failed and why: {text[-500:]}")
        logs = re.search(r"^logs:\n((?:  \S+\n)+)", text, re.MULTILINE)
        expect(logs and all(Path(line.strip()).is_file() for line in logs[1].splitlines()), "it names no logs, or others")
        expect("make lab-down" in text and "Traceback" not in text, "it does not say how to remove what is left")
        assert said
        return said[2]

    def crash(self) -> str:
        with Run() as run:
            run.until(STARTED)
            wait_until(lambda: "dnsmasq" in commands_there(), Deadline(END), "dnsmasq to run")
            run.kill()
        self.left = recorded()
        expect(self.left["ingot-provisioner"].alive() and "dnsmasq" in commands_there(), "nothing is left that could be in the way")
        return f"left: {', '.join(commands_there())}"

    def goes_the_whole_path(self) -> str:
        with Run() as run:
            status = run.end()
        expect(status == 0, f"make lab ended with {status}")
        self.whole = run
        still = [name for name, process in self.left.items() if process.alive()]
        expect(not still, f"of the lab before are left: {still}")
        return next(line for line in run.lines if line.startswith("It took "))

    def says_what_it_does(self) -> str:
        """A line for each step with its time, and progress where it takes long."""
        if not self.whole:
            raise Skipped("make lab did not go the whole path")
        found = [match for match in map(LINE.match, self.whole.lines) if match]
        done = [match["step"] for match in found if match["step"] and match["took"]]
        expect(done == list(STEPS), f"steps {done}")
        for before, after in zip(found, found[1:]):
            silent = float(after["at"]) - float(before["at"])
            expect(silent < 3 * LONG, f"nothing was said for {silent:.0f} s before {after[0]!r}")
        long = [match["step"] for match in found if match["took"] and float(match["took"]) > LONG]
        for step in long:
            first, last = (index for index, match in enumerate(found) if match["step"] == step)
            expect(last > first + 1, f"{step} took {found[last]['took']} s and said nothing meanwhile")
        text = "\n".join(self.whole.lines)
        for noun in ("machine", "node", "pool", "volume", "vm"):
            expect(f"\n{noun}s\n" in text, f"no table of {noun}s at its end")
        for words in ("API      https://127.0.0.1:", "use it   . ", "stop it  sudo make lab-down"):
            expect(words in text, f"it does not end with {words!r}")
        return f"{len(done)} steps, {len(long)} of them with progress"

    def used_from_the_host(self) -> str:
        """By a shell that knows nothing but the file."""
        def ingot(noun: str) -> list[dict[str, object]]:
            command = f". build/lab/env && build/ingot {noun} list -o json"
            done = subprocess.run(["env", "-i", "PATH=/usr/bin:/bin", "sh", "-c", command], cwd=TOP, capture_output=True,
                                  text=True, timeout=END, check=False)
            expect(done.returncode == 0, f"{command}: {done.returncode}: {done.stderr}")
            items: list[dict[str, object]] = json.loads(done.stdout)["items"]
            return items

        machines, vms = ingot("machine"), ingot("vm")
        states = [(noun, each["state"]) for noun, found in (("machine", machines), ("vm", vms)) for each in found]
        expect(states == [("machine", "deployed")] * 3 + [("vm", "running")], f"it lists {states}")
        return "three machines, one virtual machine"

    def down(self) -> str:
        """All of it goes, and what is not the lab's stays."""
        self.ended = recorded()
        bystander = subprocess.Popen(["ip", "netns", "exec", NAMESPACE, "sleep", "600"], start_new_session=True,
                                     env={"PATH": os.environ["PATH"]})
        other = Namespace(f"{NAMESPACE}-bystander")
        subprocess.run(["ip", "netns", "add", other.name], check=True)
        try:
            expect(down() == 0, "make lab-down failed")
            still = [name for name, process in self.ended.items() if process.alive()]
            expect(not still, f"still there: {still}")
            expect(Namespace(NAMESPACE).inode() is None and not ROOT.exists(), f"{NAMESPACE} or {ROOT} is still there")
            expect(bystander.poll() is None and other.inode() is not None, "it ended what was not the lab's")
        finally:
            bystander.kill()
            bystander.wait()
            subprocess.run(["ip", "netns", "del", other.name], check=True)
        expect(down() == 0, "make lab-down fails where there is no lab")
        return f"{len(self.ended)} processes"


    def by_dashboard(self) -> str:
        """From blank machines to a live migration while a console stays open, and once more by the command line."""
        with Run("BY=dashboard") as run:
            status = run.end()
        text = "\n".join(run.lines)
        expect(status == 0, f"make lab BY=dashboard ended with {status}: {text[-500:]}")
        said = re.search(r"dashboard: (\d+) passed, 0 failed", text)
        expect(said and int(said[1]) == len(DASHBOARD_STEPS), f"the browser did not go all of the path: {text[-500:]}")
        for step in DASHBOARD_STEPS:
            expect(re.search(rf"\b{step}: .+ \([0-9.]+ s\)", text), f"it says nothing of {step}")
        return next(line for line in run.lines if line.startswith("It took "))


def down() -> int:
    return subprocess.run(["make", "-C", str(TOP), "--no-print-directory", "lab-down"], stdin=subprocess.DEVNULL,
                          timeout=START, check=False).returncode


def main() -> int:
    checks, lab = Checks(), MakeLab()
    try:
        checks.run("a step that fails ends it, with the reason and the logs", lab.step_that_fails)
        checks.run("a second one clears away what failed, and is killed", lab.crash)
        checks.run("a third clears away a provisioner that still runs, and goes the whole path", lab.goes_the_whole_path)
        checks.run("it says what it does, how long it took, what is there", lab.says_what_it_does)
        checks.run("build/lab/env is all that a shell needs", lab.used_from_the_host)
        checks.run("make lab-down removes all of it and nothing else", lab.down)
        checks.run("the whole path is gone by mouse and keyboard, in a browser", lab.by_dashboard)
    finally:
        if ROOT.exists():
            down()
    return checks.close()


if __name__ == "__main__":
    sys.exit(main())
