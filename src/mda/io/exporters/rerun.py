"""Recordings for the viewer of Rerun: images, depth, cameras and points along a time line of views."""

from pathlib import Path
from typing import Any

from mda.io.atomic import staged
from mda.io.clouds import RunCloud
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.views import exact_camera
from mda.io.run import Run
from mda.optional import require

_TIMELINE = "view"


def export_rrd(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write a recording.

        world                      axes of OpenCV
        world/camera               pose of the camera of each view
        world/camera/image         its lens and its image
        world/camera/image/depth   z-depth, in units of the run
        world/points/000000        points of each view, from its time on
        name                       name of the source of each view

    Raises:
        MissingExtraError: rerun-sdk is not installed.
        OutputError: the file cannot be written.
    """
    rerun: Any = require("rerun", "export")
    cloud = RunCloud(run, settings.filters)
    views = cloud.views()
    with staged(path) as temporary:
        recording = rerun.RecordingStream("mda")
        recording.save(str(temporary))
        recording.log("world", rerun.ViewCoordinates.RDF, static=True)
        for position in cloud.counts:
            number = f"{run.numbers[position]:06d}"
            camera = exact_camera(run, position)
            height, width = camera.image_hw
            pose = camera.world_from_cam.numpy()
            recording.set_time(_TIMELINE, sequence=position)
            recording.log("world/camera", rerun.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3]))
            lens = rerun.Pinhole(
                image_from_camera=camera.intrinsics.numpy(),
                resolution=[width, height],
                camera_xyz=rerun.ViewCoordinates.RDF,
            )
            recording.log("world/camera/image", lens)
            recording.log("world/camera/image", rerun.Image(run.color(position)).compress(jpeg_quality=95))
            recording.log("world/camera/image/depth", rerun.DepthImage(run.depth(position), meter=1.0))
            recording.log("name", rerun.TextDocument(run.names[position]))
            if cloud.counts[position]:
                view = next(views)
                recording.log(f"world/points/{number}", rerun.Points3D(view.positions, colors=view.colors))
        recording.flush()
        recording.disconnect()
    return ExportReport(path=path, summary=cloud.summary, problems=tuple(cloud.problems))
