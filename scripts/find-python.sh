#!/usr/bin/env bash
# Print the path of a Python of the given version (such as 3.10), from PATH or from pyenv; fail if there is none.
set -eu
version=$1
root=$(pyenv root 2>/dev/null || echo "${PYENV_ROOT:-$HOME/.pyenv}")
for candidate in "$root/versions/$version".*/bin/python "$(command -v "python$version" || true)"; do
    if [ -x "$candidate" ] && "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
        echo "$candidate"
        exit 0
    fi
done
echo "Python $version is not installed: put python$version on PATH, or 'pyenv install $version'" >&2
exit 1
