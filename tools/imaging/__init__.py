# SPDX-License-Identifier: Apache-2.0
"""Assembles what the board boots from Debian's packages: dom0, guests, disks."""
