# What people who work on Serai run. https://just.systems

# lists the recipes
default:
    @just --list

# runs a host with the tutorial
run *args:
    go run ./cmd/serai quickstart {{args}}

# installs what the tests need and passes all of them
test *args:
    .ci/test {{args}}

# everything that CI checks
check:
    .ci/run

# measures against peers; results go to bench/results
bench *args:
    go run ./bench {{args}}

# has a service read a million rows of PostgreSQL, and tells the memory that takes
rows n="1000000":
    go test -run TestRowsInBoundedMemory -v -count 1 -timeout 30m ./host/hosttest -rows {{n}}

# lets every fuzz target look for the time given
fuzz time="10s":
    .ci/fuzz {{time}}

# rebuilds CPython and its library from pinned sources
python:
    modules/python/build.sh

# formats what can be formatted
fmt:
    golangci-lint fmt
