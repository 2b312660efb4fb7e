"""Collected only when it is asked for by name: this brings a whole environment up in a real account, which costs money
(`make live-aws`, see docs/aws.md)."""

import os

collect_ignore_glob = [] if os.environ.get("PITCHBAR_LIVE_AWS") == "1" else ["test_*.py"]
