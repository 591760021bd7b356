# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test leaves behind that is ended by SIGTERM: nothing."""

import os
import signal
import subprocess
import sys

import ns

FOLDER = os.path.dirname(os.path.abspath(__file__))
BEGIN = "import ns, select, signal, sys\nnet = ns.Network()\na = net.namespace('a')\nprint(net.folder, flush=True)\n"
WAIT = "select.select([], [], [], 60)"


def ended_by_sigterm(program):
    """Runs it until it says where its folder is, and sends SIGTERM, twice: a second one is not to break off what the first began."""
    with subprocess.Popen([sys.executable, "-B", "-c", BEGIN + program], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        folder = process.stdout.readline().strip()
        names = [n for n in os.listdir("/run/netns") if n.startswith(f"ingot-{process.pid}-")]
        assert names == [f"ingot-{process.pid}-a"], names
        assert os.path.isdir(folder), folder
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        left = [n for n in os.listdir("/run/netns") if n.startswith(f"ingot-{process.pid}-")]
        for name in left:
            ns.run("ip", "netns", "del", name)
        assert not left, f"left behind: {left}\n{said}"
        assert not os.path.exists(folder), f"left behind: {folder}\n{said}"
        assert process.returncode == 1, (process.returncode, said)


def before_main():
    ended_by_sigterm(WAIT)


def in_a_test():
    ended_by_sigterm(f"def one():\n    {WAIT}\nns.main([one], net)")


def while_a_program_runs():
    ended_by_sigterm("ns.run('sleep', '60')")


def in_a_namespace_with_a_process():
    ended_by_sigterm(f"net.start(a, 'sleep', '60')\nwith net.inside(a):\n    {WAIT}")


ns.main([before_main, in_a_test, while_a_program_runs, in_a_namespace_with_a_process])
