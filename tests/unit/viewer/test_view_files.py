"""Saved views: what is written, and all that a stranger may hand in."""

import json

import pytest

from mda.errors import InputError
from mda.viewer.poses import Pose
from mda.viewer.view_files import decode_view, encode_keypoints, encode_view, read_view

POSE = Pose(position=(1.5, -2.0, 3.25), wxyz=(0.5, 0.5, -0.5, 0.5), fov=0.75)


def test_a_view_and_back():
    content = encode_view(POSE, image_hw=(720, 1280), source="runs/my run ü", name="ü")
    assert decode_view(content, "x") == (POSE,)
    assert json.loads(content) == {
        "position": [1.5, -2.0, 3.25],
        "wxyz": [0.5, 0.5, -0.5, 0.5],
        "fov": 0.75,
        "height": 720,
        "width": 1280,
        "source_data_dir": "runs/my run ü",
        "name": "ü",
    }


def test_keypoints_and_back():
    assert decode_view(encode_keypoints([POSE, POSE]), "x") == (POSE, POSE)


GOOD = {"position": [0, 0, 0], "wxyz": [1, 0, 0, 0], "fov": 1.0}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95",  # a pickle
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"keypoints": []}',
        b'{"keypoints": 3}',
        b'{"keypoints": [1]}',
        b" " * 1_000_001,
        json.dumps({"keypoints": [GOOD] * 1001}).encode(),
        *(
            json.dumps({**GOOD, **change}).encode()
            for change in (
                {"position": [0, 0]},
                {"position": "abc"},
                {"position": [0, 0, "__import__('os')"]},
                {"position": [0, 0, True]},
                {"position": [0, 0, float("nan")]},
                {"position": [0, 0, float("inf")]},
                {"position": [0, 0, 10**400]},
                {"wxyz": [0, 0, 0, 0]},
                {"wxyz": None},
                {"fov": None},
                {"fov": -1},
                {"fov": 100},
            )
        ),
    ],
)
def test_anything_else_is_refused(content):
    with pytest.raises(InputError, match=r"evil\.json is not a view"):
        decode_view(content, "evil.json")


def test_files_on_disk(tmp_path):
    path = tmp_path / "view ü.json"
    path.write_bytes(encode_keypoints([POSE]))
    assert read_view(path) == (POSE,)
    with pytest.raises(InputError, match="Cannot read"):
        read_view(tmp_path / "absent.json")
    path.write_bytes(b"x" * 2_000_000)
    with pytest.raises(InputError, match="larger than 1000 kB"):
        read_view(path)
