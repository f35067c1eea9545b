// Package recordio frames the event streams of the Mesos HTTP APIs.
//
// A stream is a sequence of records, each written as its length in bytes in decimal digits, a line
// feed, and then exactly that many bytes. Nothing follows a record but the next one:
//
//	20\n{"type":"HEARTBEAT"}20\n{"type":"HEARTBEAT"}
//
// Scheduler, executor, operator and resource provider streams use it in both encodings; the payload
// is one JSON or protobuf message. Records have nothing to do with HTTP chunks: a record may span
// chunks and a chunk may hold several records or half of one.
//
// Three doors, one framing:
//
//   - [Reader] takes records out of an [io.Reader], such as a response body.
//   - [Decoder] is for who is handed bytes instead of reading them; it keeps what is incomplete.
//   - [Writer] and [AppendRecord] make records.
//
// A peer's bytes are not trusted: a header that is not a plain bounded number, or that announces
// more than [Config].MaxRecordSize, is refused as soon as it is seen, and memory is taken only as
// payload bytes arrive, so a lying length costs nothing. An error ends the stream: what comes after
// a broken header can't be told apart from payload.
//
// Each value belongs to one goroutine at a time; there is no package state.
//
// Source: Mesos src/common/recordio.hpp, 3rdparty/stout/include/stout/recordio.hpp, and "RecordIO
// response format" of the Mesos scheduler HTTP API.
package recordio
