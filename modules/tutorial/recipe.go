package tutorial

//go:generate sh -c "cd payments && GOOS=wasip1 GOARCH=wasm GOFLAGS= CGO_ENABLED=0 go build -buildmode=c-shared -trimpath -buildvcs=false -ldflags='-s -w' -o payments.wasm . && go env GOVERSION >toolchain.txt"
