# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast and how large the product is, beside floors measured in the same run (make bench)."""
