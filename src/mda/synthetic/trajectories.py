"""Where cameras stand: smooth paths, orbits, pans and unordered sets whose views overlap."""

import math
from dataclasses import dataclass

import numpy as np

from mda.shapes import Bool, Float, ndarray
from mda.synthetic.layout import CAMERA, FACES
from mda.synthetic.materials import Rng
from mda.synthetic.scene import Rotation
from mda.synthetic.stage import Stage
from mda.synthetic.tracing import Tracer

# Rows of the small picture by which a camera is judged.
_PROBE_ROWS = 18
# A camera is refused if something is nearer than this share of the median depth, or if too little is in sight.
_NEAREST_SHARE = 0.03
_SMALLEST_HIT_SHARE = 0.3
_SMALLEST_OVERLAP = 0.3
_FEWEST_THINGS = 6
# Of so many cameras that will do, the first view takes the one that sees most things.
_CANDIDATES = 3
# Steepest line of sight, radians from level.
_STEEPEST = 1.2
_TRIES = 60


@dataclass(frozen=True, kw_only=True)
class Pose:
    """A camera on a path: where it stands, what it looks at, its roll and its vertical field of view (radians)."""

    eye: Float[ndarray, "3"]
    look: Float[ndarray, "3"]
    roll: float
    fov: float

    def between(self, other: "Pose", share: float) -> "Pose":
        """A pose on the way to another."""
        values = {
            name: getattr(self, name) * (1 - share) + getattr(other, name) * share
            for name in ("eye", "look", "roll", "fov")
        }
        return Pose(**values)

    def rotation(self) -> Rotation:
        """world_from_cam rotation, OpenCV axes."""
        z = self.look - self.eye
        z = z / math.sqrt(z @ z)
        x = np.cross(z, [0.0, 0.0, 1.0])
        x = x / max(math.sqrt(x @ x), 1e-9)
        y = np.cross(z, x)
        c, s = math.cos(self.roll), math.sin(self.roll)
        return np.stack([c * x + s * y, c * y - s * x, z], axis=1)

    def camera(self, image_hw: tuple[int, int], offset: tuple[float, float] = (0.0, 0.0)) -> np.void:
        """Record of `layout.CAMERA` for images of the given size; the principal point is off centre by shares of it."""
        height, width = image_hw
        record = np.zeros(1, CAMERA)[0]
        record["fx"] = record["fy"] = 0.5 * height / math.tan(self.fov / 2)
        record["cx"], record["cy"] = width * (0.5 + offset[0]), height * (0.5 + offset[1])
        record["ox"], record["oy"], record["oz"] = self.eye
        rotation = self.rotation()
        for i in range(3):
            for j in range(3):
                record[f"r{i}{j}"] = rotation[i, j]
        return record


@dataclass(frozen=True, kw_only=True)
class _Probe:
    """The small picture of a candidate; `things` counts the primitives in it."""

    camera: np.void
    depth: Float[ndarray, "h w"]
    hit: Bool[ndarray, "h w"]
    things: int


def choose_poses(rng: Rng, stage: Stage, tracer: Tracer, views: int, image_hw: tuple[int, int]) -> list[Pose]:
    """Poses that overlap, see enough, and are not inside or right in front of anything."""
    small_hw = _PROBE_ROWS, max(4, round(_PROBE_ROWS * image_hw[1] / image_hw[0]))
    fov = math.radians(rng.uniform(35, 85))
    first, probe = _first_pose(rng, stage, tracer, small_hw, fov)
    poses, probes = [first], [probe]
    plan = _plan(rng, stage, first, views, float(np.median(probe.depth[probe.hit])))
    ordered = len(plan) == views - 1 and rng.random() < 0.65
    for wanted in plan:
        # Sets without order may overlap with any earlier view; a path goes on from the last one.
        anchors = [len(poses) - 1] if ordered else range(len(poses))
        pose, probe = _accepted(rng, stage, tracer, small_hw, wanted, [(poses[i], probes[i]) for i in anchors])
        poses.append(pose)
        probes.append(probe)
    if not ordered and views > 1:
        poses = [poses[i] for i in rng.permutation(views)]
    return poses


def _first_pose(rng: Rng, stage: Stage, tracer: Tracer, small_hw: tuple[int, int], fov: float) -> tuple[Pose, _Probe]:
    best, best_score, usable = None, -math.inf, 0
    for _ in range(_TRIES):
        eye, look = (rng.uniform(*np.asarray(corners, float)) for corners in (stage.eyes, stage.looks))
        if math.dist(eye, look) < 0.25 * stage.size:
            continue
        roll = rng.normal(0, math.radians(2)) if rng.random() < 0.85 else rng.normal(0, math.radians(12))
        pose = Pose(eye=eye, look=look, roll=roll, fov=fov)
        if _slope(pose) > _STEEPEST:
            continue
        probe = _probe(tracer, pose, small_hw)
        score = _fitness(stage, tracer, pose, probe)
        usable += score >= 0
        if score >= 0:
            score += probe.things
        if score > best_score:
            best, best_score = (pose, probe), score
        if usable == _CANDIDATES:
            break
    if best is None:
        message = f"No camera found for a scene of the family {stage.family}."
        raise RuntimeError(message)
    return best


def _slope(pose: Pose) -> float:
    x, y, z = pose.look - pose.eye
    return abs(math.atan2(z, math.hypot(x, y)))


def _probe(tracer: Tracer, pose: Pose, small_hw: tuple[int, int]) -> _Probe:
    camera = pose.camera(small_hw)
    surface, depth = tracer.centres(camera, small_hw)
    things = len(np.unique(surface[surface >= 0] // FACES))
    return _Probe(camera=camera, depth=depth, hit=surface >= 0, things=things)


def _fitness(stage: Stage, tracer: Tracer, pose: Pose, probe: _Probe) -> float:
    """Not negative if the pose may be used; else the larger the better."""
    if probe.hit.mean() < _SMALLEST_HIT_SHARE:
        return -3.0 + probe.hit.mean()
    median = float(np.median(probe.depth[probe.hit]))
    clear = tracer.clearance(pose.eye)
    if clear < min(_NEAREST_SHARE * median, 0.05 * stage.size):
        return -2.0
    # A view filled by one thing right in front of the camera shows little of the scene.
    if median < 0.12 * stage.size:
        return -1.0
    return 0.0 if probe.things >= _FEWEST_THINGS else -0.5 + 0.01 * probe.things


def _overlap(probe: _Probe, other: _Probe) -> float:
    """Share of the points of one probe that the other sees, too."""
    height, width = probe.depth.shape
    v, u = np.nonzero(probe.hit)
    camera, rotation = probe.camera, _rotation(probe.camera)
    z = probe.depth[v, u]
    x, y = (u + 0.5 - camera["cx"]) / camera["fx"], (v + 0.5 - camera["cy"]) / camera["fy"]
    world = np.stack([x * z, y * z, z], -1) @ rotation.T + _centre(camera)
    there = (world - _centre(other.camera)) @ _rotation(other.camera)
    front = there[:, 2] > 1e-6
    depth = np.where(front, there[:, 2], 1.0)
    column = np.floor(other.camera["fx"] * there[:, 0] / depth + other.camera["cx"]).astype(int)
    row = np.floor(other.camera["fy"] * there[:, 1] / depth + other.camera["cy"]).astype(int)
    inside = front & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    column, row = np.where(inside, column, 0), np.where(inside, row, 0)
    same = other.hit[row, column] & (np.abs(np.log(np.maximum(other.depth[row, column], 1e-9) / depth)) < 0.2)
    return float((inside & same).mean()) if len(v) else 0.0


def _rotation(camera: np.void) -> Rotation:
    return np.array([[camera[f"r{i}{j}"] for j in range(3)] for i in range(3)])


def _centre(camera: np.void) -> Float[ndarray, "3"]:
    return np.array([camera["ox"], camera["oy"], camera["oz"]])


def _accepted(
    rng: Rng, stage: Stage, tracer: Tracer, small_hw: tuple[int, int], wanted: Pose, anchors: list[tuple[Pose, _Probe]]
) -> tuple[Pose, _Probe]:
    """The wanted pose, or one on the way to it from an earlier view that can be used."""
    anchor = anchors[int(rng.integers(len(anchors)))]
    share = 1.0
    for _ in range(7):
        pose = anchor[0].between(wanted, share)
        probe = _probe(tracer, pose, small_hw)
        # The nearest are asked first: one that overlaps is enough, and of hundreds mostly the first one does.
        if _fitness(stage, tracer, pose, probe) >= 0 and any(
            _overlap(probe, other) >= _SMALLEST_OVERLAP for other in _nearest_first(pose, anchors)
        ):
            return pose, probe
        share *= 0.6
    # Hardly anything else than the anchor, but not the same picture.
    pose = anchor[0].between(wanted, 0.5 * share)
    return pose, _probe(tracer, pose, small_hw)


def _nearest_first(pose: Pose, anchors: list[tuple[Pose, _Probe]]) -> list[_Probe]:
    eyes = np.stack([anchor.eye for anchor, _ in anchors])
    return [anchors[i][1] for i in np.square(eyes - pose.eye).sum(-1).argsort()]


def _plan(rng: Rng, stage: Stage, first: Pose, views: int, depth: float) -> list[Pose]:
    """Wanted poses after the first one."""
    low, high = (np.asarray(corner, float) for corner in stage.eyes)
    unit = math.sqrt(depth * stage.size)
    pick = rng.random()
    total = unit * math.exp(rng.uniform(math.log(0.05), math.log(1.0)))
    plan = []
    ahead = first.look - first.eye
    ahead = ahead / math.sqrt(ahead @ ahead)
    way = rng.normal(0, 1, 3) * [1, 1, 0.3] + (1.5 * ahead if rng.random() < 0.4 else 0)
    way = way / math.sqrt(way @ way)
    bend, drift = rng.normal(0, 0.3, 3) * [1, 1, 0.3], rng.normal(0, 0.25, 3) * [1, 1, 0.3] * unit
    turn = rng.choice([-1, 1]) * rng.uniform(0.1, 1.2)
    for k in range(1, views):
        s = k / max(1, views - 1)
        if pick < 0.4:  # a walk
            eye, look = first.eye + total * (s * way + s * s * bend), first.look + drift * s + total * s * ahead
        elif pick < 0.6:  # an orbit
            eye, look = _orbit(first, turn * s), first.look
        elif pick < 0.7:  # a pan
            eye = first.eye + 0.1 * total * s * way
            look = first.eye + _turned(first.look - first.eye, turn * s * 0.8)
        else:  # anywhere around
            eye = first.eye + total * rng.normal(0, 0.7, 3) * [1, 1, 0.4]
            look = first.look + rng.normal(0, 0.2, 3) * unit * [1, 1, 0.4]
        jitter = rng.normal(0, 0.01, 3) * stage.size
        roll = first.roll + rng.normal(0, math.radians(1.0))
        plan.append(Pose(eye=np.clip(eye + 0.3 * jitter, low, high), look=look + jitter, roll=roll, fov=first.fov))
    return plan


def _turned(vector: Float[ndarray, "3"], angle: float) -> Float[ndarray, "3"]:
    x, y, z = vector
    c, s = math.cos(angle), math.sin(angle)
    return np.array([c * x - s * y, s * x + c * y, z])


def _orbit(first: Pose, angle: float) -> Float[ndarray, "3"]:
    return first.look + _turned(first.eye - first.look, angle)
