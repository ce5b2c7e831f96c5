"""Inside the density of one pixel at the edge of an object: its hypotheses, and what each decoder makes of it.

python examples/02_inside_a_mixture_at_an_edge.py photo.jpg
python examples/02_inside_a_mixture_at_an_edge.py --pixel 120 80      # column and row, in a rendered scene
"""

import argparse
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

import mda
from mda.synthetic import render_clip

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("photo", type=Path, nargs="?")
parser.add_argument("--pixel", type=int, nargs=2, metavar=("X", "Y"), help="default: where two surfaces are most alike")
parser.add_argument("--size", type=int, help="longer side of the view in pixels; default: the model's own")
parser.add_argument("--out", type=Path, default=Path("eval_results/examples/02_mixture.png"))
options = parser.parse_args()

photo = render_clip(7, views=1, image_hw=(192, 256)).images[0] if options.photo is None else options.photo
prediction = mda.load("mda_mini").predict([photo], size=options.size)
mixture = prediction.mixture[0]  # of the first view: batch shape [h, w]

# `layers` finds the nearest and the farthest peak of each density. An edge pixel holds mass in both.
layers = mixture.layers()
second_mass = torch.minimum(layers.front_mass, layers.back_mass)
apart = (layers.count > 1) & (layers.back_depth > 1.3 * layers.front_depth) & (prediction.p_sky[0] < 0.1)
torn = torch.where(apart, second_mass, 0.0)
x, y = options.pixel or (int(torn.argmax()) % torn.shape[1], int(torn.argmax()) // torn.shape[1])
pixel = mixture[y, x]  # one density: locs, scales, log_weights of shape [k]

print(f"Pixel ({x}, {y}): {pixel.num_components} hypotheses, in the coordinate of {pixel.space} depth")
for depth, scale, weight in zip(pixel.hypotheses, pixel.scales, pixel.log_weights.exp(), strict=True):
    print(f"  depth {depth:6.3f}   weight {weight:5.1%}   scale {scale:.3f}")
decoded = {name: float(pixel.decode(name)) for name in ("mode", "heaviest", "front", "back", "mean", "median")}
for name, depth in decoded.items():
    print(
        f"  {name:8} decides {depth:6.3f}, where the log density is {float(pixel.log_prob(torch.tensor(depth))):+.2f}"
    )

# The curve, over depths that hold all but a thousandth of the mass on either side, evenly spaced in log depth.
first, last = (float(pixel.quantile(p)) for p in (0.001, 0.999))
depths = torch.logspace(torch.tensor(first).log10(), torch.tensor(last).log10(), 600)
density = pixel.log_prob(depths).exp()

WIDTH, HEIGHT, MARGIN = 760, 360, 44
COLOURS = {"heaviest": "#0a8f80", "mode": "#2458c9", "front": "#c07a00", "back": "#7a3fb0", "mean": "#d02020"}


def across(depth: float) -> float:
    """Column of a depth in the plot."""
    share = torch.log(torch.tensor(depth / first)) / torch.log(torch.tensor(last / first))
    return MARGIN + float(share) * (WIDTH - 2 * MARGIN)


def up(value: float) -> float:
    """Row of a density in the plot."""
    return HEIGHT - MARGIN - 0.8 * float(value / density.max()) * (HEIGHT - 2 * MARGIN)


sheet = Image.new("RGB", (HEIGHT + WIDTH, HEIGHT), "white")
draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
# Left: the surroundings of the pixel, enlarged.
view, reach = Image.fromarray(prediction.images[0].numpy()), 16
patch = view.crop((x - reach, y - reach, x + reach + 1, y + reach + 1))
sheet.paste(patch.resize((HEIGHT, HEIGHT), Image.Resampling.NEAREST))
cell = HEIGHT / (2 * reach + 1)
draw.rectangle((reach * cell, reach * cell, (reach + 1) * cell, (reach + 1) * cell), outline="red", width=2)
# Right: the density, and where each decoder decides.
plot = Image.new("RGB", (WIDTH, HEIGHT), "white")
draw = ImageDraw.Draw(plot)
draw.line([(across(float(d)), up(float(p))) for d, p in zip(depths, density, strict=True)], fill="black", width=2)
draw.line((MARGIN, HEIGHT - MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN), fill="gray")
for tick in torch.logspace(torch.tensor(first).log10(), torch.tensor(last).log10(), 6).tolist():
    draw.text((across(tick), HEIGHT - MARGIN + 6), f"{tick:.2f}", fill="gray", font=font, anchor="ma")
for row, (name, colour) in enumerate(COLOURS.items()):
    draw.line((across(decoded[name]), 20 + 15 * row, across(decoded[name]), HEIGHT - MARGIN), fill=colour, width=2)
    draw.text((across(decoded[name]) + 4, 12 + 15 * row), name, fill=colour, font=font)
draw.text(
    (WIDTH / 2, HEIGHT - 16), "depth (log scale), and the density in log depth", fill="gray", font=font, anchor="ma"
)
sheet.paste(plot, (HEIGHT, 0))
options.out.parent.mkdir(parents=True, exist_ok=True)
sheet.save(options.out)
print(f"Picture: {options.out}")
