#!/usr/bin/env bash
# Packs the built library as it would be published, and looks at it through its users' eyes.
set -euo pipefail
cd "$(dirname "$0")/../.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

tarball="$dir/$(npm pack --silent --workspace nestjs-mcp-sessions --pack-destination "$dir")"
files=$(tar -tzf "$tarball")

for file in package.json README.md LICENSE dist/index.js dist/index.d.ts dist/testing/index.js dist/testing/index.d.ts; do
  grep -qx "package/$file" <<<"$files" || { echo "$file is missing from the package" >&2; exit 1; }
done
if grep -E '\.spec\.|tsbuildinfo' <<<"$files"; then
  echo 'The package holds files that are not for its users' >&2
  exit 1
fi
cmp LICENSE libs/mcp-sessions/LICENSE

npx publint --strict "$tarball"
npx attw --profile esm-only "$tarball"
