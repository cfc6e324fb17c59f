# SPDX-License-Identifier: Apache-2.0

"""Locks and elections: for what only one process at a time may hold or do."""
