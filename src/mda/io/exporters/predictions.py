"""Exports of predictions that are in memory."""

import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

from mda.errors import ConfigError
from mda.io.archive import load_run, save_prediction
from mda.io.clouds import CloudFilter
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.registry import check_place, export_run, find_format
from mda.structures import Prediction


def export_prediction(
    prediction: Prediction,
    name: str,
    path: Path,
    *,
    overwrite: bool = False,
    **options: Any,  # noqa: ANN401 - fields of the settings, which check them
) -> ExportReport:
    """Write a prediction in a format, by way of a run in a temporary folder.

    Args:
        prediction: what to write.
        name: of the format.
        path: file or folder to write.
        overwrite: replace what is there.
        options: fields of `ExportSettings` and `CloudFilter`.

    Raises:
        ConfigError: there is no such format or option, or the format needs a mixture that was not kept.
        OutputError: the place is taken, or cannot be written to.
        MissingExtraError: the format needs an extra that is not installed.
    """
    chosen, settings = find_format(name), settings_of(**options)
    if chosen.needs_mixture and prediction.mixture is None:
        message = (
            f"The format {name} is made from densities, which this prediction lacks; predict with keep_mixture=True."
        )
        raise ConfigError(message)
    check_place(chosen, path, overwrite=overwrite)
    with tempfile.TemporaryDirectory(prefix="mda-export-") as folder:
        place = Path(folder) / "run"
        save_prediction(prediction, place, save_mixture=chosen.needs_mixture, preview=False)
        return export_run(load_run(place), name, path, settings, overwrite=overwrite)


def settings_of(**options: Any) -> ExportSettings:  # noqa: ANN401 - checked by the records
    """Settings with filters, from the fields of both by name.

    Raises:
        ConfigError: there is no such field, or its value makes no sense.
    """
    of_filters = {field.name for field in fields(CloudFilter)}
    of_settings = {field.name for field in fields(ExportSettings)} - {"filters"}
    if unknown := sorted(options.keys() - of_filters - of_settings):
        known = ", ".join(sorted(of_filters | of_settings))
        message = f"Exports have no option {', '.join(unknown)}; there are {known}."
        raise ConfigError(message)
    filters = CloudFilter(**{name: value for name, value in options.items() if name in of_filters})
    rest = {name: value for name, value in options.items() if name in of_settings}
    return ExportSettings(filters=filters, **rest)
