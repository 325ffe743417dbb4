#!/bin/sh
# The C tests: tests/c/run.sh [MODE ...], all in a temporary directory.
#
#   plain     the machine's compiler ($CC, else cc), the flags of the package; also sizes.c and the symbols
#   asan      AddressSanitizer and UndefinedBehaviorSanitizer
#   tsan      ThreadSanitizer, threads.c
#   clang     plain and the sanitizers of asan, with Clang
#   aarch64   cross-compiled, run by qemu-aarch64
#
# No mode: plain and asan.  Every file of tests/c is a program of its own, linked with ext/targets/*.c.
# On Debian: gcc libc6-dev; clang; gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ext=$here/../../ext
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

# As setup.py compiles (tests/test_c.py compares), with every warning an error.
PACKAGE="-std=c11 -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math"
WARNINGS="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
ASAN="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
TSAN="-O1 -g -fsanitize=thread"
ALL=$(cd "$here" && for file in *.c; do echo "${file%.c}"; done)
QUICK=$(echo "$ALL" | grep -vx sizes)

# compile NAME COMPILER FLAGS: the kernels as objects in $build/NAME
compile() {
  name=$1 compiler=$2 flags=$3
  mkdir "$build/$name"
  for source in "$ext"/targets/*.c; do
    # shellcheck disable=SC2086
    $compiler $PACKAGE $WARNINGS $flags -I"$ext" -c "$source" -o "$build/$name/$(basename "$source" .c).o"
  done
}

# execute NAME COMPILER FLAGS RUNNER TESTS: link each test with the objects of NAME and run it
execute() {
  name=$1 compiler=$2 flags=$3 runner=$4
  for test in $5; do
    # shellcheck disable=SC2086
    $compiler $PACKAGE $WARNINGS $flags -D_GNU_SOURCE -I"$here" -I"$ext" -I"$ext/targets" \
      "$here/$test.c" "$build/$name"/*.o -o "$build/$name/$test" -lm -pthread
    $runner "$build/$name/$test"
  done
}

# No mutable state: nothing in .data or .bss; and nothing is called but functions on memory.
symbols() {
  for object in "$build/$1"/*.o; do
    found=$(objdump -h "$object" | grep -v ' \.data\.rel\.ro' |
      awk '$2 ~ /^\.(data|bss|tdata|tbss)/ && $3 !~ /^0+$/')
    test -z "$found" || { echo "$(basename "$object"): mutable state: $found" >&2; exit 1; }
    found=$(nm "$object" | awk '$1 == "U" || $2 ~ /^[bBcCdD]$/ {print $NF}' | grep -vxE "$ALLOWED" || true)
    test -z "$found" || { echo "$(basename "$object"): symbols: $found" >&2; exit 1; }
  done
  echo "symbols          no mutable state, no calls but to functions on memory"
}
# the tables are constants that the linker relocates; the processor is asked once, by the compiler's library
ALLOWED='sx_kernels_(generic|avx2|avx512|neon|here)|mem(cpy|set|move)|__cpu_(model|features2)'
ALLOWED="$ALLOWED|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_"

mode_plain() {
  compile plain "${CC:-cc}" ""
  symbols plain
  execute plain "${CC:-cc}" "" "" "$ALL"
}

mode_asan() {
  compile asan "${CC:-cc}" "$ASAN"
  execute asan "${CC:-cc}" "$ASAN" "" "$QUICK"
}

# The sanitizer wants its addresses where they always are: no random ones, where that can be had.
mode_tsan() {
  compile tsan "${CC:-cc}" "$TSAN"
  fixed=$(setarch "$(uname -m)" -R true 2>/dev/null && echo "setarch $(uname -m) -R" || true)
  execute tsan "${CC:-cc}" "$TSAN" "$fixed" threads
}

mode_clang() {
  compile clang clang ""
  execute clang clang "" "" "$QUICK"
  compile clang-asan clang "$ASAN"
  execute clang-asan clang "$ASAN" "" "$QUICK"
}

mode_aarch64() {
  compile aarch64 aarch64-linux-gnu-gcc ""
  execute aarch64 aarch64-linux-gnu-gcc -static qemu-aarch64 "$QUICK"
}

for mode in "${@:-plain asan}"; do
  for one in $mode; do
    case $one in
      plain | asan | tsan | clang | aarch64) ;;
      *) echo "no such mode: $one" >&2; exit 2 ;;
    esac
    echo "-- $one"
    before=$(date +%s)
    "mode_$one"
    echo "-- $one: $(($(date +%s) - before)) s"
  done
done
