#!/bin/sh
# Generates the Go code of every .proto file below this folder.
#
# Needs protoc on the PATH, version 3.21 or later, with its google/protobuf/*.proto files; the Go
# plugin is the version pinned by the tool directive in go.mod. Run it as `go generate ./mesosproto`.
set -eu

cd "$(dirname "$0")/.."
command -v protoc >/dev/null || {
	echo "generate.sh: protoc is not installed (Debian: apt-get install protobuf-compiler)" >&2
	exit 1
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
go build -o "$tmp/protoc-gen-go" google.golang.org/protobuf/cmd/protoc-gen-go

# Generated into $tmp first: a failure leaves the old code in place.
mkdir "$tmp/out"
find mesosproto -name '*.proto' | LC_ALL=C sort | xargs protoc \
	--plugin=protoc-gen-go="$tmp/protoc-gen-go" \
	--proto_path=. \
	--go_out="$tmp/out" \
	--go_opt=module=github.com/mesokit/mesokit

# The header names the version of protoc. It does not influence the code, so it is dropped: two
# machines with different releases generate the same bytes.
find "$tmp/out" -name '*.pb.go' -exec sed -i.orig '/^\/\/ 	protoc  /d' {} +
find "$tmp/out" -name '*.orig' -exec rm {} +

find mesosproto -name '*.pb.go' -exec rm {} +
cp -R "$tmp/out/mesosproto/." mesosproto/
