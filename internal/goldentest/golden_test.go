package goldentest

import (
	"testing"
)

// Bad input is refused as the reference refuses it.
func TestErrors(t *testing.T) { play(t, "errors", options{speed: 10}) }

func TestSubscriptions(t *testing.T) { play(t, "v1-subscribe", options{speed: 10}) }

func TestCalls(t *testing.T) { play(t, "v1-calls", options{speed: 10}) }

func TestMesosExecute(t *testing.T) { play(t, "v1-mesos-execute", options{speed: 10}) }

func TestMesosGoJSON(t *testing.T) { play(t, "v1-go-json", options{speed: 10}) }

func TestHTTPExecutor(t *testing.T) { play(t, "v1-http-executor", options{speed: 10}) }

func TestMesosGo(t *testing.T) { play(t, "v1-mesos-go", options{speed: 10}) }
