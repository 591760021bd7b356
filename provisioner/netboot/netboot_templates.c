/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of pxe/, as strings. The path is seen from where the build runs. */
#include "netboot_priv.h"

#define EMBED(name, path)                                                                                              \
	__asm__(".section .rodata\n"                                                                                   \
		".global " #name "\n" #name ":\n"                                                                      \
		".incbin \"" path "\"\n"                                                                               \
		".byte 0\n"                                                                                            \
		".size " #name ", . - " #name "\n"                                                                     \
		".type " #name ", @object\n"                                                                           \
		".previous\n")

EMBED(template_boot_ipxe, "pxe/boot.ipxe");
EMBED(template_live_ipxe, "pxe/live.ipxe");
EMBED(template_disk_ipxe, "pxe/disk.ipxe");
EMBED(template_dnsmasq_conf, "pxe/dnsmasq.conf");
EMBED(template_dnsmasq_proxy_conf, "pxe/dnsmasq-proxy.conf");
EMBED(template_lease_sh, "pxe/lease.sh");
