package docker

import (
	"encoding/json"
	"math"
	"testing"

	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/strslice"
	"github.com/docker/go-connections/nat"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

var testSettings = settings{workDir: "/work-dir", sandboxDirectory: "/mnt/mesos/sandbox", hostMemory: 1 << 30}

func build(t *testing.T, change ...func(*containerizer.Spec)) (*request, error) {
	spec := taskSpec("true")
	spec.Sandbox = "/sandbox"
	for _, f := range change {
		f(spec)
	}
	return newRequest(testSettings, spec, "mesos-c1")
}

func built(t *testing.T, change ...func(*containerizer.Spec)) *request {
	r, err := build(t, change...)
	require.NoError(t, err)
	return r
}

func command(c *mesosproto.CommandInfo) func(*containerizer.Spec) {
	return func(s *containerizer.Spec) { s.Command = c }
}

// Mesos containerizers: the arguments of a Docker task don't begin with the program's name.
func TestCommands(t *testing.T) {
	for name, c := range map[string]struct {
		command    *mesosproto.CommandInfo
		entrypoint strslice.StrSlice
		cmd        strslice.StrSlice
		parameters []string
	}{
		"shell":                     {command: &mesosproto.CommandInfo{Value: proto.String("echo $A")}, entrypoint: []string{"/bin/sh"}, cmd: []string{"-c", "echo $A"}},
		"none":                      {},
		"the image's":               {command: &mesosproto.CommandInfo{Shell: proto.Bool(false)}},
		"program":                   {command: &mesosproto.CommandInfo{Shell: proto.Bool(false), Value: proto.String("ls"), Arguments: []string{"-l", "/"}}, cmd: []string{"ls", "-l", "/"}},
		"arguments for entrypoint":  {command: &mesosproto.CommandInfo{Shell: proto.Bool(false), Arguments: []string{"-v"}}, cmd: []string{"-v"}},
		"entrypoint by a parameter": {command: &mesosproto.CommandInfo{Shell: proto.Bool(false)}, parameters: []string{"entrypoint", "/init"}, entrypoint: []string{"/init"}},
		"no entrypoint":             {command: &mesosproto.CommandInfo{Shell: proto.Bool(false), Value: proto.String("ls")}, parameters: []string{"entrypoint", ""}, entrypoint: []string{""}, cmd: []string{"ls"}},
	} {
		r := built(t, command(c.command), with(c.parameters...))
		require.Equal(t, c.entrypoint, r.config.Entrypoint, name)
		require.Equal(t, c.cmd, r.config.Cmd, name)
	}
}

func TestEnvironmentOfTheContainer(t *testing.T) {
	r := built(t, func(s *containerizer.Spec) {
		s.Environment = map[string]string{"A": "agent", "B": "agent", "MESOS_ALLOCATION_ROLE": "dev", "MESOS_SANDBOX": "/sandbox"}
		s.Command.Environment = &mesosproto.Environment{Variables: []*mesosproto.Environment_Variable{
			{Name: proto.String("B"), Value: proto.String("command")}, {Name: proto.String("C"), Value: proto.String("x=y")},
			{Name: proto.String("MESOS_CONTAINER_NAME"), Value: proto.String("forged")}}}
	}, with("env", "C=parameter", "env", "D="))
	require.Equal(t, []string{"A=agent", "B=command", "C=parameter", "D=", "MESOS_ALLOCATION_ROLE=dev",
		"MESOS_CONTAINER_NAME=mesos-c1", "MESOS_SANDBOX=/mnt/mesos/sandbox"}, r.config.Env)
}

func userNetwork(names ...string) func(*containerizer.Spec) {
	return func(s *containerizer.Spec) {
		s.Container.Docker.Network = mesosproto.ContainerInfo_DockerInfo_USER.Enum()
		for _, name := range names {
			s.Container.NetworkInfos = append(s.Container.NetworkInfos, &mesosproto.NetworkInfo{Name: proto.String(name)})
		}
	}
}

func mapping(host, container uint32, protocol string) func(*containerizer.Spec) {
	return func(s *containerizer.Spec) {
		m := &mesosproto.ContainerInfo_DockerInfo_PortMapping{HostPort: &host, ContainerPort: &container}
		if protocol != "" {
			m.Protocol = &protocol
		}
		s.Container.Docker.PortMappings = append(s.Container.Docker.PortMappings, m)
		s.Resources = resources.MustParse("cpus:0.1;mem:32;ports:[31000-31001]")
	}
}

var (
	bridge = networked(mesosproto.ContainerInfo_DockerInfo_BRIDGE)
	none   = networked(mesosproto.ContainerInfo_DockerInfo_NONE)
)

func hostname(name string) func(*containerizer.Spec) {
	return func(s *containerizer.Spec) { s.Container.Hostname = proto.String(name) }
}

func TestNetworks(t *testing.T) {
	for want, change := range map[string][]func(*containerizer.Spec){
		"host":        {},
		"bridge":      {bridge},
		"none":        {none},
		"blue":        {userNetwork("blue")},
		"container:x": {bridge, with("net", "container:x")},
		"green":       {bridge, with("network", "green", "hostname", "h")},
	} {
		require.Equal(t, want, string(built(t, change...).host.NetworkMode))
	}

	r := built(t, bridge, hostname("web"), mapping(31000, 80, ""), mapping(31001, 53, "UDP"), with("expose", "100-101/udp", "publish", "127.0.0.1:9:90"))
	require.Equal(t, "web", r.config.Hostname)
	require.Equal(t, nat.PortMap{"80/tcp": {{HostPort: "31000"}}, "53/udp": {{HostPort: "31001"}}, "90/tcp": {{HostIP: "127.0.0.1", HostPort: "9"}}}, r.host.PortBindings)
	require.Equal(t, nat.PortSet{"80/tcp": {}, "53/udp": {}, "100/udp": {}, "101/udp": {}, "90/tcp": {}}, r.config.ExposedPorts)

	r = built(t, userNetwork("blue"), with("ip", "10.0.0.7", "network-alias", "db", "mac-address", "02:42:ac:11:00:07"))
	require.Equal(t, "10.0.0.7", r.networking(true).EndpointsConfig["blue"].IPAMConfig.IPv4Address)
	require.Equal(t, []string{"db"}, r.endpoint.Aliases)
	require.Equal(t, "02:42:ac:11:00:07", r.endpoint.MacAddress)
	require.Nil(t, built(t).networking(true), "nothing is said of networks that are as usual")
}

func TestDNS(t *testing.T) {
	s := testSettings
	s.dns = map[string]DNS{
		"bridge": {Nameservers: []string{"1.1.1.1"}, Search: []string{"bridge.example"}},
		"blue":   {Nameservers: []string{"2.2.2.2"}, Options: []string{"ndots:2"}}, "": {Nameservers: []string{"3.3.3.3"}},
	}
	for _, c := range []struct {
		change []func(*containerizer.Spec)
		want   []string
	}{
		{nil, []string{}},
		{[]func(*containerizer.Spec){none}, []string{}},
		{[]func(*containerizer.Spec){bridge}, []string{"1.1.1.1"}},
		{[]func(*containerizer.Spec){userNetwork("blue")}, []string{"2.2.2.2"}},
		{[]func(*containerizer.Spec){userNetwork("red")}, []string{"3.3.3.3"}},
		{[]func(*containerizer.Spec){bridge, with("dns", "4.4.4.4")}, []string{"4.4.4.4"}},
		{[]func(*containerizer.Spec){bridge, with("dns-search", "example.org")}, []string{}},
	} {
		spec := taskSpec("true")
		for _, f := range c.change {
			f(spec)
		}
		r, err := newRequest(s, spec, "mesos-c1")
		require.NoError(t, err)
		require.Equal(t, c.want, r.host.DNS, "%v", spec.Container)
	}
}

func volumeOf(container, host string, change ...func(*mesosproto.Volume)) func(*containerizer.Spec) {
	v := &mesosproto.Volume{ContainerPath: proto.String(container), Mode: mesosproto.Volume_RW.Enum()}
	if host != "" {
		v.HostPath = proto.String(host)
	}
	for _, f := range change {
		f(v)
	}
	return func(s *containerizer.Spec) { s.Container.Volumes = append(s.Container.Volumes, v) }
}

func readOnly(v *mesosproto.Volume) { v.Mode = mesosproto.Volume_RO.Enum() }

func source(s *mesosproto.Volume_Source) func(*mesosproto.Volume) {
	return func(v *mesosproto.Volume) { v.Source = s }
}

func dockerVolume(name, driver string, options ...string) *mesosproto.Volume_Source {
	v := &mesosproto.Volume_Source_DockerVolume{Name: proto.String(name)}
	if driver != "" {
		v.Driver = proto.String(driver)
	}
	for i := 0; i < len(options); i += 2 {
		v.DriverOptions = &mesosproto.Parameters{Parameter: []*mesosproto.Parameter{{Key: proto.String(options[i]), Value: proto.String(options[i+1])}}}
	}
	return &mesosproto.Volume_Source{Type: mesosproto.Volume_Source_DOCKER_VOLUME.Enum(), DockerVolume: v}
}

func TestVolumes(t *testing.T) {
	r := built(t, volumeOf("/data", "/host"), volumeOf("/in", "logs", readOnly), volumeOf("rel", "/host"),
		volumeOf("/named", "", source(dockerVolume("vol", "drv"))),
		volumeOf("/opts", "", source(dockerVolume("vol2", "drv", "size", "1G")), readOnly),
		volumeOf("/p", "", source(&mesosproto.Volume_Source{Type: mesosproto.Volume_Source_HOST_PATH.Enum(),
			HostPath: &mesosproto.Volume_Source_HostPath{Path: proto.String("/shared"), MountPropagation: &mesosproto.MountPropagation{Mode: mesosproto.MountPropagation_BIDIRECTIONAL.Enum()}}})),
		volumeOf("/s", "", source(&mesosproto.Volume_Source{Type: mesosproto.Volume_Source_SANDBOX_PATH.Enum(),
			SandboxPath: &mesosproto.Volume_Source_SandboxPath{Type: mesosproto.Volume_Source_SandboxPath_SELF.Enum(), Path: proto.String("sub")}})),
		volumeOf("/co:lon", "/ho:st", readOnly),
		with("volume", "/x:/y:ro", "volume", "/anonymous"))
	require.Equal(t, []string{"/host:/data:rw", "/sandbox/logs:/in:ro", "/host:/mnt/mesos/sandbox/rel:rw", "vol:/named:rw",
		"/shared:/p:rw,rshared", "/sandbox/sub:/s:rw", "/sandbox:/mnt/mesos/sandbox", "/x:/y:ro"}, r.host.Binds)
	require.Equal(t, []mount.Mount{
		{Type: mount.TypeVolume, Source: "vol2", Target: "/opts", ReadOnly: true, VolumeOptions: &mount.VolumeOptions{DriverConfig: &mount.Driver{Name: "drv", Options: map[string]string{"size": "1G"}}}},
		{Type: mount.TypeBind, Source: "/ho:st", Target: "/co:lon", ReadOnly: true},
	}, r.host.Mounts)
	require.Equal(t, "drv", r.host.VolumeDriver)
	require.Contains(t, r.config.Volumes, "/anonymous")
}

func TestPersistentVolumes(t *testing.T) {
	volume := func(id, path string, source *mesosproto.Resource_DiskInfo_Source) *mesosproto.Resource {
		return &mesosproto.Resource{
			Name: proto.String("disk"), Type: mesosproto.Value_SCALAR.Enum(), Scalar: &mesosproto.Value_Scalar{Value: proto.Float64(64)},
			Reservations: []*mesosproto.Resource_ReservationInfo{{Type: mesosproto.Resource_ReservationInfo_STATIC.Enum(), Role: proto.String("dev")}},
			Disk: &mesosproto.Resource_DiskInfo{
				Persistence: &mesosproto.Resource_DiskInfo_Persistence{Id: &id}, Source: source,
				Volume: &mesosproto.Volume{ContainerPath: &path, Mode: mesosproto.Volume_RW.Enum()},
			},
		}
	}
	below := volume("id4", "sub", nil)
	below.Reservations[0].Role = proto.String("dev/db")
	mounted, err := resources.FromProto([]*mesosproto.Resource{
		below,
		volume("id1", "data", nil),
		volume("id2", "disk", &mesosproto.Resource_DiskInfo_Source{Type: mesosproto.Resource_DiskInfo_Source_MOUNT.Enum(),
			Mount: &mesosproto.Resource_DiskInfo_Source_Mount{Root: proto.String("/mnt/disk1")}}),
		volume("id3", "part", &mesosproto.Resource_DiskInfo_Source{Type: mesosproto.Resource_DiskInfo_Source_PATH.Enum(),
			Path: &mesosproto.Resource_DiskInfo_Source_Path{Root: proto.String("/mnt/disk2")}}),
	})
	require.NoError(t, err)
	r := built(t, func(s *containerizer.Spec) { s.Resources = mounted })
	require.ElementsMatch(t, []string{
		"/work-dir/volumes/roles/dev/id1:/mnt/mesos/sandbox/data:rw",
		"/work-dir/volumes/roles/dev db/id4:/mnt/mesos/sandbox/sub:rw",
		"/mnt/disk1:/mnt/mesos/sandbox/disk:rw",
		"/mnt/disk2/volumes/roles/dev/id3:/mnt/mesos/sandbox/part:rw",
		"/sandbox:/mnt/mesos/sandbox",
	}, r.host.Binds)
}

// What is wrong is named, with what would be right.
func TestRefusals(t *testing.T) {
	type change = []func(*containerizer.Spec)
	for want, c := range map[string]change{
		"names no image": {func(s *containerizer.Spec) { s.Container.Docker = nil }},
		"Nested containers are not supported": {func(s *containerizer.Spec) {
			s.ID = &mesosproto.ContainerID{Value: proto.String("a"), Parent: s.ID}
		}},
		"Shell specified but no command value provided":                           {command(&mesosproto.CommandInfo{})},
		`environment variable TOKEN refers to secret "s"`:                         {func(s *containerizer.Spec) { s.Command.Environment = secretEnvironment() }},
		`Unable to set hostname with host network mode; leave out "web"`:          {hostname("web")},
		`Port mappings are only supported for bridge and user-defined networks`:   {mapping(31000, 80, "")},
		`networks, not for "none"`:                                                {none, mapping(31000, 80, "")},
		`Port [8080] not included in resources; map one of the task's ports`:      {bridge, mapping(8080, 80, "")},
		`port mapping of 31000 to 80: protocol "icmp" is not known`:               {bridge, mapping(31000, 80, "icmp")},
		`port mapping of 31000 to 0`:                                              {bridge, mapping(31000, 0, "")},
		`No network info found in container info`:                                 {userNetwork()},
		`Only a single network can be defined in Docker run`:                      {userNetwork("a", "b")},
		`No network name found in network info`:                                   {userNetwork("")},
		`volume at "/x": Host path or volume source is required`:                  {volumeOf("/x", "")},
		`volume at "x": Both host_path "y" and container_path are relative`:       {volumeOf("x", "y")},
		`Only one volume driver is supported per container, but there are "a" an`: {volumeOf("/x", "", source(dockerVolume("v", "a"))), volumeOf("/y", "", source(dockerVolume("v", "b")))},
		`sources of type SECRET are not supported`:                                {volumeOf("/x", "", source(&mesosproto.Volume_Source{Type: mesosproto.Volume_Source_SECRET.Enum()}))},
		`source.sandbox_path "../x" must be`: {volumeOf("/x", "", source(&mesosproto.Volume_Source{Type: mesosproto.Volume_Source_SANDBOX_PATH.Enum(),
			SandboxPath: &mesosproto.Volume_Source_SandboxPath{Type: mesosproto.Volume_Source_SandboxPath_SELF.Enum(), Path: proto.String("../x")}}))},
		`parameter restart=always is refused: a task runs once`:                 {with("restart", "always")},
		`parameter name=x is refused: the agent names containers`:               {with("name", "x")},
		`parameter nonsense=1: docker run has no option --nonsense`:             {with("nonsense", "1")},
		`parameter net=b: a container has one network; name it once`:            {with("net", "a", "net", "b")},
		`parameter memory=lots: use a number of bytes`:                          {with("memory", "lots")},
		`parameter env=HOME: write NAME=value`:                                  {with("env", "HOME")},
		`parameter ulimit=nofile: invalid ulimit argument: nofile; write name=`: {with("ulimit", "nofile")},
		`parameter device=sda: write /dev/host`:                                 {with("device", "sda")},
		`parameter dns=here: "here" is no IP address`:                           {with("dns", "here")},
		`parameter privileged=perhaps: use true or false`:                       {with("privileged", "perhaps")},
		`parameter security-opt=seccomp=/etc/p.json: give the profile itself`:   {with("security-opt", "seccomp=/etc/p.json")},
		`parameter volume=./x:/y: the host's path must be absolute`:             {with("volume", "./x:/y")},
		`parameter mount=type=bind,source=x,target=/y: source "x" must be abs`:  {with("mount", "type=bind,source=x,target=/y")},
		`parameter mount=type=nfs,target=/y: type "nfs" is not known`:           {with("mount", "type=nfs,target=/y")},
		`parameter health-interval=5: use a duration`:                           {with("health-interval", "5")},
		`parameter workdir=x: the path must be absolute`:                        {with("workdir", "x")},
	} {
		_, err := build(t, c...)
		require.Error(t, err, want)
		require.ErrorContains(t, err, want)
	}
}

func secretEnvironment() *mesosproto.Environment {
	return &mesosproto.Environment{Variables: []*mesosproto.Environment_Variable{{
		Name: proto.String("TOKEN"), Type: mesosproto.Environment_Variable_SECRET.Enum(),
		Secret: &mesosproto.Secret{Type: mesosproto.Secret_REFERENCE.Enum(), Reference: &mesosproto.Secret_Reference{Name: proto.String("s")}}}}}
}

// Mesos containerizers: cpu shares are 1024 a CPU, at least 2; memory is at least 32 MB; a reservation
// and an adjusted OOM score come only with a limit.
func TestLimits(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		resources string
		limits    map[string]float64
		cfs       bool
		want      engine.Resources
		oom       int
	}{
		{"cpus:0.2;mem:32", nil, false, engine.Resources{CPUShares: 204, Memory: 32 << 20}, 0},
		{"cpus:0.001;mem:1", nil, false, engine.Resources{CPUShares: 2, Memory: 32 << 20}, 0},
		{"disk:1", nil, true, engine.Resources{}, 0},
		{"cpus:0.5;mem:64", nil, true, engine.Resources{CPUShares: 512, CPUQuota: 50_000, Memory: 64 << 20}, 0},
		{"cpus:0.5;mem:512", map[string]float64{"cpus": 2, "mem": 768}, false,
			engine.Resources{CPUShares: 512, CPUQuota: 200_000, Memory: 768 << 20, MemoryReservation: 512 << 20}, 500},
		{"cpus:0.5;mem:64", map[string]float64{"cpus": inf, "mem": inf}, true,
			engine.Resources{CPUShares: 512, MemoryReservation: 64 << 20}, 1000 - 62},
		{"cpus:0.5;mem:64", map[string]float64{"cpus": 0.001, "mem": 64}, false,
			engine.Resources{CPUShares: 512, CPUQuota: 1000, Memory: 64 << 20, MemoryReservation: 64 << 20}, 0},
	} {
		l := limits{resources.MustParse(c.resources), c.limits}
		require.Equal(t, c.want, l.engine(c.cfs), "%+v", c)
		require.Equal(t, c.oom, l.oomScoreAdj(1<<30), "%+v", c)
	}
}

func TestMemoryIsOnlyRaised(t *testing.T) {
	is := engine.Resources{CPUShares: 102, Memory: 64 << 20, MemorySwap: 128 << 20}
	for _, c := range []struct {
		want   engine.Resources
		change engine.Resources
	}{
		{is, engine.Resources{}},
		{engine.Resources{CPUShares: 204, Memory: 32 << 20}, engine.Resources{CPUShares: 204}},
		{engine.Resources{CPUShares: 102, Memory: 96 << 20}, engine.Resources{Memory: 96 << 20, MemorySwap: 160 << 20}},
		{engine.Resources{CPUShares: 102, CPUQuota: 1000}, engine.Resources{CPUQuota: 1000, Memory: maxMemory, MemorySwap: 2 * maxMemory}},
	} {
		change, changed := difference(is, c.want)
		require.Equal(t, c.change, change)
		require.Equal(t, !jsonEqual(t, c.change, engine.Resources{}), changed)
	}
	change, _ := difference(engine.Resources{CPUQuota: 1000, Memory: maxMemory}, engine.Resources{Memory: 1 << 30})
	require.Equal(t, engine.Resources{CPUQuota: -1}, change, "what has no limit gets none")
}

func jsonEqual(t *testing.T, a, b any) bool {
	x, err := json.Marshal(a)
	require.NoError(t, err)
	y, err := json.Marshal(b)
	require.NoError(t, err)
	return string(x) == string(y)
}
