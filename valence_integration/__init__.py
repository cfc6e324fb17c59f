# SPDX-License-Identifier: Apache-2.0

"""Provision composed machines for Nova and Mogan."""
