// Package inproc joins executors to an agent in the same process: no network, and nothing is encoded.
//
//	driver, err := executor.New(executor.Config{Dialer: inproc.Executors(a), …})
//
// The driver copies what crosses, in both directions.
package inproc

import (
	"context"

	"github.com/gogo/status"
	"google.golang.org/grpc/codes"

	"github.com/mesokit/mesokit/agent"
	"github.com/mesokit/mesokit/executor"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/internal/loop"
	"github.com/mesokit/mesokit/mesosproto/executorpb"
)

// Executors connects drivers to a.
func Executors(a *agent.Agent) executor.Dialer { return executors{a} }

type executors struct{ a *agent.Agent }

var _ executor.LinkDialer = executors{}

func (e executors) DialLink(l loop.Loop, _ executor.Agent) (link.Client[*executorpb.Call, *executorpb.Event], func()) {
	return link.Local(l, e.a.Executors(), ""), nil
}

// Dial is not used by drivers, which prefer DialLink; what it returns refuses everything.
func (e executors) Dial(executor.Agent) executor.Transport { return refusing{} }

type refusing struct{}

var errLink = status.Error(codes.Unimplemented, "an agent in the same process is reached by DialLink, not by Dial")

func (refusing) Subscribe(context.Context, *executorpb.Call, func(*executorpb.Event) error) error {
	return errLink
}

func (refusing) Send(context.Context, *executorpb.Call) error { return errLink }
