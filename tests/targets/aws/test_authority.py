"""Whom tasks take for the database: RDS' authority of their region, and the server's own name."""

from __future__ import annotations

import datetime
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from infra import cloud_names
from infra.errors import UserError
from infra.load import environment, load
from infra.targets.aws import TARGET
from infra.targets.aws.authority import certificate, certificates, trusting
from infra.targets.aws.database_script import LIBPQ, SCRIPT
from infra.toolchain import app_python, locate
from tests.app.processes import APP
from tests.support import services
from tests.support.aws.plans import cloud
from tests.support.services import Postgres
from tests.support.tls import POSTGRES, Authority, front

AUTHORITY, OTHER = Authority("The right one"), Authority("Another one")


def test_each_certificate_is_the_root_of_its_region_and_whole() -> None:
    for region, pem in certificates().items():
        found = x509.load_pem_x509_certificate(pem.encode())
        [name] = found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        assert name.value == f"Amazon RDS {region} Root CA RSA2048 G1"
        found.verify_directly_issued_by(found)
        key = found.public_key()
        assert isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048
        assert isinstance(found.signature_hash_algorithm, hashes.SHA256)
        assert found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert found.not_valid_after_utc > datetime.datetime(2060, 1, 1, tzinfo=datetime.UTC)


def test_every_region_that_is_named_has_one() -> None:
    assert {*cloud_names._REGIONS.values(), *cloud_names._SECOND} <= certificates().keys()


def test_a_region_without_one_is_refused_before_anything_is_made() -> None:
    with pytest.raises(UserError) as refused:
        TARGET.check("pr-12", environment(load(), "preview"), cloud("preview", region="xx-north-1", base="base"))
    assert str(refused.value) == (
        'pitchbar:region: found "xx-north-1", of which Pitchbar doesn\'t have the certificate of rds-ca-rsa2048-g1, by '
        f"which it knows RDS. It has that of {', '.join(certificates())}; infra/targets/aws/rds-ca-rsa2048-g1.pem says "
        "how to add one. Type: `pulumi config set pitchbar:region us-east`."
    )


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with services.service_folder() as folder, services.postgres(folder) as made:
        made.execute("CREATE EXTENSION vector", "template1")
        yield made


@pytest.fixture(scope="module")
def encrypted(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of that server, with a certificate for localhost."""
    signed = AUTHORITY.issue("localhost", tmp_path_factory.mktemp("tls") / "server.pem")
    with front(signed, server.port, POSTGRES) as port:
        yield port


def migrate(server: Postgres, port: int, file: Path, host: str, pem: str) -> subprocess.CompletedProcess[str]:
    """The release's migrate command as its task runs it."""
    python = str(app_python(APP / "requirements.txt"))
    variables = {
        "APP_ENV": "staging",
        "APP_RELEASE": "r-1",
        "DB_HOST": host,
        "DB_PORT": str(port),
        "DB_DATABASE": "postgres",
        "DB_USERNAME": server.user,
        "DB_PASSWORD": server.password,
        "DB_SSLMODE": "verify-full",
    }
    command = trusting([python, "-m", "pitchbar_app", "migrate"])
    return run(command, variables, file, pem)


def create(server: Postgres, port: int, file: Path, host: str, pem: str) -> subprocess.CompletedProcess[str]:
    """The environment's database, as its task makes it. The psql at hand has no TLS: it gets the app's libpq."""
    [libpq] = app_python(APP / "requirements.txt").parent.parent.glob("lib/*/site-packages/psycopg_binary.libs/libpq-*")
    variables = {
        "LD_PRELOAD": str(libpq),
        "ACTION": "create",
        "DATABASE_NAME": "made",
        "DATABASE_PASSWORD": "its own",
        **LIBPQ,
        "PGHOST": host,
        "PGPORT": str(port),
        "PGUSER": server.user,
        "PGPASSWORD": server.password,
        "PGSSLMODE": "verify-full",
    }
    return run(("sh", "-ceu", SCRIPT), variables, file, pem)


def run(command: tuple[str, ...], more: dict[str, str], file: Path, pem: str) -> subprocess.CompletedProcess[str]:
    variables = {
        "PATH": f"{locate().postgres / 'bin'}:{os.environ['PATH']}",
        "DB_AUTHORITY": pem,
        "PGSSLROOTCERT": str(file),
        **more,
    }
    return subprocess.run(
        command, cwd=APP, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


Task = Callable[[Postgres, int, Path, str, str], subprocess.CompletedProcess[str]]
TASKS = pytest.mark.parametrize("task", [migrate, create])


@TASKS
def test_the_right_authority_and_name_are_let_through(
    task: Task, server: Postgres, encrypted: int, tmp_path: Path
) -> None:
    done = task(server, encrypted, tmp_path / "ca.pem", "localhost", AUTHORITY.pem)
    assert done.returncode == 0, done.stderr


@TASKS
@pytest.mark.parametrize("pem", [OTHER.pem, certificate("us-east-1")], ids=["another", "rds"])
def test_a_server_that_another_authority_signed_is_refused(
    task: Task, pem: str, server: Postgres, encrypted: int, tmp_path: Path
) -> None:
    done = task(server, encrypted, tmp_path / "ca.pem", "localhost", pem)
    assert done.returncode != 0
    assert "certificate verify failed" in done.stderr


@TASKS
def test_a_server_of_another_name_is_refused(task: Task, server: Postgres, encrypted: int, tmp_path: Path) -> None:
    done = task(server, encrypted, tmp_path / "ca.pem", "127.0.0.1", AUTHORITY.pem)
    assert done.returncode != 0
    assert 'does not match host name "127.0.0.1"' in done.stderr


@TASKS
def test_a_server_without_tls_is_refused(task: Task, server: Postgres, tmp_path: Path) -> None:
    done = task(server, server.port, tmp_path / "ca.pem", "localhost", AUTHORITY.pem)
    assert done.returncode != 0
    assert "server does not support SSL, but SSL was required" in done.stderr
