# SPDX-License-Identifier: Apache-2.0

"""The REST API: middleware, routes, and one handler and one schema module for each noun."""
