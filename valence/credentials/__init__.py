# SPDX-License-Identifier: Apache-2.0

"""Passwords at rest: the keyring, and its rotation."""
