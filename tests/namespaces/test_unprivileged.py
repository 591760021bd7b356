#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provisioner as its unit in the host image runs it: as a user of its own with the capabilities named there and no other
rights, dnsmasq included."""

import os
import shutil
import sys

import ns
from appliance import ADDRESS, Appliance

sys.dont_write_bytecode = True
ns.need("ip", "dnsmasq", "setpriv", "busybox")

UID = 64060
UNIT = os.path.join(ns.TOP, "images/host/overlay/usr/lib/systemd/system/ingot-provisioner.service")


def unit(key):
    with open(UNIT, encoding="ascii") as f:
        values = [line.split("=", 1)[1].strip() for line in f if line.startswith(key + "=")]
    assert len(values) == 1, f"{UNIT}: {key}"
    return values[0]


class Unprivileged(Appliance):
    def start(self, config=None):
        """The program is copied: another user may not get at the folder of the build."""
        program = os.path.join(self.folder, "ingot-provisioner")
        shutil.copy(ns.built("ingot-provisioner"), program)
        os.chmod(self.folder, 0o755)
        for name in ("state", "run"):
            path = os.path.join(self.folder, name)
            os.makedirs(path, exist_ok=True)
            os.chown(path, UID, UID)
        os.chown(os.path.join(self.folder, "bmc.password"), UID, UID)
        names = ",".join("+" + name.lower().removeprefix("cap_") for name in unit("AmbientCapabilities").split())
        capabilities = f"-all,{names}"
        self.process = self.network.start(
            self.home, "setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs",
            f"--bounding-set={capabilities}", f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}",
            program, "--config", self.config)
        self.process.expect("API on https://")
        ns.wait_until(self._answers, 20, "the API answers")


appliance = Unprivileged()
appliance.settings["api"] = {"listen": ["127.0.0.1:8443", f"{ADDRESS}:443"]}
appliance.write_config(appliance.config)


def it_starts_and_answers_on_a_low_port():
    appliance.start()
    answer = appliance.network.run(appliance.machines, "curl", "--silent", "--cacert", appliance.ca(), "--oauth2-bearer",
                                   appliance.token(), f"https://{ADDRESS}/v1/version")
    assert '"version"' in answer.stdout, answer


def nothing_of_it_is_root():
    wanted = unit("CapabilityBoundingSet").split()
    seen = []
    for pid in appliance.network.pids(appliance.home):
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        assert status["Uid"].split() == [str(UID)] * 4, status
        assert bin(int(status["CapEff"], 16)).count("1") == len(wanted), status
        assert status["CapBnd"] == status["CapEff"] and status["NoNewPrivs"] == "1", status
        seen.append(status["Name"])
    assert "dnsmasq" in seen and any(name.startswith("ingot-prov") for name in seen), seen


def machines_get_addresses():
    out = appliance.network.run(appliance.machines, "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-s", "/bin/true")
    assert f"server {ADDRESS}" in out.stdout + out.stderr, out


def it_lives_again_and_ends():
    appliance.restart()
    nothing_of_it_is_root()
    appliance.stop()
    assert not os.listdir(os.path.join(appliance.state, "uploads"))


def it_only_boots_machines_beside_another_server():
    appliance.settings["provisioning"]["dhcp"] = "proxy"
    appliance.write_config(appliance.config)
    appliance.start()
    appliance.process.seen = 0  # it may have been first
    appliance.process.expect("DHCP, proxy on subnet")
    appliance.stop()


if __name__ == "__main__":
    ns.main([it_starts_and_answers_on_a_low_port, nothing_of_it_is_root, machines_get_addresses, it_lives_again_and_ends,
             it_only_boots_machines_beside_another_server])
