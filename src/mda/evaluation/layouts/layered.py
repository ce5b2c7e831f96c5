"""The real pictures of LayeredDepth (Wen et al. 2025): tuples of points in the order of their depth, no depth maps.

Two releases are read. That of the Hugging Face Hub, its archives unpacked, has `NUMBER.image.png` beside
`NUMBER.tuples.json`; the older one `NUMBER.png`, and `pairs_layerall_val/NUMBER.jsonl` and the like.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mda.errors import InputError
from mda.evaluation.benchmark import Dataset, Frame, FrameTruth, Scene, ViewSize
from mda.evaluation.layouts.files import folders_in, images_in, read_fitted
from mda.io.images import list_files, read_image

SUBSETS = ("layer_first", "layer_all")
"""Tuples within the first layer, and within and across all of them."""
KINDS = {2: "pairs", 3: "trips", 4: "quads"}
"""What the publishers call tuples, by the number of their points."""
_IMAGE, _TUPLES = ".image.png", ".tuples.json"
_FOLDER_KINDS, _FOLDER_SUBSETS = ("pairs", "triplets", "quadruplets"), {"layer1": SUBSETS[0], "layerall": SUBSETS[1]}
# Truth has no depth map here, and predictions are compared at points: no need for every pixel of a large photograph.
_LONG_SIDE = 1024


@dataclass(frozen=True, kw_only=True)
class _Ordered:
    """One annotation: its subset, points (column, row, layer) from near to far, and whether there are such surfaces."""

    subset: str
    points: tuple[tuple[int, int, int], ...]
    real: bool = True


def layered_scenes(root: Path, size: ViewSize) -> list[Scene]:
    """One scene per annotated picture.

    Raises:
        InputError: a picture is missing.
    """
    sources = dict(_unpacked(root))
    sources.update(entry for entry in _older(root) if entry[0] not in sources)
    return [
        Scene(
            dataset="layered_depth_real",
            name=name,
            frames=(
                Frame(
                    name=image.name,
                    read_image=partial(read_fitted, image, size),
                    read_truth=partial(_truth, image, annotations),
                ),
            ),
        )
        for name, (image, annotations) in sources.items()
    ]


def _unpacked(root: Path) -> Iterator[tuple[str, tuple[Path, Mapping[Path, str]]]]:
    """Pictures and annotations of the Hub's release, in the folder or one below."""
    for folder in (root, *folders_in(root)):
        for path in list_files(folder):
            if path.name.endswith(_TUPLES):
                name = path.name.removesuffix(_TUPLES)
                yield name, (_present(path.with_name(name + _IMAGE)), {path: ""})


def _older(root: Path) -> Iterator[tuple[str, tuple[Path, Mapping[Path, str]]]]:
    """Pictures and annotations of the older release."""
    annotated: dict[str, dict[Path, str]] = {}
    elsewhere = [root]
    for folder in folders_in(root):
        kind, _, rest = folder.name.partition("_")
        subset = _FOLDER_SUBSETS.get(rest.partition("_")[0])
        if kind not in _FOLDER_KINDS or subset is None:
            elsewhere.append(folder)
            continue
        for path in list_files(folder):
            if path.suffix == ".jsonl":
                annotated.setdefault(path.stem, {})[path] = subset
    if not annotated:
        return
    images = {path.stem: path for folder in reversed(elsewhere) for path in images_in(folder)}
    for name, files in annotated.items():
        yield name, (images.get(name) or _present(root / f"{name}.png"), files)


def _present(path: Path) -> Path:
    """The path.

    Raises:
        InputError: nothing is there.
    """
    if not path.exists():
        message = f"{path} is missing; complete the data set."
        raise InputError(message)
    return path


def _truth(image: Path, annotations: Mapping[Path, str]) -> FrameTruth:
    """No depth; the tuples as `tuples` [n, 4, 3] (-1: no point), `tuple_subset` and `tuple_real` [n].

    Raises:
        InputError: a file is damaged.
    """
    height, width = read_image(image).shape[:2]
    shrink = max(1.0, max(height, width) / _LONG_SIDE)
    shape = (round(height / shrink), round(width / shrink))
    found = [one for path, subset in annotations.items() for one in _annotations(path, subset)]
    points = np.full((len(found), max(KINDS), 3), -1, np.int32)
    for row, one in zip(points, found, strict=True):
        row[: len(one.points)] = one.points
    return FrameTruth(
        depth=np.ones(shape, np.float32),
        mask=np.zeros(shape, bool),
        extras={
            "tuples": points,
            "tuple_subset": np.array([SUBSETS.index(one.subset) for one in found], np.int32),
            "tuple_real": np.array([one.real for one in found], bool),
            "annotated_hw": np.array([height, width], np.int32),
        },
    )


def _annotations(path: Path, subset: str) -> list[_Ordered]:
    """The tuples of one file; `subset` is that of the folder, empty for files that name it themselves.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if subset:
            return [_ordered(subset, json.loads(line)) for line in text.splitlines() if line.strip()]
        content = json.loads(text)
        return [
            _ordered(subset, [entry[f"p{place}"] for place in _places(entry)], real=bool(entry.get("is_real", True)))
            for subset in SUBSETS
            for entries in content.get(subset, {}).values()
            for entry in entries
        ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"{path} does not hold tuples of points ({error}); copy or download it again."
        raise InputError(message) from error


def _places(entry: Mapping[str, Any]) -> list[int]:
    """Numbers of the points of an entry, in order: its keys are p1, p2, ..."""
    return sorted(int(key[1:]) for key in entry if key[:1] == "p" and key[1:].isdigit())


def _ordered(subset: str, points: Sequence[Sequence[Any]], *, real: bool = True) -> _Ordered:
    if len(points) not in KINDS:
        message = f"a tuple has {len(points)} points"
        raise ValueError(message)
    triples = tuple((int(x), int(y), int(layer)) for x, y, layer in points)
    return _Ordered(subset=subset, points=triples, real=real)


LAYERED_REAL = Dataset(
    name="layered_depth_real",
    folder="layered_depth_real",
    list_scenes=layered_scenes,
    title="LayeredDepth, real pictures",
    licence="CC0",
    link="https://huggingface.co/datasets/princeton-vl/LayeredDepth",
)
"""Pictures of glass with points in the order of their depth."""
