# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests and benchmarks need to look at Weir from outside."""
