#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# dnsmasq runs this for each lease (dnsmasq(8), --dhcp-script): ACTION MAC ADDRESS [NAME]. It tells the provisioner
# through a fifo; a line is shorter than PIPE_BUF and so arrives whole. Opened for both directions it never waits.
printf '%s %s %s %s\n' "$1" "$2" "$3" "${DNSMASQ_LEASE_EXPIRES:-0}" 1<>"${0%/*}/leases.fifo"
