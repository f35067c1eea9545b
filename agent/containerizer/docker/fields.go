package docker

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
)

// Values of parameters that are fields, separated by commas.

// gpus is all, a number, or fields: device=0, driver=nvidia, capabilities=compute, count=2.
func gpus(r *request, value string) error {
	fields, err := csvFields(value)
	if err != nil {
		return err
	}
	g := engine.DeviceRequest{Capabilities: [][]string{{"gpu"}}}
	for _, f := range fields {
		name, content, ok := strings.Cut(f, "=")
		if !ok {
			name, content = "count", f
		}
		switch name {
		case "count":
			if content == "all" {
				g.Count = -1
			} else if g.Count, err = small(content); err != nil {
				return err
			}
		case "device":
			g.DeviceIDs = strings.Split(content, ",")
		case "driver":
			g.Driver = content
		case "capabilities":
			g.Capabilities = [][]string{append(strings.Split(content, ","), "gpu")}
		default:
			return fmt.Errorf("field %s is not known; use all, a number, device=, driver= or capabilities=", name)
		}
	}
	if g.Count == 0 && g.DeviceIDs == nil {
		g.Count = 1
	}
	r.host.DeviceRequests = append(r.host.DeviceRequests, g)
	return nil
}

func csvFields(value string) ([]string, error) {
	fields, err := csv.NewReader(strings.NewReader(value)).Read()
	if err != nil {
		return nil, errors.New("write fields separated by commas")
	}
	return fields, nil
}

// parseMount reads the value of --mount.
func parseMount(value string) (mount.Mount, error) {
	m := mount.Mount{Type: mount.TypeVolume}
	fields, err := csvFields(value)
	if err != nil {
		return m, err
	}
	bind := func() *mount.BindOptions { m.BindOptions = orNew(m.BindOptions); return m.BindOptions }
	vol := func() *mount.VolumeOptions { m.VolumeOptions = orNew(m.VolumeOptions); return m.VolumeOptions }
	tmp := func() *mount.TmpfsOptions { m.TmpfsOptions = orNew(m.TmpfsOptions); return m.TmpfsOptions }
	driver := func() *mount.Driver { vol().DriverConfig = orNew(vol().DriverConfig); return vol().DriverConfig }
	for _, f := range fields {
		name, content, given := strings.Cut(f, "=")
		flag := func() (bool, error) {
			if !given {
				return true, nil
			}
			return yes(content)
		}
		switch strings.ToLower(name) {
		case "type":
			m.Type = mount.Type(strings.ToLower(content))
		case "source", "src":
			m.Source = content
		case "target", "dst", "destination":
			m.Target = content
		case "readonly", "ro":
			m.ReadOnly, err = flag()
		case "consistency":
			m.Consistency = mount.Consistency(content)
		case "bind-propagation":
			bind().Propagation = mount.Propagation(content)
		case "bind-nonrecursive":
			bind().NonRecursive, err = flag()
		case "volume-nocopy":
			vol().NoCopy, err = flag()
		case "volume-subpath":
			vol().Subpath = content
		case "volume-driver":
			driver().Name = content
		case "volume-opt":
			key, option, _ := strings.Cut(content, "=")
			if driver().Options == nil {
				driver().Options = map[string]string{}
			}
			driver().Options[key] = option
		case "tmpfs-size":
			var n uint64
			n, err = byteSize(content)
			tmp().SizeBytes = int64(n)
		case "tmpfs-mode":
			var n uint64
			n, err = strconv.ParseUint(content, 8, 32)
			tmp().Mode = os.FileMode(n)
		default:
			err = errors.New("it is not known")
		}
		if err != nil {
			return m, fmt.Errorf("field %s: %w", f, err)
		}
	}
	switch m.Type {
	case mount.TypeBind, mount.TypeVolume, mount.TypeTmpfs, mount.TypeImage:
	default:
		return m, fmt.Errorf("type %q is not known; use bind, volume or tmpfs", m.Type)
	}
	if m.Target == "" {
		return m, errors.New("target is missing; write for example type=bind,source=/host,target=/container")
	}
	return m, nil
}

func orNew[T any](p *T) *T {
	if p == nil {
		p = new(T)
	}
	return p
}
