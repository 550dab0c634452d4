"""Parts of the page that others wrote: plotly.js and DataTables, as the installed packages ship them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from alscell.errors import InputError

# Name in the template -> package, file in it. The packages are not imported: their files are all that is used.
PARTS = {
    "plotly": ("plotly", "package_data/plotly.min.js"),
    "datatables": ("itables", "html/dt_bundle.js"),
    "datatables_style": ("itables", "html/dt_bundle.css"),
}


def read_parts() -> dict[str, str]:
    """The text of every part, ready to stand inside a <script> or <style> element."""
    return {name: _inert(_path(package, file).read_text(encoding="utf-8")) for name, (package, file) in PARTS.items()}


def _path(package: str, file: str) -> Path:
    spec = importlib.util.find_spec(package)
    path = Path(spec.submodule_search_locations[0], file) if spec and spec.submodule_search_locations else None
    if path is None or not path.is_file():
        raise InputError(
            f"package {package}",
            found="no file " + file,
            expected="the version that envs/requirements.lock names",
            mend="Call make setup, or make the conda environment anew.",
        )
    return path


def _inert(text: str) -> str:
    """No text may end the element that holds it; inside JavaScript and CSS strings the backslash changes nothing."""
    return text.replace("</script", "<\\/script").replace("</style", "<\\/style")
