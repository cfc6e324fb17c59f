# SPDX-License-Identifier: Apache-2.0

"""Run TaskFlow flows durably: submit, resume, revert, settle."""
