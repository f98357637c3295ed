#!/usr/bin/env bash
# Makes pytest.zip from the wheels in requirements.txt: checked against their
# hashes, cut down to what runs in the sandbox, compiled by the CPython that
# ships. Needs pip and unzip of the machine, and no compiler. Run
# it after a change of requirements.txt or of CPython.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
	--dest "$work" -r requirements.txt
mkdir "$work/tree"
for wheel in "$work"/*.whl; do
	unzip -q "$wheel" -d "$work/tree"
done
cd "$work/tree"

# Of Pygments: Python and diffs, for terminals, which is what pytest colours.
mv pygments "$work/pygments"
for file in __init__ console filter filters/__init__ formatter formatters/__init__ formatters/_mapping formatters/terminal \
	lexer lexers/__init__ lexers/_mapping lexers/diff lexers/python modeline plugin regexopt style styles/__init__ \
	styles/_mapping styles/default token unistring util; do
	install -D -m 644 "$work/pygments/$file.py" "pygments/$file.py"
done
# packaging compares versions here; what installs packages is left out.
rm -r packaging/licenses packaging/{direct_url,dependency_groups,metadata,pylock}.py

sed -i "/^$/q" ./*.dist-info/METADATA # without the description

cd - >/dev/null
(cd .. && go run ./packsdk -o pytest/pytest.zip "$work/tree")
