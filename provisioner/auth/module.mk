# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,provisioner/auth,lib/base lib/loop lib/schema lib/proto lib/crypto provisioner/store,jansson gnutls libxcrypt)
