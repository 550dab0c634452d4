"""Which cell types are neurons, which are microglia: by name, for questions about neurons and their neighbors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

NEURON, MICROGLIA, SUPPORT = "neuron", "microglia", "support"
_NEURON_WORDS = frozenset(
    (
        *("neuron", "neurons", "neuronal", "motoneuron", "motoneurons", "mn", "mns", "excitatory", "inhibitory"),
        *("exc", "inh", "gabaergic", "glutamatergic", "cholinergic", "interneuron", "interneurons"),
    )
)
# ASSUME: a class that lumps all glia holds the microglia, too.
_MICROGLIA_WORDS = frozenset(("microglia", "microglial", "macrophage", "macrophages", "myeloid", "glia"))


def cell_class(name: str, *, names: Mapping[str, Sequence[str]]) -> str:
    """neuron, microglia, or support (any other type), by the words in the name of a cell type.

    Parameters
    ----------
    name : str
        As the dataset has it: motor_neuron, "Excitatory", L2/3 Exc.
    names : mapping
        Cell type -> further names that datasets give it (config `synthesis.cell_types`).
    """
    own = next((known for known, others in names.items() if name in others), name)
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", own).lower()))
    if words & _NEURON_WORDS:
        return NEURON
    return MICROGLIA if words & _MICROGLIA_WORDS and own != "glia_like" else SUPPORT


def types_of(wanted: str, classes: Mapping[str, str]) -> list[str]:
    """Cell types of a class, sorted: support holds whatever is no neuron, microglia among it.

    Parameters
    ----------
    wanted : str
        neuron, microglia or support.
    classes : mapping
        Cell type -> class, as `cell_class`.
    """
    support = {SUPPORT, MICROGLIA}
    return sorted(name for name, one in classes.items() if one == wanted or (wanted == SUPPORT and one in support))
