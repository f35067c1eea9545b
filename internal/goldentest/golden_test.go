package goldentest

import (
	"testing"
)

// Bad input is refused as the reference refuses it.
func TestErrors(t *testing.T) { play(t, "errors", nil) }

func TestSubscriptions(t *testing.T) { play(t, "v1-subscribe", nil) }

func TestCalls(t *testing.T) { play(t, "v1-calls", nil) }

func TestMesosExecute(t *testing.T) { play(t, "v1-mesos-execute", nil) }

func TestMesosGoJSON(t *testing.T) { play(t, "v1-go-json", nil) }

func TestHTTPExecutor(t *testing.T) { play(t, "v1-http-executor", nil) }

func TestMesosGo(t *testing.T) { play(t, "v1-mesos-go", nil) }
