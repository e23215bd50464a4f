"""Help, version, validate, schema: quick answers and what they print where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.cli.command import SCENARIOS, hashlever

from optimizer import __version__
