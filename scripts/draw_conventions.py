"""Draw the pictures of docs/conventions.md into docs/images: `python scripts/draw_conventions.py`."""

from pathlib import Path

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
INK, SOFT, PAPER = "#222222", "#8a8a8a", "#ffffff"
RED, GREEN, BLUE, ORANGE, TEAL = "#c62828", "#2e7d32", "#1565c0", "#d97706", "#00796b"

Point = tuple[float, float]


def text(
    at: Point, words: str, *, colour: str = INK, size: int = 15, anchor: str = "start", slanted: bool = False
) -> str:
    """Words at a place; (x, y) is on the base line."""
    style = ' font-style="italic"' if slanted else ""
    place = f'x="{at[0]:g}" y="{at[1]:g}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}" font-size="{size}"{style}>{words}</text>'


def line(
    start: Point, end: Point, *, colour: str = INK, width: float = 1.5, dashed: bool = False, arrow: bool = False
) -> str:
    """A straight line, with a head at its end where asked."""
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    head = f' marker-end="url(#head-{colour[1:]})"' if arrow else ""
    ends = f'x1="{start[0]:g}" y1="{start[1]:g}" x2="{end[0]:g}" y2="{end[1]:g}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width:g}"{dash}{head}/>'


def dot(at: Point, *, colour: str = INK, radius: float = 4) -> str:
    """A filled dot."""
    return f'<circle cx="{at[0]:g}" cy="{at[1]:g}" r="{radius:g}" fill="{colour}"/>'


def polygon(corners: list[Point], *, colour: str = INK, fill: str = "none", opacity: float = 1.0) -> str:
    """A closed outline."""
    path = " ".join(f"{x:g},{y:g}" for x, y in corners)
    return f'<polygon points="{path}" fill="{fill}" fill-opacity="{opacity:g}" stroke="{colour}" stroke-width="1.5"/>'


def picture(width: int, height: int, title: str, parts: list[str]) -> str:
    """A whole file."""
    heads = "".join(
        f'<marker id="head-{colour[1:]}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="{colour}"/></marker>'
        for colour in (INK, SOFT, RED, GREEN, BLUE, ORANGE, TEAL)
    )
    frame = f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" role="img">\n<title>{title}</title>\n<defs>{heads}</defs>\n{frame}\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def axes() -> str:
    """A camera with its axes, in a world that is the frame of the first view."""

    def seen(x: float, y: float, z: float, *, at: Point) -> Point:
        """Where a point (x right, y down, z away) around a camera is drawn: z goes up to the right."""
        return at[0] + x + 0.86 * z, at[1] + y - 0.2 * z

    def camera(at: Point, name: str) -> list[str]:
        corners = [seen(x, y, 130, at=at) for x, y in ((-34, -48), (34, -48), (34, 48), (-34, 48))]
        parts = [line(at, corner, colour=SOFT, width=1.2) for corner in corners]
        parts.append(polygon(corners, colour=SOFT, fill="#e8eef5", opacity=0.7))
        for (x, y, z), colour, label, shift in (
            ((75, 0, 0), RED, "x right", (4, 18)),
            ((0, 70, 0), GREEN, "y down", (8, 0)),
            ((0, 0, 190), BLUE, "z forward", (6, -4)),
        ):
            end = seen(x, y, z, at=at)
            parts += [line(at, end, colour=colour, width=2.5, arrow=True)]
            parts += [text((end[0] + shift[0], end[1] + shift[1]), label, colour=colour)]
        return [*parts, dot(at), text((at[0] - 8, at[1] - 12), name, anchor="end")]

    first, second = (100.0, 150.0), (400.0, 190.0)
    point = (640.0, 70.0)
    return picture(
        720,
        320,
        "Camera axes: x right, y down, z forward",
        [
            *camera(first, "view 0"),
            *camera(second, "view 1"),
            line(second, point, colour=ORANGE, dashed=True),
            dot(point, colour=ORANGE, radius=6),
            text((point[0] + 10, point[1] + 5), "x", colour=ORANGE, slanted=True),
            text((24, 30), "The world is the frame of view 0:"),
            text((24, 50), "its world_from_cam is the identity.", colour=SOFT),
            text((24, 300), "x_world = world_from_cam[1] · x_cam", size=15),
            text((330, 300), "takes a point from the frame of view 1 to the world", colour=SOFT),
        ],
    )


def pixels() -> str:
    """Pixel centres at halves, and the same image at twice the size."""

    def grid(left: float, top: float, side: float, columns: int, rows: int) -> list[str]:
        width, height = columns * side, rows * side
        parts = [polygon([(left, top), (left + width, top), (left + width, top + height), (left, top + height)])]
        parts += [
            line((left + i * side, top), (left + i * side, top + height), colour=SOFT, width=1)
            for i in range(1, columns)
        ]
        parts += [
            line((left, top + j * side), (left + width, top + j * side), colour=SOFT, width=1) for j in range(1, rows)
        ]
        centres = [(left + (i + 0.5) * side, top + (j + 0.5) * side) for j in range(rows) for i in range(columns)]
        return parts + [dot(at, colour=SOFT, radius=2.5) for at in centres]

    left, top, side = 70.0, 80.0, 56.0
    other = 420.0
    return picture(
        720,
        330,
        "Pixel centres lie at halves",
        [
            *grid(left, top, side, 4, 3),
            dot((left, top), colour=RED),
            text((left - 8, top - 10), "(0, 0)", colour=RED, anchor="middle"),
            dot((left + side / 2, top + side / 2), colour=BLUE),
            text((left + side / 2, top + side / 2 - 8), "(0.5, 0.5)", colour=BLUE, size=12, anchor="middle"),
            dot((left + 2 * side, top + 1.5 * side), colour=GREEN),
            text((left + 2 * side + 6, top + 1.5 * side + 17), "(2, 1.5)", colour=GREEN, size=12),
            dot((left + 4 * side, top + 3 * side), colour=RED),
            text((left + 4 * side, top + 3 * side + 20), "(4, 3)", colour=RED, anchor="middle"),
            text((left, 30), "4 x 3 pixels: cx = 2, cy = 1.5, fx = 3"),
            text((left, 48), "u = fx · x / z + cx", colour=SOFT, slanted=True),
            *grid(other, top, side / 2, 8, 6),
            dot((other, top), colour=RED),
            text((other - 8, top - 10), "(0, 0)", colour=RED, anchor="middle"),
            dot((other + 2 * side, top + 1.5 * side), colour=GREEN),
            text((other + 2 * side + 6, top + 1.5 * side + 17), "(4, 3)", colour=GREEN, size=12),
            dot((other + 4 * side, top + 3 * side), colour=RED),
            text((other + 4 * side, top + 3 * side + 20), "(8, 6)", colour=RED, anchor="middle"),
            text((other, 30), "The same at 8 x 6: cx = 4, cy = 3, fx = 6"),
            text((other, 48), "every number times 2, nothing else", colour=SOFT),
            line((left + 4 * side + 24, top + 1.5 * side), (other - 24, top + 1.5 * side), arrow=True),
            text(
                (360, 310),
                "With centres at whole numbers (0, 0), resizing would need a shift by half a pixel.",
                colour=SOFT,
                anchor="middle",
            ),
        ],
    )


def depth_and_distance() -> str:
    """A wall seen from above: one depth, many distances."""
    camera, wall, top, bottom = (90.0, 170.0), 520.0, 50.0, 290.0
    seen = (wall, 84.0)
    return picture(
        720,
        330,
        "Depth is z, distance is the length of the ray",
        [
            text((24, 30), "From above: a camera looks straight at a wall.", colour=SOFT),
            polygon([(wall, top), (wall + 14, top), (wall + 14, bottom), (wall, bottom)], colour=SOFT, fill="#e8e2d8"),
            line(camera, (wall - 4, camera[1]), colour=BLUE, width=2.5, arrow=True),
            text((300, camera[1] - 8), "optical axis, z", colour=BLUE, anchor="middle"),
            line(camera, seen, colour=ORANGE, width=2.5, arrow=True),
            text((250, 108), "distance √(x² + z²)", colour=ORANGE, anchor="middle"),
            line((seen[0], seen[1]), (camera[0], seen[1]), colour=SOFT, dashed=True),
            line((camera[0], seen[1]), (camera[0], camera[1] - 8), colour=RED, width=2.5, arrow=False),
            text((camera[0] - 10, 130), "x", colour=RED, anchor="end"),
            line((camera[0], 250), (wall - 2, 250), colour=TEAL, width=2.5, arrow=True),
            line((camera[0], camera[1] + 12), (camera[0], 262), colour=SOFT, dashed=True),
            text((300, 242), "depth z of every pixel of the wall", colour=TEAL, anchor="middle"),
            dot(camera, radius=6),
            text((camera[0] - 12, camera[1] + 22), "camera", anchor="end", size=13),
            dot(seen, colour=ORANGE, radius=5),
            text((wall + 26, 90), "depth z: the same here", colour=TEAL),
            text((wall + 26, 108), "distance: larger here", colour=ORANGE),
            text((wall + 26, 174), "than here", colour=ORANGE),
            text((24, 315), "x = (u - cx) / fx · z", slanted=True),
            text(
                (190, 315),
                "makes a point of a pixel and its depth; with the distance for z, walls would bend.",
                colour=SOFT,
            ),
        ],
    )


PICTURES = {"axes": axes, "pixels": pixels, "depth": depth_and_distance}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (IMAGES / f"convention_{name}.svg").write_text(draw(), encoding="utf-8")
