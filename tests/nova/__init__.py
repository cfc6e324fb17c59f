# SPDX-License-Identifier: Apache-2.0

"""Tests on a real Nova, in a separate environment: see ``make functional-nova``."""

# Must be the first import: it decides whether this process uses native threads or eventlet.
import nova.tests.functional  # noqa: F401
