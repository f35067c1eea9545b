package scheduler

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

var small = resources.MustParse("cpus:0.5;mem:32")

const smallText = `resources:{name:"cpus" type:SCALAR scalar:{value:0.5}} resources:{name:"mem" type:SCALAR scalar:{value:32}} `

func TestTasks(t *testing.T) {
	for _, c := range []struct {
		name string
		got  *mesosproto.TaskInfo
		want string // prototext, without name, id and agent
	}{
		{"command", CommandTask("t", "echo hi", small), smallText + `command:{value:"echo hi"}`},
		{"command with everything", CommandTask("t", "./run", small, WithEnv("A", "1"), WithEnv("B", "2"), WithUser("nobody"),
			WithURI("http://h/run", true), WithURI("http://h/data.tgz", false), WithLabel("k", "v"), WithLabel("k2", "v2"),
			WithData([]byte("d")), WithKillPolicy(3*time.Second), WithMaxRuntime(time.Minute)),
			smallText + `command:{value:"./run" user:"nobody"
				environment:{variables:{name:"A" value:"1"} variables:{name:"B" value:"2"}}
				uris:{value:"http://h/run" executable:true extract:false} uris:{value:"http://h/data.tgz"}}
			labels:{labels:{key:"k" value:"v"} labels:{key:"k2" value:"v2"}} data:"d"
			kill_policy:{grace_period:{nanoseconds:3000000000}} max_completion_time:{nanoseconds:60000000000}`},
		{"program", CommandTask("t", "", small, WithArguments("/bin/echo", "a b")),
			smallText + `command:{shell:false value:"/bin/echo" arguments:"/bin/echo" arguments:"a b"}`},
		{"Docker", DockerTask("t", "nginx", small),
			smallText + `command:{shell:false} container:{type:DOCKER docker:{image:"nginx"}}`},
		{"Docker with arguments", DockerTask("t", "nginx", small, WithArguments("-v")),
			smallText + `command:{shell:false arguments:"-v"} container:{type:DOCKER docker:{image:"nginx"}}`},
		{"Docker with a command", DockerTask("t", "busybox", small, WithCommand("echo $A"), WithEnv("A", "1")),
			smallText + `command:{shell:true value:"echo $A" environment:{variables:{name:"A" value:"1"}}} container:{type:DOCKER docker:{image:"busybox"}}`},
		{"Docker with no command", DockerTask("t", "nginx", small, WithCommand("")),
			smallText + `command:{shell:false} container:{type:DOCKER docker:{image:"nginx"}}`},
		{"Docker with everything", DockerTask("t", "nginx", small, WithPort(31001, 80, "tcp"), WithPort(31003, 443, "tcp"),
			WithForcePull(), WithPrivileged(), WithParameter("label", "a=b"), WithVolume("/h", "/c", mesosproto.Volume_RO)),
			smallText + `resources:{name:"ports" type:RANGES ranges:{range:{begin:31001 end:31001} range:{begin:31003 end:31003}}}
			command:{shell:false} container:{type:DOCKER docker:{image:"nginx" network:BRIDGE privileged:true force_pull_image:true
				port_mappings:{host_port:31001 container_port:80 protocol:"tcp"}
				port_mappings:{host_port:31003 container_port:443 protocol:"tcp"}
				parameters:{key:"label" value:"a=b"}} volumes:{host_path:"/h" container_path:"/c" mode:RO}}`},
		{"Docker in a network", DockerTask("t", "nginx", small, WithNetwork(mesosproto.ContainerInfo_DockerInfo_USER), WithPort(31001, 80, "udp")),
			smallText + `resources:{name:"ports" type:RANGES ranges:{range:{begin:31001 end:31001}}}
			command:{shell:false} container:{type:DOCKER docker:{image:"nginx" network:USER
				port_mappings:{host_port:31001 container_port:80 protocol:"udp"}}}`},
		{"executor", ExecutorTask("t", CustomExecutor("e", "./executor", small), small, WithEnv("A", "1")),
			smallText + `executor:{type:CUSTOM executor_id:{value:"e"} command:{value:"./executor" environment:{variables:{name:"A" value:"1"}}} ` + smallText + `}`},
		{"default executor", ExecutorTask("t", DefaultExecutor("e", small), small),
			smallText + `executor:{type:DEFAULT executor_id:{value:"e"} ` + smallText + `}`},
		{"health", CommandTask("t", "x", small, WithHealthCheck(CommandCheck("true"))),
			smallText + `command:{value:"x"} health_check:{type:COMMAND command:{value:"true"}}`},
		{"health", CommandTask("t", "x", small, WithHealthCheck(HTTPCheck(80, "/health"))),
			smallText + `command:{value:"x"} health_check:{type:HTTP http:{port:80 path:"/health"}}`},
		{"health", CommandTask("t", "x", small, WithHealthCheck(TCPCheck(80))),
			smallText + `command:{value:"x"} health_check:{type:TCP tcp:{port:80}}`},
	} {
		want := &mesosproto.TaskInfo{}
		text := `name:"t" task_id:{value:"t"} agent_id:{value:"a"} ` + c.want
		require.NoError(t, prototext.Unmarshal([]byte(text), want), c.name)
		c.got.AgentId = agentID("a")
		require.True(t, proto.Equal(want, c.got), "%s: expected %v, got %v", c.name, want, c.got)
	}
	require.Equal(t, "web", CommandTask("t", "x", small, WithName("web")).GetName())
}

func TestBuildersCopyWhatIsShared(t *testing.T) {
	executor, check := DefaultExecutor("e", small), TCPCheck(80)
	task := ExecutorTask("t", executor, small, WithHealthCheck(check), WithUser("u"))
	require.Nil(t, executor.Command)
	check.Tcp.Port = proto.Uint32(81)
	require.EqualValues(t, 80, task.GetHealthCheck().GetTcp().GetPort())
}

func TestWithPortOnATaskWithIllegalResources(t *testing.T) {
	task := CommandTask("t", "x", small)
	task.Resources[0].Name = nil
	WithHostPorts(80)(task)
	require.Len(t, task.Resources, 2, "left for the master to refuse")
}
