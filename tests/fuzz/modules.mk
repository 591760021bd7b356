# SPDX-License-Identifier: GPL-3.0-or-later
# Which modules above lib a fuzzer is linked with.
fuzz_leases.modules := provisioner/netboot
fuzz_boot_listener.modules := provisioner/netboot
fuzz_ceph_answer.modules := provisioner/ceph
fuzz_agent_orders.modules := node-agent/core node-agent/inventory node-agent/disk node-agent/daemon node-agent/ceph node-agent/install
fuzz_vm_order.modules := node-agent/core node-agent/daemon node-agent/vm
