# SPDX-License-Identifier: Apache-2.0

"""The Valence service: composable bare metal behind one REST API."""
