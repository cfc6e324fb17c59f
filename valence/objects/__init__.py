# SPDX-License-Identifier: Apache-2.0

"""Nouns as rows: mapped classes and their queries. Nothing else speaks SQL."""
