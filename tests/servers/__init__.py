# SPDX-License-Identifier: Apache-2.0

"""Real servers on loopback, each for the tests of one process."""
