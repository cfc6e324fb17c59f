# SPDX-License-Identifier: Apache-2.0

"""Locks and elections: what only one process may hold or do."""
