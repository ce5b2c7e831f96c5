"""Are the densities honest? Check it on scenes with ground truth, and repair their width with one number.

    python examples/08_calibrate.py --clips 8
    mda synth scenes --clips 8 && python examples/08_calibrate.py scenes/

If densities are right, the true depth lies below their 10 % quantile in one pixel of ten, below their 20 % quantile in
two of ten, and so on: F(truth) is uniform. One factor on all scales, fitted on half of the clips, is judged on others.
"""

import argparse
from pathlib import Path

import torch

import mda
from mda.data import FolderSource
from mda.metrics import PitHistogram, align_scale, fitted_recalibration
from mda.mixtures import DepthMixture
from mda.synthetic import ProceduralSource

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("scenes", type=Path, nargs="?", help="folder that `mda synth` wrote; default: scenes made now")
parser.add_argument("--clips", type=int, default=8)
parser.add_argument(
    "--image-size", type=int, nargs=2, default=(128, 160), metavar=("H", "W"), help="of scenes made now"
)
parser.add_argument("--model", default="mda_mini")
options = parser.parse_args()

if options.scenes is None:
    source = ProceduralSource(first_seed=200, clips=options.clips, views=(2, 2), sizes=(tuple(options.image_size),))
else:
    source = FolderSource(options.scenes)
model = mda.load(options.model)


def judged(index: int) -> tuple[DepthMixture, torch.Tensor]:
    """Densities of the valid pixels of a clip, and the true depths at their scale."""
    clip = source.clip(index)
    prediction = model.predict(list(clip.images), size=max(clip.image_hw))
    truth, valid = torch.from_numpy(clip.depth), torch.from_numpy(clip.valid)
    # The model knows depth up to a factor per clip: the truth is brought to the prediction's scale.
    truth = truth / align_scale(prediction.mixture.decode("median"), truth, valid)
    return prediction.mixture[valid], truth[valid]


def report(title: str, mixture: DepthMixture, truth: torch.Tensor) -> None:
    """Likelihood, coverage and the histogram of F(truth)."""
    pit = PitHistogram.of(mixture, truth, torch.ones_like(truth, dtype=torch.bool))
    print(f"{title}: -ln p = {-mixture.log_prob(truth).mean():.3f}, quantile error {pit.quantile_error:.3f}")
    for share in (0.5, 0.9):
        print(f"  the {share:.0%} interval holds the truth in {pit.coverage(share).mean:.1%} of the pixels")
    tenths = pit.counts.reshape(10, -1).sum(-1) / pit.counts.sum()
    for tenth, found in enumerate(tenths.tolist()):
        print(f"  F in {tenth / 10:.1f}..{tenth / 10 + 0.1:.1f} {found:6.1%} {'#' * round(200 * found)}")


clips = [judged(index) for index in range(min(options.clips, len(source)))]
halves = [
    (DepthMixture.joined([mixture for mixture, _ in half]), torch.cat([truth for _, truth in half]))
    for half in (clips[::2], clips[1::2])
]
(first, first_truth), (second, second_truth) = halves
factor = fitted_recalibration(first, first_truth)
report("as it is", second, second_truth)
report(f"all scales times {factor:.2f}", second.recalibrated(factor), second_truth)
print(
    f"mda.load({options.model!r}, recalibration={factor:.2f}) and `mda predict --recalibration {factor:.2f}` keep it."
)
