"""What the tables on the cost of a cohort assume."""

from __future__ import annotations

CASES = 1_000
"""Number of cases of the cohort."""
PRICE = 0.05
"""Price of an hour of one core: what clouds ask in dollars for a core of a common processor."""
