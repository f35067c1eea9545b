package docker

import (
	"encoding/json"
	"strings"
	"testing"

	engine "github.com/docker/docker/api/types/container"
	apinetwork "github.com/docker/docker/api/types/network"
	"github.com/stretchr/testify/require"
)

func TestInspectionIsBounded(t *testing.T) {
	require.Equal(t, "[\n    {\n        \"Id\": \"<&>\"\n    }\n]\n", string(inspection([]byte(`{"Id":"<&>"}`+"\n"))))
	require.Nil(t, inspection([]byte(`{"Id":"`+strings.Repeat("x", maxInspection)+`"}`)))
	require.Nil(t, inspection([]byte(`{"a":[`+strings.Repeat("1,", maxInspection/8)+`1]}`)), "indented it is too large")
	require.Nil(t, inspection([]byte(`{"Id":`)))
}

func TestAddresses(t *testing.T) {
	is := func(mode string, networks map[string]*apinetwork.EndpointSettings) engine.InspectResponse {
		return engine.InspectResponse{
			ContainerJSONBase: &engine.ContainerJSONBase{HostConfig: &engine.HostConfig{NetworkMode: engine.NetworkMode(mode)}},
			NetworkSettings:   &engine.NetworkSettings{Networks: networks},
		}
	}
	both := &apinetwork.EndpointSettings{IPAddress: "10.0.0.2", GlobalIPv6Address: "fd00::2"}
	other := &apinetwork.EndpointSettings{IPAddress: "10.9.0.2"}
	for name, c := range map[string]struct {
		is   engine.InspectResponse
		want string
	}{
		"its network":         {is("blue", map[string]*apinetwork.EndpointSettings{"a": other, "blue": both}), `[{"ip_address":"10.0.0.2"},{"protocol":2,"ip_address":"fd00::2"}]`},
		"under another name":  {is("default", map[string]*apinetwork.EndpointSettings{"bridge": other, "x": both}), `[{"ip_address":"10.9.0.2"}]`},
		"host":                {is("host", map[string]*apinetwork.EndpointSettings{"host": {}}), `null`},
		"none":                {is("none", map[string]*apinetwork.EndpointSettings{"none": nil}), `null`},
		"nothing is known":    {engine.InspectResponse{}, `null`},
		"ended in the moment": {is("bridge", map[string]*apinetwork.EndpointSettings{"bridge": {}}), `null`},
	} {
		got, err := json.Marshal(addressesOf(c.is))
		require.NoError(t, err)
		require.JSONEq(t, c.want, string(got), name)
	}
}
