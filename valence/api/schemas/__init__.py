# SPDX-License-Identifier: Apache-2.0

"""JSON schemas (2020-12) of requests and responses, one file for each noun.

The same dictionaries validate requests, validate responses in the tests, and generate
``GET /v1/openapi.json``.
"""
