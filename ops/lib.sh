# shellcheck shell=bash
# What the scripts of installation, backup, restore and trials share. Sourced, never run; it changes nothing by itself.

# The folder of the software: a checkout, or an installed release. It holds migrations/.
software=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# fail MESSAGE [CODE]
fail() {
  say "$1"
  exit "${2:-1}"
}

# The files that come with the software; a trial may use others.
# shellcheck disable=SC2034
share=${AUTODIDACT_SHARE:-$software}

# Version, and of a checkout the commit.
software_version() {
  local version
  if [[ -r $software/RELEASE ]]; then
    head -n 1 "$software/RELEASE"
    return
  fi
  version=$(sed -n 's/^package let softwareVersion = "\(.*\)"$/\1/p' "$software/Sources/Daemon/Surroundings.swift")
  printf '%s %s\n' "${version:-unknown}" "$(git -C "$software" rev-parse --short=12 HEAD 2>/dev/null || true)"
}

# A text as a JSON string; control characters do not occur in the paths it is used for.
json_text() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# Where the programs lie: installed releases have bin/, a checkout what SwiftPM built.
programs_folder() {
  if [[ -x $software/bin/autodidact ]]; then printf '%s' "$software/bin"; else printf '%s' "$software/.build/release"; fi
}

# The state folder, absolute.
state_folder() { realpath -m "${1:-${AUTODIDACT_HOME:-$software/.autodidact}}"; }

# PostgreSQL's tools, the newest there are: pg_dump refuses a server newer than itself.
postgres_tool() {
  local found
  found=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path "*/bin/$1" 2>/dev/null | sort -V | tail -n 1)
  [[ -n $found ]] || found=$(command -v "$1") || fail "no $1: install it, for example with: sudo apt-get install postgresql-client"
  printf '%s' "$found"
}

# database_address GIVEN HOME: the option, else the variable, else what ops/postgres start left in the state folder.
database_address() {
  local line=${1:-${AUTODIDACT_DATABASE_URL:-}}
  if [[ -z $line && -r $2/database-url ]]; then read -r line <"$2/database-url" || true; fi
  [[ -n $line ]] || fail "no database: give --database postgres://…, set AUTODIDACT_DATABASE_URL, or start the private one with ops/postgres start (looked for $2/database-url)"
  printf '%s' "$line"
}

# A URL without its password, for messages.
without_password() { sed -E 's#(//[^:/@]*):[^@/]*@#\1:…@#; s#([?&]password=)[^&]*#\1…#' <<<"$1"; }

digest_of() { sha256sum <"$1" | cut -d' ' -f1; }

# Bytes free where a path is or will be.
free_bytes() {
  local path=$1
  while [[ ! -e $path ]]; do path=$(dirname "$path"); done
  df --output=avail -B1 "$path" | tail -n 1 | tr -d ' '
}

mebibytes() { printf '%s MiB' $((($1 + (1 << 20) - 1) >> 20)); }
