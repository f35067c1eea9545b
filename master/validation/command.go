package validation

import "github.com/mesokit/mesokit/mesosproto"

// Command checks a CommandInfo.
func Command(c *mesosproto.CommandInfo) error { return Environment(c.GetEnvironment()) }

// Environment checks the variables of a command: each has its value, in the field of its type.
func Environment(e *mesosproto.Environment) error {
	for _, v := range e.GetVariables() {
		switch v.GetType() {
		case mesosproto.Environment_Variable_VALUE:
			if v.Value == nil {
				return reason("Environment variable '%s' of type 'VALUE' must have a value set", v.GetName())
			}
			if v.Secret != nil {
				return reason("Environment variable '%s' of type 'VALUE' must not have a secret set", v.GetName())
			}
		case mesosproto.Environment_Variable_SECRET:
			if v.Secret == nil {
				return reason("Environment variable '%s' of type 'SECRET' must have a secret set", v.GetName())
			}
			if v.Value != nil {
				return reason("Environment variable '%s' of type 'SECRET' must not have a value set", v.GetName())
			}
		default:
			return reason("Environment variable of type '%s' is not allowed", v.GetType())
		}
	}
	return nil
}

// Container checks a ContainerInfo.
func Container(c *mesosproto.ContainerInfo) error {
	for _, v := range c.GetVolumes() {
		if err := volume(v); err != nil {
			return reason("Invalid volume: %s", err)
		}
	}
	if c.GetType() != mesosproto.ContainerInfo_DOCKER {
		return nil
	}
	if c.Docker == nil {
		return reason("DockerInfo 'docker' is not set for DOCKER typed ContainerInfo")
	}
	for _, p := range c.Docker.GetParameters() {
		if p.GetKey() == "name" {
			return reason("Parameter in DockerInfo must not be 'name'")
		}
	}
	return nil
}

func volume(v *mesosproto.Volume) error {
	given := 0
	for _, is := range []bool{v.HostPath != nil, v.Image != nil, v.Source != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return reason("Only one of them should be set: 'host_path', 'image' and 'source'")
	}
	s := v.Source
	if s == nil {
		return nil
	}
	missing := func(what string) error {
		return reason("'source.%s' is not set for %s volume", what, s.GetType())
	}
	switch s.GetType() {
	case mesosproto.Volume_Source_DOCKER_VOLUME:
		if s.DockerVolume == nil {
			return missing("docker_volume")
		}
	case mesosproto.Volume_Source_HOST_PATH:
		if s.HostPath == nil {
			return missing("host_path")
		}
	case mesosproto.Volume_Source_SANDBOX_PATH:
		if s.SandboxPath == nil {
			return missing("sandbox_path")
		}
	case mesosproto.Volume_Source_SECRET:
		if s.Secret == nil {
			return missing("secret")
		}
	case mesosproto.Volume_Source_CSI_VOLUME:
		if s.CsiVolume == nil {
			return missing("csi_volume")
		}
	default:
		return reason("'source.type' is unknown")
	}
	return nil
}
