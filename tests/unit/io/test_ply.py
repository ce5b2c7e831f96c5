"""Point clouds as PLY."""

import logging

import numpy as np
import pytest
import torch

from mda.errors import ConfigError, InputError, OutputError
from mda.io.ply import read_ply, write_ply, write_point_cloud
from mda.structures import PointCloud


def cloud(count):
    draw = np.random.default_rng(0)
    return (
        draw.normal(size=(count, 3)).astype(np.float32),
        draw.integers(0, 256, (count, 3), dtype=np.uint8),
        draw.normal(size=(count, 3)).astype(np.float32),
        draw.uniform(1, 9, count).astype(np.float32),
    )


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_points_round_trip_bit_for_bit(tmp_path, count):
    positions, colors, normals, confidence = cloud(count)
    path = tmp_path / "my points ü.ply"
    assert write_ply(path, positions, colors, normals=normals, confidence=confidence) == 0
    read = read_ply(path)
    np.testing.assert_array_equal(read.positions, positions)
    np.testing.assert_array_equal(read.colors, colors)
    np.testing.assert_array_equal(read.normals, normals)
    np.testing.assert_array_equal(read.confidence, confidence)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_the_file_is_little_endian_binary_with_colours_by_their_usual_names(tmp_path):
    positions, colors, _, _ = cloud(2)
    write_ply(tmp_path / "a.ply", positions, colors)
    header, _, body = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    assert b"format binary_little_endian 1.0" in header
    assert b"element vertex 2" in header
    assert b"property uchar red" in header
    assert len(body) == 2 * (3 * 4 + 3)
    assert body[:12] == positions[0].astype("<f4").tobytes()
    assert body[12:15] == colors[0].tobytes()
    read = read_ply(tmp_path / "a.ply")
    assert read.normals is None
    assert read.confidence is None


def test_points_that_are_not_finite_are_left_out_and_told(tmp_path, caplog):
    positions, colors, _, confidence = cloud(5)
    positions[1, 2], positions[3, 0] = np.nan, np.inf
    with caplog.at_level(logging.WARNING):
        assert write_ply(tmp_path / "a.ply", positions, colors, confidence=confidence) == 2
    assert "2 points that are not finite were left out" in caplog.text
    read = read_ply(tmp_path / "a.ply")
    np.testing.assert_array_equal(read.positions, positions[[0, 2, 4]])
    np.testing.assert_array_equal(read.colors, colors[[0, 2, 4]])
    np.testing.assert_array_equal(read.confidence, confidence[[0, 2, 4]])


def test_a_point_cloud_record_is_written(tmp_path):
    positions, colors, _, confidence = map(torch.from_numpy, cloud(7))
    write_point_cloud(tmp_path / "a.ply", PointCloud(positions=positions, colors=colors, confidence=confidence))
    np.testing.assert_array_equal(read_ply(tmp_path / "a.ply").confidence, confidence.numpy())
    write_point_cloud(tmp_path / "b.ply", PointCloud(positions=positions, colors=colors))
    assert read_ply(tmp_path / "b.ply").confidence is None


def test_arrays_of_different_length_are_refused(tmp_path):
    positions, colors, _, _ = cloud(3)
    with pytest.raises(ConfigError, match=r"one length, found \[2, 3\]"):
        write_ply(tmp_path / "a.ply", positions, colors, confidence=np.ones(2, np.float32))


def test_failures_name_the_file(tmp_path):
    positions, colors, _, _ = cloud(100)
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(OutputError, match=r"a\.ply: a part of that path is a file"):
        write_ply(tmp_path / "file" / "a.ply", positions, colors)
    write_ply(tmp_path / "a.ply", positions, colors)
    content = (tmp_path / "a.ply").read_bytes()
    (tmp_path / "cut.ply").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.ply").write_text("hello")
    (tmp_path / "faces.ply").write_text("ply\nformat ascii 1.0\nelement face 0\nproperty uchar a\nend_header\n")
    (tmp_path / "odd.ply").write_text("ply\nformat ascii 1.0\nelement vertex 1\nproperty float u\nend_header\n1\n")
    for name in ("cut.ply", "text.ply", "faces.ply", "odd.ply", "absent.ply"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            read_ply(tmp_path / name)
