# SPDX-License-Identifier: Apache-2.0

"""A compute driver for Nova: the machine of each server is composed on demand.

Only ``driver``, ``spawn``, ``ironic_driver`` and ``exceptions`` import Nova; the other
modules run without it.
"""
