package goldentest

import "testing"

// Bad input is refused as the reference refuses it.
func TestErrors(t *testing.T) { playAlone(t, "errors") }

// A small client subscribes in every right and wrong way.
func TestSubscriptions(t *testing.T) { playAlone(t, "v1-subscribe") }

// A small client makes every call, and launches valid and invalid tasks.
func TestCalls(t *testing.T) { playAlone(t, "v1-calls") }

// mesos-execute of the reference runs a command.
func TestMesosExecute(t *testing.T) { playAlone(t, "v1-mesos-execute") }

// mesos-go's example in JSON. Of the reference it cannot read the first event.
func TestMesosGoJSON(t *testing.T) { playAlone(t, "v1-go-json") }

// mesos-go's example scheduler and executor run three tasks.
func TestMesosGo(t *testing.T) { playAlone(t, "v1-mesos-go") }

// test-http-framework and test-http-executor of the reference run five tasks.
func TestHTTPExecutor(t *testing.T) { playAlone(t, "v1-http-executor") }

func playAlone(t *testing.T, name string) {
	t.Parallel()
	play(t, name, nil)
}
