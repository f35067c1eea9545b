package framework

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mesokit/mesokit/internal/transitions"
	"github.com/mesokit/mesokit/mesosproto"
)

// Task is what is remembered of a task that has not ended. It is a value; what it refers to must not
// be changed.
type Task struct {
	ID         string               `json:"id"`
	Spec       string               `json:"spec"` // empty: the framework did not know the task
	Index      int                  `json:"index"`
	Generation string               `json:"generation"` // of the spec that it was launched with
	Agent      string               `json:"agent"`
	Fields     map[string]string    `json:"fields"` // of its agent, as constraints know them
	Ports      []uint32             `json:"ports,omitempty"`
	State      mesosproto.TaskState `json:"state"`
	Healthy    *bool                `json:"healthy,omitempty"` // as last checked
	Launched   time.Time            `json:"launched"`
	Since      time.Time            `json:"since"`          // it is in State
	Killing    string               `json:"kill,omitempty"` // why it is being killed; empty: it is not
	UUID       []byte               `json:"uuid,omitempty"` // of the last update
}

// Host is the name of the task's agent.
func (t Task) Host() string { return t.Fields["hostname"] }

// outcome is what is remembered of an instance that has failed or, in a Batch, ended.
type outcome struct {
	Generation string        `json:"generation"`
	Failures   int           `json:"failures"` // of a Batch all, of a Service those in a row
	Ended      bool          `json:"ended,omitempty"`
	Failed     bool          `json:"failed,omitempty"`
	Message    string        `json:"message,omitempty"` // how the last task ended
	Delay      time.Duration `json:"delay,omitempty"`   // between its end and the next launch
	NotBefore  time.Time     `json:"not_before,omitzero"`
}

const (
	idKey          = "framework"
	endKey         = "end" // Teardown was called
	taskPrefix     = "task/"
	instancePrefix = "instance/"
	specPrefix     = "spec/"
)

func taskKey(id string) string { return taskPrefix + id }

func instanceKey(name string, index int) string {
	return fmt.Sprintf("%s%s/%d", instancePrefix, name, index)
}

// remembered is what a Store holds, decoded.
type remembered struct {
	id       string
	ending   bool
	tasks    []Task // by launch, then id
	outcomes map[string]map[int]outcome
	specs    map[string]*declared
}

func decode(entries map[string][]byte) (*remembered, error) {
	r := &remembered{
		id: string(entries[idKey]), ending: entries[endKey] != nil,
		outcomes: map[string]map[int]outcome{}, specs: map[string]*declared{},
	}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		value := entries[key]
		switch {
		case strings.HasPrefix(key, taskPrefix):
			var t Task
			if err := json.Unmarshal(value, &t); err != nil {
				return nil, fmt.Errorf("entry %q of the store is no task: %w", key, err)
			}
			if taskKey(t.ID) != key || t.Index < 0 || t.Index >= maxInstances {
				return nil, fmt.Errorf("entry %q of the store is task %q, instance %d", key, t.ID, t.Index)
			}
			r.tasks = append(r.tasks, t)
		case strings.HasPrefix(key, instancePrefix):
			var o outcome
			name, number, _ := strings.Cut(strings.TrimPrefix(key, instancePrefix), "/")
			index, err := strconv.Atoi(number)
			if err == nil {
				err = json.Unmarshal(value, &o)
			}
			if err == nil && (index < 0 || index >= maxInstances) {
				err = errors.New("no such instance")
			}
			if err != nil {
				return nil, fmt.Errorf("entry %q of the store is no outcome: %w", key, err)
			}
			if r.outcomes[name] == nil {
				r.outcomes[name] = map[int]outcome{}
			}
			r.outcomes[name][index] = o
		case strings.HasPrefix(key, specPrefix):
			name := strings.TrimPrefix(key, specPrefix)
			d, err := decodeDeclared(name, value)
			if err != nil {
				return nil, fmt.Errorf("entry %q of the store is no spec: %w", key, err)
			}
			r.specs[name] = d
		case key != idKey && key != endKey:
			return nil, fmt.Errorf("the store has an entry %q, which is not this framework's", key)
		}
	}
	slices.SortStableFunc(r.tasks, func(a, b Task) int { return a.Launched.Compare(b.Launched) })
	return r, nil
}

// encode returns an entry's value. What is encoded always can be.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// ended tells whether nothing more is to be expected of a task in a state. A task that nobody knows
// counts; if it shows up all the same, it is one that the framework doesn't know.
func ended(s mesosproto.TaskState) bool {
	return transitions.Terminal(s) || s == mesosproto.TaskState_TASK_UNKNOWN
}
