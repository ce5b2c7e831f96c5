"""Runs as files that other programs open. A format is one file here and one line in `registry`."""

from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.predictions import export_prediction
from mda.io.exporters.registry import FORMATS, Format, export_run, find_format

__all__ = ["FORMATS", "ExportReport", "ExportSettings", "Format", "export_prediction", "export_run", "find_format"]
