# SPDX-License-Identifier: Apache-2.0

"""What is added to Mogan's own database.

Not the plugin's history: the one step here is copied among Mogan's, and is
applied by ``mogan-dbsync upgrade``.
"""
