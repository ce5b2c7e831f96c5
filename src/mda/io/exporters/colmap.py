"""COLMAP sparse models: what trainers of splats and radiance fields begin with.

    images/NAME.png    the views; left out at the size of the originals, which the user has
    sparse/0           cameras, images and points3D, as .bin or .txt

COLMAP has our axes and our pixel centres: poses are inverted, nothing else.
"""

from pathlib import Path

from mda.io.clouds import RunCloud
from mda.io.exporters.colmap_files import BinaryModel, TextModel
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.posed_images import IMAGES_FOLDER, posed_images, write_images
from mda.io.run import Run

_MODEL_FOLDER = "sparse/0"


def export_colmap(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write a model with one pinhole camera for each view; every point was seen by one image.

    Raises:
        InputError: a camera is damaged, or the sizes of the originals are asked for and not known.
        ConfigError: a name cannot be written as text.
        OutputError: a file cannot be written.
    """
    cloud = RunCloud(run, settings.filters)
    images = posed_images(run, cloud.counts, original_size=settings.original_size)
    folder = path / _MODEL_FOLDER
    folder.mkdir(parents=True)
    if not settings.original_size:
        write_images(run, path / IMAGES_FOLDER, images)
    views = cloud.views()
    with (TextModel if settings.text else BinaryModel)(folder, images=len(images), points=len(cloud)) as model:
        for image in images:
            view = next(views) if cloud.counts[image.position] else None
            model.add(image, view)
    return ExportReport(path=path, summary=cloud.summary, problems=tuple(cloud.problems))
