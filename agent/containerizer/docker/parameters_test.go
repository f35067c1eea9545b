package docker

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// what a request says, as the engine gets it.
func said(t *testing.T, r *request) map[string]any {
	t.Helper()
	b, err := json.Marshal(map[string]any{"Config": r.config, "HostConfig": r.host, "Endpoint": r.endpoint, "Platform": r.platform, "MacAddress": r.macAddress})
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(b, &out))
	return out
}

// differing are the fields of a and b that are not the same, with what they are in b.
func differing(a, b any, path string, out map[string]string) {
	x, ok := a.(map[string]any)
	y, ok2 := b.(map[string]any)
	if ok && ok2 && len(x)+len(y) > 0 {
		for k := range y {
			differing(x[k], y[k], path+"."+k, out)
		}
		return
	}
	m, _ := json.Marshal(a)
	n, _ := json.Marshal(b)
	if string(m) != string(n) {
		out[path[1:]] = string(n)
	}
}

var parameterCases = []struct {
	key, value string
	want       map[string]string // the fields it sets, as JSON
}{
	{"add-host", "db:10.0.0.1", map[string]string{"HostConfig.ExtraHosts": `["db:10.0.0.1"]`}},
	{"annotation", "a=b", map[string]string{"HostConfig.Annotations": `{"a":"b"}`}},
	{"blkio-weight", "300", map[string]string{"HostConfig.BlkioWeight": `300`}},
	{"blkio-weight-device", "/dev/vda:200", map[string]string{"HostConfig.BlkioWeightDevice": `[{"Path":"/dev/vda","Weight":200}]`}},
	{"cap-add", "NET_ADMIN", map[string]string{"HostConfig.CapAdd": `["NET_ADMIN"]`}},
	{"cap-drop", "ALL", map[string]string{"HostConfig.CapDrop": `["ALL"]`}},
	{"cgroup-parent", "/tasks", map[string]string{"HostConfig.CgroupParent": `"/tasks"`}},
	{"cgroupns", "private", map[string]string{"HostConfig.CgroupnsMode": `"private"`}},
	{"cpu-period", "50000", map[string]string{"HostConfig.CpuPeriod": `50000`}},
	{"cpu-quota", "25000", map[string]string{"HostConfig.CpuQuota": `25000`}},
	{"cpu-rt-period", "1000", map[string]string{"HostConfig.CpuRealtimePeriod": `1000`}},
	{"cpu-rt-runtime", "900", map[string]string{"HostConfig.CpuRealtimeRuntime": `900`}},
	{"cpu-shares", "7", map[string]string{"HostConfig.CpuShares": `7`}},
	{"cpus", "1.5", map[string]string{"HostConfig.NanoCpus": `1500000000`}},
	{"cpuset-cpus", "0-1", map[string]string{"HostConfig.CpusetCpus": `"0-1"`}},
	{"cpuset-mems", "0", map[string]string{"HostConfig.CpusetMems": `"0"`}},
	{"device", "/dev/fuse:/dev/f:r", map[string]string{"HostConfig.Devices": `[{"CgroupPermissions":"r","PathInContainer":"/dev/f","PathOnHost":"/dev/fuse"}]`}},
	{"device", "/dev/fuse:rw", map[string]string{"HostConfig.Devices": `[{"CgroupPermissions":"rw","PathInContainer":"/dev/fuse","PathOnHost":"/dev/fuse"}]`}},
	{"device", "/dev/fuse", map[string]string{"HostConfig.Devices": `[{"CgroupPermissions":"rwm","PathInContainer":"/dev/fuse","PathOnHost":"/dev/fuse"}]`}},
	{"device-cgroup-rule", "c 1:3 mr", map[string]string{"HostConfig.DeviceCgroupRules": `["c 1:3 mr"]`}},
	{"device-read-bps", "/dev/vda:1mb", map[string]string{"HostConfig.BlkioDeviceReadBps": `[{"Path":"/dev/vda","Rate":1048576}]`}},
	{"device-read-iops", "/dev/vda:10", map[string]string{"HostConfig.BlkioDeviceReadIOps": `[{"Path":"/dev/vda","Rate":10}]`}},
	{"device-write-bps", "/dev/vda:1k", map[string]string{"HostConfig.BlkioDeviceWriteBps": `[{"Path":"/dev/vda","Rate":1024}]`}},
	{"device-write-iops", "/dev/vda:9", map[string]string{"HostConfig.BlkioDeviceWriteIOps": `[{"Path":"/dev/vda","Rate":9}]`}},
	{"disable-content-trust", "true", map[string]string{}},
	{"dns", "10.0.0.2", map[string]string{"HostConfig.Dns": `["10.0.0.2"]`}},
	{"dns-opt", "ndots:2", map[string]string{"HostConfig.DnsOptions": `["ndots:2"]`}},
	{"dns-option", "ndots:3", map[string]string{"HostConfig.DnsOptions": `["ndots:3"]`}},
	{"dns-search", "example.org", map[string]string{"HostConfig.DnsSearch": `["example.org"]`}},
	{"domainname", "example.org", map[string]string{"Config.Domainname": `"example.org"`}},
	{"entrypoint", "/init", map[string]string{"Config.Entrypoint": `["/init"]`}},
	{"env", "A=b=c", map[string]string{"Config.Env": `["A=b=c","MESOS_CONTAINER_NAME=mesos-c1","MESOS_SANDBOX=/mnt/mesos/sandbox"]`}},
	{"expose", "80-81", map[string]string{"Config.ExposedPorts": `{"80/tcp":{},"81/tcp":{}}`}},
	{"gpus", "all", map[string]string{"HostConfig.DeviceRequests": `[{"Capabilities":[["gpu"]],"Count":-1,"DeviceIDs":null,"Driver":"","Options":null}]`}},
	{"gpus", "2", map[string]string{"HostConfig.DeviceRequests": `[{"Capabilities":[["gpu"]],"Count":2,"DeviceIDs":null,"Driver":"","Options":null}]`}},
	{"gpus", `"device=0,1",driver=nvidia,capabilities=compute`, map[string]string{"HostConfig.DeviceRequests": `[{"Capabilities":[["compute","gpu"]],"Count":0,"DeviceIDs":["0","1"],"Driver":"nvidia","Options":null}]`}},
	{"group-add", "audio", map[string]string{"HostConfig.GroupAdd": `["audio"]`}},
	{"health-cmd", "true", map[string]string{"Config.Healthcheck": `{"Test":["CMD-SHELL","true"]}`}},
	{"health-interval", "5s", map[string]string{"Config.Healthcheck": `{"Interval":5000000000}`}},
	{"health-retries", "3", map[string]string{"Config.Healthcheck": `{"Retries":3}`}},
	{"health-start-interval", "1s", map[string]string{"Config.Healthcheck": `{"StartInterval":1000000000}`}},
	{"health-start-period", "2s", map[string]string{"Config.Healthcheck": `{"StartPeriod":2000000000}`}},
	{"health-timeout", "1ms", map[string]string{"Config.Healthcheck": `{"Timeout":1000000}`}},
	{"hostname", "h", map[string]string{"Config.Hostname": `"h"`}},
	{"init", "true", map[string]string{"HostConfig.Init": `true`}},
	{"interactive", "true", map[string]string{}},
	{"ip", "10.0.0.9", map[string]string{"Endpoint.IPAMConfig": `{"IPv4Address":"10.0.0.9"}`}},
	{"ip6", "fd00::9", map[string]string{"Endpoint.IPAMConfig": `{"IPv6Address":"fd00::9"}`}},
	{"ipc", "host", map[string]string{"HostConfig.IpcMode": `"host"`}},
	{"label", "com.example=1=2", map[string]string{"Config.Labels.com.example": `"1=2"`}},
	{"label", "flag", map[string]string{"Config.Labels.flag": `""`}},
	{"label", "mesokit.agent_id=forged", map[string]string{}},
	{"link", "db:db", map[string]string{"HostConfig.Links": `["db:db"]`}},
	{"link-local-ip", "169.254.0.9", map[string]string{"Endpoint.IPAMConfig": `{"LinkLocalIPs":["169.254.0.9"]}`}},
	{"log-driver", "local", map[string]string{"HostConfig.LogConfig.Type": `"local"`}},
	{"log-opt", "max-size=1m", map[string]string{"HostConfig.LogConfig.Config": `{"max-size":"1m"}`}},
	{"mac-address", "02:42:ac:11:00:02", map[string]string{"MacAddress": `"02:42:ac:11:00:02"`}},
	{"memory", "64m", map[string]string{"HostConfig.Memory": `67108864`}},
	{"memory-reservation", "32m", map[string]string{"HostConfig.MemoryReservation": `33554432`}},
	{"memory-swap", "-1", map[string]string{"HostConfig.MemorySwap": `-1`}},
	{"memory-swappiness", "0", map[string]string{"HostConfig.MemorySwappiness": `0`}},
	{"mount", "type=bind,src=/a,dst=/b,ro,bind-propagation=rslave", map[string]string{"HostConfig.Mounts": `[{"BindOptions":{"Propagation":"rslave"},"ReadOnly":true,"Source":"/a","Target":"/b","Type":"bind"}]`}},
	{"mount", "source=v,target=/v,volume-driver=local,volume-opt=type=tmpfs,volume-nocopy=true", map[string]string{"HostConfig.Mounts": `[{"Source":"v","Target":"/v","Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"type":"tmpfs"}},"NoCopy":true}}]`}},
	{"mount", "type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=1770", map[string]string{"HostConfig.Mounts": `[{"Target":"/t","TmpfsOptions":{"Mode":1016,"SizeBytes":1048576},"Type":"tmpfs"}]`}},
	{"net-alias", "db", map[string]string{"Endpoint.Aliases": `["db"]`}},
	{"network-alias", "db", map[string]string{"Endpoint.Aliases": `["db"]`}},
	{"no-healthcheck", "true", map[string]string{"Config.Healthcheck": `{"Test":["NONE"]}`}},
	{"oom-kill-disable", "true", map[string]string{"HostConfig.OomKillDisable": `true`}},
	{"oom-score-adj", "-500", map[string]string{"HostConfig.OomScoreAdj": `-500`}},
	{"pid", "host", map[string]string{"HostConfig.PidMode": `"host"`}},
	{"pids-limit", "100", map[string]string{"HostConfig.PidsLimit": `100`}},
	{"platform", "linux/arm/v7", map[string]string{"Platform": `{"architecture":"arm","os":"linux","variant":"v7"}`}},
	{"privileged", "true", map[string]string{"HostConfig.Privileged": `true`}},
	{"publish", "8080:80/udp", map[string]string{"HostConfig.PortBindings.80/udp": `[{"HostIp":"","HostPort":"8080"}]`, "Config.ExposedPorts": `{"80/udp":{}}`}},
	{"publish-all", "true", map[string]string{"HostConfig.PublishAllPorts": `true`}},
	{"read-only", "true", map[string]string{"HostConfig.ReadonlyRootfs": `true`}},
	{"rm", "true", map[string]string{}},
	{"runtime", "crun", map[string]string{"HostConfig.Runtime": `"crun"`}},
	{"security-opt", "no-new-privileges", map[string]string{"HostConfig.SecurityOpt": `["no-new-privileges"]`}},
	{"security-opt", "seccomp=unconfined", map[string]string{"HostConfig.SecurityOpt": `["seccomp=unconfined"]`}},
	{"security-opt", "systempaths=unconfined", map[string]string{"HostConfig.MaskedPaths": `[]`, "HostConfig.ReadonlyPaths": `[]`}},
	{"shm-size", "8m", map[string]string{"HostConfig.ShmSize": `8388608`}},
	{"stop-signal", "SIGQUIT", map[string]string{"Config.StopSignal": `"SIGQUIT"`}},
	{"stop-timeout", "3", map[string]string{"Config.StopTimeout": `3`}},
	{"storage-opt", "size=1G", map[string]string{"HostConfig.StorageOpt": `{"size":"1G"}`}},
	{"sysctl", "net.core.somaxconn=99", map[string]string{"HostConfig.Sysctls": `{"net.core.somaxconn":"99"}`}},
	{"tmpfs", "/run:size=1m", map[string]string{"HostConfig.Tmpfs": `{"/run":"size=1m"}`}},
	{"tty", "true", map[string]string{"Config.Tty": `true`}},
	{"ulimit", "nofile=64:128", map[string]string{"HostConfig.Ulimits": `[{"Hard":128,"Name":"nofile","Soft":64}]`}},
	{"user", "1000:1000", map[string]string{"Config.User": `"1000:1000"`}},
	{"userns", "host", map[string]string{"HostConfig.UsernsMode": `"host"`}},
	{"uts", "host", map[string]string{"HostConfig.UTSMode": `"host"`}},
	{"volume", "data:/data:ro", map[string]string{"HostConfig.Binds": `["/sandbox:/mnt/mesos/sandbox","data:/data:ro"]`}},
	{"volume", "/data", map[string]string{"Config.Volumes": `{"/data":{}}`}},
	{"volume-driver", "nfs", map[string]string{"HostConfig.VolumeDriver": `"nfs"`}},
	{"volumes-from", "other:ro", map[string]string{"HostConfig.VolumesFrom": `["other:ro"]`}},
	{"workdir", "/w", map[string]string{"Config.WorkingDir": `"/w"`}},

	// Refused ones that are set to what is the case anyway.
	{"detach", "false", map[string]string{}},
	{"restart", "no", map[string]string{}},
}

// Each parameter sets the fields that `docker run` would set, and no other.
func TestParameters(t *testing.T) {
	plain := said(t, built(t, bridge))
	tested := map[string]bool{}
	for _, c := range parameterCases {
		tested[c.key] = true
		got := map[string]string{}
		differing(plain, said(t, built(t, bridge, with(c.key, c.value))), "", got)
		require.Equal(t, c.want, got, "%s=%s", c.key, c.value)
	}
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		require.True(t, tested[key], "no case for %s", key)
	}
}

func FuzzParameter(f *testing.F) {
	for _, c := range parameterCases {
		f.Add(c.key, c.value)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		spec := taskSpec("true")
		with(key, value)(spec)
		r, err := newRequest(testSettings, spec, "mesos-c1")
		if err != nil {
			require.Nil(t, r)
			return
		}
		require.Equal(t, testSettings.workDir, r.config.Labels[labelWorkDir], "whatever the parameters, the container is found again")
		_, err = json.Marshal(r.host)
		require.NoError(t, err)
	})
}
