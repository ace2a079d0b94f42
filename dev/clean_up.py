"""`make clean-up`: the worker's clean-up command, on the local stack."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dev.environment import read_environment, worker_environment
from dev.errors import SetupError
from dev.local_database import running_or_started
from dev.state import State


def main() -> int:
    """Clean up once; the command's own exit status."""
    try:
        return _clean_up(read_environment(os.environ))
    except SetupError as error:
        print(f"make clean-up: {error}", file=sys.stderr)
        return 1


def _clean_up(environment: Mapping[str, str]) -> int:
    """Nothing is made here: a storage folder that is not there is away.

    Raises:
        SetupError: There is no local stack, or its database does not start.
    """
    state = State.of(environment)
    secrets = state.existing_secrets()
    if secrets is None:
        raise SetupError("there is no local stack yet: `make run` sets it up")
    with running_or_started(environment, state, secrets) as admin_url:
        variables = worker_environment(
            environment, admin_url=admin_url, secrets=secrets, storage=state.storage, chromium=Path()
        )
        command = Path(sys.executable).with_name("resumepair-clean-up")
        return subprocess.run([command, *sys.argv[1:]], env=variables, check=False).returncode


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
