"""One frame of a data set as its reader hands it over: nothing cropped, resized or normalised yet."""

from dataclasses import dataclass

import numpy as np
import torch

from mda.errors import InputError
from mda.geometry import Cameras
from mda.shapes import Bool, Float, Float32, UInt8, ndarray

# A picture without any pixel brighter than this shows nothing (lens cap, renderer that failed).
_BLACK = 3
# Largest departure of R^T R from the identity; poses in text files are rounded.
_RIGID_TOLERANCE = 1e-2
# Of the last row of a pose and of intrinsics, and of skew in focal lengths: what rounding leaves.
_ROW_TOLERANCE, _SKEW_TOLERANCE = 1e-4, 1e-3
# No translation and no focal length is larger, whatever the unit.
_LARGEST = 1e12


@dataclass(frozen=True, kw_only=True)
class GlassLayers:
    """What is known of transparent surfaces.

    Attributes:
        glass: pixels that show a transparent surface with something behind it.
        last_depth: z-depth of the farthest layer where `last_valid`, else 0; `RawView.depth` is the nearest layer.
        last_valid: pixels whose last depth is known.
    """

    glass: Bool[ndarray, "h w"]
    last_depth: Float32[ndarray, "h w"]
    last_valid: Bool[ndarray, "h w"]


@dataclass(frozen=True, kw_only=True)
class RawView:
    """A frame at its own size.

    Attributes:
        image: sRGB.
        depth: z-depth in the unit of the source where `valid`, else 0. Nothing is NaN or infinite.
        valid: pixels with known depth.
        sky: pixels known to be sky; never `valid`.
        sky_labelled: pixels of which it is known whether they are sky. With `sky` this is one label of three: sky, not
            sky, unknown.
        camera: batch shape (), image size that of `image`.
        name: for messages: source, scene and frame.
        layers: transparent surfaces, where the source knows them.
    """

    image: UInt8[ndarray, "h w 3"]
    depth: Float32[ndarray, "h w"]
    valid: Bool[ndarray, "h w"]
    sky: Bool[ndarray, "h w"]
    sky_labelled: Bool[ndarray, "h w"]
    camera: Cameras
    name: str
    layers: GlassLayers | None = None


@dataclass(frozen=True, kw_only=True)
class FileCamera:
    """A camera as a file has it.

    Attributes:
        intrinsics: in pixels.
        world_from_cam: OpenCV pose.
        integer_centres: whether the intrinsics count the centre of the top-left pixel as (0, 0) and not as (0.5, 0.5).
        path: the file, for messages.
    """

    intrinsics: Float[ndarray, "3 3"]
    world_from_cam: Float[ndarray, "4 4"]
    integer_centres: bool = False
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class DepthRule:
    """What the numbers in the depth files of a source mean.

    Attributes:
        far: depth from which on (and infinite) a pixel is not a surface.
        far_is_sky: whether those pixels are sky, else they are unknown.
        sky_known: whether the source tells sky from not-sky at all: then every valid pixel is labelled not-sky, and a
            source without far pixels (indoors) labels all its valid pixels not-sky.
    """

    far: float = float("inf")
    far_is_sky: bool = False
    sky_known: bool = False


def make_view(
    *,
    name: str,
    image: UInt8[ndarray, "h w 3"],
    depth: Float[ndarray, "depth_h depth_w"],
    camera: FileCamera,
    rule: DepthRule,
    sky: Bool[ndarray, "h w"] | None = None,
    layers: GlassLayers | None = None,
) -> RawView:
    """A frame from what its files hold, checked.

    Args:
        name: source, scene and frame.
        image: sRGB.
        depth: as in the file, in the unit of the source: not finite or not above 0 means unknown, far as `rule` says.
        camera: in pixels of `image`.
        rule: what far depth means.
        sky: sky mask of the source, where it has one; every pixel is then labelled.
        layers: transparent surfaces.

    Raises:
        InputError: sizes differ, the camera is no camera, or the frame shows nothing: it must be left out.
    """
    height, width = image.shape[:2]
    if depth.shape != (height, width):
        found = f"{depth.shape[1]} x {depth.shape[0]}"
        message = f"{name}: the depth has {found} pixels, the image {width} x {height}; download or prepare it again."
        raise InputError(message)
    if image.max() <= _BLACK:
        message = f"{name}: the picture is black; leave it out or download it again."
        raise InputError(message)
    depth = depth.astype(np.float32, copy=False)
    # NaN compares false, so it is neither valid nor far; infinite depth is far by any rule.
    valid = (depth > 0) & (depth < rule.far)
    if sky is not None:
        valid, labelled = valid & ~sky, np.ones_like(sky)
    elif rule.sky_known and rule.far_is_sky:
        sky = depth >= rule.far
        labelled = valid | sky
    else:
        sky = np.zeros_like(valid)
        labelled = valid.copy() if rule.sky_known else np.zeros_like(valid)
    if layers is None and not valid.any() and not sky.any():
        message = f"{name}: no pixel has a usable depth; leave the frame out or prepare it again."
        raise InputError(message)
    return RawView(
        image=image,
        depth=depth if valid.all() else np.where(valid, depth, np.float32(0)),
        valid=valid,
        sky=sky,
        sky_labelled=labelled,
        camera=make_camera(name, camera, (height, width)),
        name=name,
        layers=layers,
    )


def make_camera(name: str, camera: FileCamera, image_hw: tuple[int, int]) -> Cameras:
    """A camera from the matrices of a file.

    Raises:
        InputError: the pose is not a rigid motion, the intrinsics are not those of a pinhole camera (focal lengths
            above 0, no skew), or a number is not finite or beyond all measure; the message names the file, if known.
    """
    pose, matrix = np.asarray(camera.world_from_cam, np.float64), np.asarray(camera.intrinsics, np.float64)
    where = f"{name} ({camera.path})" if camera.path else name
    if not (_is_bounded(pose) and _is_rigid(pose)):
        message = f"{where}: its pose is not a rigid motion; leave the frame out or prepare it again."
        raise InputError(message)
    if not (_is_bounded(matrix) and _is_pinhole(matrix)):
        message = f"{where}: its intrinsics are not those of a camera; leave the frame out or prepare it again."
        raise InputError(message)
    made = Cameras(
        world_from_cam=torch.from_numpy(pose.astype(np.float32)),
        intrinsics=torch.from_numpy(matrix.astype(np.float32)),
        image_hw=image_hw,
    )
    return made.from_integer_centres() if camera.integer_centres else made


def _is_bounded(values: Float[ndarray, "n n"]) -> bool:
    """Whether all numbers are finite, and so small that their squares are in single precision, too."""
    return bool((np.abs(values) < _LARGEST).all())


def _is_rigid(pose: Float[ndarray, "4 4"]) -> bool:
    rotation = pose[:3, :3]
    return (
        float(np.abs(rotation.T @ rotation - np.eye(3)).max()) < _RIGID_TOLERANCE
        and float(np.linalg.det(rotation)) > 0
        and float(np.abs(pose[3] - [0, 0, 0, 1]).max()) < _ROW_TOLERANCE
    )


def _is_pinhole(matrix: Float[ndarray, "3 3"]) -> bool:
    (fx, skew, _), (other, fy, _), last = matrix
    return (
        float(min(fx, fy)) > 0
        and float(max(abs(skew), abs(other))) <= _SKEW_TOLERANCE * float(fx)
        and float(np.abs(last - [0, 0, 1]).max()) < _ROW_TOLERANCE
    )
