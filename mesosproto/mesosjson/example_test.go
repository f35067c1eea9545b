package mesosjson_test

import (
	"errors"
	"fmt"

	pb "github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/mesosproto/mesosjson"
	"github.com/mesokit/mesokit/mesosproto/schedulerpb"
)

func ExampleMarshal() {
	call := &schedulerpb.Call{
		Type: schedulerpb.Call_SUBSCRIBE.Enum(),
		Subscribe: &schedulerpb.Call_Subscribe{
			FrameworkInfo: &pb.FrameworkInfo{User: new("root"), Name: new("example")},
		},
	}
	text, err := mesosjson.Marshal(call)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", text)
	// Output:
	// {"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"example","failover_timeout":0.0,"checkpoint":false}}}
}

func ExampleUnmarshal() {
	for _, body := range []string{
		`{"type": "KILL", "kill": {"task_id": {"value": "t1"}}}`,
		`{"type": "KILL", "kill": {}}`,
		`{"type": KILL}`,
	} {
		var call schedulerpb.Call
		err := mesosjson.Unmarshal([]byte(body), &call)
		var syntax *mesosjson.SyntaxError
		switch {
		case errors.As(err, &syntax):
			fmt.Println("Failed to parse body into JSON:", err)
		case err != nil:
			fmt.Println("Failed to convert JSON into Call protobuf:", err)
		default:
			fmt.Println(call.GetType(), call.GetKill().GetTaskId().GetValue())
		}
	}
	// Output:
	// KILL t1
	// Failed to convert JSON into Call protobuf: Missing required fields: kill.task_id
	// Failed to parse body into JSON: syntax error at line 1 near: KILL}
}

func ExampleV0() {
	offer := &pb.Offer{AgentId: &pb.AgentID{Value: new("S1")}}
	text, err := mesosjson.V0.Marshal(offer)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", text)
	// Output: {"slave_id":{"value":"S1"}}
}
