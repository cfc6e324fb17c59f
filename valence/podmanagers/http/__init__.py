# SPDX-License-Identifier: Apache-2.0

"""One HTTP connection to one pod manager."""
