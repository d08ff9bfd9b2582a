"""Research: the tables behind this software's claims, and the models to compare with. The product never imports it."""

from dsc_superres.benchmark import research_models  # noqa: F401  (registers them)
