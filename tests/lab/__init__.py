# SPDX-License-Identifier: GPL-3.0-or-later
"""The metal lab: blank QEMU machines with IPMI controllers in a network namespace."""
