// Package fetcher brings the files that a command names by URI into its sandbox, before it starts.
//
// It copies files of the agent's machine (file:///path, or a plain absolute path) and downloads over
// HTTP and HTTPS. An executable file gets mode 0755, others 0644; all belong to the container's user.
// Files are written through an os.Root, so no name in a URI and no symbolic link in the sandbox leads
// outside it, which is stricter than the reference (there output_file may contain "..").
//
// Not there yet: archives are not unpacked (a URI of an archive must say extract: false), there is no
// cache (cache: true downloads each time), no ftp and no Hadoop. Each is refused with an error that
// says so; cache alone is ignored, since it changes nothing but speed.
//
// Mesos: src/slave/containerizer/fetcher.cpp, src/launcher/fetcher.cpp.
package fetcher
