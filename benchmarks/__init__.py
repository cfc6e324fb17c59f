# SPDX-License-Identifier: Apache-2.0

"""Measures of the time that Valence adds to that of its peers, as ratios."""
