// Package docker runs containers on a Docker Engine.
package docker

import _ "github.com/docker/docker/client"
