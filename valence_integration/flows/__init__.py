# SPDX-License-Identifier: Apache-2.0

"""The two stories: how a server comes to be, and how it is given back.

The factories are found by their dotted paths, which are written down with every
flow that is under way: a path once released stays.
"""
