"""Every kind of image becomes upright RGB; what is no image is refused with its name and a remedy."""

import struct
import warnings
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from mda.errors import InputError, OutputError
from mda.io.images import find_images, is_animated, load_image, read_image, write_jpeg, write_png


def corners(height=20, width=30):
    """An image whose four quarters are red, green, blue, grey, so that every turn of it is told apart."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = 250, 10, 10
    pixels[: height // 2, width // 2 :] = 10, 250, 10
    pixels[height // 2 :, : width // 2] = 10, 10, 250
    pixels[height // 2 :, width // 2 :] = 120, 120, 120
    return pixels


def png_of_16_bits(path, values):
    """PNG of 16 bits, which Pillow cannot write in colour."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, 2 if values.ndim == 3 else 0, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


# What a camera held that way stores, so that applying the orientation gives `corners()` again.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", ["png", "tiff", "webp", "jpg"])
def test_every_exif_orientation_comes_out_upright(tmp_path, orientation, extension):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(STORED[orientation](corners()))
    options = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}}.get(extension, {})
    Image.fromarray(stored).save(tmp_path / f"a.{extension}", exif=exif, **options)
    image = load_image(tmp_path / f"a.{extension}")
    assert image.source_hw == (20, 30)
    tolerance = 30 if extension == "jpg" else 0  # blocks of 8 x 8 reach over the borders of the quarters
    np.testing.assert_allclose(image.pixels.astype(int), corners().astype(int), atol=tolerance)


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("extension", ["png", "tiff", "jpg"])
def test_shrinking_keeps_upright_and_tells_the_size_of_the_file(tmp_path, orientation, extension):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(STORED[orientation](corners(200, 300)))
    Image.fromarray(stored).save(tmp_path / f"a.{extension}", exif=exif)
    image = load_image(tmp_path / f"a.{extension}", max_long_side=30)
    assert image.source_hw == (200, 300)
    assert image.pixels.shape == (20, 30, 3)
    centres = image.pixels[5::10, 7::15].astype(int)
    np.testing.assert_allclose(centres, corners()[5::10, 7::15].astype(int), atol=6)


def test_a_small_image_is_never_enlarged(tmp_path):
    write_png(tmp_path / "a.png", corners())
    assert read_image(tmp_path / "a.png", max_long_side=1000).shape == (20, 30, 3)
    assert load_image(tmp_path / "a.png", max_short_side=10).pixels.shape == (10, 15, 3)


def test_transparency_lies_over_white(tmp_path):
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[:, :3] = 255, 0, 0, 255
    rgba[:, 3:] = 0, 0, 0, 0  # black and invisible
    Image.fromarray(rgba).save(tmp_path / "a.png")
    pixels = read_image(tmp_path / "a.png")
    assert (pixels[:, :3] == (255, 0, 0)).all()
    assert (pixels[:, 3:] == 255).all()


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_colour_lies_over_white(tmp_path, mode):
    image = Image.new(mode, (6, 4), 0)
    if mode == "P":
        image.putpalette([0, 0, 0, 0, 200, 0])
    image.paste({"P": 1, "L": 77, "RGB": (0, 200, 0)}[mode], (0, 0, 3, 4))
    image.save(tmp_path / "a.png", transparency={"P": 0, "L": 0, "RGB": (0, 0, 0)}[mode])
    pixels = read_image(tmp_path / "a.png")
    assert (pixels[:, :3] == ((77, 77, 77) if mode == "L" else (0, 200, 0))).all()
    assert (pixels[:, 3:] == 255).all()


@pytest.mark.parametrize("mode", ["L", "1", "LA", "P"])
def test_grey_one_bit_and_palette_become_rgb(tmp_path, mode):
    grey = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 4, axis=0))
    grey.convert(mode).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png") == np.array([[[0, 0, 0], [255, 255, 255]]])).all()


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path, extension):
    values = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    Image.fromarray(values).save(tmp_path / f"a.{extension}")
    np.testing.assert_array_equal(read_image(tmp_path / f"a.{extension}")[..., 1], values // 257)


def test_16_bit_colour_is_scaled_not_clipped(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (9, 7, 3))
    png_of_16_bits(tmp_path / "a.png", values)
    np.testing.assert_allclose(read_image(tmp_path / "a.png").astype(float), values / 257, atol=1)


def test_float_tiff_from_0_to_1_is_an_image_and_others_are_refused(tmp_path):
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    Image.fromarray(values).save(tmp_path / "a.tif")
    np.testing.assert_allclose(read_image(tmp_path / "a.tif")[..., 0], values * 255, atol=0.5)
    Image.fromarray(values * 80).save(tmp_path / "depth.tif")
    with pytest.raises(InputError, match=r"depth\.tif holds numbers from 0 to 80; expected .*convert it"):
        read_image(tmp_path / "depth.tif")


@pytest.mark.parametrize("extension", ["jpg", "tif"])
def test_cmyk_has_the_right_colours(tmp_path, extension):
    # Pillow writes CMYK JPEGs as Adobe does, inverted; read wrongly, red would be cyan.
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / f"a.{extension}")
    np.testing.assert_allclose(read_image(tmp_path / f"a.{extension}")[4, 4], (255, 0, 0), atol=3)


def test_of_pages_and_frames_the_first_is_taken(tmp_path):
    pages = [Image.new("RGB", (5, 4), colour) for colour in [(200, 0, 0), (0, 200, 0)]]
    for name in ("a.tif", "a.gif", "a.webp"):
        pages[0].save(
            tmp_path / name, save_all=True, append_images=pages[1:], **({"lossless": True} if "webp" in name else {})
        )
        np.testing.assert_array_equal(read_image(tmp_path / name)[0, 0], (200, 0, 0))
    assert is_animated(tmp_path / "a.gif")
    pages[0].save(tmp_path / "still.gif")
    assert not is_animated(tmp_path / "still.gif")


@pytest.mark.parametrize("name", ["a.heic", "phone.jpg"])
def test_heic_is_read_whatever_its_name(tmp_path, name):
    heif = pillow_heif.from_bytes("RGB", (64, 48), np.full((48, 64, 3), (200, 60, 30), np.uint8).tobytes())
    heif.save(tmp_path / name, quality=95)
    pixels = read_image(tmp_path / name)
    assert pixels.shape == (48, 64, 3)
    np.testing.assert_allclose(pixels[20, 20], (200, 60, 30), atol=8)


def test_a_wrong_extension_does_not_matter(tmp_path):
    write_jpeg(tmp_path / "a.jpg", corners())
    (tmp_path / "a.jpg").rename(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == (20, 30, 3)


def test_odd_exif_does_not_cost_the_picture(tmp_path):
    Image.fromarray(corners()).save(tmp_path / "a.jpg", exif=b"Exif\0\0garbage that is no tag directory")
    assert read_image(tmp_path / "a.jpg").shape == (20, 30, 3)


def test_a_very_large_photo_is_read_cheaply_and_without_warning(tmp_path):
    # 108 megapixels; a grey JPEG of one colour is quick to make.
    Image.new("L", (12000, 9000), 90).save(tmp_path / "huge.jpg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = load_image(tmp_path / "huge.jpg", max_long_side=1008)
    assert image.source_hw == (9000, 12000)
    assert image.pixels.shape == (756, 1008, 3)
    assert (image.pixels == 90).all()


def test_an_absurdly_large_image_is_refused(tmp_path):
    png_of_16_bits(tmp_path / "bomb.png", np.zeros((1, 1)))
    content = bytearray((tmp_path / "bomb.png").read_bytes())
    content[16:24] = struct.pack(">II", 20000, 20000)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    (tmp_path / "bomb.png").write_bytes(content)
    with pytest.raises(InputError, match=r"bomb\.png has more than 178 million pixels; shrink it"):
        read_image(tmp_path / "bomb.png")


def test_a_1x1_image_is_read(tmp_path):
    write_png(tmp_path / "a.png", np.full((1, 1, 3), 9, np.uint8))
    assert (read_image(tmp_path / "a.png", max_long_side=1) == 9).all()


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif"])
def test_a_truncated_image_is_refused(tmp_path, extension):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"whole.{extension}")
    content = (tmp_path / f"whole.{extension}").read_bytes()
    (tmp_path / f"cut.{extension}").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=rf"cut\.{extension} .*copy"):
        read_image(tmp_path / f"cut.{extension}")


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif", "gif"])
def test_damage_gives_either_a_picture_or_an_input_error(tmp_path, extension):
    Image.fromarray(corners()).save(tmp_path / f"a.{extension}")
    content = (tmp_path / f"a.{extension}").read_bytes()
    draw = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content)
        for place in draw.integers(0, len(content), 6):
            damaged[place] = draw.integers(0, 256)
        (tmp_path / f"b.{extension}").write_bytes(damaged)
        try:
            assert read_image(tmp_path / f"b.{extension}").shape[2] == 3
        except InputError as error:
            assert f"b.{extension}" in str(error)  # noqa: PT017 - most damage is harmless and raises nothing


def test_what_is_no_image_is_refused_by_name_and_reason(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "lfs.jpg").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (tmp_path / "raw.nef").write_bytes(b"II*\0")
    expected = {
        "text.png": "not an image",
        "empty.jpg": "empty",
        "folder.jpg": "is a folder",
        "lfs.jpg": "git lfs pull",
        "raw.nef": "raw",
        "absent.jpg": "No such file",
    }
    for name, reason in expected.items():
        with pytest.raises(InputError, match=reason) as caught:
            read_image(tmp_path / name)
        assert name in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_images_of_a_folder_come_in_natural_order_without_hidden_and_other_files(tmp_path):
    for name in ("img10.png", "img2.JPG", "Img1.jpeg", ".hidden.png", "._img1.jpeg", "notes.txt", "ä 3.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in find_images(tmp_path)] == ["Img1.jpeg", "img2.JPG", "img10.png", "ä 3.png"]


def test_a_folder_without_images_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"It is empty"):
        find_images(tmp_path)
    (tmp_path / "a.cr2").write_bytes(b"x")
    with pytest.raises(InputError, match=r"raw files; convert"):
        find_images(tmp_path)
    (tmp_path / "a.cr2").unlink()
    (tmp_path / "day one").mkdir()
    with pytest.raises(InputError, match=r"folders \(day one\); give one of those"):
        find_images(tmp_path)
    with pytest.raises(InputError, match=r"absent"):
        find_images(tmp_path / "absent")


def test_written_images_read_back(tmp_path):
    write_png(tmp_path / "ü b.png", corners())
    np.testing.assert_array_equal(read_image(tmp_path / "ü b.png"), corners())
    write_png(tmp_path / "grey.png", corners()[..., 0])
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png")[..., 2], corners()[..., 0])
    write_jpeg(tmp_path / "b.jpg", corners(80, 80), quality=95)
    assert np.abs(read_image(tmp_path / "b.jpg").astype(int) - corners(80, 80)).mean() < 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.jpg", "grey.png", "ü b.png"]
    with pytest.raises(OutputError, match=r"is a file, not a folder"):
        write_png(tmp_path / "b.jpg" / "c.png", corners())
