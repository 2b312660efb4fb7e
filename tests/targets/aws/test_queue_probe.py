"""The function that counts jobs, against a real Redis in which real workers' jobs are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.targets.aws.probe import handler
