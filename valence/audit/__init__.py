# SPDX-License-Identifier: Apache-2.0

"""What stands on pod managers and in Ironic, and no node of ours owns it.

What bears the uuid of this installation is surely ours, and is given back. What
only looks like Valence's is reported. What another installation made is none of
our business. Everything must have been seen for a while before it counts.
"""

from valence.audit.audit import Audit

__all__ = ["Audit"]
