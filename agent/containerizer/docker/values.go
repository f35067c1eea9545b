package docker

import (
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/blkiodev"
	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/go-units"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The forms that values of parameters take, as the docker program reads them (docker/cli, opts).

type setter = func(*request, string) error

type check = func(string) (string, error)

func checked(value string, checks []check) (string, error) {
	for _, c := range checks {
		if _, err := c(value); err != nil {
			return "", err
		}
	}
	return value, nil
}

func text(field func(*request) *string, checks ...check) setter {
	return func(r *request, value string) (err error) {
		*field(r), err = checked(value, checks)
		return err
	}
}

func list(field func(*request) *[]string, checks ...check) setter {
	return func(r *request, value string) error {
		value, err := checked(value, checks)
		*field(r) = append(*field(r), value)
		return err
	}
}

// pairs are name=value.
func pairs(field func(*request) *map[string]string, checks ...check) setter {
	return func(r *request, value string) error {
		if _, err := checked(value, checks); err != nil {
			return err
		}
		if *field(r) == nil {
			*field(r) = map[string]string{}
		}
		name, content, _ := strings.Cut(value, "=")
		if name == "" {
			return errors.New("write name=value")
		}
		(*field(r))[name] = content
		return nil
	}
}

func needsValue(value string) (string, error) {
	if !strings.Contains(value, "=") {
		return "", errors.New("write name=value")
	}
	return value, nil
}

func hostAndAddress(value string) (string, error) {
	host, address, ok := strings.Cut(value, ":")
	if !ok || host == "" {
		return "", errors.New("write host:address")
	}
	if address == "host-gateway" {
		return value, nil
	}
	_, err := ip(address)
	return value, err
}

func oneOf(allowed ...string) check {
	return func(value string) (string, error) {
		if value != "" && !slices.Contains(allowed, value) {
			return "", fmt.Errorf("use one of %q", allowed)
		}
		return value, nil
	}
}

func absolute(value string) (string, error) {
	if !path.IsAbs(value) {
		return "", errors.New("the path must be absolute")
	}
	return value, nil
}

// resolving marks that the container says itself how it resolves names.
func resolving(set setter) setter {
	return func(r *request, value string) error {
		r.resolves = true
		return set(r, value)
	}
}

func yes(value string) (bool, error) {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, errors.New("use true or false")
	}
	return b, nil
}

func boolean(field func(*request) *bool) setter {
	return func(r *request, value string) (err error) {
		*field(r), err = yes(value)
		return err
	}
}

func whole(value string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, errors.New("use a whole number")
	}
	return n, nil
}

func small(value string) (int, error) {
	n, err := whole(value)
	if err == nil && (n > math.MaxInt32 || n < math.MinInt32) {
		err = errors.New("the number is too large")
	}
	return int(n), err
}

func integer(field func(*request) *int64) setter {
	return func(r *request, value string) (err error) {
		*field(r), err = whole(value)
		return err
	}
}

func pointer(field func(*request) **int64) setter {
	return func(r *request, value string) error {
		n, err := whole(value)
		*field(r) = &n
		return err
	}
}

// size is in bytes, with a unit (512m, 2g); -1 where that means no limit.
func size(field func(*request) *int64) setter {
	return func(r *request, value string) (err error) {
		if value == "-1" {
			*field(r) = -1
			return nil
		}
		n, err := byteSize(value)
		*field(r) = int64(n)
		return err
	}
}

func byteSize(value string) (uint64, error) {
	n, err := units.RAMInBytes(value)
	if err != nil || n < 0 {
		return 0, errors.New("use a number of bytes, with a unit if you like: 1048576, 512m, 2g")
	}
	return uint64(n), nil
}

func count(value string) (uint64, error) {
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return 0, errors.New("use a whole number")
	}
	return n, nil
}

type durationOf = time.Duration

func duration(field func(*request) *durationOf) setter {
	return func(r *request, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 || d > 0 && d < engine.MinimumDuration {
			return errors.New("use a duration of at least 1ms: 500ms, 30s, 1m30s")
		}
		*field(r) = d
		return nil
	}
}

func cpus(r *request, value string) error {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || !(n >= 0 && n < 1e6) {
		return errors.New("use a number of CPUs: 1.5")
	}
	r.host.NanoCPUs = int64(n * 1e9)
	r.host.CPUQuota = 0 // the engine refuses both
	return nil
}

func ulimit(r *request, value string) error {
	u, err := units.ParseUlimit(value)
	if err != nil {
		return fmt.Errorf("%w; write name=soft:hard, for example nofile=1024:2048", err)
	}
	r.host.Ulimits = slices.DeleteFunc(r.host.Ulimits, func(o *engine.Ulimit) bool { return o.Name == u.Name })
	r.host.Ulimits = append(r.host.Ulimits, u)
	return nil
}

// device is host path[:container path][:permissions].
func device(r *request, value string) error {
	parts := strings.Split(value, ":")
	permissions := func(p string) bool { return p != "" && strings.Trim(p, "rwm") == "" }
	d := engine.DeviceMapping{PathOnHost: parts[0], PathInContainer: parts[0], CgroupPermissions: "rwm"}
	switch {
	case len(parts) == 2 && permissions(parts[1]):
		d.CgroupPermissions = parts[1]
	case len(parts) == 2:
		d.PathInContainer = parts[1]
	case len(parts) == 3:
		d.PathInContainer, d.CgroupPermissions = parts[1], parts[2]
	}
	if len(parts) > 3 || !path.IsAbs(d.PathOnHost) || !path.IsAbs(d.PathInContainer) || !permissions(d.CgroupPermissions) {
		return errors.New("write /dev/host[:/dev/container][:rwm]")
	}
	r.host.Devices = append(r.host.Devices, d)
	return nil
}

type throttles = *[]*blkiodev.ThrottleDevice

func throttle(field func(*request) throttles, rate func(string) (uint64, error)) setter {
	return func(r *request, value string) error {
		device, amount, ok := strings.Cut(value, ":")
		if !ok || !strings.HasPrefix(device, "/dev/") {
			return errors.New("write /dev/name:rate")
		}
		n, err := rate(amount)
		*field(r) = append(*field(r), &blkiodev.ThrottleDevice{Path: device, Rate: n})
		return err
	}
}

func weight(value string) (uint16, error) {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || n != 0 && (n < 10 || n > 1000) {
		return 0, errors.New("weights are 0, or 10 to 1000")
	}
	return uint16(n), nil
}

func blkioWeight(r *request, value string) (err error) {
	r.host.BlkioWeight, err = weight(value)
	return err
}

func blkioWeightDevice(r *request, value string) error {
	device, amount, ok := strings.Cut(value, ":")
	if !ok || !strings.HasPrefix(device, "/dev/") {
		return errors.New("write /dev/name:weight")
	}
	n, err := weight(amount)
	r.host.BlkioWeightDevice = append(r.host.BlkioWeightDevice, &blkiodev.WeightDevice{Path: device, Weight: n})
	return err
}

// platform is os[/architecture[/variant]].
func platform(r *request, value string) error {
	parts := strings.Split(value, "/")
	if len(parts) > 3 || slices.Contains(parts, "") {
		return errors.New("write os/architecture[/variant], for example linux/arm64")
	}
	parts = append(parts, "", "")
	r.platform = &ocispec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
	return nil
}
