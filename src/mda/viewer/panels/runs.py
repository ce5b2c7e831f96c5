"""Which run: a list that opens what is chosen, and what became of it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mda.viewer.app import Viewer

_SHOWN_PROBLEMS = 5


class RunsPanel:
    """The list of runs and the status line."""

    def __init__(self, viewer: "Viewer") -> None:
        gui = viewer.server.gui
        self._viewer = viewer
        labels = [place.label for place in viewer.places]
        self.choice = gui.add_dropdown("Run", labels, initial_value=labels[0], visible=len(labels) > 1)
        self.reload = gui.add_button("Load again", hint="Read the run anew, for example while it is being made")
        self.clear = gui.add_button("Clear", hint="Take everything away", visible=len(labels) > 1)
        self.status = gui.add_markdown("")
        self.choice.on_update(lambda _: viewer.open(self.chosen))
        self.reload.on_click(lambda _: viewer.open(self.chosen))
        self.clear.on_click(lambda _: viewer.worker.ask("open", viewer.close))

    @property
    def chosen(self) -> int:
        """Number of the place that is chosen."""
        return [place.label for place in self._viewer.places].index(self.choice.value)

    def tell(self, text: str, problems: tuple[str, ...] = ()) -> None:
        """Show a status, and what went wrong."""
        lines = [text, *(f"- {_plain(problem)}" for problem in problems[:_SHOWN_PROBLEMS])]
        if len(problems) > _SHOWN_PROBLEMS:
            lines.append(f"- and {len(problems) - _SHOWN_PROBLEMS} more")
        self.status.content = "\n\n".join(lines)


def _plain(text: str) -> str:
    """Text from files as text, whatever it contains: in a code span nothing is markup."""
    return f"`{text.replace('`', chr(39))}`"
