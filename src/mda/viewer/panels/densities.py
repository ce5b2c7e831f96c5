"""What is made of the densities: decoder, layers, colours, and the flying points that the mean makes."""

from typing import TYPE_CHECKING

from mda.mixtures import GENERAL_DECODERS, Decoder
from mda.viewer.colouring import Colouring
from mda.viewer.display import Display
from mda.viewer.drawing import Look

if TYPE_CHECKING:
    from mda.viewer.app import Viewer

AS_SAVED = "as saved"
ONE, BOTH = "one", "front and back"
_NO_DENSITIES = (
    "This run has no densities; `mda predict --save-mixture` keeps them. Decoder, layers and some colours rest."
)


class DensitiesPanel:
    """Decoder, layers and colours; the network is not run again."""

    def __init__(self, viewer: "Viewer") -> None:
        gui = viewer.server.gui
        with gui.add_folder("Density"):
            self.decoder = gui.add_dropdown(
                "Decoder", [AS_SAVED, *(str(decoder) for decoder in GENERAL_DECODERS)], hint="How a depth is chosen"
            )
            self.layers = gui.add_dropdown("Layers", [ONE, BOTH], hint="Both surfaces; the farther one in orange")
            self.colours = gui.add_dropdown("Colours", [kind.value for kind in Colouring])
            self.flying = gui.add_checkbox("Mean in red", False, hint="Where the mean falls between two surfaces")
            self.note = gui.add_markdown("")
        for control in (self.decoder, self.layers, self.colours, self.flying):
            control.on_update(lambda _: viewer.draw())

    def opened(self, *, has_densities: bool) -> None:
        """Adapt to a run."""
        for control in (self.decoder, self.layers, self.flying):
            control.disabled = not has_densities
        self.note.content = "" if has_densities else _NO_DENSITIES

    def look(self, display: Display) -> Look:
        """What the controls say."""
        return Look(
            display=display,
            decoder=None if self.decoder.value == AS_SAVED else Decoder(self.decoder.value),
            layers=self.layers.value == BOTH,
            colouring=Colouring(self.colours.value),
            flying=bool(self.flying.value),
        )
