# SPDX-License-Identifier: Apache-2.0

"""Flows: the steps of each operation on a node, resumed by another process after a crash.

Every task takes ``node_uuid`` and ``generation`` from the journal, and from the ledger the
live ``context`` (:class:`valence.wiring.Context`), which is never stored.
"""
