# SPDX-License-Identifier: Apache-2.0

"""Tasks of the flows, and the functions that release what the tasks acquire.

Each of these functions is called by the revert of the task that acquires the resource and
by the corresponding task of ``destroy``. They work from the ids in the row, never from a
task's result: a request whose response was lost may have been executed.
"""
