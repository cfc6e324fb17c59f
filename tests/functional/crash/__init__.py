# SPDX-License-Identifier: Apache-2.0

"""A sample of the crash tests, and tests of their stand-in for Ironic."""
