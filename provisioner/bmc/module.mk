$(call module,provisioner/bmc,lib/base lib/loop,libfreeipmi libipmiconsole)
