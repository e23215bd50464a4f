"""`hashlever new`: a folder of one's own with the catalogue, the scenarios and the editor's schema."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from optimizer.errors import OutputError

# In a wheel the catalogue and the scenarios travel inside the package; in a checkout they stand beside it.
_PACKED = "_workspace"
SCHEMA_FILE = "scenario.schema.json"
# By this first line any editor with the YAML language server finds the schema of a scenario, whichever folder is open.
SCHEMA_LINE = f"# yaml-language-server: $schema=../{SCHEMA_FILE}\n".encode()


@contextmanager
def shipped(name: str) -> Iterator[Path]:
    """The folder ``models`` or ``scenarios`` as it came with the package."""
    with as_file(files("optimizer").joinpath(_PACKED, name)) as packed:
        yield packed if packed.is_dir() else Path(__file__).resolve().parent.parent / name


def create(folder: Path) -> list[str]:
    """Make the workspace and return what to say about it. Written whole or not at all.

    Raises `OutputError` if ``folder`` exists and is not an empty directory, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: exists and is not an empty folder; name a new one")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as half_made:
            made = Path(half_made) / "workspace"
            _fill(made)
            if folder.exists():
                folder.rmdir()
            made.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    return [
        f"made {folder} with models/ (machines, loans, sites) and scenarios/",
        f"next: hashlever plan {folder / 'scenarios' / 'fleet_refresh.yaml'}",
    ]


def _fill(made: Path) -> None:
    from optimizer.scenario.jsonschema import scenario_json_schema

    for name in ("models", "scenarios"):
        with shipped(name) as source:
            shutil.copytree(source, made / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for scenario in sorted((made / "scenarios").glob("*.yaml")):
        scenario.write_bytes(SCHEMA_LINE + scenario.read_bytes())
    schema_file = made / SCHEMA_FILE
    schema_file.write_text(json.dumps(scenario_json_schema(), indent=2) + "\n", encoding="utf-8")
    in_vscode = {
        "settings.json": {"yaml.schemas": {f"./{SCHEMA_FILE}": "scenarios/*.yaml"}},
        "extensions.json": {"recommendations": ["redhat.vscode-yaml"]},
    }
    (made / ".vscode").mkdir()
    for name, settings in in_vscode.items():
        (made / ".vscode" / name).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
