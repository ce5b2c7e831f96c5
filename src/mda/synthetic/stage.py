"""What a family of scenes hands to the cameras."""

from dataclasses import dataclass

from mda.synthetic.scene import Number, Scene, Vector


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A scene and where it is meant to be seen from.

    Attributes:
        scene: what is there.
        family: name of the kind of scene.
        eyes: lowest and highest corner of the box that cameras stand in.
        looks: lowest and highest corner of the box that cameras look at.
        size: typical distance between cameras and what they look at, metres.
    """

    scene: Scene
    family: str
    eyes: tuple[Vector, Vector]
    looks: tuple[Vector, Vector]
    size: Number
