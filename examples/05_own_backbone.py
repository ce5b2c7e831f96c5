"""A network of your own with a mixture head: what it must return, how it is trained, how it is used like any other.

    python examples/05_own_backbone.py --steps 300

The whole contract is `DepthNetwork.forward`: normalised images in, a `NetworkOutput` out. Here the network is a handful
of convolutions; put your backbone in their place.
"""

import argparse

import torch
from torch import nn

from mda.data.batches import collate, normalise_images
from mda.geometry import Cameras
from mda.inference import Predictor
from mda.losses import TrainingLoss
from mda.mixtures import Decoder, DepthMixture
from mda.models import DepthNetwork
from mda.models.adapters import Scheme
from mda.models.presets import Preset
from mda.structures import NetworkOutput
from mda.synthetic import ProceduralSource, render_clip

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, default=120, help="training steps of four views; 120 take about a minute")
options = parser.parse_args()


class Pyramid(DepthNetwork):
    """Convolutions down to a quarter of the size and up again, and K hypotheses per pixel.

    It looks at each view alone and knows no cameras: `NetworkOutput.cameras` stays None, and the predictor assumes an
    ordinary field of view. A network that looks at views together returns cameras (`mda.geometry.Cameras`) as well.
    """

    patch = 4  # heights and widths must be multiples of it

    def __init__(self, components: int = 3, width: int = 32) -> None:
        super().__init__()
        self.components = components
        self.backbone = nn.Sequential(
            nn.Conv2d(3, width, 5, stride=2, padding=2),
            nn.GELU(),
            nn.Conv2d(width, 2 * width, 5, stride=2, padding=2),
            nn.GELU(),
            nn.Conv2d(2 * width, 2 * width, 5, padding=2),
            nn.GELU(),
        )
        # Three numbers per hypothesis and pixel, and one for sky.
        self.head = nn.Conv2d(2 * width, 16 * (3 * components + 1), 3, padding=1)

    def forward(
        self, images: torch.Tensor, cameras: Cameras | None = None, *, counts: torch.Tensor | None = None
    ) -> NetworkOutput:
        """Look at images [b, v, 3, h, w]."""
        self.check_size(images)
        raw = nn.functional.pixel_shuffle(self.head(self.backbone(images.flatten(0, 1))), 4)
        raw = raw.unflatten(0, images.shape[:2]).movedim(2, -1)  # [b, v, h, w, 3 k + 1]
        depth, logits, confidence = raw[..., :-1].unflatten(-1, (self.components, 3)).unbind(-1)
        # Hypotheses begin apart from each other, so that each finds something of its own to do.
        spread = torch.linspace(-0.7, 0.7, self.components, device=raw.device)
        mixture = DepthMixture.from_confidence(
            depths=(depth + spread).exp(),
            confidence=1 + confidence.exp(),
            log_weights=logits.log_softmax(-1),
            family="normal",
            space="log",
        )
        # Log odds of sky against all hypotheses together; leave it out if your network does not know sky.
        return NetworkOutput(mixture=mixture, sky_log_odds=raw[..., -1] - logits.logsumexp(-1))


torch.manual_seed(0)
network, loss = Pyramid(), TrainingLoss()
source = ProceduralSource(first_seed=10_000_000, clips=4 * options.steps, views=(1, 1), sizes=((96, 128),))
optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
for step in range(options.steps):
    batch = collate([source.clip(4 * step + clip) for clip in range(4)])
    report = loss(network(normalise_images(batch.images)), batch.targets)
    optimiser.zero_grad()
    report.total.backward()
    optimiser.step()
    if step % 10 == 0 or step == options.steps - 1:
        print(
            f"step {step:4}   loss {report.total:7.3f}   depth {report.terms.depth:7.3f}   sky {report.terms.sky:.3f}"
        )

# What a predictor must know of a network. An entry in `mda.models.presets.PRESETS` makes it a name for the commands.
preset = Preset(
    name="pyramid",
    title="A few convolutions with a mixture head",
    family="own",
    backbone="six layers of convolutions",
    make=Pyramid,
    parameters=sum(parameter.numel() for parameter in network.parameters()),
    licence_weights=None,
    commercial=True,
    source=None,
    scheme=Scheme.NATIVE,
    long_side=128,
    patch=Pyramid.patch,
    decoder=Decoder.HEAVIEST,
    any_view=False,
    takes_cameras=False,
)
predictor = Predictor(network=network.eval(), preset=preset, device=torch.device("cpu"))
prediction = predictor.predict(list(render_clip(3, views=2, image_hw=(96, 128)).images))
layers = prediction.mixture.layers()
print(f"{prediction.model}: depth {tuple(prediction.depth.shape)}, sky {prediction.sky.float().mean():.0%}")
print(f"{(layers.count > 1).float().mean():.1%} of the pixels see two surfaces")
