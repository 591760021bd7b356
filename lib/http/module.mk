# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,lib/http,lib/base lib/loop lib/crypto,libmicrohttpd libcurl gnutls jansson)
