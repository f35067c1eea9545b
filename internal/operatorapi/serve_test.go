package operatorapi

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// array makes a document of fragments.
func array(fragments ...*Fragment) *Document {
	var b Builder
	b.Open('{')
	b.Key("list")
	b.Open('[')
	b.Insert(fragments...)
	b.Close(']')
	b.BoolField("end", true)
	b.Close('}')
	return b.Document()
}

func answer(d *Document, method, target string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Serve(w, r, d)
	return w.Result()
}

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	var from io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(r.Body)
		require.NoError(t, err)
		unzip.Multistream(false) // many clients know only one
		from = unzip
	}
	text, err := io.ReadAll(from)
	require.NoError(t, err)
	return string(text)
}

func TestDocumentsArePutTogetherWithCommas(t *testing.T) {
	empty := NewFragment(nil)
	for want, list := range map[string][]*Fragment{
		`{"list":[],"end":true}`:          {},
		`{"list":[1,2,"x"],"end":true}`:   {NewFragment([]byte(`1,2`)), empty, NewFragment([]byte(`"x"`))},
		`{"list":[{"a":[]}],"end":true}`:  {empty, NewFragment([]byte(`{"a":[]}`)), empty},
		`{"list":["[","{"],"end":true}`:   {NewFragment([]byte(`"["`)), NewFragment([]byte(`"{"`))},
		`{"list":[[1,[2]]],"end":true}`:   {NewFragment([]byte(`[1,[2]]`))},
		`{"list":[true,1,2],"end":true}`:  {NewFragment([]byte(`true`)), NewFragment([]byte(`1`)), NewFragment([]byte(`2`))},
		`{"list":["last,"],"end":true}`:   {NewFragment([]byte(`"last,"`))},
		`{"list":[{},{},{}],"end":true}`:  {NewFragment([]byte(`{},{}`)), NewFragment([]byte(`{}`))},
		`{"list":["a","b"],"end":true}`:   {NewFragment([]byte(`"a"`)), NewFragment([]byte(`"b"`))},
		`{"list":[null,null],"end":true}`: {NewFragment([]byte(`null`)), NewFragment([]byte(`null`))},
	} {
		d := array(list...)
		require.Equal(t, want, string(d.Append(nil)))
		require.Equal(t, len(want), d.Size())
	}
}

func TestAnswer(t *testing.T) {
	r := answer(array(NewFragment([]byte("1"))), "GET", "/state")
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Equal(t, "application/json", r.Header.Get("Content-Type"))
	require.Equal(t, `{"list":[1],"end":true}`, body(t, r))
	require.Equal(t, "23", r.Header.Get("Content-Length"))
}

func TestAnyMethodReads(t *testing.T) {
	d := array()
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		require.Equal(t, `{"list":[],"end":true}`, body(t, answer(d, method, "/slaves/x")), method)
	}
	head := answer(d, "HEAD", "/slaves")
	require.Equal(t, "22", head.Header.Get("Content-Length"))
	require.Empty(t, body(t, head))
}

func TestJSONP(t *testing.T) {
	d := array()
	r := answer(d, "GET", "/state?jsonp=angular.callbacks._0")
	require.Equal(t, "text/javascript", r.Header.Get("Content-Type"))
	require.Equal(t, `angular.callbacks._0({"list":[],"end":true})`, body(t, r))
	require.Equal(t, http.StatusBadRequest, answer(d, "GET", "/state?jsonp=alert(1)").StatusCode)
	require.Equal(t, http.StatusBadRequest, answer(d, "GET", "/state?jsonp="+strings.Repeat("a", 257)).StatusCode)
	require.Equal(t, "application/json", answer(d, "GET", "/state?jsonp=").Header.Get("Content-Type"))
	r = answer(array(NewFragment([]byte(`"`+strings.Repeat("x", 2000)+`"`))), "GET", "/state?jsonp=cb", "Accept-Encoding", "gzip")
	require.Equal(t, `cb({"list":["`+strings.Repeat("x", 2000)+`"],"end":true})`, body(t, r))
}

func TestUnchangedPoll(t *testing.T) {
	shared := NewFragment([]byte(`"shared"`))
	d, again, other := array(shared), array(shared), array(shared, NewFragment([]byte("1")))
	require.Equal(t, d.ETag(), again.ETag())
	require.NotEqual(t, d.ETag(), other.ETag())
	require.NotEqual(t, array(NewFragment([]byte("1")), NewFragment([]byte("2"))).ETag(), array(NewFragment([]byte("2")), NewFragment([]byte("1"))).ETag())

	tag := answer(d, "GET", "/state").Header.Get("ETag")
	for _, value := range []string{tag, `"old", ` + tag, strings.TrimPrefix(tag, "W/"), "*"} {
		r := answer(again, "GET", "/state", "If-None-Match", value)
		require.Equal(t, http.StatusNotModified, r.StatusCode, value)
		require.Empty(t, body(t, r))
		require.Equal(t, tag, r.Header.Get("ETag"))
	}
	require.Equal(t, http.StatusOK, answer(other, "GET", "/state", "If-None-Match", tag).StatusCode)
	require.Equal(t, http.StatusOK, answer(d, "POST", "/state", "If-None-Match", tag).StatusCode)
}

func TestCompression(t *testing.T) {
	small := array(NewFragment([]byte(`"` + strings.Repeat("x", 900) + `"`)))
	large := array(NewFragment([]byte(`"`+strings.Repeat("x", 1000)+`"`)), NewFragment([]byte(`"`+strings.Repeat("yz", 40000)+`"`)))
	require.Empty(t, answer(small, "GET", "/", "Accept-Encoding", "gzip").Header.Get("Content-Encoding"))
	for accept, want := range map[string]string{
		"gzip": "gzip", "deflate, gzip;q=0.5": "gzip", "*": "gzip", "GZIP": "gzip", "x-gzip": "gzip",
		"": "", "identity": "", "gzip;q=0": "", "gzip; q=0.000": "", "*;q=0": "", "br": "", "*;q=0, gzip": "gzip", "gzip;q=0, *": "",
	} {
		for range 2 { // the second time it is compressed already
			r := answer(large, "GET", "/", "Accept-Encoding", accept)
			require.Equal(t, want, r.Header.Get("Content-Encoding"), accept)
			raw, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.EqualValues(t, r.Header.Get("Content-Length"), itoa(len(raw)), accept)
			r.Body = io.NopCloser(strings.NewReader(string(raw)))
			require.Equal(t, string(large.Append(nil)), body(t, r))
		}
	}
	head := answer(large, "HEAD", "/", "Accept-Encoding", "gzip")
	require.Empty(t, head.Header.Get("Content-Encoding"))
	require.Empty(t, body(t, head))
}

func itoa(n int) string { return written(func(j *JSON) { j.IntField("", int64(n)) })[3:] }

// Whatever a document is made of, what arrives compressed is what arrives plain.
func TestCompressedIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var list []*Fragment
		for _, s := range rapid.SliceOfN(rapid.StringN(0, 3000, 5000), 0, 8).Draw(rt, "texts") {
			list = append(list, NewFragment([]byte(written(func(j *JSON) { j.Text(s) }))))
		}
		d := array(append(list, NewFragment([]byte(`"`+strings.Repeat("a", 1024)+`"`)))...)
		require.Equal(t, body(t, answer(d, "GET", "/")), body(t, answer(d, "GET", "/", "Accept-Encoding", "gzip")))
	})
}

func TestCacheForgetsWhatIsNotAskedFor(t *testing.T) {
	var c Cache[string]
	made := map[string]int{}
	get := func(key string) *Fragment {
		return c.Get(key, func(j *JSON) { made[key]++; j.Text(key) })
	}
	a := get("a")
	get("b")
	require.Same(t, a, get("a"))
	c.Turn()
	require.Same(t, a, get("a"))
	c.Turn()
	require.Same(t, a, get("a"))
	get("b")
	require.Equal(t, map[string]int{"a": 1, "b": 2}, made, "b was not asked for in between")
	require.Equal(t, `"a"`, string(a.Bytes()))
}

func TestRoutes(t *testing.T) {
	mux := http.NewServeMux()
	for _, path := range []string{"/state", "/api/v1", "/api/v1/scheduler"} {
		Mount(mux, path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, path+" "+r.URL.RawQuery)
		}), "slave(1)")
	}
	h := Routes(mux)
	get := func(target string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		return w.Code, w.Body.String()
	}
	for target, want := range map[string]string{
		"/state":                         "/state ",
		"/state/":                        "/state ",
		"/state/?limit=1":                "/state limit=1",
		"//state":                        "/state ",
		"/state/some/thing":              "/state ",
		"/slave(1)/state":                "/state ",
		"/slave%281%29/state":            "/state ",
		"/slave%281%29/state/x%2Fy":      "/state ",
		"/api/v1":                        "/api/v1 ",
		"/api/v1/operator":               "/api/v1 ",
		"/api/v1/scheduler":              "/api/v1/scheduler ",
		"/api/v1/scheduler/x":            "/api/v1/scheduler ",
		"/slave(1)/api/v1/scheduler/x":   "/api/v1/scheduler ",
		"/slave(1)/api/v1/schedulers":    "/api/v1 ",
		"/slave(1)//api/./v1/scheduler/": "/api/v1/scheduler ",
	} {
		code, text := get(target)
		require.Equal(t, http.StatusOK, code, target)
		require.Equal(t, want, text, target)
	}
	for _, target := range []string{"/", "/nosuch", "/states", "/master/state", "/slave(2)/state", "/state/../nosuch", "/..", "/state/..", "/state/%2e%2e/x"} {
		code, text := get(target)
		require.Equal(t, http.StatusNotFound, code, target)
		require.Equal(t, "404 Not Found.", text, target)
	}
	r := httptest.NewRequest("OPTIONS", "/", nil)
	r.URL.Path = "*"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, http.StatusBadRequest, w.Code)
}
