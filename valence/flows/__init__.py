# SPDX-License-Identifier: Apache-2.0

"""Flows: what is done for a node, step by step, whichever process dies meanwhile.

The tasks get ``node_uuid`` and ``generation`` from the journal, and as tools
``db``, ``drivers``, ``ironic`` and ``conf`` from the ledger.
"""
