# SPDX-License-Identifier: Apache-2.0

"""Kills at every instant, a sample of them."""
