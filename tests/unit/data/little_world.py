"""A world whose depth is known in closed form: a floor, a ball, a wall that ends, and sky above it (or a far wall)."""

from dataclasses import dataclass

import numpy as np

HW = (48, 64)
# Grain of the pictures in levels of 8 bits. Without it they are smooth, and decode faster than photographs.
GRAIN = 0


@dataclass(frozen=True)
class Frame:
    """A frame as the world has it: centre of the top-left pixel at (0.5, 0.5), OpenCV camera-to-world."""

    image: np.ndarray
    depth: np.ndarray
    sky: np.ndarray
    intrinsics: np.ndarray
    pose: np.ndarray


def intrinsics(hw=None):
    height, width = hw or HW
    focal = width * 15 / 16
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])


def frames(count=6, *, sky=True, matrix=None, hw=None, first=0):
    """Frames of a walk with turns; with `sky` false a far wall takes the place of the sky."""
    hw = hw or HW
    matrix = intrinsics(hw=hw) if matrix is None else matrix
    return [frame(first + i, sky=sky, matrix=matrix, hw=hw) for i in range(count)]


def frame(number, *, sky, matrix, hw):
    height, width = hw
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rays = np.stack([(x - matrix[0, 2]) / matrix[0, 0], (y - matrix[1, 2]) / matrix[1, 1], np.ones_like(x)], -1)
    image, depth = seen(number, rays, sky=sky)
    return Frame(image, depth, np.isinf(depth), matrix, pose_of(number))


def pose_of(number):
    yaw, pitch = 0.04 * number, 0.02 * np.sin(number)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn @ nod, [0.15 * number, -0.05 * number, 0.1 * number]
    return pose


def seen(number, rays, *, sky):
    """Colours along rays [h, w, 3] in the axes of the camera of a frame, and how many times the ray to the surface."""
    pose = pose_of(number)
    rays = rays @ pose[:3, :3].T  # lengths are kept, so that of rays with z = 1 it is the depth along z
    depth = nearest_hit(pose[:3, 3], rays, sky=sky)
    hit = np.isfinite(depth)
    points = pose[:3, 3] + rays * np.where(hit, depth, 0)[..., None]
    image = np.where(hit[..., None], 128 + 80 * np.sin(points * [2.0, 3.0, 1.5]), [150, 190, 240])
    image = image + np.random.default_rng(number).normal(0, 1, image.shape) * GRAIN
    return image.clip(0, 255).round().astype(np.uint8), depth


def nearest_hit(origin, rays, *, sky):
    with np.errstate(divide="ignore", invalid="ignore"):
        hits = [(1.5 - origin[1]) / rays[..., 1]]  # the floor, y points down
        wall = (9.0 - origin[2]) / rays[..., 2]
        top = origin[1] + wall * rays[..., 1]
        hits.append(np.where(top > -0.8, wall, np.inf) if sky else wall)
        away, centre = origin - np.array([0.3, 0.6, 5.0]), 0.9
        a, b, c = (rays**2).sum(-1), rays @ away, away @ away - centre**2
        hits.append((-b - np.sqrt(b * b - a * c)) / a)
    hits = np.stack(hits)
    return np.where(hits > 0.05, hits, np.inf).min(0)
