"""The report: one HTML page with its figures inside."""

from dsc_superres.report.page import write_report

__all__ = ["write_report"]
