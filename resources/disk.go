package resources

// SourceType says what a disk is made of.
type SourceType uint8

// The values are those of Resource.DiskInfo.Source.Type.
const (
	PathSource  SourceType = 1 // a directory; can be divided
	MountSource SourceType = 2 // a file system of its own; indivisible
	BlockSource SourceType = 3 // a block device; indivisible
	RawSource   SourceType = 4 // storage not yet made into one of the others; divisible while it has no id
)

// String returns the name in messages: PATH, MOUNT, BLOCK, RAW or UNKNOWN.
func (t SourceType) String() string {
	switch t {
	case PathSource:
		return "PATH"
	case MountSource:
		return "MOUNT"
	case BlockSource:
		return "BLOCK"
	case RawSource:
		return "RAW"
	}
	return "UNKNOWN"
}

// DiskInfo tells what is special about a disk resource. A value in use is never changed.
//
// Two are equal if their sources are and the ids of their persistent volumes are; where a volume is
// mounted and who created it make no difference.
//
// Mesos: Resource.DiskInfo.
type DiskInfo struct {
	Source      *DiskSource  // nil: the agent's root disk
	Persistence *Persistence // set on persistent volumes
	Volume      *Volume      // how a container sees a persistent volume
}

// DiskSource is where the space comes from. Root is the directory of PATH and MOUNT; ID, Vendor,
// Profile and Metadata belong to disks of resource providers. Empty strings are the same as unset.
type DiskSource struct {
	Type                SourceType
	Root                string
	ID, Vendor, Profile string
	Metadata            []Label
}

// Persistence makes a disk a persistent volume. ID is unique for an agent and reservation role.
type Persistence struct {
	ID, Principal string
}

// Volume is how a container sees a persistent volume: its path in the container, and whether it may
// be written. Other fields of the message Volume mean nothing here and are not kept.
type Volume struct {
	ContainerPath string
	HostPath      string
	ReadOnly      bool
}

// sourceOnly is what is left of d when its volume is destroyed.
func (d *DiskInfo) sourceOnly() *DiskInfo {
	if d == nil || d.Source == nil {
		return nil
	}
	return &DiskInfo{Source: d.Source}
}

// String prints "MOUNT:/mnt,id1:path1": the source, the volume's id and where it is mounted.
func (d *DiskInfo) String() string { return string(d.append(nil)) }

func (d *DiskInfo) append(dst []byte) []byte {
	if d.Source != nil {
		dst = d.Source.append(dst)
	}
	if d.Persistence != nil {
		if d.Source != nil {
			dst = append(dst, ',')
		}
		dst = append(dst, d.Persistence.ID...)
	}
	if d.Volume != nil {
		dst = append(dst, ':')
		if d.Volume.HostPath != "" {
			dst = append(dst, d.Volume.HostPath...)
			dst = append(dst, ':')
		}
		dst = append(dst, d.Volume.ContainerPath...)
		if d.Volume.HostPath != "" {
			if d.Volume.ReadOnly {
				dst = append(dst, ":ro"...)
			} else {
				dst = append(dst, ":rw"...)
			}
		}
	}
	return dst
}

func (s *DiskSource) append(dst []byte) []byte {
	dst = append(dst, s.Type.String()...)
	switch {
	case s.ID != "" || s.Profile != "":
		dst = append(dst, '(')
		dst = append(dst, s.Vendor...)
		dst = append(dst, ',')
		dst = append(dst, s.ID...)
		dst = append(dst, ',')
		dst = append(dst, s.Profile...)
		dst = append(dst, ')')
	case s.Root != "":
		dst = append(dst, ':')
		dst = append(dst, s.Root...)
	}
	return dst
}

func validateDisk(name string, d *DiskInfo) error {
	if d == nil {
		return nil
	}
	if name != "disk" {
		return reason("DiskInfo should not be set for %s resource", name)
	}
	if d.Source == nil {
		return nil
	}
	switch d.Source.Type {
	case PathSource, MountSource:
	case BlockSource, RawSource:
		if d.Source.Root != "" {
			return reason("Path or mount should not be set for %s disk source", d.Source.Type)
		}
	default:
		return reason("Unsupported 'DiskInfo.Source.Type' in '%s'", d.Source.Type)
	}
	return nil
}
