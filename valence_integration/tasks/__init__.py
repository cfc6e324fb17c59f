# SPDX-License-Identifier: Apache-2.0

"""The steps of the flows, each with the one way to give back what it took.

Giving back is a plain function, called by the revert of the step that took and
by the step of ``destroy`` alike. Both work from the ids in the row, never from
a result: a request whose answer was lost may have been carried out.
"""
