"""The two login roles of the processes: their passwords, and the URLs they connect with."""

from typing import Final
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

API_ROLE: Final = "resumepair_api"
WORKER_ROLE: Final = "resumepair_worker"
# What identifies the administrator and must not reach a role's URL.
PERSONAL: Final = frozenset({"user", "password", "passfile", "sslpassword", "options"})


def set_passwords(admin_url: str, passwords: dict[str, str]) -> None:
    """Let each role (the key) log in with its password (the value).

    Raises:
        psycopg.Error: the server cannot be reached, or the administrator may not do it.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for role, password in passwords.items():
            # Encrypted here: a statement may end up in the server's log.
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier)))


def role_url(admin_url: str, role: str, password: str) -> str:
    """Return the administrator's URL for another role: same server, database and TLS options.

    Args:
        admin_url: A URL or a `key=value` connection string, over TCP or a Unix socket.
        role: The role to log in as.
        password: Its password, unquoted.

    Raises:
        psycopg.ProgrammingError: `admin_url` is neither.
    """
    given = {
        name: str(value)
        for name, value in conninfo_to_dict(admin_url).items()
        if value is not None and name not in PERSONAL
    }
    database = given.pop("dbname", "")
    host, port = given.get("host", ""), given.get("port", "")
    place = ""
    # A socket's folder and a list of hosts only fit in the query part of a URL.
    if host and not host.startswith("/") and "," not in host:
        place = f"[{host}]" if ":" in host else host
        place += f":{port}" if port else ""
        given = {name: value for name, value in given.items() if name not in {"host", "port"}}
    login = f"{quote(role, safe='')}:{quote(password, safe='')}"
    query = f"?{urlencode(given)}" if given else ""
    return f"postgresql://{login}@{place}/{quote(database, safe='')}{query}"
