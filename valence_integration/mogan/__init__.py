# SPDX-License-Identifier: Apache-2.0

"""The hook in Mogan: servers on hardware that is composed for them.

One line of Mogan's engine names :class:`engine.EngineManager` as its manager. Mogan is
imported only when that class is first read. The hook's assumptions about Mogan, with their
places in Mogan's source, are in ``tests/mogan_contract.py``.
"""
