#!/bin/bash
# Builds python.wasm and stdlib.zip from pinned sources: modules/python/README.md.
#
#   build.sh [--profile] [WORK]
#
# --profile records the optimiser's profile anew (profile.profdata.xz) first.
# WORK keeps downloads and intermediate files; without it they go to a
# temporary directory. Needs Debian 12 with the packages that it names when
# they are missing; everything else comes from Debian's archive and is checked
# against a hash.
set -euo pipefail

version=3.13.15
here=$(cd "$(dirname "$0")" && pwd)
profile=no
if [ "${1-}" = --profile ]; then profile=yes; shift; fi
work=${1:-$(mktemp -d)}
mkdir -p "$work" && work=$(cd "$work" && pwd)
jobs=$(nproc)

# The compiler decides the bytes; another 19.1.7 build works but may differ.
packages="clang-19 lld-19 llvm-19 libclang-rt-19-dev libclang-rt-19-dev-wasm32"
compiler=1:19.1.7-3~deb12u1
missing=$(for p in $packages make patch xz-utils curl; do dpkg -s "$p" >/dev/null 2>&1 || printf '%s ' "$p"; done)
if [ -n "$missing" ]; then echo "build.sh needs: apt-get install --no-install-recommends $missing" >&2; exit 1; fi
found=$(dpkg-query -W -f '${Version}' clang-19)
[ "$found" = "$compiler" ] || echo "build.sh: clang-19 is $found, the shipped module was built with $compiler" >&2

export LC_ALL=C TZ=UTC PYTHONHASHSEED=0 SOURCE_DATE_EPOCH=1735689600
unset CFLAGS CPPFLAGS LDFLAGS

# fetch FILE SHA256 URL...: a later URL is for the day when Debian has moved on.
fetch() {
    local file=$work/dl/$1 hash=$2; shift 2
    mkdir -p "$work/dl"
    for url in "$@"; do
        echo "$hash  $file" | sha256sum -c --status 2>/dev/null && return
        curl -fsSL --retry 2 -o "$file" "$url" || true
    done
    echo "$hash  $file" | sha256sum -c --status || { echo "build.sh: cannot get $file with sha256 $hash" >&2; exit 1; }
}
debian=http://deb.debian.org/debian/pool/main snapshot=https://snapshot.debian.org/archive/debian/20261101T000000Z/pool/main
fetch python.tar.xz 1e66a7945a48390ee4c2a4268a0e4185884059a13c4aab6d148aa208deea4a76 \
    $debian/p/python3.13/python3.13_$version.orig.tar.xz $snapshot/p/python3.13/python3.13_$version.orig.tar.xz \
    https://www.python.org/ftp/python/$version/Python-$version.tar.xz
fetch zlib.tar.gz 60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb \
    $debian/z/zlib/zlib_1.3.dfsg+really1.3.1.orig.tar.gz $snapshot/z/zlib/zlib_1.3.dfsg+really1.3.1.orig.tar.gz
fetch wasi-libc.deb b7716260051d289248b7667f81fa2792c125d888ff51da3fa09c6272cc0bd11d \
    $debian/w/wasi-libc/wasi-libc_0.0~git20241209.574b88d-2_all.deb $snapshot/w/wasi-libc/wasi-libc_0.0~git20241209.574b88d-2_all.deb
fetch binaryen.deb 47be56009e56170f4338a0154fbff2028bd607bc3c8b6a5414658a985bef6470 \
    $debian/b/binaryen/binaryen_120-4_amd64.deb $snapshot/b/binaryen/binaryen_120-4_amd64.deb
fetch tzdata.deb 2c1c561091402883430d0d47c57a3c0aa00b44afc8a6239265065a87211a5c11 \
    $debian/t/tzdata/tzdata_2026f-0+deb13u1_all.deb $snapshot/t/tzdata/tzdata_2026f-0+deb13u1_all.deb
# wasm-opt of Debian 13 runs with that release's own C and C++ libraries.
fetch libc6.deb b59b0625cd1a791375d40dab23a4d5d3d0641e3d0a773501becdc3725b7f99cf $debian/g/glibc/libc6_2.41-12+deb13u5_amd64.deb $snapshot/g/glibc/libc6_2.41-12+deb13u5_amd64.deb
fetch libstdc++6.deb ab1fa05837aa7a92aae748fd07a18a35f7d18bb4a71c4724fe2bbf0e32089de0 $debian/g/gcc-14/libstdc++6_14.2.0-19_amd64.deb $snapshot/g/gcc-14/libstdc++6_14.2.0-19_amd64.deb
fetch libgcc-s1.deb 3c71917b490d1a17aed43196a2787a256ecf060526cdb20216a74bedc061b150 $debian/g/gcc-14/libgcc-s1_14.2.0-19_amd64.deb $snapshot/g/gcc-14/libgcc-s1_14.2.0-19_amd64.deb

rm -rf "$work"/{src,tree,native,profile,cross}
mkdir -p "$work"/{src,tree,native,profile,cross/zlib/include}
tar -xJf "$work/dl/python.tar.xz" -C "$work/src"
tar -xzf "$work/dl/zlib.tar.gz" -C "$work/src"
source=$work/src/Python-$version zlib=$work/src/zlib-1.3.1
for p in "$here"/patches/*.patch; do patch -s -d "$source" -p1 <"$p"; done
for deb in "$work"/dl/*.deb; do dpkg -x "$deb" "$work/tree"; done
sysroot=$work/tree/usr
wasm_opt() { "$sysroot/lib64/ld-linux-x86-64.so.2" --library-path "$sysroot/lib/x86_64-linux-gnu" "$sysroot/bin/wasm-opt" "$@"; }

echo "native CPython, which compiles the library"
(cd "$work/native" && "$source/configure" -q --without-ensurepip --disable-test-modules >configure.log 2>&1 && make -j"$jobs" >make.log 2>&1)

if [ $profile = yes ]; then
    echo "profile"
    (
        cd "$work/profile"
        CC=clang-19 AR=llvm-ar-19 RANLIB=llvm-ranlib-19 LDFLAGS=-fprofile-instr-generate \
            CFLAGS="-O2 -fprofile-instr-generate -fprofile-update=single" \
            "$source/configure" -q --without-ensurepip --disable-test-modules --with-computed-gotos=no >configure.log 2>&1
        make -j"$jobs" python sharedmods >make.log 2>&1
        LLVM_PROFILE_FILE=$work/profile/run-%m.profraw ./python -I "$here/profile.py"
        llvm-profdata-19 merge -o merged.profdata run-*.profraw
        xz -9e -c merged.profdata >"$here/profile.profdata.xz"
    )
fi
xz -dc "$here/profile.profdata.xz" >"$work/cross/profile.profdata"

echo "CPython for WebAssembly"
cd "$work/cross"
export CC="clang-19 --target=wasm32-wasi --sysroot=$sysroot" CPP="clang-19 --target=wasm32-wasi --sysroot=$sysroot -E"
export AR=llvm-ar-19 RANLIB=llvm-ranlib-19 NM=llvm-nm-19 READELF=llvm-readelf-19 PKG_CONFIG=/bin/false
export CONFIG_SITE=$source/Tools/wasm/config.site-wasm32-wasi
export CFLAGS="-O3 -flto -fprofile-instr-use=$work/cross/profile.profdata -Wno-profile-instr-unprofiled -Wno-profile-instr-out-of-date -Wno-backend-plugin -ffile-prefix-map=$work=."
cp "$zlib"/z{lib,conf}.h zlib/include
for f in adler32 compress crc32 deflate infback inffast inflate inftrees trees uncompr zutil; do
    $CC $CFLAGS -DNDEBUG -I"$zlib" -c "$zlib/$f.c" -o zlib/$f.o
done
$AR rcsD zlib/libz.a zlib/*.o
absent=$(printf 'py_cv_module_%s=n/a ' _socket xxsubtype _ctypes _sqlite3 _ssl _hashlib _lzma _bz2 _uuid)
ZLIB_CFLAGS="-I$PWD/zlib/include" ZLIB_LIBS="-L$PWD/zlib -lz" "../src/Python-$version/configure" -q -C \
    --host=wasm32-wasi --build=x86_64-pc-linux-gnu --with-build-python="$work/native/python" --prefix=/ \
    --disable-ipv6 --disable-test-modules --without-ensurepip --without-pydebug --without-readline \
    --with-pymalloc --enable-big-digits=30 --with-system-expat=no --with-system-libmpdec=no $absent >configure.log 2>&1
archives="libpython3.13.a Modules/_hacl/libHacl_Hash_SHA2.a Modules/_decimal/libmpdec/libmpdec.a Modules/expat/libexpat.a"
make -j"$jobs" $archives >make.log 2>&1
$CC $CFLAGS -DNDEBUG -DPy_BUILD_CORE -I"$source/Include" -I"$source/Include/internal" -I. -c "$here/src/shim.c" -o shim.o
# The linker is called itself: clang would run whatever wasm-opt it finds.
libs=$sysroot/lib/wasm32-wasi
wasm-ld-19 -m wasm32 --entry _initialize --strip-all --gc-sections --lto-O3 -O2 --stack-first -z stack-size=4194304 \
    -L"$libs" "$libs/crt1-reactor.o" shim.o $archives zlib/libz.a \
    -lwasi-emulated-signal -lwasi-emulated-getpid -lwasi-emulated-process-clocks -ldl -lm -lc \
    "$(clang-19 -print-resource-dir)/lib/wasi/libclang_rt.builtins-wasm32.a" -o linked.wasm
wasm_opt -O2 --mvp-features --enable-bulk-memory --enable-sign-ext --enable-mutable-globals linked.wasm -o "$here/python.wasm"

echo "standard library"
"$work/native/python" -I "$here/mkstdlib.py" "$here/stdlib.zip" "$source/Lib" "$sysroot/share/zoneinfo" "$here/lib"

cd "$here" && sha256sum python.wasm stdlib.zip profile.profdata.xz | tee SHA256SUMS
