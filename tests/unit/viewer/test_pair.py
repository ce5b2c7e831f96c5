"""Two runs side by side."""

import urllib.error
import urllib.request

import numpy as np
import pytest

pytest.importorskip("viser")

from mda.errors import ConfigError
from mda.viewer.app import ViewerOptions
from mda.viewer.pair import Leader, carried_over, page
from mda.viewer.poses import Pose
from mda.viewer.serving import start_pair
from tests.unit.viewer.walls import write_run

STRAIGHT = Pose(position=(0.0, 0.0, 0.0), wxyz=(1.0, 0.0, 0.0, 0.0), fov=1.0)
SKEW = Pose(position=(1.0, 2.0, 3.0), wxyz=(0.8, 0.1, -0.3, 0.2), fov=0.7)


def test_the_eye_that_moved_leads_and_its_echo_does_not():
    now = [0.0]
    leader = Leader(lambda: now[0])
    assert leader.leads("left")
    now[0] = 0.1
    assert not leader.leads("right")
    assert leader.leads("left")
    now[0] = 0.45
    assert not leader.leads("right")
    now[0] = 1.0
    assert leader.leads("right")
    assert not leader.leads("left")


def test_poses_are_carried_over_relative_to_the_first_cameras():
    assert carried_over(SKEW, SKEW, STRAIGHT, 3.0).position == pytest.approx((0, 0, 0))
    there = carried_over(STRAIGHT, SKEW, STRAIGHT, 2.0)
    back = carried_over(there, STRAIGHT, SKEW, 0.5)
    np.testing.assert_allclose(back.position, STRAIGHT.position, atol=1e-9)
    np.testing.assert_allclose(back.rotation, STRAIGHT.rotation, atol=1e-9)
    np.testing.assert_allclose(there.position, 2 * SKEW.rotation.T @ -np.array(SKEW.position), atol=1e-9)
    assert there.fov == 1.0


def test_names_are_text_in_the_page():
    shown = page(("<script>alert(1)</script>", 'a "b"'), (1, 2))
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown
    assert 'data-port="1"' in shown
    assert 'data-port="2"' in shown


def test_the_page_and_nothing_else_is_served(tmp_path):
    runs = [write_run(tmp_path / "left ü", 2), write_run(tmp_path / "right", 2)]
    pair = start_pair(runs, ViewerOptions(port=18100))
    try:
        with urllib.request.urlopen(pair.url) as answer:  # noqa: S310
            content = answer.read().decode()
        assert "left ü" in content
        for viewer in pair.viewers:
            assert viewer.worker.wait()
            assert f'data-port="{viewer.server.get_port()}"' in content
            assert len(viewer.scene.cameras) == 2
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(pair.url + "/etc/passwd")  # noqa: S310
    finally:
        pair.stop()
    with pytest.raises(ConfigError, match="two runs, and there are 1"):
        start_pair(runs[:1], ViewerOptions(port=18100))
