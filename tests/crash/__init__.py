# SPDX-License-Identifier: Apache-2.0

"""Kill a conductor at every instant, and check that nothing leaks and nothing is lost."""
