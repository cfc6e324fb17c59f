# SPDX-License-Identifier: Apache-2.0

"""The hook in Mogan: servers on hardware that is composed for them.

Mogan's engine is told in one line to use :class:`engine.EngineManager`. Nothing here
imports Mogan before that class is asked for. What is known of Mogan, and where it
is to be read in its source, stands in ``tests/mogan_contract.py``.
"""
