package httpapi

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto/mesosjson"
)

const (
	mediaJSON     = "application/json"
	mediaProtobuf = "application/x-protobuf"
)

// refusal is an answer to a request that is wrong by itself.
type refusal struct {
	status int
	text   string
}

// readCall reads, decodes and validates the call of a request.
func (h *Handler[C, E]) readCall(w http.ResponseWriter, r *http.Request) (call C, bad *refusal) {
	contentType := r.Header.Get("Content-Type")
	switch contentType {
	case mediaJSON, mediaProtobuf:
	case "":
		return call, &refusal{http.StatusBadRequest, "Expecting 'Content-Type' to be present"}
	default:
		return call, &refusal{http.StatusUnsupportedMediaType, "Expecting 'Content-Type' of " + mediaJSON + " or " + mediaProtobuf}
	}
	body, bad := readBody(w, r, h.cfg.MaxBody)
	if bad != nil {
		return call, bad
	}
	call = h.cfg.NewCall()
	if contentType == mediaProtobuf {
		if err := proto.Unmarshal(body, call); err != nil {
			return call, &refusal{http.StatusBadRequest, "Failed to parse body into Call protobuf"}
		}
	} else if err := mesosjson.Unmarshal(body, call); err != nil {
		text := "Failed to convert JSON into Call protobuf: "
		if syntax := new(mesosjson.SyntaxError); errors.As(err, &syntax) {
			text = "Failed to parse body into JSON: "
		}
		return call, &refusal{http.StatusBadRequest, text + err.Error()}
	}
	if err := h.cfg.Validate(call); err != nil {
		code, text := h.cfg.Errors.HTTP(err)
		return call, &refusal{code, text}
	}
	return call, nil
}

func readBody(w http.ResponseWriter, r *http.Request, bound int) ([]byte, *refusal) {
	if r.ContentLength > int64(bound) {
		return nil, tooLarge(bound)
	}
	var from io.Reader = http.MaxBytesReader(w, r.Body, int64(bound))
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		if r.ContentLength >= 0 && r.ContentLength <= shortBody {
			body := make([]byte, r.ContentLength)
			if _, err := io.ReadFull(r.Body, body); err != nil {
				return nil, unread(err)
			}
			return body, nil
		}
	case "gzip":
		unzip, err := gzip.NewReader(from)
		if err != nil {
			return nil, &refusal{http.StatusBadRequest, "Failed to decompress body: " + err.Error()}
		}
		from = unzip
	default:
		return nil, &refusal{http.StatusBadRequest, fmt.Sprintf("Unsupported 'Content-Encoding' %q; send the body plain or with gzip", encoding)}
	}
	body, err := io.ReadAll(io.LimitReader(from, int64(bound)+1))
	var cut *http.MaxBytesError
	switch {
	case errors.As(err, &cut) || len(body) > bound:
		return nil, tooLarge(bound)
	case err != nil:
		return nil, unread(err)
	}
	return body, nil
}

// shortBody is up to which length memory is taken for a body before it arrives.
const shortBody = 16 << 10

func tooLarge(bound int) *refusal {
	return &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is larger than %d bytes", bound)}
}

func unread(err error) *refusal {
	return &refusal{http.StatusBadRequest, "Failed to read body: " + err.Error()}
}

// answerType picks the encoding of the events. JSON is preferred, as the reference does: protobuf is
// sent only to who does not take JSON.
func answerType(r *http.Request) (mediaType string, ok bool) {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	for _, t := range []string{mediaJSON, mediaProtobuf} {
		if accepts(accept, t) {
			return t, true
		}
	}
	return "", false
}

// accepts reports whether an Accept header allows a media type: the first range that matches it
// decides, by having a weight other than zero.
func accepts(header, mediaType string) bool {
	if strings.TrimSpace(header) == "" {
		return true
	}
	family, _, _ := strings.Cut(mediaType, "/")
	for element := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(element, ";")
		switch strings.TrimSpace(name) {
		case mediaType, family + "/*", "*/*":
			return !weightless(parameters)
		}
	}
	return false
}

// weightless reports whether the parameters of a media range say q=0.
func weightless(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.TrimSpace(name) == "q" {
			whole, fraction, _ := strings.Cut(strings.TrimSpace(value), ".")
			return whole == "0" && strings.Trim(fraction, "0") == ""
		}
	}
	return false
}
