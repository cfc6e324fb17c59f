# SPDX-License-Identifier: Apache-2.0

"""JSON schemas (2020-12) of what is asked and answered, one file a noun.

The same dictionaries validate requests, validate answers in the tests, and make
``GET /v1/openapi.json``.
"""
