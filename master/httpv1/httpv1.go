package httpv1

import (
	"net/http"
	"slices"

	"github.com/gogo/status"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/internal/apierror"
	"github.com/mesokit/mesokit/internal/httpapi"
	"github.com/mesokit/mesokit/internal/link"
	"github.com/mesokit/mesokit/master"
	"github.com/mesokit/mesokit/master/validation"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

// Config says what a Handler serves. Schedulers and Snapshot are required: a master has both.
type Config struct {
	Schedulers link.Server[*schedulerpb.Call, *schedulerpb.Event]
	Snapshot   func() *master.Snapshot
	// Logger gets one line an event. Default: no log.
	Logger *zap.Logger
}

// Paths are where the API is found: without and with the name of the master's process.
var Paths = []string{"/api/v1/scheduler", "/master/api/v1/scheduler"}

// Handler serves the API. It is safe for concurrent use.
type Handler struct {
	*httpapi.Handler[*schedulerpb.Call, *schedulerpb.Event]
}

var _ http.Handler = Handler{}

// New makes a handler. Close ends its streams.
func New(cfg Config) Handler {
	return Handler{httpapi.New(httpapi.Config[*schedulerpb.Call, *schedulerpb.Event]{
		Server:     cfg.Schedulers,
		NewCall:    func() *schedulerpb.Call { return new(schedulerpb.Call) },
		Subscribes: func(c *schedulerpb.Call) bool { return c.GetType() == schedulerpb.Call_SUBSCRIBE },
		NeedsAccept: func(c *schedulerpb.Call) bool {
			return c.GetType() == schedulerpb.Call_RECONCILE_OPERATIONS
		},
		Synchronous: func(c *schedulerpb.Call) bool { return c.GetType() == schedulerpb.Call_UPDATE_FRAMEWORK },
		Validate:    validate,
		Errors:      apierror.Scheduler,
		Before:      func(w http.ResponseWriter, r *http.Request) bool { return leads(cfg.Snapshot(), w, r) },
		Redirect:    location,
		StreamIDs:   true,
		ForJSON:     forJSON,
		Logger:      cfg.Logger,
	})}
}

// Mount registers the handler at Paths and everything below them, as the reference routes it.
func (h Handler) Mount(mux *http.ServeMux) {
	for _, path := range Paths {
		mux.Handle(path, h)
		mux.Handle(path+"/", h)
	}
}

func validate(call *schedulerpb.Call) error {
	if err := validation.SchedulerCall(call); err != nil {
		return status.Errorf(codes.InvalidArgument, "Failed to validate scheduler::Call: %v", err)
	}
	return nil
}

// leads answers a request that this master can't serve now, and says whether it can.
func leads(s *master.Snapshot, w http.ResponseWriter, r *http.Request) bool {
	switch leader := Address(s.Leader); {
	case s.Elected && s.Recovered:
		return true
	case s.Elected:
		httpapi.Refuse(w, http.StatusServiceUnavailable, "Master has not finished recovery")
	case leader == "":
		httpapi.Refuse(w, http.StatusServiceUnavailable, "No leader elected")
	default:
		w.Header().Set("Location", location(leader, r))
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
	return false
}

// location is the same request at the leader: without a scheme, so that it stays the client's.
func location(leader string, r *http.Request) string { return "//" + leader + r.URL.RequestURI() }

// forJSON leaves out what the JSON codec of mesos-go dies of.
func forJSON(e *schedulerpb.Event) *schedulerpb.Event {
	info := e.GetSubscribed().GetMasterInfo()
	quotaV2 := func(c *mesosproto.MasterInfo_Capability) bool {
		return c.GetType() == mesosproto.MasterInfo_Capability_QUOTA_V2
	}
	if !slices.ContainsFunc(info.GetCapabilities(), quotaV2) {
		return e
	}
	e = proto.CloneOf(e)
	info = e.Subscribed.MasterInfo
	info.Capabilities = slices.DeleteFunc(info.Capabilities, quotaV2)
	return e
}
