# SPDX-License-Identifier: Apache-2.0

"""Revisions, each going on from the one before."""
