// Package mesosjson converts messages to and from the JSON of the Mesos HTTP APIs.
//
// It is the edge between every JSON body and the core, which sees messages only: scheduler, executor
// and operator calls and events, state endpoints, the MasterInfo in ZooKeeper. The mapping is the
// reference's own, older than and different from the canonical protobuf JSON of
// google.golang.org/protobuf/encoding/protojson. Clients depend on it, so output is the same byte
// for byte.
//
// Output:
//
//   - Names are those of the .proto file (framework_id), in the order in which it declares them.
//   - An optional field that is not set is left out, unless the .proto file gives it an explicit
//     default and does not call it deprecated: then the default is written ("checkpoint":false).
//     Empty lists and maps are left out, but for the lists of GetTasks, GetExecutors, GetFrameworks
//     and GetAgents in the answers of the operator APIs; a set message without fields is {}.
//   - Numbers are never strings, also 64-bit ones. Doubles have a decimal (2.0) and the digits that
//     the reference prints. NaN and the infinities have no JSON form: they are an error that names
//     the field, but see [Options].Infinities.
//   - Enum values are names. A number without a name (of a newer peer) counts as not set.
//   - Bytes are standard base64 with padding. Map keys are strings, and sorted.
//   - Strings are UTF-8; each byte that is not is written as U+FFFD, so the output is always JSON.
//   - Missing required fields are left out, not refused. Unknown fields and extensions are not written.
//
// Input:
//
//   - One object; names exactly as above, others are skipped. Of a repeated name the last one
//     counts; null leaves the field as if it were absent. At most 200 levels of nesting.
//   - A number suits every numeric field: 1.5 for an integer becomes 1, -1 for an unsigned one wraps
//     around, integers are exact to 64 bits. Integers beyond 64 bits and overflowing doubles are refused.
//     Numbers may be strings ("12", for floating point also "Infinity" and "-Infinity"), and so may
//     booleans ("true").
//   - Enum values are names only. An unknown name leaves the field unset, and is an error if the
//     field is required.
//   - Bytes are base64 of the standard alphabet; white space is skipped, the first = ends it.
//   - A value that is not an array suits a repeated field as its only element; null elements are
//     skipped.
//   - Invalid UTF-8 in strings becomes U+FFFD; half a surrogate pair ("\ud800") is a syntax error.
//   - A google.protobuf.Duration may also be a string such as "10mins" or "600s", which the reference
//     documents for DRAIN_AGENT but refuses.
//   - Required fields must be set at every depth: "Missing required fields: accept.offer_ids[0].value".
//
// Input is read more strictly than by the reference in this: numbers must be JSON numbers (01 and 1.
// are not), and of two equal names the first must be convertible, too.
//
// The size of the input is the caller's to bound; memory taken is proportional to it. Nothing in it
// makes Unmarshal panic.
//
// What a message type needs is worked out at its first use and kept: names, defaults, and where its
// Go struct holds each field. Structs generated with the Open API are then read and written in place;
// other messages (dynamicpb, Opaque API) go through protoreflect, slower and with the same result.
// All functions are safe for concurrent use.
//
// Source: Mesos 3rdparty/stout/include/stout/{json,jsonify,protobuf,base64}.hpp.
package mesosjson
