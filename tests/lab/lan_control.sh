#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# ipmi_sim's lan_config_program: what Get LAN Configuration Parameters answers, in band and
# on the LAN. Usage: lan_control.sh ADDRESS NETMASK MAC GATEWAY get|set|check WORD...
# The BMC's network is the lab's and is not changed from within: set and check change nothing.
address=$1 netmask=$2 mac=$3 gateway=$4 verb=$5
shift 5
[ "$verb" = get ] || exit 0
for word in "$@"; do
    case $word in
    ip_addr) echo "$word:$address" ;;
    ip_addr_src) echo "$word:static" ;;
    mac_addr) echo "$word:$mac" ;;
    subnet_mask) echo "$word:$netmask" ;;
    default_gw_ip_addr) echo "$word:$gateway" ;;
    backup_gw_ip_addr) echo "$word:0.0.0.0" ;;
    default_gw_mac_addr | backup_gw_mac_addr) echo "$word:00:00:00:00:00:00" ;;
    *) echo "unknown parameter $word" >&2; exit 1 ;;
    esac
done
