#!/bin/sh
# Makes the virtual environment: finds Python >= 3.11 and uv (or fetches uv into .local/uv), then
# installs what uv.lock names: with the argument `stack` only what runs the product, with `bench` also
# what it is measured against, without one all that checks and tests need.
# Done again, it takes a fraction of a second.
# Everything is said on stderr: a target's own output stays clean. QUIET=1 keeps the rest silent.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "make: $*" >&2
    exit 1
}

say() {
    [ -n "${QUIET:-}" ] || echo "$*" >&2
}

# A name on PATH may be a shim of a version manager that then says no: only what runs counts.
find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed, and none was found on PATH: install it and try again"
}

find_uv() {
    if uv --version >/dev/null 2>&1; then
        command -v uv
    elif .local/uv/bin/uv --version >/dev/null 2>&1; then
        echo .local/uv/bin/uv
    else
        fetch_uv >&2
        echo .local/uv/bin/uv
    fi
}

fetch_uv() {
    say "uv is not on PATH: fetching it from PyPI into .local/uv"
    rm -rf .local/uv
    mkdir -p .local
    wanted='uv>=0.13,<0.14'
    if "$python" -m venv .local/uv >/dev/null 2>&1; then
        .local/uv/bin/python -m pip install --quiet --disable-pip-version-check "$wanted" ||
            fail "uv could not be fetched from PyPI: install it (https://docs.astral.sh/uv) and try again"
        return
    fi
    # Debian without python3-venv: a Python that cannot make environments may still have pip.
    rm -rf .local/uv
    "$python" -m pip --version >/dev/null 2>&1 ||
        fail "this Python has neither venv nor pip: install uv, or Debian's python3-venv, and try again"
    "$python" -m pip install --quiet --disable-pip-version-check --target .local/uv "$wanted" ||
        fail "uv could not be fetched from PyPI: install it (https://docs.astral.sh/uv) and try again"
}

python=$(find_python)
uv=$(find_uv)

# No Python from elsewhere, and no environment but the project's own.
export UV_PYTHON_DOWNLOADS=never
export UV_PROJECT_ENVIRONMENT=.venv
unset VIRTUAL_ENV
case ${1:-all} in
stack | bench) set -- --no-default-groups --group "$1" --inexact ;; # and keeps what checks and tests have installed
*) set -- ;;
esac
if [ ! -x .venv/bin/python ]; then
    say "Installing the project's packages into .venv (a minute the first time)"
    set -- "$@" --python "$python"
elif [ -z "${CI:-}" ]; then
    set -- "$@" --quiet # there is rarely anything to tell; errors are told all the same
fi
[ -z "${QUIET:-}" ] || set -- "$@" --quiet
"$uv" sync --frozen "$@" || fail "the project's packages could not be installed (see above)"
