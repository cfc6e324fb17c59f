# SPDX-License-Identifier: Apache-2.0

"""A compute driver for Nova: servers on machines that do not exist before they are asked for.

Nova itself is imported by ``driver``, ``build``, ``deployment`` and ``failures`` alone;
the rest runs without it.
"""
