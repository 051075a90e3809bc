# Sourced by up.sh and test/run.sh, in the checkout's folder: the packages of package-lock.json, Node 24 among them,
# unless they are there. Writes on stderr only.

# npm and pip want a home to write to; service accounts often have none.
if [ ! -d "${HOME:-}" ] || [ ! -w "${HOME:-}" ]; then
  HOME=$PWD/.data/home
  # The npm that runs this script has already told its own npms a cache in the home that is not there.
  npm_config_cache=$HOME/.npm
  export HOME npm_config_cache
  mkdir -p "$HOME"
fi

install_packages() {
  installed=node_modules/.installed
  [ -f "$installed" ] && [ ! package-lock.json -nt "$installed" ] && return
  # The list of packages is new to this folder: a fresh checkout, or one that was brought up to date.
  if [ -f node_modules/.package-lock.json ] && npm ls >/dev/null 2>&1; then
    touch "$installed" 2>/dev/null || :
    return
  fi
  if ! command -v npm >/dev/null; then
    echo "npm is needed to install OneAPI's packages: install Node.js 20 or later, with npm." >&2
    return 1
  fi
  # The development packages are needed here whatever NODE_ENV says: the Wasm compiler is one of them.
  echo "installing packages with npm ci" >&2
  npm ci --include=dev --loglevel=error >&2
  touch "$installed" 2>/dev/null || :
}

mkdir -p .data
if command -v flock >/dev/null; then
  # Two starts at once on a fresh checkout: the second waits for the first.
  (flock 9 && install_packages) 9>.data/install.lock
else
  install_packages
fi

# A configuration that forbids install scripts leaves the package `node` without its program.
[ -x node_modules/.bin/node ] || npm rebuild node --ignore-scripts=false >&2
PATH=$PWD/node_modules/.bin:$PATH
export PATH
