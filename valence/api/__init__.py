# SPDX-License-Identifier: Apache-2.0

"""The REST API: what a request becomes on its way to the nouns and back."""
