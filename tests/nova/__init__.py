# SPDX-License-Identifier: Apache-2.0

"""Tests on a real Nova, in an environment of their own: see ``make functional-nova``."""

# First of all: it settles whether this process runs threads of its own or eventlet's.
import nova.tests.functional  # noqa: F401
