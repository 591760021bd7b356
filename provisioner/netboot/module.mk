$(call module,provisioner/netboot,lib/base lib/loop lib/cmd,libmicrohttpd)
