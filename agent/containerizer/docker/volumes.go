package docker

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/docker/docker/api/types/mount"

	"github.com/mesokit/mesokit/agent/containerizer"
	"github.com/mesokit/mesokit/mesosproto"
	"github.com/mesokit/mesokit/resources"
)

// volumes are those of ContainerInfo, then the persistent ones, and last the sandbox.
func (r *request) volumes() error {
	//lint:ignore SA1019 frameworks still use it
	r.host.VolumeDriver = r.spec.Container.GetDocker().GetVolumeDriver()
	for _, v := range r.spec.Container.GetVolumes() {
		if err := r.volume(v); err != nil {
			return fmt.Errorf("volume at %q: %w", v.GetContainerPath(), err)
		}
	}
	for v := range r.spec.Resources.PersistentVolumes().All() {
		if err := r.persistent(v); err != nil {
			return err
		}
	}
	r.bind(r.spec.Sandbox, r.sandboxDirectory, "")
	return nil
}

func (r *request) volume(v *mesosproto.Volume) error {
	target := v.GetContainerPath()
	if target == "" {
		return errors.New("it has no container_path")
	}
	relative := !strings.HasPrefix(target, "/")
	if relative {
		target = path.Join(r.sandboxDirectory, target)
	}
	mode := "rw"
	if v.GetMode() == mesosproto.Volume_RO {
		mode = "ro"
	}
	source := v.GetSource()
	switch {
	case v.HostPath != nil:
		host := v.GetHostPath()
		if !filepath.IsAbs(host) && r.host.VolumeDriver == "" {
			if relative {
				return refusal("Both host_path %q and container_path are relative; make one of them absolute", host)
			}
			host = filepath.Join(r.spec.Sandbox, host)
		}
		r.bind(host, target, mode)
	case source == nil:
		return refusal("Host path or volume source is required")
	case source.GetDockerVolume() != nil:
		return r.dockerVolume(source.GetDockerVolume(), target, mode)
	case source.GetHostPath() != nil:
		host := source.GetHostPath().GetPath()
		if !filepath.IsAbs(host) {
			return fmt.Errorf("source.host_path %q must be absolute", host)
		}
		r.bind(host, target, propagated(mode, source.GetHostPath().GetMountPropagation()))
	case source.GetSandboxPath() != nil:
		inside := source.GetSandboxPath().GetPath()
		if source.GetSandboxPath().GetType() != mesosproto.Volume_Source_SandboxPath_SELF || !filepath.IsLocal(inside) {
			return fmt.Errorf("source.sandbox_path %q must be of type SELF and below the sandbox", inside)
		}
		r.bind(filepath.Join(r.spec.Sandbox, inside), target, mode)
	default:
		return fmt.Errorf("sources of type %v are not supported in Docker containers; use DOCKER_VOLUME or HOST_PATH", source.GetType())
	}
	return nil
}

func propagated(mode string, p *mesosproto.MountPropagation) string {
	switch p.GetMode() {
	case mesosproto.MountPropagation_HOST_TO_CONTAINER:
		return mode + ",rslave"
	case mesosproto.MountPropagation_BIDIRECTIONAL:
		return mode + ",rshared"
	}
	return mode
}

func (r *request) dockerVolume(v *mesosproto.Volume_Source_DockerVolume, target, mode string) error {
	if v.GetName() == "" {
		return errors.New("source.docker_volume has no name")
	}
	if d := v.GetDriver(); d != "" {
		if r.host.VolumeDriver != "" && r.host.VolumeDriver != d {
			return refusal("Only one volume driver is supported per container, but there are %q and %q", r.host.VolumeDriver, d)
		}
		r.host.VolumeDriver = d
	}
	if len(v.GetDriverOptions().GetParameter()) == 0 {
		r.bind(v.GetName(), target, mode)
		return nil
	}
	options := map[string]string{}
	for _, p := range v.GetDriverOptions().GetParameter() {
		options[p.GetKey()] = p.GetValue()
	}
	r.host.Mounts = append(r.host.Mounts, mount.Mount{
		Type: mount.TypeVolume, Source: v.GetName(), Target: target, ReadOnly: mode == "ro",
		VolumeOptions: &mount.VolumeOptions{DriverConfig: &mount.Driver{Name: v.GetDriver(), Options: options}},
	})
	return nil
}

// bind mounts a directory of the host, or a named volume, as `docker run -v` does. That form has no
// room for colons.
func (r *request) bind(source, target, mode string) {
	if strings.Contains(source, ":") || strings.Contains(target, ":") {
		m := mount.Mount{Type: mount.TypeBind, Source: source, Target: target, ReadOnly: strings.HasPrefix(mode, "ro")}
		if !filepath.IsAbs(source) {
			m.Type = mount.TypeVolume
		}
		r.host.Mounts = append(r.host.Mounts, m)
		return
	}
	text := source + ":" + target
	if mode != "" {
		text += ":" + mode
	}
	r.host.Binds = append(r.host.Binds, text)
}

// persistent mounts a persistent volume where the task finds it in its sandbox.
func (r *request) persistent(v resources.Resource) error {
	disk := v.Disk()
	target := disk.Volume.ContainerPath
	if !filepath.IsLocal(target) {
		return fmt.Errorf("persistent volume %q: container_path %q must be relative, and not lead out of the sandbox", disk.Persistence.ID, target)
	}
	source, err := containerizer.VolumePath(r.workDir, v)
	if err != nil {
		return err
	}
	mode := "rw"
	if disk.Volume.ReadOnly {
		mode = "ro"
	}
	r.bind(source, path.Join(r.sandboxDirectory, target), mode)
	return nil
}
