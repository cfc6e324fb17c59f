# SPDX-License-Identifier: Apache-2.0

"""What the product costs beside what its peers take: measured, and as ratios."""
