# SPDX-License-Identifier: Apache-2.0

"""Audits: rows compared with the resources on pod managers and in Ironic.

A resource that no row owns and that this installation created is released. One that
names a node of Valence but no installation is reported. Resources of other
installations are ignored. Only what has been there for the grace period counts.
"""

from valence.audit.audit import Audit

__all__ = ["Audit"]
