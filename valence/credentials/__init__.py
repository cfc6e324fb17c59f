# SPDX-License-Identifier: Apache-2.0

"""Encryption of stored passwords: the keyring, and its rotation."""
