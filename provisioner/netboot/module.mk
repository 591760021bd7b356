# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,provisioner/netboot,lib/base lib/loop lib/cmd,libmicrohttpd)
# The templates are taken in by the assembler, which leaves no dependencies behind.
$(OUT)/obj/provisioner/netboot/netboot_templates.o: pxe/boot.ipxe pxe/live.ipxe pxe/disk.ipxe pxe/dnsmasq.conf pxe/dnsmasq-proxy.conf pxe/lease.sh
