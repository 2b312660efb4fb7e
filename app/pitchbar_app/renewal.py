"""`renew-settings`: after it, the keys of APP_PREVIOUS_KEYS are not needed any more."""

from __future__ import annotations

import json
import sys

import psycopg

from pitchbar_app.database import connect
from pitchbar_app.encryption import Encrypter, KeyProblem, Undecipherable
from pitchbar_app.settings import Renewal
from pitchbar_app.store import app_settings


def run(settings: Renewal) -> int:
    """Renew the settings and print how many were; all of them or none. The result is the exit status."""
    try:
        with connect(settings.database, settings.app) as connection:
            renewed = app_settings.renew(connection, Encrypter(settings.keys))
    except (psycopg.OperationalError, KeyProblem, Undecipherable) as error:
        print(f"The settings were left as they are: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    print(json.dumps({"renewed": renewed}))
    return 0
