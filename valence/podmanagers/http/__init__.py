# SPDX-License-Identifier: Apache-2.0

"""HTTP with one pod manager: sessions, deadlines, retries, errors."""
