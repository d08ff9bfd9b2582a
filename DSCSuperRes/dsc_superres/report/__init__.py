"""The report: one HTML page with embedded figures."""

from dsc_superres.report.page import write_report

__all__ = ["write_report"]
