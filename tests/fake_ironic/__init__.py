# SPDX-License-Identifier: Apache-2.0

"""A fake Ironic: one model of its nodes, served over a transport adapter or over HTTP.

``nodes`` has the rules, ``routes`` the API. ``transport`` serves it to unit tests without a
socket, ``server`` to the processes of the crash tests. ``tests/functional/crash/test_stand_in.py``
compares it with the real Ironic.
"""
