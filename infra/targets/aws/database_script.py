"""What the one-off task of an environment's database does with psql, as the master user.

It is told by the environment: ``ACTION`` (``create`` or ``drop``), ``DATABASE_NAME`` (of the database and of its
owner), ``DATABASE_PASSWORD`` (the owner's), ``DB_AUTHORITY`` (the certificate of who signed the server's) and libpq's
own variables, among them ``PGSSLROOTCERT``, the file that the certificate is put into. Both actions are safe to repeat.
"""

from infra.targets.aws.authority import KEEP

LIBPQ = {
    "PGAPPNAME": "pitchbar-database",
    "PGCONNECT_TIMEOUT": "10",
    "PGDATABASE": "postgres",
    "PGOPTIONS": "-c client_min_messages=warning -c statement_timeout=60s -c lock_timeout=30s",
}
"""How it connects, but for where."""

_CREATE = r"""
\out /dev/null
SELECT pg_advisory_lock(hashtext(:'name'));
SELECT format('CREATE ROLE %I LOGIN', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
\password :"name"
GRANT :"name" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE;
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
\connect :"name"
CREATE EXTENSION IF NOT EXISTS vector;
\echo The database :name is there, and its owner has the current password.
"""
"""psql's own command for passwords sends SCRAM's verifier, so the password is in no statement that the server may log.
The master is no superuser: to make and to drop what another role owns, it must be a member of that role. Nobody else
may connect."""

_DROP = r"""
DROP DATABASE IF EXISTS :"name" WITH (FORCE);
DROP ROLE IF EXISTS :"name";
\echo The database :name and its owner are gone.
"""

_PSQL = 'psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=name="$DATABASE_NAME"'

SCRIPT = f"""
{KEEP}
case "$ACTION" in
create)
printf '%s\\n%s\\n' "$DATABASE_PASSWORD" "$DATABASE_PASSWORD" | {_PSQL} --file=/dev/fd/3 3<<'SQL'
{_CREATE.strip()}
SQL
;;
drop)
{_PSQL} <<'SQL'
{_DROP.strip()}
SQL
;;
*)
echo "ACTION is '$ACTION'; it must be create or drop." >&2
exit 64
;;
esac
"""
"""For `sh`. Secrets are in the environment and in a pipe, never in an argument."""
